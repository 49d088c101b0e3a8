"""`TextClassificationMetric`: the scores of a classifier as a local `evaluate.Metric`, without access to the Hub."""

from typing import Any

import datasets
import evaluate
import numpy as np
from scipy.sparse import csr_array
from sklearn import metrics

from ..models.text_classifier import to_probabilities

CONFIG_NAMES = ("single_label_classification", "multi_label_classification", "regression")
SINGLE_LABEL, MULTI_LABEL, REGRESSION = CONFIG_NAMES
CALIBRATION_BINS = 15
SMALLER_IS_BETTER = frozenset({"mean_squared_error", "mean_absolute_error", "log_loss", "calibration_error"})
IN_TARGET_UNITS = frozenset({"mean_squared_error", "mean_absolute_error", "mean_change"})
NOT_PROPORTIONS = IN_TARGET_UNITS | SMALLER_IS_BETTER | {"r2", "pearson"}  # all others are shown in percent


class TextClassificationMetric(evaluate.Metric):
    """
    Scores of predictions against references.

    Args:
        config_name: The problem type. For `single_label_classification`, predictions and references are label numbers;
            for `multi_label_classification`, rows of zeros and ones; for `regression`, numbers.

    `compute(predictions=..., references=..., label_names=..., probabilities=...)` returns, for single labels,
    `accuracy`, `macro_f1`, `macro_recall`, `macro_precision`, `weighted_f1` and `f1_NAME` for each label; with
    `probabilities` (rows x labels), also `log_loss` and `calibration_error` (expected calibration error, 15 equal bins;
    Guo et al., 2017). For multi-label tasks, it returns `micro_f1`, `macro_f1`, `accuracy` (of whole rows) and
    `f1_NAME`; for regression, `mean_squared_error`, `mean_absolute_error`, `r2` and `pearson`.
    """

    def __init__(self, config_name: str = CONFIG_NAMES[0], **kwargs: Any):
        super().__init__(config_name=config_name, keep_in_memory=True, **kwargs)

    def _info(self) -> evaluate.MetricInfo:
        if self.config_name not in CONFIG_NAMES:
            raise ValueError(f"config_name must be one of {', '.join(CONFIG_NAMES)}, found {self.config_name!r}.")
        value: Any = datasets.Value("float64" if self.config_name == REGRESSION else "int64")
        if self.config_name == MULTI_LABEL:
            value = datasets.List(value)
        return evaluate.MetricInfo(
            description="Accuracy, F1, recall and calibration of a text classifier.",
            citation="",
            features=datasets.Features({"predictions": value, "references": value}),
        )

    def _compute(
        self,
        *,
        predictions: Any,
        references: Any,
        label_names: list[str] | None = None,
        probabilities: np.ndarray | None = None,
    ) -> dict[str, float]:
        return compute_scores(
            self.config_name, np.asarray(predictions), np.asarray(references), label_names, probabilities
        )


def compute_scores(
    problem_type: str,
    predictions: np.ndarray,
    references: np.ndarray,
    label_names: list[str] | None = None,
    probabilities: np.ndarray | None = None,
) -> dict[str, float]:
    """
    Compute the scores of [`TextClassificationMetric`] from arrays.

    Raises:
        ValueError: there are no rows.
    """
    if len(references) == 0:
        raise ValueError("There are no rows to score.")
    if problem_type == REGRESSION:
        return {
            "mean_squared_error": float(metrics.mean_squared_error(references, predictions)),
            "mean_absolute_error": float(metrics.mean_absolute_error(references, predictions)),
            "r2": float(metrics.r2_score(references, predictions)) if len(references) > 1 else 0.0,
            "pearson": _pearson(predictions, references),
        }
    if label_names is None:
        if problem_type == MULTI_LABEL:
            labels = references.shape[1]
        elif probabilities is not None:
            labels = probabilities.shape[1]
        else:
            labels = int(max(predictions.max(), references.max())) + 1
        label_names = [str(number) for number in range(labels)]
    if problem_type == MULTI_LABEL:
        # Computed from counts, because scikit-learn would treat a single column as a binary task with two classes
        right, found, true = (counted.sum(axis=0) for counted in (predictions * references, predictions, references))
        whole = (predictions == references).all(axis=1).mean()
        several = multi_label_scores(right, found, true, whole, label_names)
        return {name: float(value) for name, value in several.items()}
    confusion = confusion_matrix(predictions, references, len(label_names))
    result = {name: float(value) for name, value in confusion_scores(confusion, label_names).items()}
    if probabilities is not None:
        result["log_loss"] = float(metrics.log_loss(references, probabilities, labels=range(len(label_names))))
        result["calibration_error"] = calibration_error(probabilities, references)
    return result


