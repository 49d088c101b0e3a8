"""Start a classifier from a language model: its tokenizer, word vectors and recurrent layers."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import DatasetDict
from transformers import PreTrainedTokenizerBase

from ..data.arguments import OF_NEW_TOKENIZER
from ..data.overlap import count_read, load_fingerprints
from ..hub.downloads import is_hub_id
from ..models.tokenization_lstm import LstmTokenizer
from ..runs.record import FINGERPRINTS, RECORD, located_sources, read_record
from ..runs.run_folders import load_run, run_folder
from ..tasks.base import FILL_MASK, TEXT_GENERATION, task_name
from ..utils.errors import require
from .arguments import ModelArguments

logger = logging.getLogger(__name__)

SIZES = ("cell_type", "embedding_size", "hidden_size", "num_hidden_layers", "bidirectional")


@dataclass
class PretrainedLanguageModel:
    """
    A language model made by `modeling-lstm pretrain`, from which a classifier starts.

    Args:
        model: The model.
        tokenizer: Its tokenizer, set up for a classifier.
        report: What the classifier's `run.json` records of it.
        words: What its own `run.json` records of its tokenizer.
        texts: Fingerprints of its training texts ([`data.overlap.fingerprints`]); `None` if there are none.
    """

    model: Any
    tokenizer: PreTrainedTokenizerBase
    report: dict[str, Any]
    words: dict[str, Any]
    texts: np.ndarray | None

    def adapt(self, arguments: ModelArguments) -> ModelArguments:
        """Return the settings of a classifier with the sizes of the language model."""
        return replace(arguments, **self._sizes())

    def _sizes(self) -> dict[str, Any]:
        return {name: getattr(self.model.config, name) for name in SIZES}

    def check_settings(self, given: Mapping[str, Any]) -> None:
        """Raise [`InputError`] for a setting that contradicts the language model."""
        decided = self._sizes() | {name: self.words[name] for name in OF_NEW_TOKENIZER if name in self.words}
        for name in decided.keys() & given.keys():
            require(
                given[name] in (None, decided[name]),
                f"The language model {self.report['source']!r} has --{name} {decided[name]}, found {given[name]}: "
                "leave it out, or pretrain another.",
            )

    def write_into(self, model: Any) -> None:
        """Copy the word vectors and recurrent layers of the language model into a classifier."""
        target, source = model.lstm, self.model.lstm
        with torch.no_grad():
            table = source.word_embeddings.weight
            target.word_embeddings.weight[: len(table)] = table
            target.word_embeddings.weight[len(table) :] = table[self.tokenizer.eos_token_id]  # [SEP], if it was added
            target.encoder.load_state_dict(source.encoder.state_dict())

    def count_held_out(self, splits: DatasetDict) -> dict[str, int | None]:
        """Count the texts of each split but train that the language model was trained on; `None` if unknown."""
        found: dict[str, int | None] = {}
        for name, rows in splits.items():
            if name != "train":
                found[name] = None if self.texts is None else count_read(rows, self.texts)
        for name, number in found.items():
            if number:
                logger.warning(
                    "%d of the %d %s texts are among those that the language model was trained on: scores there "
                    "include memorized texts. Leave them out with pretrain --exclude, and with the same data settings "
                    "as here.",
                    number,
                    splits[name].num_rows,
                    name,
                )
        return found


def open_pretrained(arguments: ModelArguments, max_length: int, has_pairs: bool = False) -> PretrainedLanguageModel:
    """
    Load the language model that `--pretrained` names. If the classifier reads several texts together, `[SEP]` between
    them begins with the vector of the token that ends a text.

    Raises:
        InputError: there is no such language model, or it does not fit a classifier.
    """
    name = str(arguments.pretrained)
    folder = run_folder(name, arguments.pretrained_revision)
    require(
        (folder / RECORD).is_file(),
        f"--pretrained {name!r} has no {RECORD}, which records what a language model was trained on: name a run that "
        "modeling-lstm pretrain wrote, or modeling-lstm push shared.",
    )
    record: Any = read_record(folder, name)
    require(
        task_name(record) in (TEXT_GENERATION, FILL_MASK) and record["model"]["model_type"] == "lstm",
        f"--pretrained {name!r} is not a language model with an LSTM or a GRU: make one with modeling-lstm pretrain.",
    )
    require(
        _direction(record) != "backward",
        f"The language model {name!r} reads backward only: pretrain one with --direction both.",
    )
    model, tokenizer = load_run(folder, name=name)
    tokenizer.padding_side, tokenizer.model_max_length = "right", max_length
    tokenizer.model_input_names = ["input_ids", "attention_mask"]
    if has_pairs and isinstance(tokenizer, LstmTokenizer):
        tokenizer.add_separator()
    texts = load_fingerprints(folder / FINGERPRINTS)
    return PretrainedLanguageModel(model, tokenizer, _report(arguments, record), record["tokenizer"], texts)


def _direction(record: dict[str, Any]) -> str:
    """Return the direction in which a language model reads; a masked one reads in both."""
    return str(record["task"].get("direction", "both"))


def _report(arguments: ModelArguments, record: dict[str, Any]) -> dict[str, Any]:
    data = record["data"]
    return {
        "source": str(arguments.pretrained),
        "is_from_hub": is_hub_id(arguments.pretrained),
        "revision": arguments.pretrained_revision,
        "task": task_name(record),
        "direction": _direction(record),
        "text": [name if origin == "hub" else Path(name).name for name, origin in located_sources(data)],
        "texts": data["counts"]["train"]["rows"],
        "metrics": record["metrics"],
    }
