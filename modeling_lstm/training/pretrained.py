"""A classifier that begins as a language model: its tokenizer, its word vectors and its recurrence."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import DatasetDict
from transformers import PreTrainedTokenizerBase

from ..data.overlap import count_known
from ..hub.downloads import is_hub_id
from ..runs.record import FINGERPRINTS, RECORD, data_sources, read_record
from ..runs.run_folders import load_run, run_folder
from ..tasks.base import TEXT_GENERATION, task_name
from ..utils.errors import InputError, require
from .arguments import ModelArguments

logger = logging.getLogger(__name__)

SIZES = ("cell_type", "embedding_size", "hidden_size", "num_hidden_layers", "bidirectional")
WORDS = ("tokenizer_algorithm", "vocab_size", "min_frequency", "lowercase")


@dataclass
class PretrainedLanguageModel:
    """
    A language model that `modeling-lstm pretrain` made, to begin a classifier with.

    Args:
        model: The model.
        tokenizer: Its tokenizer, for texts that a classifier reads.
        report: What `run.json` says of it.
        words: What its own `run.json` says of its tokenizer.
        texts: By what its texts are known again ([`data.overlap.fingerprints`]); `None` if that is not there.
    """

    model: Any
    tokenizer: PreTrainedTokenizerBase
    report: dict[str, Any]
    words: dict[str, Any]
    texts: np.ndarray | None

    def adapt(self, arguments: ModelArguments) -> ModelArguments:
        """The settings of a classifier, with the sizes of the language model."""
        return replace(arguments, **self._sizes())

    def _sizes(self) -> dict[str, Any]:
        return {name: getattr(self.model.config, name) for name in SIZES}

    def check_settings(self, given: Mapping[str, Any]) -> None:
        """Raise [`InputError`] for a setting that the language model has decided otherwise."""
        decided = self._sizes() | {name: self.words[name] for name in WORDS if name in self.words}
        for name in decided.keys() & given.keys():
            require(
                given[name] in (None, decided[name]),
                f"The language model {self.report['source']!r} has --{name} {decided[name]}, found {given[name]}: "
                "leave it out, or pretrain another.",
            )

    def write_into(self, model: Any) -> None:
        """Set word vectors and recurrence of a classifier to those of the language model."""
        target, source = model.lstm, self.model.lstm
        with torch.no_grad():
            target.word_embeddings.weight.copy_(source.word_embeddings.weight)
            target.encoder.load_state_dict(source.encoder.state_dict())

    def count_held_out(self, splits: DatasetDict) -> dict[str, int | None]:
        """Of each split but train how many texts the language model has learned from; `None` where it is not known."""
        found: dict[str, int | None] = {}
        for name, rows in splits.items():
            if name != "train":
                found[name] = None if self.texts is None else count_known(rows, self.texts)
        for name, number in found.items():
            if number:
                logger.warning(
                    "%d of the %d %s texts are among those that the language model was trained on: its scores there "
                    "tell what was memorized. Leave them out with pretrain --exclude.",
                    number,
                    splits[name].num_rows,
                    name,
                )
        return found


def open_pretrained(arguments: ModelArguments, max_length: int) -> PretrainedLanguageModel | None:
    """
    The language model that `--pretrained` names, if it names one.

    Raises:
        InputError: there is none, or it does not fit a classifier.
    """
    name = arguments.pretrained
    if name is None:
        return None
    folder = run_folder(name, arguments.pretrained_revision)
    require(
        (folder / RECORD).is_file(),
        f"--pretrained {name!r} has no {RECORD}, which tells what a language model has learned from: name a run that "
        "modeling-lstm pretrain wrote, or modeling-lstm push shared.",
    )
    record: Any = read_record(folder, name)
    require(
        task_name(record) == TEXT_GENERATION and record["model"]["model_type"] == "lstm",
        f"--pretrained {name!r} is no language model with an LSTM or a GRU: make one with modeling-lstm pretrain.",
    )
    require(
        record["task"]["direction"] != "backward",
        f"The language model {name!r} reads backward only: pretrain one with --direction both.",
    )
    model, tokenizer = load_run(name, arguments.pretrained_revision)
    tokenizer.padding_side, tokenizer.model_max_length = "right", max_length
    tokenizer.model_input_names = ["input_ids", "attention_mask"]
    path = folder / FINGERPRINTS
    try:
        texts = np.load(path, allow_pickle=False) if path.is_file() else None
    except (ValueError, OSError) as error:
        raise InputError(f"The language model {name!r} is damaged: {FINGERPRINTS} cannot be read: {error}") from error
    return PretrainedLanguageModel(model, tokenizer, _report(arguments, record), record["tokenizer"], texts)


def _report(arguments: ModelArguments, record: dict[str, Any]) -> dict[str, Any]:
    data = record["data"]
    sources = data_sources(record)
    return {
        "source": str(arguments.pretrained),
        "is_from_hub": is_hub_id(arguments.pretrained),
        "revision": arguments.pretrained_revision,
        "direction": record["task"]["direction"],
        "text": [source if data["source"] == "hub" else Path(source).name for source in sources],
        "texts": data["counts"]["train"]["rows"],
        "metrics": record["metrics"],
    }
