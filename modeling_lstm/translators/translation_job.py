"""A training of a model that translates."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from datasets import Dataset
from transformers import DataCollatorForSeq2Seq, PreTrainedModel, PreTrainedTokenizerBase, set_seed

from ..data.overlap import report_overlap
from ..data.pair_arguments import PairArguments
from ..data.pairs import TextPairs
from ..data.tokenization import open_tokenizer
from ..evaluation.translation_metrics import make_metrics
from ..hub.downloads import is_hub_id
from ..models.tokenization_lstm import TARGET, LstmTokenizer, target_tokenizer
from ..tasks.base import TRANSLATION
from ..tasks.translation import Translation
from ..training.arguments import TaskArguments
from ..training.checkpoints import describe_origin
from ..training.defaults import choose_metric
from ..training.folders import check_sources, prepare_folder
from ..training.job import TrainingJob
from ..training.limits import check_fixed
from ..training.model_builder import adopt_model
from ..training.steps import Training
from ..training.trainer_arguments import LstmTrainingArguments
from ..utils.errors import InputError, require
from ..utils.processes import run_main_first, run_on_main
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


class TranslationJob(TrainingJob):
    """
    A training of a model that translates. Settings have the names of the flags of `modeling-lstm train --task
    translation`.

    Args:
        settings: Those of [`PairArguments`], [`TranslationModelArguments`], [`PairTokenizerArguments`] and
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

    @staticmethod
    def default_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
        """What suits a model that translates, by its kind."""
        chosen = TRANSLATION_DEFAULTS
        if settings.get("transformer") is not None:
            chosen = FINE_TUNING_DEFAULTS
        elif settings.get("transformer_config") is not None:
            chosen = SCRATCH_DEFAULTS
        return {"task": TRANSLATION} | chosen

    def runner(self) -> Training:
        """The steps of the training."""
        return TranslationTraining(self)


