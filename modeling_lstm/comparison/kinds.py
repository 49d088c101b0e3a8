"""What differs between tasks with one label a text, with several labels, and with a number; it is all here."""

from abc import ABC, abstractmethod
from itertools import chain
from typing import Any

import numpy as np

from ..evaluation.metrics import MULTI_LABEL, REGRESSION, SINGLE_LABEL


class Kind(ABC):
    """
    A kind of task, by its problem type.

    Attributes:
        problem_type: The problem type.
        shown: The scores that are shown beside the one that counts.
        exact: Those of them whose intervals and tests are exact.
        change: What is measured of the answers when the words of a text change their order.
        change_title: The same for tables.
        change_note: The same in a sentence.
        interval_note: How intervals are made.
    """

    problem_type: str
    shown: tuple[str, ...]
    exact: tuple[str, ...] = ("accuracy",)
    change = "changed"
    change_title = "answers changed"
    change_note = "the share of answers that it changes"
    interval_note: str
    slice_note = ""

    def part_metric(self, metric: str) -> str:
        """The score of parts of the rows."""
        return metric

    @abstractmethod
    def references(self, column: Any) -> np.ndarray:
        """The labels of rows as an array, as [`metrics.compute_scores`] takes them."""

    @abstractmethod
    def held(self, references: np.ndarray) -> list[list[int]]:
        """For each row the numbers of the labels that it has."""

    def present(self, references: np.ndarray) -> set[int]:
        """The numbers of the labels that at least one row has."""
        return set(chain.from_iterable(self.held(references)))

    @abstractmethod
    def problem(self, found: np.ndarray, shape: tuple[int, int]) -> str | None:
        """What a system must give for texts and labels of that number, if this is not what it gave."""

    def changes(self, answers: np.ndarray, others: np.ndarray) -> float:
        """How far answers differ from others to the same rows."""
        return float((answers != others).reshape(len(answers), -1).any(axis=1).mean())


class SingleLabel(Kind):
    """Each text has one label."""

    problem_type = SINGLE_LABEL
    shown = ("accuracy", "macro_f1", "calibration_error", "log_loss")
    interval_note = (
        "exact for accuracy and for F1 of a label, by bootstrap for others, within the labels for macro F1 and macro "
        "recall; none where these rows cannot tell"
    )

    def part_metric(self, metric: str) -> str:
        """Accuracy: a mean over labels says little of rows that hold some of them only."""
        return "accuracy"

    def references(self, column: Any) -> np.ndarray:
        """Label numbers, of shape `(rows,)`."""
        return np.asarray(column)

    def held(self, references: np.ndarray) -> list[list[int]]:
        """One label a row."""
        return references[:, None].tolist()

    def problem(self, found: np.ndarray, shape: tuple[int, int]) -> str | None:
        """Probabilities of which exactly one label is true."""
        is_good = found.shape == shape and np.allclose(found.sum(axis=1), 1.0, atol=1e-3) and bool((found >= 0).all())
        return None if is_good else f"probabilities from 0 to 1 of shape {shape} whose rows sum to 1"


class MultiLabel(Kind):
    """Each text has any number of labels."""

    problem_type = MULTI_LABEL
    shown = ("accuracy", "micro_f1", "macro_f1")
    interval_note = (
        "exact for accuracy and for F1 of a label, by bootstrap for others; none where these rows cannot tell"
    )
    slice_note = " A mean over labels leaves out labels that no row of the part has."

    def references(self, column: Any) -> np.ndarray:
        """0 or 1 for each label, of shape `(rows, labels)`."""
        return np.asarray(column).astype(int)

    def held(self, references: np.ndarray) -> list[list[int]]:
        """The labels that are 1."""
        return [np.flatnonzero(row).tolist() for row in references]

    def problem(self, found: np.ndarray, shape: tuple[int, int]) -> str | None:
        """Probabilities, one for each label on its own."""
        is_good = found.shape == shape and bool(((found >= 0.0) & (found <= 1.0)).all())
        return None if is_good else f"a probability from 0 to 1 for each label, of shape {shape}"


class Regression(Kind):
    """Each text has a number."""

    problem_type = REGRESSION
    shown = ("mean_squared_error", "mean_absolute_error", "r2", "pearson")
    exact = ()
    change = "mean_change"
    change_title = "mean change of answers"
    change_note = "how far it moves the answers on average"
    interval_note = "by bootstrap; none where these rows cannot tell"

    def references(self, column: Any) -> np.ndarray:
        """The numbers, of shape `(rows,)`."""
        return np.asarray(column, dtype=float)

    def held(self, references: np.ndarray) -> list[list[int]]:
        """No row has a label."""
        return [[] for _ in references]

    def problem(self, found: np.ndarray, shape: tuple[int, int]) -> str | None:
        """Numbers, not infinite ones."""
        is_good = found.shape == shape and bool(np.isfinite(found).all())
        return None if is_good else f"finite numbers of shape {shape}"

    def changes(self, answers: np.ndarray, others: np.ndarray) -> float:
        """The mean distance."""
        return float(np.abs(answers - others).mean())


KINDS: dict[str, Kind] = {kind.problem_type: kind for kind in (SingleLabel(), MultiLabel(), Regression())}
