"""
`Task`: the interface of a task, and the registry of tasks.

Training, evaluation, inference, run folders and publishing use a task only through this interface. A task that is not
part of the package registers itself with [`register_task`].
"""

from __future__ import annotations

import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, cast

from ..utils.errors import InputError, as_text

if TYPE_CHECKING:
    import numpy as np
    from datasets import Dataset, DatasetDict

TEXT_CLASSIFICATION, TEXT_GENERATION, TRANSLATION = "text-classification", "text-generation", "translation"
FILL_MASK = "fill-mask"
# Imported on demand, since a task may need modules that other commands do not
TASKS: dict[str, str | type[Task]] = {
    TEXT_CLASSIFICATION: "modeling_lstm.tasks.text_classification:TextClassification",
    TEXT_GENERATION: "modeling_lstm.tasks.language_modeling:LanguageModeling",
    TRANSLATION: "modeling_lstm.tasks.translation:Translation",
    FILL_MASK: "modeling_lstm.tasks.masked_language_modeling:MaskedLanguageModeling",
}


class TaskData(Protocol):
    """Checked splits, each with a column `text` to learn a vocabulary from."""

    splits: DatasetDict

    def describe(self) -> dict[str, Any]:
        """Describe the data for `run.json`: the columns, and the number of rows of each split."""


def first_output(outputs: Any, labels: Any) -> Any:
    """Return the logits, without the hidden states that encoder-decoders such as BART return beside them."""
    return outputs[0] if isinstance(outputs, tuple) else outputs


class Task(ABC):
    """
    A task, with the properties that depend on its data (the labels, for example).

    Attributes:
        name: The name of the task on the Hub, such as `text-classification`.
        auto_class: The name of the auto class of transformers that opens a model for the task.
        command: The command that applies a model to texts.
        job: The module and class of its training jobs; imported when needed, since that module imports the task.
        columns: The columns of a split to learn from.
        smaller_is_better: Metrics for which smaller is better, in addition to the loss.
        decimals: Number of decimals of a score in the tables of a model card.
        hub_metrics: The names and arguments of metrics on the Hub, where the names differ from ours.
    """

    name: ClassVar[str]
    auto_class: ClassVar[str]
    command: ClassVar[str] = "predict"
    job: ClassVar[str] = "modeling_lstm.training.job:TrainingJob"
    columns: ClassVar[tuple[str, ...]] = ("text", "label")
    smaller_is_better: ClassVar[frozenset[str]] = frozenset()
    decimals: ClassVar[int] = 4
    hub_metrics: ClassVar[Mapping[str, tuple[str, dict[str, Any]]]] = {}

    @classmethod
    @abstractmethod
    def load(cls, arguments: Any) -> TaskData:
        """
        Read and check the training data.

        Args:
            arguments: [`data.arguments.DataArguments`].

        Raises:
            InputError: The data or arguments cannot be used.
        """

    @classmethod
    @abstractmethod
    def load_split(cls, record: Mapping[str, Any], arguments: Any) -> TaskData:
        """
        Read the split that a run is evaluated on.

        Args:
            record: The content of the run's `run.json`.
            arguments: [`evaluation.arguments.EvaluationArguments`].
        """

    @classmethod
    @abstractmethod
    def from_data(cls, data: Any) -> Task:
        """Create the task for the given data."""

    @classmethod
    def from_record(cls, described: Mapping[str, Any]) -> Task:
        """Create the task from the result of [`Task.describe`]."""
        return cls(**{one.name: described[one.name] for one in fields(cast(Any, cls))})

    def describe(self) -> dict[str, Any]:
        """Describe the task for `run.json`: its name, and the fields of the dataclass that it is."""
        return {"name": self.name} | vars(self)

    def identify(self) -> dict[str, str]:
        """Return the properties that must not change when training resumes from a checkpoint."""
        return {"task": self.name}

    @abstractmethod
    def config_fields(self) -> dict[str, Any]:
        """Return the fields that the task sets in the configuration of a model."""

    def loss_fields(self, data: Any, label_smoothing: float, balanced: bool) -> dict[str, Any]:
        """
        Return the fields for the loss in the configuration of an LSTM.

        Args:
            data: The result of [`Task.load`].
            label_smoothing: Share of each label that is spread over all labels.
            balanced: Whether rare labels have more weight.
        """
        return {}

    def loss_function(self, data: Any, label_smoothing: float, balanced: bool) -> Callable[..., Any] | None:
        """Return a loss for `Trainer` if the models of transformers lack it. For the arguments see `loss_fields`."""
        return None

    def encode(self, rows: Dataset, name: str, tokenizer: Any, max_length: int) -> Any:
        """
        Encode the rows of a split as the model expects them.

        Returns:
            [`data.tokenization.TokenizedSplit`], whose rows have at least the columns `input_ids` and `length`.
        """
        from ..data.tokenization import tokenize

        return tokenize(rows, name, tokenizer, max_length)

    def collator(self, tokenizer: Any) -> Any:
        """Return the data collator, which makes batches of rows."""
        from transformers import DataCollatorWithPadding

        return DataCollatorWithPadding(tokenizer)

    def predict(self, model: Any, tokenizer: Any, rows: Dataset, batch_size: int) -> tuple[np.ndarray, np.ndarray]:
        """
        Return the predictions of a model for encoded rows, and the references, in the order of the rows.

        Args:
            model: The model.
            tokenizer: Its tokenizer.
            rows: The rows of the result of [`Task.encode`].
            batch_size: Number of rows in a batch.
        """
        import numpy as np
        from transformers import Trainer, TrainingArguments

        # rows of similar length share a batch; the scores do not depend on the order of rows
        order = np.argsort(rows["length"][:], kind="stable")
        with tempfile.TemporaryDirectory() as folder:  # Trainer needs a folder even to predict
            arguments = TrainingArguments(folder, per_device_eval_batch_size=batch_size, dataloader_pin_memory=False)
            if arguments.n_gpu > 1:
                arguments._n_gpu = 1  # Trainer would use `DataParallel` on all
            trainer = Trainer(
                model=model,
                args=arguments,
                data_collator=self.collator(tokenizer),
                processing_class=tokenizer,
                preprocess_logits_for_metrics=first_output,
            )
            outcome = trainer.predict(rows.select(order))
        back = np.argsort(order)
        return np.asarray(outcome.predictions)[back], np.asarray(outcome.label_ids)[back]

    @property
    @abstractmethod
    def default_metric(self) -> str:
        """The default metric for choosing the best checkpoint."""

    @abstractmethod
    def metric_names(self) -> list[str]:
        """Return the metrics by which a checkpoint can be chosen, in addition to the loss."""

    @abstractmethod
    def scores(self, predictions: np.ndarray, references: np.ndarray) -> dict[str, float]:
        """
        Compute the metrics of a split, for training and evaluation.

        Args:
            predictions: The model's predictions from [`Task.predict`].
            references: The references from [`Task.predict`].
        """

    @abstractmethod
    def evaluate(self, predictions: np.ndarray, references: np.ndarray, resamples: int, seed: int) -> dict[str, Any]:
        """Return [`Task.scores`] as `scores`, 95% `intervals`, and any other results to report."""

    def check_metric(self, metric: str, data: Any) -> None:
        """Raise [`InputError`] if a metric that is to be compared on validation has no meaning there."""
        return

    def check_scores(self, scores: Mapping[str, float], data: Any) -> None:
        """Warn if a trained model's scores on validation show that it has not learned the task."""
        return

    def write_evaluation(
        self, result: Mapping[str, Any], rows: Dataset, predictions: np.ndarray, references: np.ndarray, folder: Path
    ) -> None:
        """Write the files of an evaluation of `rows` other than its scores, such as plots."""
        return

    @classmethod
    @abstractmethod
    def predictor(cls, model: Any, tokenizer: Any) -> Any:
        """Return the predictor for texts: what answers them with a model that has been loaded."""

    def card(self, record: Mapping[str, Any], examples: list[tuple[str, Any]]) -> dict[str, Any]:
        """
        Return the task's parts of the model card.

        Args:
            record: The content of `run.json`.
            examples: Texts with the model's outputs.

        Returns:
            `does` (what the model does, as a clause), `calls` (lines of Python with their results), and optionally
            `verb` (the name of the pipeline in these lines; default: `classify`), `opening` (lines that open the model
            `REPOSITORY` if no pipeline of transformers can), `scored` (sentences on how its scores were computed),
            `confusion` (`split` and `table`) and `limits` (sentences).
        """
        return {"does": f"is for the task {self.name}", "calls": ""}

    def is_better_when_smaller(self, metric: str) -> bool:
        """Return whether smaller values of a metric are better."""
        return metric == "loss" or metric in self.smaller_is_better


