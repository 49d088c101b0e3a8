"""
`Task`: what differs between tasks, and the registry of tasks.

Training, evaluation, inference, run folders and publishing know a task by this interface alone. A task that is not
part of the package registers itself with [`register_task`].
"""

from __future__ import annotations

import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from ..utils.errors import InputError, as_list
from ..utils.lazy import import_named

if TYPE_CHECKING:
    import numpy as np
    from datasets import Dataset, DatasetDict

TEXT_CLASSIFICATION, TEXT_GENERATION, TRANSLATION = "text-classification", "text-generation", "translation"
# Imported when they are asked for: a task may need much that a command without it does not
TASKS: dict[str, str | type[Task]] = {
    TEXT_CLASSIFICATION: "modeling_lstm.tasks.text_classification:TextClassification",
    TEXT_GENERATION: "modeling_lstm.tasks.language_modeling:LanguageModeling",
    TRANSLATION: "modeling_lstm.tasks.translation:Translation",
}


class TaskData(Protocol):
    """Checked splits, of which each has a column `text` that a vocabulary can be learned from."""

    splits: DatasetDict

    def describe(self) -> dict[str, Any]:
        """What `run.json` says of the data: columns, and the rows of each split."""


class Task(ABC):
    """
    One kind of task, with what its data say of it (its labels, say).

    Attributes:
        name: As the Hub calls it: `text-classification`.
        auto_class: The name of the class of transformers that opens a model for it.
        command: The command by which a model for it answers texts.
        job: The module and the class of its trainings; imported when it is needed, since it stands on the task.
        columns: The columns of a split that are learned from.
        smaller_is_better: Metrics of which less is better, beside the loss.
        decimals: Of a score in tables of a card.
        hub_metrics: The Hub's names of metrics, and their arguments, where those are not ours.
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
        Read and check the data of a training.

        Args:
            arguments: [`data.arguments.DataArguments`].

        Raises:
            InputError: they cannot be used.
        """

    @classmethod
    @abstractmethod
    def load_split(cls, record: Mapping[str, Any], arguments: Any) -> TaskData:
        """
        Read the split that a run is evaluated on.

        Args:
            record: What the `run.json` of the run holds.
            arguments: [`evaluation.arguments.EvaluationArguments`].
        """

    @classmethod
    @abstractmethod
    def from_data(cls, data: Any) -> Task:
        """The task that the data are for."""

    @classmethod
    @abstractmethod
    def from_record(cls, described: Mapping[str, Any]) -> Task:
        """The task that [`Task.describe`] told of."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """What `run.json` says of the task."""

    def identify(self) -> dict[str, str]:
        """What must be the same for a training to go on from a checkpoint, as lines of text."""
        return {"task": self.name}

    @abstractmethod
    def config_fields(self) -> dict[str, Any]:
        """What the configuration of a model for it says."""

    def loss_fields(self, data: Any, label_smoothing: float, balanced: bool) -> dict[str, Any]:
        """
        What the configuration of an LSTM says of the loss.

        Args:
            data: What [`Task.load`] gave.
            label_smoothing: Share of each label that is spread over all labels.
            balanced: Whether rare labels count more.
        """
        return {}

    def loss_function(self, data: Any, label_smoothing: float, balanced: bool) -> Callable[..., Any] | None:
        """A loss for `Trainer`, where a class of transformers lacks it; arguments as for [`Task.loss_fields`]."""
        return None

    def encode(self, rows: Dataset, name: str, tokenizer: Any, max_length: int) -> Any:
        """
        The rows of a split as the model takes them.

        Returns:
            [`data.tokenization.TokenizedSplit`], with the columns `input_ids` and `length` among its rows.
        """
        from ..data.tokenization import tokenize

        return tokenize(rows, name, tokenizer, max_length)

    def collator(self, tokenizer: Any) -> Any:
        """What makes batches of rows."""
        from transformers import DataCollatorWithPadding

        return DataCollatorWithPadding(tokenizer)

    def predict(self, model: Any, tokenizer: Any, rows: Dataset, batch_size: int) -> tuple[np.ndarray, np.ndarray]:
        """
        What a model gives for encoded rows, and what it should give, in the order of the rows.

        Args:
            model: The model.
            tokenizer: Its tokenizer.
            rows: What [`Task.encode`] gave.
            batch_size: Rows that are read at once.
        """
        import numpy as np
        from transformers import Trainer, TrainingArguments

        # rows of like length share a batch; the scores do not depend on the order of rows
        order = np.argsort(rows["length"][:], kind="stable")
        with tempfile.TemporaryDirectory() as folder:  # Trainer makes one, also to predict
            arguments = TrainingArguments(folder, per_device_eval_batch_size=batch_size, dataloader_pin_memory=False)
            trainer = Trainer(
                model=model, args=arguments, data_collator=self.collator(tokenizer), processing_class=tokenizer
            )
            outcome = trainer.predict(rows.select(order))
        back = np.argsort(order)
        return np.asarray(outcome.predictions)[back], np.asarray(outcome.label_ids)[back]

    @property
    @abstractmethod
    def default_metric(self) -> str:
        """The metric by which the best checkpoint is chosen, where nobody names one."""

    @abstractmethod
    def metric_names(self) -> list[str]:
        """The metrics by which a checkpoint can be chosen, beside the loss."""

    @abstractmethod
    def scores(self, predictions: np.ndarray, references: np.ndarray) -> dict[str, float]:
        """
        The metrics of a split, in training as in evaluation.

        Args:
            predictions: What the model gave for its rows.
            references: The column `label`.
        """

    @abstractmethod
    def evaluate(self, predictions: np.ndarray, references: np.ndarray, resamples: int, seed: int) -> dict[str, Any]:
        """[`Task.scores`] as `scores`, with 95 % `intervals`, and what else an evaluation is to tell."""

    def write_evaluation(
        self, result: Mapping[str, Any], predictions: np.ndarray, references: np.ndarray, folder: Path
    ) -> None:
        """Write what an evaluation leaves beside its scores, such as plots."""
        return None

    @classmethod
    @abstractmethod
    def predictor(cls, run: str, revision: str | None = None) -> Any:
        """What answers texts with the model of a run, here or (at a revision) on the Hub."""

    def card(self, record: Mapping[str, Any], examples: list[tuple[str, Any]]) -> dict[str, Any]:
        """
        What the model card says of the task.

        Args:
            record: What `run.json` holds.
            examples: Texts with the model's answers.

        Returns:
            `does` (what the model does, as a clause), `calls` (lines of Python with their answers), and, where there
            are such, `verb` (what the pipeline is called in these lines; else `classify`), `opening` (lines that open
            the model `REPOSITORY`, where no pipeline of transformers does), `scored` (sentences on how its scores were
            computed), `confusion` (`split` and `table`) and `limits` (sentences).
        """
        return {"does": f"is for the task {self.name}", "calls": ""}

    def is_better_when_smaller(self, metric: str) -> bool:
        """Whether less of a metric is better."""
        return metric == "loss" or metric in self.smaller_is_better


def register_task(task: type[Task]) -> type[Task]:
    """
    Make a task known by its `name`; of use as a decorator.

    Raises:
        ValueError: there is another task of that name.
    """
    known = TASKS.get(task.name, task)
    if known is not task:
        raise ValueError(f"There is a task {task.name!r} already: {known}.")
    TASKS[task.name] = task
    return task


def task_class(name: str) -> type[Task]:
    """
    The task of a name.

    Raises:
        InputError: there is none.
    """
    if name not in TASKS:
        raise InputError(f"Unknown task {name!r} for --task: choose one of {as_list(TASKS)}.")
    found = TASKS[name]
    if isinstance(found, str):
        found = TASKS[name] = import_named(found)
    return found


def task_of_auto_class(auto_class: str) -> type[Task]:
    """The task whose models a class of transformers opens."""
    kinds = [task_class(name) for name in TASKS]
    return next(kind for kind in kinds if kind.auto_class == auto_class)


def job_class(name: str) -> Any:
    """
    The class of the trainings of a task.

    Raises:
        InputError: there is no such task.
    """
    return import_named(task_class(name).job)


def task_name(record: Mapping[str, Any]) -> str:
    """The name of a run's task; records of version 0.1.0, of text classification all, do not tell it."""
    return record["task"].get("name", TEXT_CLASSIFICATION)


def task_of(record: Mapping[str, Any]) -> Task:
    """The task of a run, from the content of its `run.json`."""
    return task_class(task_name(record)).from_record(record["task"])
