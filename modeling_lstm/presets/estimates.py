"""Estimate how long training runs take by timing a batch on a CPU."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer, PreTrainedModel

from ..data.token_limits import max_positions
from ..models.configuration_lstm import LstmConfig
from ..models.modeling_lstm import LstmForSequenceClassification
from ..training.precision import has_bf16, time_batch

TRIED = 32  # texts in a batch
DRAWN = 1_024  # texts, of which those of middle length are tried
WORD_TOKENS = 1.2  # tokens of our tokenizer per whitespace-separated word, punctuation included

# Takes the rows of the task, its number of labels and the maximum tokens of a text. Returns a model, whose weights do
# not matter, and the numbers of tokens of the texts to try
Trial = Callable[[Dataset, int, int], tuple[PreTrainedModel, list[int]]]


def time_text(model: PreTrainedModel, lengths: Sequence[int], *, trains: bool) -> float:
    """
    Return the seconds that a text takes.

    Args:
        model: The model.
        lengths: Numbers of tokens of the texts in a batch.
        trains: Whether to time a training step, or a forward pass alone.
    """
    mask = (torch.arange(max(lengths))[None] < torch.tensor(lengths)[:, None]).long()
    precisions = (False, True) if has_bf16("cpu") else (False,)
    times = time_batch(model, {"input_ids": mask, "attention_mask": mask}, precisions, trains=trains)
    return min(times) / len(lengths)


def transformer_trial(name: str, revision: str | None) -> Trial:
    """Return the trial of a Transformer from its folder or the Hub."""

    def make(rows: Dataset, labels: int, longest: int) -> tuple[PreTrainedModel, list[int]]:
        config = AutoConfig.from_pretrained(name, revision=revision, num_labels=labels)
        tokenizer = AutoTokenizer.from_pretrained(name, revision=revision)
        config.pad_token_id = 0  # any: the mask marks the padding
        found = tokenizer(_draw(rows), truncation=True, max_length=min(longest, max_positions(config) or longest))
        return AutoModelForSequenceClassification.from_config(config), [len(ids) for ids in found["input_ids"]]

    return make


def lstm_trial(arguments: Any) -> Trial:
    """Return the trial of an LSTM of [`training.arguments.ModelArguments`], which has no tokenizer yet."""

    def make(rows: Dataset, labels: int, longest: int) -> tuple[PreTrainedModel, list[int]]:
        fields = {"vocab_size": 10, "num_labels": labels} | arguments.config_fields()
        lengths = [min(longest, max(1, round(WORD_TOKENS * len(text.split())))) for text in _draw(rows)]
        return LstmForSequenceClassification(LstmConfig(**fields)), lengths

    return make


def _draw(rows: Dataset) -> list[str]:
    """Draw texts of similar lengths, as in batches."""
    chosen = np.random.default_rng(0).permutation(rows.num_rows)[:DRAWN]
    ordered = sorted(rows.select(chosen)["text"], key=len)
    first = max(0, (len(ordered) - TRIED) // 2)
    return ordered[first : first + TRIED]
