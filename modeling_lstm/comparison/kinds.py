"""The differences between single-label, multi-label and regression tasks in a comparison."""

from abc import ABC, abstractmethod
from itertools import chain
from typing import Any

import numpy as np

from ..evaluation.metrics import MULTI_LABEL, REGRESSION, SINGLE_LABEL


class Kind(ABC):
    """
    A kind of task, identified by its problem type.

    Attributes:
        problem_type: The problem type.
        shown: The metrics to show besides the main one.
        exact: The metrics in `shown` whose intervals and tests are exact.
        change: The name of the measure of how predictions change when the words of a text are shuffled.
        change_title: The column title of this measure.
        change_note: A description of this measure for use in a sentence.
        interval_note: How intervals are computed.
        slice_note: A remark on the scores of slices; may be empty.
    """

    problem_type: str
    shown: tuple[str, ...]
    exact: tuple[str, ...] = ("accuracy",)
    change = "changed"
    change_title = "predictions changed"
    change_note = "the share of predictions that it changes"
    interval_note: str
    slice_note = ""

    def part_metric(self, metric: str) -> str:
        """Return the metric to use for slices of the rows."""
        return metric

    @abstractmethod
    def references(self, column: Any) -> np.ndarray:
        """Return the labels of rows as an array, as [`metrics.compute_scores`] takes them."""

    @abstractmethod
    def held(self, references: np.ndarray) -> list[list[int]]:
        """Return the numbers of the labels of each row."""

    def present(self, references: np.ndarray) -> set[int]:
        """Return the numbers of the labels that at least one row has."""
        return set(chain.from_iterable(self.held(references)))

    @abstractmethod
    def problem(self, found: np.ndarray, shape: tuple[int, int]) -> str | None:
        """Return what a system must predict, given the number of texts and labels; `None` if `found` is valid."""

    def changes(self, predictions: np.ndarray, others: np.ndarray) -> float:
        """Return how much two sets of predictions for the same rows differ: the share of rows that differ."""
        return float((predictions != others).reshape(len(predictions), -1).any(axis=1).mean())


class SingleLabel(Kind):
    """Each text has one label."""

    problem_type = SINGLE_LABEL
    shown = ("accuracy", "macro_f1", "calibration_error", "log_loss")
    interval_note = (
        "exact for accuracy and for F1 of a label, by bootstrap for others, within the labels for macro F1 and macro "
        "recall; none where it cannot be determined"
    )

    def part_metric(self, metric: str) -> str:
        """Accuracy: a mean over labels says little about rows that only have some of the labels."""
        return "accuracy"

    def references(self, column: Any) -> np.ndarray:
        """Label numbers, of shape `(rows,)`."""
        return np.asarray(column)

    def held(self, references: np.ndarray) -> list[list[int]]:
        """One label a row."""
        return references[:, None].tolist()

    def problem(self, found: np.ndarray, shape: tuple[int, int]) -> str | None:
        """Expect probabilities that sum to 1 for each row."""
        is_good = found.shape == shape and np.allclose(found.sum(axis=1), 1.0, atol=1e-3) and bool((found >= 0).all())
        return None if is_good else f"probabilities from 0 to 1 of shape {shape} whose rows sum to 1"


class MultiLabel(Kind):
    """Each text has any number of labels."""

    problem_type = MULTI_LABEL
    shown = ("accuracy", "micro_f1", "macro_f1")
    interval_note = (
        "exact for accuracy and for F1 of a label, by bootstrap for others; none where it cannot be determined"
    )
    slice_note = " A mean over labels leaves out labels that no row of the part has."

    def references(self, column: Any) -> np.ndarray:
        """0 or 1 for each label, of shape `(rows, labels)`."""
        return np.asarray(column).astype(int)

    def held(self, references: np.ndarray) -> list[list[int]]:
        """The labels that are 1."""
        return [np.flatnonzero(row).tolist() for row in references]

    def problem(self, found: np.ndarray, shape: tuple[int, int]) -> str | None:
        """Expect an independent probability for each label."""
        is_good = found.shape == shape and bool(((found >= 0.0) & (found <= 1.0)).all())
        return None if is_good else f"a probability from 0 to 1 for each label, of shape {shape}"


class Regression(Kind):
    """Each text has a number."""

    problem_type = REGRESSION
    shown = ("mean_squared_error", "mean_absolute_error", "r2", "pearson")
    exact = ()
    change = "mean_change"
    change_title = "mean change of predictions"
    change_note = "how far it moves the predictions on average"
    interval_note = "by bootstrap; none where it cannot be determined"

    def references(self, column: Any) -> np.ndarray:
        """The numbers, of shape `(rows,)`."""
        return np.asarray(column, dtype=float)

    def held(self, references: np.ndarray) -> list[list[int]]:
        """An empty list for each row."""
        return [[] for _ in references]

    def problem(self, found: np.ndarray, shape: tuple[int, int]) -> str | None:
        """Expect finite numbers."""
        is_good = found.shape == shape and bool(np.isfinite(found).all())
        return None if is_good else f"finite numbers of shape {shape}"

    def changes(self, predictions: np.ndarray, others: np.ndarray) -> float:
        """The mean absolute difference."""
        return float(np.abs(predictions - others).mean())


KINDS: dict[str, Kind] = {kind.problem_type: kind for kind in (SingleLabel(), MultiLabel(), Regression())}
