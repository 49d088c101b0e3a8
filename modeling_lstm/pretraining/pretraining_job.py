"""Pretraining: train a language model on texts without labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase, default_data_collator
from transformers.tokenization_utils_base import VERY_LARGE_INTEGER  # no limit: texts are not padded to it

from ..data.arguments import TokenizerArguments
from ..data.corpus_arguments import CorpusArguments
from ..data.tokenization import build_tokenizer
from ..runs.record import RunRecord
from ..tasks.base import TEXT_GENERATION, job_class
from ..tasks.language_modeling import LanguageModeling
from ..training.job import TrainingJob
from ..training.model_builder import describe_transformer
from ..training.steps import Training
from ..training.trainer_arguments import LstmTrainingArguments
from ..utils.ray_cluster import RayArguments
from .arguments import (
    FIXED,
    PRETRAINING_DEFAULTS,
    LanguageModelArguments,
    LanguageTaskArguments,
    check_pretraining_task,
)
from .blocks import Blocks
from .language_model_builder import build_language_model
from .language_model_trainer import LanguageModelTrainer
from .unlabeled_training import UnlabeledTraining


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


class Pretraining(UnlabeledTraining):
    """Training on blocks of text."""

    job: PretrainingJob
    task: LanguageModeling
    fixed = FIXED

    def make_trainer(self, **common: Any) -> LanguageModelTrainer:
        """Create the `Trainer`, which carries the state from block to block."""
        args, data = self.args, self.job.data
        parts, direction = args.per_device_train_batch_size * args.world_size, self.task.direction
        how: dict[str, Any] = {"shuffles": data.shuffle_texts, "seed": self.data_seed}
        blocks = Blocks(self.stream, parts, data.block_size, direction, **how)
        return LanguageModelTrainer(train_dataset=blocks, data_collator=default_data_collator, task=self.task, **common)

    def trial_batch(self, model: PreTrainedModel) -> Any:
        """Return a batch of blocks of the first texts."""
        batch = self.first_blocks()
        return {"input_ids": batch, "labels": batch}

    def load(self) -> None:
        """Read the texts, and set the task with its direction."""
        self.data = LanguageModeling.load(self.job.data)
        self.task = LanguageModeling(self.job.model.direction)

    def make_tokenizer(self, source: Any) -> PreTrainedTokenizerBase:
        """Return a tokenizer that marks the end of each text."""
        train = self.data.splits["train"]
        return build_tokenizer(self.job.tokenizer, train, VERY_LARGE_INTEGER, has_end=True, checkpoint=self.checkpoint)

    def make_model(self) -> PreTrainedModel:
        """Build a new language model."""
        counts = torch.from_numpy(np.bincount(self.stream.ids, minlength=len(self.tokenizer)))
        return build_language_model(self.job.model, self.tokenizer, self.task, counts, self.job.data.block_size)

    def describe_blocks(self) -> str:
        """Return what the state that is carried from step to step depends on."""
        rows = self.args.per_device_train_batch_size * self.args.world_size
        return f"{rows} rows of {super().describe_blocks()}"

    def describe_model(self, model: PreTrainedModel) -> dict[str, Any]:
        """Describe the model for `run.json`, apart from the number of its parameters."""
        if self.job.model.transformer_config is None:
            return super().describe_model(model)
        return describe_transformer(model.config) | {"config_overrides": self.job.model.config_overrides}


def pretrain(**settings: Any) -> RunRecord:
    """
    Train a language model on texts and write its run folder.

    Args:
        settings: The settings of [`PretrainingJob`], such as `dataset=["reviews.csv"]` and `output_dir="lm"`. With
            `task="fill-mask"`, those of [`MaskedPretrainingJob`].

    Raises:
        InputError: The texts or settings cannot be used, or the run folder already exists.
    """
    task = settings.get("task", TEXT_GENERATION)
    check_pretraining_task(task)
    return job_class(task)(**settings).run()
