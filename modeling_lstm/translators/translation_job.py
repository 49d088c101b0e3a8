"""Training of translation models."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from transformers import DataCollatorForSeq2Seq, PreTrainedModel, PreTrainedTokenizerBase

from ..data.pair_arguments import PairArguments
from ..data.pairs import SOURCE, SOURCE_AND_TARGET, TextPairs, load_pairs
from ..data.tokenization import iterate_texts, learn_tokenizer, open_tokenizer
from ..evaluation.translation_metrics import make_metrics
from ..hub.downloads import is_hub_id
from ..models.tokenization_lstm import TARGET, LstmTokenizer, target_tokenizer
from ..tasks.base import TRANSLATION
from ..tasks.translation import Translation
from ..training.arguments import TaskArguments
from ..training.checkpoints import read_origin
from ..training.defaults import warn_of_few_steps
from ..training.job import TrainingJob
from ..training.limits import check_fixed
from ..training.steps import Training
from ..training.trainer_arguments import LstmTrainingArguments
from ..utils.errors import require
from ..utils.ray_cluster import RayArguments
from .arguments import (
    FINE_TUNING_DEFAULTS,
    FIXED,
    SCRATCH_DEFAULTS,
    TRANSLATION_DEFAULTS,
    PairTokenizerArguments,
    TranslationModelArguments,
)
from .translation_builder import build_translation_model
from .translation_trainer import TranslationTrainer

logger = logging.getLogger(__name__)

HELD_OUT_BY = "property that pairs of one split have in common"  # in what a checkpoint was trained with


class TranslationJob(TrainingJob):
    """
    A job that trains a translation model. Its settings have the names of the flags of
    `modeling-lstm train --task translation`.

    Args:
        settings: The settings of [`PairArguments`], [`TranslationModelArguments`], [`PairTokenizerArguments`] and
            [`LstmTrainingArguments`].
    """

    kinds: ClassVar[tuple[type, ...]] = (
        TaskArguments,
        PairArguments,
        TranslationModelArguments,
        PairTokenizerArguments,
        LstmTrainingArguments,
        RayArguments,
    )
    data: PairArguments
    model: TranslationModelArguments
    tokenizer: PairTokenizerArguments

    @staticmethod
    def default_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return the defaults for the chosen kind of translation model."""
        chosen = TRANSLATION_DEFAULTS
        if settings.get("transformer") is not None:
            chosen = FINE_TUNING_DEFAULTS
        elif settings.get("transformer_config") is not None:
            chosen = SCRATCH_DEFAULTS
        return {"task": TRANSLATION} | chosen

    def runner(self) -> Training:
        """Return the steps of the training."""
        return TranslationTraining(self)