def decide(
    problem_type: str, logits: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Turn logits into predictions, references and, for single labels, probabilities, as [`compute_scores`] needs."""
    predictions = choose_labels(problem_type, logits, threshold=0.0)
    if problem_type == REGRESSION:
        return predictions, labels, None
    if problem_type == MULTI_LABEL:
        return predictions, labels.astype(int), None
    return predictions, labels, to_probabilities(logits.astype(np.float64), problem_type)


def choose_labels(problem_type: str, found: np.ndarray, threshold: float = 0.5) -> np.ndarray:
    """
    Turn a model's output into predictions for [`compute_scores`].

    Args:
        problem_type: The problem type.
        found: Probabilities, logits or numbers of shape `(rows, labels)`.
        threshold: In multi-label tasks, the value above which a label is predicted: 0.5 for probabilities, 0 for
            logits.
    """
    if problem_type == REGRESSION:
        return found.reshape(-1)
    return (found > threshold).astype(int) if problem_type == MULTI_LABEL else found.argmax(axis=-1)


def confusion_matrix(predictions: np.ndarray, references: np.ndarray, labels: int) -> np.ndarray:
    """Compute the confusion matrix (rows: true labels; columns: predicted labels)."""
    cells = np.bincount(references * labels + predictions, minlength=labels * labels)
    return cells.reshape(labels, labels)


def confusion_scores(confusion: np.ndarray, label_names: list[str]) -> dict[str, np.ndarray]:
    """
    Compute the scores that need no probabilities, for one or many confusion matrices. A label that no row has or is
    predicted to have counts as 0, as with scikit-learn's `zero_division=0`.

    Args:
        confusion: Confusion matrices of shape `(..., labels, labels)`; rows are true labels.
        label_names: Names of the labels, for `f1_NAME`.

    Returns:
        Arrays of shape `(...)`.
    """
    right = np.diagonal(confusion, axis1=-2, axis2=-1)
    true, found = confusion.sum(axis=-1), confusion.sum(axis=-2)
    recall, precision = (right / np.maximum(count, 1e-12) for count in (true, found))
    f1 = 2 * right / np.maximum(true + found, 1e-12)
    rows = np.maximum(true.sum(axis=-1), 1e-12)
    result = {
        "accuracy": right.sum(axis=-1) / rows,
        "macro_f1": f1.mean(axis=-1),
        "macro_recall": recall.mean(axis=-1),
        "macro_precision": precision.mean(axis=-1),
        "weighted_f1": (f1 * true).sum(axis=-1) / rows,
    }
    return result | {f"f1_{name}": f1[..., number] for number, name in enumerate(label_names)}


def multi_label_scores(
    right: np.ndarray, found: np.ndarray, true: np.ndarray, whole: np.ndarray, label_names: list[str]
) -> dict[str, np.ndarray]:
    """
    Compute the multi-label scores of one or many sets of rows.

    Args:
        right: True positives of each label, of shape `(..., labels)`.
        found: Number of rows predicted to have each label.
        true: Number of rows that have each label.
        whole: Share of rows whose labels are all right, of shape `(...)`.
        label_names: Names of the labels, for `f1_NAME`.

    Returns:
        Arrays of shape `(...)`.
    """
    f1 = 2 * right / np.maximum(found + true, 1)
    micro_f1 = 2 * right.sum(axis=-1) / np.maximum(1, found.sum(axis=-1) + true.sum(axis=-1))
    result = {"accuracy": whole, "macro_f1": f1.mean(axis=-1), "micro_f1": micro_f1}
    return result | {f"f1_{name}": f1[..., number] for number, name in enumerate(label_names)}


def make_summands(
    problem_type: str, predictions: np.ndarray, references: np.ndarray, labels: int, origin: float = 0.0
) -> np.ndarray | csr_array:
    """
    Compute what each row adds to the sums that [`score_sums`] takes, of shape `(rows, sums)`. Scoring many sets of rows
    then takes a single matrix product.

    Args:
        problem_type: The problem type.
        predictions: As for [`compute_scores`].
        references: As for [`compute_scores`].
        labels: Number of labels.
        origin: For a regression, a number near the references, which is subtracted from all numbers: the sums of
            squares of numbers far from zero would be inexact.
    """
    rows = len(references)
    if problem_type == SINGLE_LABEL:
        cells = references * labels + predictions
        return csr_array((np.ones(rows, dtype=int), (np.arange(rows), cells)), shape=(rows, labels**2))
    if problem_type == MULTI_LABEL:
        whole = (predictions == references).all(axis=1)[:, None]
        counted = [predictions * references, predictions, references, whole, np.ones_like(whole)]
        return np.concatenate(counted, axis=1, dtype=float)
    found, true = (numbers.astype(float) - origin for numbers in (predictions, references))
    errors = found - true
    counted = [errors**2, np.abs(errors), found, found**2, true, true**2, found * true, np.ones(rows)]
    return np.stack(counted, axis=1)


def score_sums(
    problem_type: str, sums: np.ndarray, label_names: list[str], undefined: float = 0.0
) -> dict[str, np.ndarray]:
    """
    Compute the scores that need no probabilities, `(...)`, from sums of [`make_summands`], `(..., sums)`. The value
    `undefined` stands for `r2` and `pearson` of constant numbers.
    """
    labels = len(label_names)
    if problem_type == SINGLE_LABEL:
        return confusion_scores(sums.reshape(*sums.shape[:-1], labels, labels), label_names)
    if problem_type == MULTI_LABEL:
        right, found, true = (sums[..., part * labels : (part + 1) * labels] for part in range(3))
        return multi_label_scores(right, found, true, sums[..., -2] / sums[..., -1], label_names)
    squares, distances, found, found_squares, true, true_squares, products = np.moveaxis(
        sums[..., :-1] / sums[..., -1:], -1, 0
    )
    found_variance, true_variance = found_squares - found**2, true_squares - true**2
    is_known, varies = true_variance > 1e-12 * true_squares, found_variance > 1e-12 * found_squares
    with np.errstate(divide="ignore", invalid="ignore"):
        r2 = 1 - squares / true_variance
        pearson = (products - found * true) / np.sqrt(found_variance * true_variance)
    return {
        "mean_squared_error": squares,
        "mean_absolute_error": distances,
        "r2": np.where(is_known, r2, undefined),
        "pearson": np.where(is_known & varies, pearson, undefined),
    }


def metric_names(problem_type: str, label_names: list[str], *, of_answers: bool = False) -> list[str]:
    """List the metrics that a checkpoint can be chosen by; with `of_answers`, only those that need no probabilities."""
    shape = (2, len(label_names)) if problem_type == MULTI_LABEL else (2,)
    example = np.zeros(shape, dtype=int)
    probabilities = None if of_answers else np.full((2, len(label_names)), 1 / len(label_names))
    return list(compute_scores(problem_type, example, example, label_names, probabilities))


def greater_is_better(metric: str) -> bool:
    """Whether a greater score is better, as opposed to an error."""
    return metric not in SMALLER_IS_BETTER


def is_proportion(metric: str) -> bool:
    """Whether a score is a share from 0 to 1, which tables and plots show in percent."""
    return metric not in NOT_PROPORTIONS


def format_score(metric: str, value: float, sign: str = "") -> str:
    """Format a score for tables; `sign` is `"+"` for differences."""
    if is_proportion(metric):
        return f"{100 * value:{sign}.1f}"
    return f"{value:{sign}.4g}" if metric in IN_TARGET_UNITS else f"{value:{sign}.3f}"


def calibration_bins(probabilities: np.ndarray, references: np.ndarray) -> list[tuple[float, float, int]]:
    """Return mean confidence, accuracy and number of rows of each non-empty bin (15 equal bins of the confidence)."""
    confidence, bins = calibration_groups(probabilities)
    right = probabilities.argmax(axis=1) == references
    members = [bins == number for number in range(CALIBRATION_BINS)]
    return [
        (float(confidence[rows].mean()), float(right[rows].mean()), int(rows.sum())) for rows in members if rows.any()
    ]


def calibration_groups(probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the confidence (largest probability) of each row and the number of its bin."""
    confidence = probabilities.max(axis=1)
    return confidence, np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)


def calibration_error(probabilities: np.ndarray, references: np.ndarray) -> float:
    """Return the expected calibration error: the mean distance of confidence and accuracy, weighted by rows per bin."""
    return float(
        sum(abs(sure - right) * rows for sure, right, rows in calibration_bins(probabilities, references))
        / len(references)
    )


def _pearson(predictions: np.ndarray, references: np.ndarray) -> float:
    if np.ptp(predictions) == 0 or np.ptp(references) == 0:  # rounding may make a standard deviation greater than 0
        return 0.0
    return float(np.corrcoef(predictions, references, dtype=float)[0, 1])
