"""How long trainings will take, by trials of a batch on a CPU."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer, PreTrainedModel

from ..models.configuration_lstm import LstmConfig
from ..models.modeling_lstm import LstmForSequenceClassification
from ..training.precision import has_bf16, time_batch

TRIED = 32  # texts of a batch
DRAWN = 1_024  # texts, the middle ones of which by length are tried
WORD_TOKENS = 1.2  # of our tokenizer for what stands between blanks, punctuation included

# From the model (a name or settings), texts of the task, the number of its labels, and the tokens of a text that are
# read at most: a model, whose weights do not matter, and the tokens of the texts to try
Trial = Callable[[Any, Sequence[str], int, int], tuple[PreTrainedModel, list[int]]]


def time_text(model: PreTrainedModel, lengths: Sequence[int], *, trains: bool) -> float:
    """
    The seconds that a text takes.

    Args:
        model: The model.
        lengths: Tokens of the texts of a batch.
        trains: Whether it learns from the text, or only answers.
    """
    mask = (torch.arange(max(lengths))[None] < torch.tensor(lengths)[:, None]).long()
    precisions = (False, True) if has_bf16("cpu") else (False,)
    times = time_batch(model, {"input_ids": mask, "attention_mask": mask}, precisions, trains=trains)
    return min(times) / len(lengths)


def try_transformer(name: str, texts: Sequence[str], labels: int, longest: int) -> tuple[PreTrainedModel, list[int]]:
    """A Transformer from its folder or the Hub; see [`Trial`]."""
    model = AutoModelForSequenceClassification.from_config(AutoConfig.from_pretrained(name, num_labels=labels))
    found = AutoTokenizer.from_pretrained(name)(_draw(texts), truncation=True, max_length=longest)
    return model, [len(ids) for ids in found["input_ids"]]


def try_lstm(arguments: Any, texts: Sequence[str], labels: int, longest: int) -> tuple[PreTrainedModel, list[int]]:
    """An LSTM from [`training.arguments.ModelArguments`], whose tokenizer is not there yet; see [`Trial`]."""
    fields = {"vocab_size": 10, "num_labels": labels} | arguments.config_fields()
    lengths = [min(longest, max(1, round(WORD_TOKENS * len(text.split())))) for text in _draw(texts)]
    return LstmForSequenceClassification(LstmConfig(**fields)), lengths


def _draw(texts: Sequence[str]) -> list[str]:
    """Some texts of like lengths, as batches hold them."""
    chosen = np.random.default_rng(0).permutation(len(texts))[:DRAWN]
    ordered = sorted((texts[int(number)] for number in chosen), key=len)
    first = max(0, (len(ordered) - TRIED) // 2)
    return ordered[first : first + TRIED]
