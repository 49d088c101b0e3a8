"""Training: from a job to a run folder. Every model and every task takes the same path."""

from __future__ import annotations

import contextlib
import logging
import os
import shlex
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import PreTrainedModel, PreTrainedTokenizerBase, set_seed

from ..data.arguments import OF_NEW_TOKENIZER, split_subset
from ..data.digests import identify_splits
from ..data.overlap import report_overlap
from ..data.sources import locate_source
from ..data.token_limits import max_positions
from ..data.tokenization import TokenizedSplit, build_tokenizer, holds_joined_texts, iterate_texts
from ..models.text_classifier import count_cores
from ..publishing.arguments import PushArguments
from ..publishing.sharing import push
from ..runs.environment import describe_environment
from ..runs.record import RECORD, RunRecord, read_record
from ..runs.run_folders import save_run
from ..tasks.base import Task, TaskData, first_output, task_class
from ..utils.errors import InputError, require
from ..utils.files import claim_folder, empty_folder
from ..utils.processes import fail_once, is_main, is_single_despite_launch, run_main_first, run_on_main
from ..utils.settings import TRANSFORMER_PREFIX
from ..vectors.initial_embeddings import InitialEmbeddings
from ..vectors.token_table import TokenTable
from ..vectors.word_sources import WordSource
from .arguments import ModelArguments
from .callbacks import find_best
from .checkpoints import (
    check_average,
    check_model,
    check_origin,
    describe_kept,
    describe_origin,
    log_progress,
    no_more_steps,
    read_scaling,
    remove_incomplete,
    stopped_early,
    was_bf16,
)
from .defaults import (
    FITTED,
    PRETRAINED_RATE,
    PRETRAINED_STEPS,
    STEPS,
    choose_metric,
    fit_length,
    fit_to_rows,
    fit_transformer_to_rows,
    random_vectors_rate,
    warn_of_few_steps,
    warn_of_truncation,
)
from .error_messages import explain_failures
from .folders import check_shared, check_sources, prepare_folder
from .initial_vectors import open_word_source, prepare_vectors
from .job_settings import TrainingSettings
from .limits import check_layers
from .lstm_trainer import LstmTrainer, make_score_function
from .model_builder import adopt_model, build_model, check_network, describe_model, open_config
from .outcome import describe_outcome, find_end
from .precision import gains_by_bf16
from .pretrained import PretrainedLanguageModel, open_pretrained

logger = logging.getLogger(__name__)

COMPLETE = "%s is complete after %d steps and stays as it is. To train it further, raise --%s."