class TranslationTraining(Training):
    """A training whose rows are pairs of texts."""

    job: TranslationJob
    data: TextPairs
    task: Translation

    def trainer(self) -> Any:
        """The `Trainer` of the job, with pairs, tokenizers and model: ready for `train()`."""
        self.prepare()
        self.check_checkpoint()
        self._warn_of_few_steps()
        set_seed(self.args.seed)
        with self.explain_failures():
            model = self.build_model()
            self.choose_precision(model)
            trainer = TranslationTrainer(
                model=model,
                args=self.args,
                train_dataset=self.splits["train"].rows,
                eval_dataset=self.splits["validation"].rows,
                processing_class=self.tokenizer,
                data_collator=DataCollatorForSeq2Seq(self.tokenizer, model),  # which says what the decoder reads
                task=self.task,
            )
        trainer.origin = self.trained_with
        return trainer

    def trial_batch(self, model: PreTrainedModel) -> Any:
        """Tokenized pairs as a batch."""
        pairs = [dict(row) for row in self.first_rows().select_columns(["input_ids", "labels"])]
        return DataCollatorForSeq2Seq(self.tokenizer, model)(pairs)

    def prepare(self) -> None:
        """Read the pairs, and make tokenizers and token numbers of them."""
        args, length = self.args, self.job.data.max_length
        check_fixed(args, FIXED)
        make_metrics()  # raises if what scores is not there, before anything is learned
        with run_main_first():
            check_sources(self.folder, self.sources())
            self.checkpoint, _ = prepare_folder(self.folder, args)
            self.data = Translation.load(self.job.data)
            self.task = Translation.from_data(self.data)
            choose_metric(args, self.task, self.job.settings)
            self.overlap = report_overlap(self.data.splits)
        train = self.data.splits["train"]
        self.tokenizer = run_on_main(lambda: self._tokenizers(train))
        with run_main_first():
            self.splits = {
                name: self.task.encode(self.data.splits[name], name, self.tokenizer, length)
                for name in ("train", "validation")
            }
            self.trained_with = describe_origin(self.task, self.data, self.tokenizer, self.job.tokenizer, train)

    def _tokenizers(self, train: Dataset) -> PreTrainedTokenizerBase:
        """The tokenizer of the sources, which holds that of the targets if that is another one."""
        model, tokenizer = self.job.model, self.job.tokenizer
        if model.transformer is not None:
            return self._open_tokenizer(model.transformer)
        if model.encoder is None and tokenizer.shared_vocabulary:
            return self._learn(iterate_sides(train, ("text", "target")))
        target = self._learn(iterate_sides(train, ("target",)), TARGET)
        if model.encoder is not None:
            found = self._open_tokenizer(model.encoder)
        else:
            found = self._learn(iterate_sides(train, ("text",)))
        setattr(found, TARGET, target)
        return found

    def _learn(self, texts: Iterable[list[str]], folder: str = "") -> PreTrainedTokenizerBase:
        """A tokenizer for `texts`, or the one that lies in that folder of the checkpoint to go on from."""
        arguments = self.job.tokenizer
        if self.checkpoint is not None:
            return open_tokenizer(str(Path(self.checkpoint) / folder), self.job.data.max_length)
        try:
            return LstmTokenizer.train_reversible(
                texts,
                vocab_size=arguments.vocab_size,
                min_frequency=arguments.min_frequency,
                algorithm=arguments.tokenizer_algorithm,
                lowercase=arguments.lowercase,
                model_max_length=self.job.data.max_length,
            )
        except Exception as error:  # the trainers of `tokenizers` raise bare exceptions
            raise InputError(f"A vocabulary of {arguments.vocab_size} could not be learned: {error}") from error

    def _open_tokenizer(self, name: str) -> PreTrainedTokenizerBase:
        # those of many translators, as OPUS-MT's, are written in Python
        sides = {"padding_side": "right", "truncation_side": "right"}
        found = open_tokenizer(name, self.job.data.max_length, must_be_fast=False, **sides)
        require(found.pad_token_id is not None, f"The tokenizer {name!r} has no padding token, which batches need.")
        require(
            not (Path(name) / TARGET).is_dir(),
            f"{name!r} has a vocabulary for each of its texts, and cannot be trained further.",
        )
        return found

    def build_model(self) -> PreTrainedModel:
        """The model to train, or what the job's `model_init` gives."""
        if self.job.model_init is not None:
            return adopt_model(self.job.model_init(self.tokenizer, self.task), self.tokenizer, self.task)
        fields = self.task.loss_fields(self.data, self.args.label_smoothing_factor, False)
        return build_translation_model(self.job.model, self.tokenizer, self.task, fields, self.job.data.max_length)

    def describe(self, model: PreTrainedModel) -> dict[str, Any]:
        """What `run.json` says of command, task, pairs, tokenizers and model."""
        tokenizer, config = self.job.tokenizer, model.config
        names = [*(self.job.model.config_fields() if config.model_type == "lstm-encoder-decoder" else ()), "model_type"]
        settings = {name: getattr(config, name, None) for name in names}
        for name in ("encoder", "transformer_config", "transformer", "config_overrides"):
            if (value := getattr(self.job.model, name)) is not None:
                settings[name] = value
        if begun := self.job.model.transformer or self.job.model.encoder:
            settings["is_from_hub"] = is_hub_id(begun)
        if config.model_type != "lstm-encoder-decoder":
            settings |= {"hidden_size": config.hidden_size, "num_hidden_layers": config.num_hidden_layers}
        generation = {name: getattr(self.job.model, name) for name in ("num_beams", "length_penalty")}
        other = target_tokenizer(self.tokenizer)
        return {
            "command": self.job.command,
            "task": self.task.describe() | {"auto_class": self.task.auto_class},
            "data": self.describe_data(),
            "tokenizer": vars(tokenizer)
            | {"vocabulary": len(self.tokenizer)}
            | ({} if other is self.tokenizer else {"target_vocabulary": len(other)}),
            "model": settings | generation | {"parameters": model.num_parameters()},
        }

    def sources(self) -> list[tuple[str, str | None]]:
        """The flags that name what is read, and what they name."""
        data, model = self.job.data, self.job.model
        read = [("dataset", data.dataset), ("train_dataset", data.train_dataset)]
        return [*read, *((name, getattr(model, name)) for name in ("encoder", "transformer"))]


def iterate_sides(rows: Dataset, columns: tuple[str, ...], number: int = 1_000) -> Iterator[list[str]]:
    """The texts of some columns, so many at a time."""
    for batch in rows.select_columns(list(columns)).iter(number):
        for column in columns:
            yield batch[column]