def register_task(task: type[Task]) -> type[Task]:
    """
    Register a task under its `name`. Can be used as a decorator.

    Raises:
        ValueError: Another task has this name.
    """
    known = TASKS.get(task.name, task)
    if known is not task:
        raise ValueError(f"There is a task {task.name!r} already: {known}.")
    TASKS[task.name] = task
    return task


def task_class(name: str) -> type[Task]:
    """
    Return the task with a given name.

    Raises:
        InputError: There is no such task.
    """
    if name not in TASKS:
        raise InputError(f"Unknown task {name!r} for --task: choose one of {as_text(TASKS)}.")
    found = TASKS[name]
    if isinstance(found, str):
        found = TASKS[name] = resolve_name(found)
    return found


def task_of_auto_class(auto_class: str) -> type[Task]:
    """Return the task whose models are opened by an auto class of transformers."""
    kinds = [task_class(name) for name in TASKS]
    return next(kind for kind in kinds if kind.auto_class == auto_class)


def job_class(name: str) -> Any:
    """
    Return the training job class of a task.

    Raises:
        InputError: There is no such task.
    """
    return resolve_name(task_class(name).job)


def task_name(record: Mapping[str, Any]) -> str:
    """Return the task name of a run. Records of version 0.1.0 lack it and are all of text classification."""
    return record["task"].get("name", TEXT_CLASSIFICATION)


def task_of(record: Mapping[str, Any]) -> Task:
    """Create the task of a run from the content of its `run.json`."""
    return task_class(task_name(record)).from_record(record["task"])
