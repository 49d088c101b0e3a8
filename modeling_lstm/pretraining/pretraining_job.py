"""Pretraining: train a language model on texts without labels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase, default_data_collator

from ..data.arguments import TokenizerArguments, split_subset
from ..data.corpus import Corpus, load_corpus
from ..data.corpus_arguments import CorpusArguments
from ..data.overlap import save_fingerprints
from ..data.sources import locate_source
from ..data.token_stream import TokenStream
from ..data.tokenization import WHOLE, build_tokenizer
from ..runs.record import FINGERPRINTS, RunRecord
from ..tasks.language_modeling import LanguageModeling
from ..training.job import TrainingJob
from ..training.limits import check_fixed
from ..training.steps import Training
from ..training.trainer_arguments import LstmTrainingArguments
from ..utils.ray_cluster import RayArguments
from .arguments import FIXED, FIXED_TOKENIZER, PRETRAINING_DEFAULTS, LanguageModelArguments, LanguageTaskArguments
from .blocks import Blocks
from .language_model_builder import build_language_model
from .language_model_trainer import LanguageModelTrainer


class PretrainingJob(TrainingJob):
    """
    A job that trains a language model. Its settings have the names of the flags of `modeling-lstm pretrain`.

    Args:
        settings: The settings of [`CorpusArguments`], [`LanguageModelArguments`], [`TokenizerArguments`] and
            [`LstmTrainingArguments`].
    """

    command_name: ClassVar[str] = "pretrain"
    kinds: ClassVar[tuple[type, ...]] = (
        LanguageTaskArguments,
        CorpusArguments,
        LanguageModelArguments,
        TokenizerArguments,
        LstmTrainingArguments,
        RayArguments,
    )
    data: CorpusArguments
    model: LanguageModelArguments
    tokenizer: TokenizerArguments

    @staticmethod
    def default_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return the defaults for a language model."""
        return PRETRAINING_DEFAULTS

    def runner(self) -> Training:
        """Return the steps of the pretraining."""
        return Pretraining(self)


class Pretraining(Training):
    """Training on blocks of text."""

    job: PretrainingJob
    data: Corpus
    task: LanguageModeling
    stream: TokenStream

    def make_trainer(self, **common: Any) -> LanguageModelTrainer:
        """Create the `Trainer`, which carries the state from block to block."""
        args, data = self.args, self.job.data
        parts, direction = args.per_device_train_batch_size * args.world_size, self.task.direction
        blocks = Blocks(self.stream, parts, data.block_size, direction, shuffles=data.shuffle_texts, seed=args.seed)
        return LanguageModelTrainer(train_dataset=blocks, data_collator=default_data_collator, task=self.task, **common)

    def trial_batch(self, model: PreTrainedModel) -> Any:
        """Return a batch of blocks of the first texts."""
        stream = TokenStream.from_rows(self.first_rows(), int(self.tokenizer.eos_token_id))
        size = self.job.data.block_size
        ids = np.resize(stream.ids, (self.args.per_device_train_batch_size, size))
        batch = torch.from_numpy(ids).long()
        return {"input_ids": batch, "labels": batch}

    def check_settings(self) -> None:
        """Raise [`InputError`] for settings that do not apply to a language model."""
        check_fixed(self.args, FIXED)
        check_fixed(self.job.tokenizer, FIXED_TOKENIZER)

    def load(self) -> None:
        """Read the texts, and set the task with its direction."""
        self.data = load_corpus(self.job.data)
        self.task = LanguageModeling(self.job.model.direction)

    def open_source(self) -> None:
        """Do nothing: pretraining starts from the texts alone."""

    def make_tokenizer(self, source: Any) -> PreTrainedTokenizerBase:
        """Return a tokenizer that marks the end of each text."""
        train = self.data.splits["train"]
        return build_tokenizer(self.job.tokenizer, train, WHOLE, has_end=True, checkpoint=self.checkpoint)

    def lengths(self) -> dict[str, int]:
        """Return no limit: whole texts are read."""
        return {"train": WHOLE, "validation": WHOLE}

    def encode(self, source: Any) -> None:
        """Tokenize the texts, and join the training texts into a stream of tokens."""
        super().encode(source)
        self.stream = TokenStream.from_rows(self.splits["train"].rows, int(self.tokenizer.eos_token_id))
        args, data = self.args, self.job.data
        order = "shuffled texts" if data.shuffle_texts else "texts in order"
        rows = args.per_device_train_batch_size * args.world_size
        # the state carried from step to step depends on this
        self.trained_with["cut into blocks"] = f"{rows} rows of {data.block_size} tokens, {order}"

    def adapt_settings(self) -> None:
        """Do not search for unused parameters: each pass leaves out one of two directions, but a step uses both."""
        if self.args.ddp_find_unused_parameters is None:
            self.args.ddp_find_unused_parameters = False

    def make_model(self) -> PreTrainedModel:
        """Build a new language model."""
        counts = torch.from_numpy(np.bincount(self.stream.ids, minlength=len(self.tokenizer)))
        return build_language_model(self.job.model, self.tokenizer, self.task, counts, self.job.data.block_size)

    def describe_source(self) -> dict[str, Any]:
        """Describe the requested texts for `run.json`."""
        data = self.job.data
        named = data.dataset[0] if len(data.dataset) == 1 else data.dataset
        source = locate_source(split_subset(data.dataset[0])[0])
        return vars(data) | {"dataset": named, "source": source, "subset": None, "revision": None}

    def describe_model(self, model: PreTrainedModel) -> dict[str, Any]:
        """Describe the model for `run.json`, apart from the number of its parameters."""
        config: Any = model.config
        kept = ("cell_type", "embedding_size", "hidden_size", "num_hidden_layers", "bidirectional", "softmax")
        names = [*(kept if config.model_type == "lstm" else ("hidden_size", "num_hidden_layers")), "model_type"]
        settings = {name: getattr(config, name, None) for name in names}
        if self.job.model.transformer_config is not None:
            return settings | {"config_overrides": self.job.model.config_overrides}
        return settings | {name: value for name, value in vars(self.job.model).items() if name.endswith("_dropout")}

    def sources(self) -> list[tuple[str, str | None]]:
        """Return the flags that name sources, with their values."""
        data = self.job.data
        read = [*(("dataset", name) for name in data.dataset), *(("exclude", name) for name in data.exclude or ())]
        return [*read, ("validation_dataset", data.validation_dataset), ("tokenizer", self.job.tokenizer.tokenizer)]

    def write_more(self, folder: Path) -> None:
        """Write fingerprints of the texts, to check later whether a classifier's test texts are among them."""
        save_fingerprints(self.data.splits["train"], folder / FINGERPRINTS)


def pretrain(**settings: Any) -> RunRecord:
    """
    Train a language model on texts and write its run folder.

    Args:
        settings: The settings of [`PretrainingJob`], such as `dataset=["reviews.csv"]` and `output_dir="lm"`.

    Raises:
        InputError: The texts or settings cannot be used, or the run folder already exists.
    """
    return PretrainingJob(**settings).run()