class TranslationTraining(Training):
    """Training on pairs of texts."""

    job: TranslationJob
    data: TextPairs
    task: Translation

    def make_trainer(self, **common: Any) -> TranslationTrainer:
        """Create the `Trainer`, which scores translations."""
        rows = self.splits["train"].rows
        collator = DataCollatorForSeq2Seq(self.tokenizer, common["model"])  # the model prepares the decoder's input
        trainer = TranslationTrainer(train_dataset=rows, data_collator=collator, task=self.task, **common)
        if self.job.model.encoder is not None and not self._has_one_rate():
            trainer.encoder_rate = self.job.model.encoder_learning_rate
        return trainer

    def _has_one_rate(self) -> bool:
        """Whether the checkpoint is of an older version, in which an encoder had the learning rate of the rest."""
        then = {} if self.checkpoint is None else read_origin(self.checkpoint)
        return bool(then) and "--encoder_learning_rate" not in then

    def trial_batch(self, model: PreTrainedModel) -> Any:
        """Return a batch of tokenized pairs."""
        pairs = [dict(row) for row in self.first_rows().select_columns(["input_ids", "labels"])]
        return DataCollatorForSeq2Seq(self.tokenizer, model)(pairs)

    def check_settings(self) -> None:
        """Raise [`InputError`] for settings that do not apply, or if the library for scoring is missing."""
        check_fixed(self.args, FIXED)
        make_metrics()

    def load(self) -> None:
        """Read the pairs, and set the task. A run of an older version holds out the rows that it did."""
        then = {} if self.checkpoint is None else read_origin(self.checkpoint)
        held_out_by = then.get(HELD_OUT_BY, SOURCE) if then else SOURCE_AND_TARGET
        self.data = load_pairs(self.job.data, held_out_by=held_out_by)
        self.task = Translation.from_data(self.data)

    def encode(self, source: Any) -> None:
        """Turn texts into token ids."""
        super().encode(source)
        self.trained_with[HELD_OUT_BY] = self.data.held_out_by

    def open_source(self) -> None:
        """Do nothing: training starts from the pairs alone."""

    def lengths(self) -> dict[str, int]:
        """Return the same maximum length for all splits."""
        return dict.fromkeys(("train", "validation"), self.job.data.max_length)

    def adapt_settings(self) -> None:
        """Change nothing, but warn if the pairs are so few that training has few steps."""
        if self.job.model.transformer is None:
            warn_of_few_steps(self.args, self.splits["train"].rows.num_rows)

    def make_tokenizer(self, source: Any) -> PreTrainedTokenizerBase:
        """Return the source tokenizer. If the target tokenizer is a different one, it is an attribute of the former."""
        train = self.data.splits["train"]
        model, tokenizer = self.job.model, self.job.tokenizer
        if model.transformer is not None:
            return self._open_tokenizer(model.transformer)
        if model.encoder is None and tokenizer.shared_vocabulary:
            return self._learn(iterate_texts(train, columns=("text", "target")))
        target = self._learn(iterate_texts(train, columns=("target",)), TARGET)
        if model.encoder is not None:
            found = self._open_tokenizer(model.encoder)
        else:
            found = self._learn(iterate_texts(train, columns=("text",)))
        setattr(found, TARGET, target)
        return found

    def _learn(self, texts: Iterable[list[str]], folder: str = "") -> PreTrainedTokenizerBase:
        """Learn a tokenizer from `texts`, or open the one in that folder of the checkpoint to resume from."""
        max_length = self.job.data.max_length
        if self.checkpoint is not None:
            return open_tokenizer(str(Path(self.checkpoint) / folder), max_length)
        return learn_tokenizer(LstmTokenizer.train_reversible, texts, self.job.tokenizer, max_length)

    def _open_tokenizer(self, name: str) -> PreTrainedTokenizerBase:
        # many translation models, such as OPUS-MT, have a tokenizer written in Python
        sides = {"padding_side": "right", "truncation_side": "right"}
        found = open_tokenizer(name, self.job.data.max_length, must_be_fast=False, **sides)
        require(found.pad_token_id is not None, f"The tokenizer {name!r} has no padding token, which batches need.")
        require(
            not (Path(name) / TARGET).is_dir(),
            f"{name!r} has separate source and target vocabularies, so it cannot be trained further.",
        )
        return found

    def make_model(self) -> PreTrainedModel:
        """Build the model for the settings."""
        fields = self.task.loss_fields(self.data, self.args.label_smoothing_factor, False)
        return build_translation_model(self.job.model, self.tokenizer, self.task, fields, self.job.data.max_length)

    def describe_tokenizer(self) -> dict[str, Any]:
        """Describe the tokenizers for `run.json`."""
        other = target_tokenizer(self.tokenizer)
        more = {} if other is self.tokenizer else {"target_vocabulary": len(other)}
        return super().describe_tokenizer() | more

    def describe_model(self, model: PreTrainedModel) -> dict[str, Any]:
        """Describe the model for `run.json`, apart from the number of its parameters."""
        config = model.config
        names = [*(self.job.model.config_fields() if config.model_type == "lstm-encoder-decoder" else ()), "model_type"]
        settings = {name: getattr(config, name, None) for name in names}
        for name in ("encoder", "transformer_config", "transformer", "config_overrides"):
            if (value := getattr(self.job.model, name)) is not None:
                settings[name] = value
        if "encoder" in settings:
            settings["encoder_learning_rate"] = self.job.model.encoder_learning_rate
        if begun := self.job.model.transformer or self.job.model.encoder:
            settings["is_from_hub"] = is_hub_id(begun)
        if config.model_type != "lstm-encoder-decoder":
            sizes = config.get_text_config(decoder=True)  # some configurations hold one for each side
            settings |= {name: getattr(sizes, name, None) for name in ("hidden_size", "num_hidden_layers")}
        return settings | {name: getattr(self.job.model, name) for name in ("num_beams", "length_penalty")}

    def sources(self) -> list[tuple[str, str | None]]:
        """Return the flags that name sources, with their values."""
        data, model = self.job.data, self.job.model
        read = [("dataset", data.dataset), ("train_dataset", data.train_dataset)]
        return [*read, *((name, getattr(model, name)) for name in ("encoder", "transformer"))]