class Training:
    """
    The steps from a job to a run folder. A training run that differs in a step, such as distillation, overrides it.

    Args:
        job: What to train, on which data, and how.

    Attributes:
        data: The checked splits, once they are read.
        task: The task, once the data is read.
        tokenizer: The tokenizer, once it exists.
        splits: The train and validation splits as token ids.
        trained_with: What a checkpoint must have been trained with so that a run can resume from it.
        model_arguments: The model settings, with the sizes of the weights or vectors that it starts from.
        loss_fields: The fields of the model's configuration that define its loss.
    """

    data: TaskData
    task: Task
    overlap: dict[str, int]
    tokenizer: PreTrainedTokenizerBase
    splits: dict[str, TokenizedSplit]
    trained_with: dict[str, str]
    model_arguments: ModelArguments
    loss_fields: dict[str, Any]

    def __init__(self, job: TrainingSettings):
        self.job, self.args = job, job.training
        self.folder = Path(job.training.output_dir)
        self.vectors: InitialEmbeddings | None = None
        self.language_model: PretrainedLanguageModel | None = None
        self.brings_tokenizer = False  # whether the word vectors bring one
        self.checkpoint: str | None = None
        self.max_positions: int | None = None  # that the model can read
        self.token_types = False  # whether the model uses them to tell the texts of a pair apart

    def run(self) -> RunRecord:
        """
        Train, and write the run folder.

        Returns:
            The content of `run.json`.

        Raises:
            InputError: data or settings cannot be used, or the run folder is taken.
        """
        with fail_once(), contextlib.ExitStack() as claimed:
            started = time.perf_counter()
            if "OMP_NUM_THREADS" not in os.environ:  # torch does not know the limits of containers
                torch.set_num_threads(min(torch.get_num_threads(), count_cores()))
            trainer = self.trainer()
            prepared = time.perf_counter()
            with self.explain_failures():
                if is_main():  # only after data, settings and the Hub have been checked
                    claimed.enter_context(claim_folder(self.folder))
                    self._clear_folder()
                if (ended_by := self._find_end(trainer)) is not None:
                    return self._keep(trainer, ended_by)
                has_stopped = self.checkpoint is not None and stopped_early(self.checkpoint, self.args)
                if self.checkpoint is not None:
                    log_progress(self.checkpoint, self._plan(trainer), is_sure=not self.args.auto_find_batch_size)
                with no_more_steps(self.args) if has_stopped else contextlib.nullcontext():
                    trainer.train(resume_from_checkpoint=self.checkpoint)
                trained = time.perf_counter()
                has_stopped = has_stopped or trainer.state.global_step < trainer.state.max_steps
                outcome = describe_outcome(trainer, resumed=self.checkpoint is not None, stopped_early=has_stopped)
            self.task.check_scores(outcome["metrics"]["validation"], self.data)
            record = self.describe(trainer.model) | outcome
            record["seconds"] = {"preparation": round(prepared - started, 2), "training": round(trained - prepared, 2)}
            return run_on_main(lambda: self._finish(record, trainer, started))

    def _clear_folder(self) -> None:
        """Remove an old run that is replaced, and unfinished checkpoints of one that is resumed."""
        _, is_replaced = prepare_folder(self.folder, self.args)  # another training run may have ended since
        if is_replaced:
            empty_folder(self.folder)
        if self.args.resume_from_checkpoint == "last":
            remove_incomplete(self.folder)

    def _finish(self, record: dict[str, Any], trainer: Any, started: float) -> RunRecord:
        """Complete the record, save the run, and push it if asked."""
        self.complete(record, trainer.model)
        record["seconds"]["total"] = round(time.perf_counter() - started, 2)
        finished: Any = record | describe_environment()
        save_run(self.folder, trainer.model, self.tokenizer, finished, self.write_more)
        if self.args.push_to_hub:
            self._push(str(trainer.hub_model_id))
        return finished

    def _find_end(self, trainer: Any) -> str | None:
        """Return the setting that ended the training of the run in the folder; `None` if there is more to train."""
        checkpoint = self.checkpoint and Path(self.checkpoint).resolve()
        if not checkpoint or checkpoint.parent != self.folder.resolve() or not (self.folder / RECORD).is_file():
            return None  # with a checkpoint from elsewhere, a run in the folder is being replaced
        return find_end(read_record(self.folder), self.args, self._plan(trainer))

    def _plan(self, trainer: Any) -> int:
        """Return the number of optimizer steps of the whole training."""
        return int(trainer.set_initial_training_values(self.args, trainer.get_train_dataloader())[-1])

    def _keep(self, trainer: Any, setting: str) -> RunRecord:
        """Leave a complete run as it is, and say which setting trains it further."""
        record = read_record(self.folder)
        if setting == "num_train_epochs":  # without it, others had been fitted to the number of rows
            apart = [name for name in FITTED if getattr(self.args, name) != getattr(type(self.args), name)]
            added = [f" --{name} {getattr(self.args, name)}" for name in apart if name not in self.job.settings]
            setting += f", with{''.join(added)}" if added else ""
        logger.warning(COMPLETE, self.folder, record["training"]["steps"], setting)
        if self.args.push_to_hub:
            run_on_main(lambda: self._push(str(trainer.hub_model_id)))
        return record

    def trainer(self) -> Any:
        """Return the `Trainer` of the job with data, tokenizer and model, ready for `train()`."""
        self.prepare()
        self.check_checkpoint()
        set_seed(self.args.seed)
        model, rows = self.build_model(), self.splits["validation"].rows
        with self.explain_failures():
            self.choose_precision(model)
            trainer = self.make_trainer(model=model, args=self.args, eval_dataset=rows, processing_class=self.tokenizer)
        trainer.origin = self.trained_with
        if self.checkpoint is not None:
            check_model(self.checkpoint, model.config)
        return trainer

    def make_trainer(self, **common: Any) -> LstmTrainer:
        """Create the `Trainer`. `common` holds the arguments that every trainer takes, such as the model."""
        return self.trainer_class()(
            train_dataset=self.splits["train"].rows,
            data_collator=self.task.collator(self.tokenizer),
            compute_metrics=make_score_function(self.task),
            preprocess_logits_for_metrics=first_output,
            compute_loss_func=self._loss_function(),
            **common,
        )

    def check_checkpoint(self) -> None:
        """Raise [`InputError`] if the checkpoint to resume from was not trained with the current data and settings."""
        self.trained_with |= describe_kept(self.args, self.job.data, self.job.model)
        if self.checkpoint is not None:
            check_average(self.checkpoint, self.args.average_epochs)
            check_origin(self.checkpoint, self.trained_with)
            find_best(self.checkpoint, self.args)

    def choose_precision(self, model: PreTrainedModel) -> None:
        """If no precision is set, train in bf16 if that is faster. A resumed training keeps its precision."""
        args = self.args
        if args.bf16 is not None:
            return
        args.bf16 = None if self.checkpoint is None else was_bf16(self.checkpoint)
        if args.bf16 is None and args.device.type == "cpu":
            args.bf16 = run_on_main(lambda: gains_by_bf16(model, self.trial_batch(model)))
        if args.bf16:
            logger.info("Training in bf16, which is faster here.")
            args.mixed_precision = "bf16"  # as transformers derives it from `bf16`

    def trial_batch(self, model: PreTrainedModel) -> Any:
        """Return a batch to time a training step with. Without labels, the loss is the sum of the logits."""
        return self.tokenizer.pad([{"input_ids": ids} for ids in self.first_rows()["input_ids"]], return_tensors="pt")

    def first_rows(self) -> Dataset:
        """Return the first tokenized training rows, as many as a batch has."""
        rows = self.splits["train"].rows
        return rows.select(range(min(rows.num_rows, self.args.per_device_train_batch_size)))

    def prepare(self) -> None:
        """Read the data, and make the tokenizer, token ids and word vectors."""
        if is_single_despite_launch():
            logger.warning("accelerate launch starts one process on a CPU, whatever its settings: use torchrun.")
        self.check_settings()
        check_shared(self.folder)
        with run_main_first():
            check_sources(self.folder, self.sources())
            self.checkpoint, _ = prepare_folder(self.folder, self.args)
            self.load()
            choose_metric(self.args, self.task, self.job.settings)
            self.task.check_metric(self.args.metric_for_best_model, self.data)
            self.overlap = report_overlap(self.data.splits)
            source = self.open_source()
            self._warn_of_unused_flags()
        # learned once: two processes could break ties differently
        self.tokenizer = run_on_main(lambda: self.make_tokenizer(source))
        with run_main_first():
            self.encode(source)
        self.adapt_settings()

    def check_settings(self) -> None:
        """Raise [`InputError`] for settings that do not fit the model."""
        check_layers(self.args, self.job.model)
        frozen, is_new = self.args.frozen_epochs, self.job.model.pretrained is None and self.job.model_init is None
        require(
            frozen <= 0 or not is_new,
            f"--frozen_epochs {frozen} is for the layers of a language model that --pretrained names; all of these are "
            "new. Leave it out.",
        )

    def load(self) -> None:
        """Read the data, and set the task. Limit texts to the tokens that a Transformer has positions for."""
        model, data = self.job.model, self.job.data
        if model.transformer is not None:
            config = open_config(model.transformer, model.config_overrides)
            self.token_types = getattr(config, "type_vocab_size", 0) > 1
            self.max_positions = max_positions(config)
            data.max_length = fit_length(data.max_length, self.max_positions, model.transformer, self.job.settings)
        kind = task_class(self.job.task)
        self.data = kind.load(data)
        self.task = kind.from_data(self.data)

    def open_source(self) -> WordSource | TokenTable | None:
        """Open the source of the initial word vectors, and whatever else the model learns from besides the data."""
        model, tokenizer, length = self.job.model, self.job.tokenizer, self.job.data.max_length
        has_pairs = getattr(self.data, "has_pairs", False)
        source = open_word_source(model, tokenizer, length, has_pairs)
        tokenizer.tokenizer = model.transformer or tokenizer.tokenizer
        if model.pretrained is not None:
            has_pairs = has_pairs or holds_joined_texts(self.data.splits["train"])
            self.language_model = open_pretrained(model, length, has_pairs)
            require(tokenizer.tokenizer is None, "--pretrained comes with its own tokenizer: leave out --tokenizer.")
            self.language_model.check_settings(self.job.settings)
        check_network(model, source)
        self.collect()
        self.brings_tokenizer = isinstance(source, TokenTable)
        if isinstance(source, TokenTable) and tokenizer.trim_vocabulary:
            source = source.trim(iterate_texts(self.vocabulary_rows()), tokenizer.trim_vocabulary)
        return source

    def _warn_of_unused_flags(self) -> None:
        """Warn of flags for another kind of model, and of those for a new tokenizer if there is one already."""
        model = self.job.model
        foreign = model.without_effect() if isinstance(model, ModelArguments) else set()
        if unused := [name for name in self.job.settings if name in foreign]:
            logger.warning("--%s has no effect on %s.", ", --".join(unused), model.transformer or model.model_type)
        begun = getattr(self.job.tokenizer, "tokenizer", None) or (self.brings_tokenizer and self.job.model.embeddings)
        unused = [name for name in OF_NEW_TOKENIZER if name in self.job.settings]
        if begun and unused:
            logger.warning("%s comes with its own tokenizer: --%s has no effect.", begun, ", --".join(unused))

    def make_tokenizer(self, source: WordSource | TokenTable | None) -> PreTrainedTokenizerBase:
        """Return the tokenizer that comes with what the model starts from, or else one made for the texts."""
        if self.language_model is not None:
            return self.language_model.tokenizer
        if isinstance(source, TokenTable):
            return source.tokenizer
        texts, length = self.vocabulary_rows(), self.job.data.max_length
        has_pairs = getattr(self.data, "has_pairs", False)
        return build_tokenizer(
            self.job.tokenizer, texts, length, has_pairs, checkpoint=self.checkpoint, token_types=self.token_types
        )

    def lengths(self) -> dict[str, int]:
        """Return how many tokens of a text are read, for train and validation."""
        length = self.job.data.max_length
        return {"train": self.job.data.train_max_length or length, "validation": length}

    def encode(self, source: WordSource | TokenTable | None) -> None:
        """Turn texts into token ids, and words into vectors."""
        rows = self.data.splits | {"train": self.training_rows()}
        self.splits = {
            name: self.task.encode(rows[name], name, self.tokenizer, length) for name, length in self.lengths().items()
        }
        if source is not None:
            self.vectors = prepare_vectors(source, self.tokenizer, self.splits["train"].rows, self.job.model)
        self.trained_with = describe_origin(
            self.task, self.data, self.tokenizer, self.job.tokenizer, rows["train"], self.teachers()
        )

    def adapt_settings(self) -> None:
        """Set the settings that depend on the data and on what the model starts from."""
        args, model = self.args, self.job.model
        rows = self.splits["train"].rows.num_rows
        if self.job.data.train_max_length is None:
            warn_of_truncation(self.splits["train"].statistics, self.job.data.max_length, self.max_positions)
        if model.transformer is not None:
            fit_transformer_to_rows(args, rows, self.job.settings)
        else:
            given = {*self.job.default_settings(self.job.settings), *self.job.settings}
            steps = STEPS if self.language_model is None else PRETRAINED_STEPS
            fit_to_rows(args, rows, given, steps=steps)
            warn_of_few_steps(args, rows)
        self.model_arguments = model
        is_layered = args.layer_decay != 1  # then the word vectors are the lowest layer
        if args.embedding_learning_rate is None and not is_layered and (factor := self._embedding_rate()) != 1:
            args.embedding_learning_rate = factor * args.learning_rate
            logger.info("For the word vectors: --embedding_learning_rate %g", args.embedding_learning_rate)
        if self.vectors is not None:
            self.model_arguments = replace(model, embedding_size=self.vectors.dimension)
        if self.language_model is not None:
            self.model_arguments = self.language_model.adapt(model)
        is_balanced = model.class_weights is not None
        self.loss_fields = self.task.loss_fields(self.data, args.label_smoothing_factor, is_balanced)
        if args.world_size > 1 and args.ddp_find_unused_parameters is None:
            # other models use all their parameters
            args.ddp_find_unused_parameters = model.transformer is not None or args.frozen_epochs > 0

    def _embedding_rate(self) -> float:
        """Return the default learning rate of the word vectors, as a multiple of that of the rest."""
        if self.vectors is not None:
            return PRETRAINED_RATE
        if self.job.model.transformer or self.job.model_init or self.language_model:
            return 1.0
        labels = len(self.task.describe().get("label_names", []))
        return random_vectors_rate(labels, self.splits["train"].statistics["tokens_per_row"])

    def explain_failures(self) -> contextlib.AbstractContextManager[None]:
        """Turn errors that the user can fix into one sentence, without blaming settings usual for this training."""
        usual = self.job.default_settings(self.job.settings)
        unchanged = [name for name, value in usual.items() if getattr(self.args, name, None) == value]
        return explain_failures(self.args, self.checkpoint, unchanged)

    def build_model(self) -> PreTrainedModel:
        """Build a new model for the task, or call the job's `model_init`."""
        if self.job.model_init is None:
            return self.make_model()
        return adopt_model(self.job.model_init(self.tokenizer, self.task), self.tokenizer, self.task)

    def make_model(self) -> PreTrainedModel:
        """Build the model that the settings describe."""
        fields = self.loss_fields
        if "target_mean" in fields and self.checkpoint is not None and self.job.model.transformer is None:
            fields = fields | read_scaling(self.checkpoint)
        model = build_model(self.model_arguments, self.tokenizer, self.task, self.args, self.vectors, fields)
        if self.language_model is not None:
            self.language_model.write_into(model)
        return model

    def _loss_function(self) -> Callable[..., Any] | None:
        model = self.job.model
        if model.transformer is None and self.job.model_init is None:
            return None  # an LSTM's own loss does what its configuration says
        return self.task.loss_function(self.data, self.args.label_smoothing_factor, model.class_weights is not None)

    def describe(self, model: PreTrainedModel) -> dict[str, Any]:
        """Return what `run.json` records of command, task, data, tokenizer and model."""
        record = {
            "command": self.job.command,
            "task": self.task.describe() | {"auto_class": self.task.auto_class},
            "data": self.describe_source()
            | self.data.describe()
            | {"digests": identify_splits(self.data.splits, self.task.columns)}
            | {"overlap": self.overlap}
            | {"tokens": {name: split.statistics for name, split in self.splits.items()}},
            "tokenizer": self.describe_tokenizer(),
            "model": self.describe_model(model) | {"parameters": model.num_parameters()},
        }
        if self.language_model is not None:
            held_out = self.language_model.count_held_out(self.data.splits)
            record["pretrained"] = self.language_model.report | {"held_out_texts": held_out}
        return record | ({} if self.vectors is None else {"embeddings": self.vectors.report})

    def describe_source(self) -> dict[str, Any]:
        """Return what `run.json` records of the requested data."""
        data = self.job.data
        found = vars(data) | {"source": locate_source(data.dataset)}
        if data.train_dataset:
            found["train_source"] = locate_source(split_subset(data.train_dataset)[0])
        return found

    def describe_tokenizer(self) -> dict[str, Any]:
        """Return what `run.json` records of the tokenizer."""
        words = vars(self.job.tokenizer)
        if self.brings_tokenizer:
            words = {"tokenizer": str(self.job.model.embeddings), "trim_vocabulary": words["trim_vocabulary"]}
        elif self.language_model is not None:
            words = self.language_model.words
        elif (begun := words.get("tokenizer")) is not None:
            words = {"tokenizer": begun}
        return words | {"vocabulary": len(self.tokenizer)}

    def describe_model(self, model: PreTrainedModel) -> dict[str, Any]:
        """Return what `run.json` records of the model besides its number of parameters."""
        return describe_model(None if self.job.model_init else self.model_arguments, model)

    def sources(self) -> list[tuple[str, str | None]]:
        """Return the flags that name inputs, and what they name: none of it may be overwritten."""
        model, data = self.job.model, self.job.data
        read = [("dataset", data.dataset), ("train_dataset", data.train_dataset)]
        read += [("tokenizer", self.job.tokenizer.tokenizer), ("transformer", model.transformer)]
        read += [("pretrained", model.pretrained)]
        if isinstance(model.embeddings, str):  # not vectors in memory
            read += [("embeddings", model.embeddings.removeprefix(TRANSFORMER_PREFIX))]
        return read

    def collect(self) -> None:
        """Gather what else is learned from besides the data. Does nothing here."""

    def vocabulary_rows(self) -> Dataset:
        """Return the rows whose texts a vocabulary is learned from."""
        return self.data.splits["train"]

    def training_rows(self) -> Dataset:
        """Return the rows to train on, once there is a tokenizer."""
        return self.data.splits["train"]

    def teachers(self) -> list[dict[str, Any]]:
        """Describe the models to learn from: none here."""
        return []

    def trainer_class(self) -> Callable[..., Any]:
        """Return the `Trainer` class to train with."""
        return LstmTrainer

    def write_more(self, folder: Path) -> None:
        """Write files of the run besides model and tokenizer. Does nothing here."""

    def complete(self, record: dict[str, Any], model: PreTrainedModel) -> None:
        """Add results of the trained model to the record. Does nothing here."""

    def _push(self, repo_id: str) -> None:
        args = self.args
        where = PushArguments(private=bool(args.hub_private_repo), revision=args.hub_revision)
        try:
            done = push(str(self.folder), repo_id, where, token=args.hub_token)
        except InputError as error:
            raise InputError(
                f"{error} The run is complete: modeling-lstm push {shlex.quote(str(self.folder))} {repo_id}"
            ) from error
        logger.info("Pushed: %s", done.url)
