"""
Text classification: one label, several labels or a number for each text.

`predict` imports this module to open a model, so modules for reading data and scoring are imported only where needed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..data.arguments import DataArguments, ProblemType
from ..models.text_classifier import JOINT, TextClassifier
from ..runs.record import check_joined, columns_of_training, separator_of
from ..utils.errors import InputError, as_text, require
from ..utils.markdown import inline_code, make_table, quote
from ..utils.settings import pick_settings
from .base import TEXT_CLASSIFICATION, Task

if TYPE_CHECKING:
    import torch
    from datasets import Dataset

    from ..data.loading import TextData
    from ..evaluation.arguments import EvaluationArguments

logger = logging.getLogger(__name__)

MAX_LABELS_SHOWN = 20  # in the confusion matrix of a model card
# The Hub's names and arguments for our metrics, where the names differ
HUB_METRICS: dict[str, tuple[str, dict[str, Any]]] = {
    "macro_f1": ("f1", {"average": "macro"}),
    "micro_f1": ("f1", {"average": "micro"}),
    "weighted_f1": ("f1", {"average": "weighted"}),
    "macro_recall": ("recall", {"average": "macro"}),
    "macro_precision": ("precision", {"average": "macro"}),
    "mean_squared_error": ("mse", {}),
    "mean_absolute_error": ("mae", {}),
    "pearson": ("pearsonr", {}),
    "r2": ("r_squared", {}),
}


@dataclass(frozen=True)
class TextClassification(Task):
    """
    Classification of texts with one label, several labels, or a number.

    Args:
        problem_type: The `problem_type` of a configuration of transformers.
        label_names: The names of the labels, in the order of their ids.
    """

    problem_type: ProblemType
    label_names: list[str]

    name: ClassVar[str] = TEXT_CLASSIFICATION
    auto_class: ClassVar[str] = "AutoModelForSequenceClassification"
    hub_metrics: ClassVar[Mapping[str, tuple[str, dict[str, Any]]]] = HUB_METRICS

    @classmethod
    def load(cls, arguments: DataArguments) -> TextData:
        """Read the splits train, validation and, if it exists, test."""
        from ..data.loading import load_data

        return load_data(arguments)

    @classmethod
    def load_split(cls, record: Mapping[str, Any], arguments: EvaluationArguments) -> TextData:
        """Read one split of the training dataset, or of another dataset with the same labels."""
        from ..data.loading import load_data

        data = load_data(
            _data_arguments(record, arguments),
            only=arguments.split,
            label_names=record["task"]["label_names"],
            is_other=arguments.dataset is not None,
            separator=separator_of(record["data"]),
        )
        known = record["task"]["problem_type"]
        require(
            data.problem_type == known,
            f"The labels are those of {data.problem_type}, but the run was trained for {known}: name the column with "
            "its labels with --label_column, or write them as in training.",
        )
        return data

    @classmethod
    def from_data(cls, data: TextData) -> TextClassification:
        """Create the task for labeled texts."""
        return cls(data.problem_type, data.label_names)

    def identify(self) -> dict[str, str]:
        """Return the problem type and the labels."""
        return {"task": self.problem_type, "labels": as_text(self.label_names)}

    def config_fields(self) -> dict[str, Any]:
        """Return the labels, as mappings in both directions, and the problem type."""
        numbers = dict(enumerate(self.label_names))
        names = {name: number for number, name in numbers.items()}
        return {"id2label": numbers, "label2id": names, "problem_type": self.problem_type}

    def loss_fields(self, data: TextData, label_smoothing: float, balanced: bool) -> dict[str, Any]:
        """Return label smoothing and class weights, or for a regression the mean and standard deviation."""
        require(
            label_smoothing == 0 or self.problem_type == "single_label_classification",
            f"--label_smoothing_factor needs single labels; this task is {self.problem_type}: leave it out.",
        )
        if self.problem_type == "regression":
            self._weights(data, balanced)  # raises an error if balanced
            mean, deviation = _spread(data)
            return {"target_mean": mean, "target_scale": deviation or 1.0}
        return {"class_weights": self._weights(data, balanced), "label_smoothing": label_smoothing}

    def loss_function(
        self, data: TextData, label_smoothing: float, balanced: bool
    ) -> Callable[..., torch.Tensor] | None:
        """Return what transformers lacks: a loss with class weights, or one of numbers in the unit of their spread."""
        weights = self._weights(data, balanced)
        if self.problem_type == "regression":
            return ScaledLoss(_spread(data)[1] or 1.0)
        return None if weights is None else WeightedLoss(weights, label_smoothing)

    def _weights(self, data: TextData, balanced: bool) -> list[float] | None:
        """Return the weights n / (labels * n_label), like "balanced" in scikit-learn; 1 for a label without rows."""
        if not balanced:
            return None
        if self.problem_type != "single_label_classification":
            raise InputError(f"--class_weights balanced needs single labels; this task is {self.problem_type}.")
        counts = np.bincount(np.asarray(data.splits["train"]["label"][:]), minlength=len(self.label_names))
        return [float(counts.sum() / (len(counts) * count)) if count else 1.0 for count in counts]

    def check_metric(self, metric: str, data: TextData) -> None:
        """Raise for the F1 of a label that no validation row has: it would be 0 for every model."""
        label, labels = metric.removeprefix("f1_"), np.asarray(data.splits["validation"]["label"][:])
        if self.problem_type == "regression" or metric == label or label not in self.label_names:
            return
        number = self.label_names.index(label)
        has_label = labels[:, number] > 0 if labels.ndim == 2 else labels == number
        require(bool(has_label.any()), f"{metric} cannot be compared: no row of validation has this label.")

    def check_scores(self, scores: Mapping[str, float], data: TextData) -> None:
        """Warn if a model is no better on validation than its most frequent label, or the mean of the numbers."""
        if self.problem_type == "regression" and scores.get("r2", 1.0) <= 0.0:
            logger.warning(
                "On validation, the model is no better (r2 %.4f) than always predicting the mean. Usual causes: few "
                "training rows, a short training, or numbers that the texts do not reveal.",
                scores["r2"],
            )
        if self.problem_type != "single_label_classification" or "accuracy" not in scores:
            return
        counts = np.bincount(np.asarray(data.splits["validation"]["label"][:]), minlength=len(self.label_names))
        share = counts.max() / counts.sum()
        if scores["accuracy"] <= share < 1:
            logger.warning(
                "On validation, the model is no better (accuracy %.4f) than always answering %r (%.4f). Usual causes: "
                "few training rows, a short training, or labels that the texts do not reveal.",
                scores["accuracy"],
                self.label_names[counts.argmax()],
                share,
            )

    @property
    def default_metric(self) -> str:
        """Accuracy, or for a regression the mean squared error."""
        return "mean_squared_error" if self.problem_type == "regression" else "accuracy"

    def is_better_when_smaller(self, metric: str) -> bool:
        """Return whether smaller values of a metric are better."""
        from ..evaluation import metrics

        return metric == "loss" or not metrics.greater_is_better(metric)

    def metric_names(self) -> list[str]:
        """Return the metrics of [`evaluation.metrics.compute_scores`]."""
        from ..evaluation import metrics

        return metrics.metric_names(self.problem_type, self.label_names)

    def scores(self, predictions: np.ndarray, references: np.ndarray) -> dict[str, float]:
        """Compute the scores of logits with [`evaluation.metrics.TextClassificationMetric`]."""
        from ..evaluation import metrics

        return self._score(*metrics.decide(self.problem_type, predictions, references))

    def _score(self, decided: np.ndarray, references: np.ndarray, probabilities: np.ndarray | None) -> dict[str, float]:
        from ..evaluation import metrics

        return metrics.TextClassificationMetric(self.problem_type).compute(
            predictions=decided, references=references, label_names=self.label_names, probabilities=probabilities
        )

    def evaluate(self, predictions: np.ndarray, references: np.ndarray, resamples: int, seed: int) -> dict[str, Any]:
        """Compute scores and intervals of logits, and for single labels the `confusion` matrix (rows: true label)."""
        from ..evaluation import metrics
        from ..evaluation.intervals import find_intervals

        decided, references, probabilities = metrics.decide(self.problem_type, predictions, references)
        result: dict[str, Any] = {
            "scores": self._score(decided, references, probabilities),
            "intervals": find_intervals(
                self.problem_type,
                decided,
                references,
                self.label_names,
                probabilities,
                resamples=resamples,
                seed=seed,
            ),
        }
        if self.problem_type == "single_label_classification":
            confusion = metrics.confusion_matrix(decided, references, len(self.label_names))
            result["confusion"] = confusion.tolist()
            rows = confusion.sum(axis=1)
        elif self.problem_type == "multi_label_classification":
            rows = references.sum(axis=0)
        else:
            return result
        if lacking := [name for name, number in zip(self.label_names, rows, strict=True) if number == 0]:
            logger.warning("No row has the label %s: it counts as 0 in the macro scores.", as_text(lacking))
        return result

    def write_evaluation(
        self, result: Mapping[str, Any], rows: Dataset, predictions: np.ndarray, references: np.ndarray, folder: Path
    ) -> None:
        """Write `confusion_matrix.png` and `calibration.png`, for single labels."""
        from ..evaluation import metrics
        from ..evaluation.plots import plot_calibration, plot_confusion

        _, references, probabilities = metrics.decide(self.problem_type, predictions, references)
        if "confusion" in result and probabilities is not None:
            plot_confusion(np.array(result["confusion"]), self.label_names, folder / "confusion_matrix.png")
            plot_calibration(probabilities, references, folder / "calibration.png")

    @classmethod
    def predictor(cls, model: Any, tokenizer: Any) -> TextClassifier:
        """Return the classifier with a model."""
        from ..inference.torch_backend import torch_classifier
        from ..runs.run_folders import problem_type_of

        problem_type_of(model)  # raises if it cannot be known
        return torch_classifier(model, tokenizer)

    def card(self, record: Mapping[str, Any], examples: list[tuple[str, Any]]) -> dict[str, Any]:
        """Return what the model does, examples of calls, the confusion matrix, and its limits."""
        for text, _ in examples:
            check_joined(text, record["data"])
        labels = ", ".join(map(inline_code, self.label_names))
        columns = record["data"]["text_column"] if "separator" in record["data"] else []
        reads = f"reads the texts {', '.join(map(inline_code, columns))} together and gives them" if columns else ""
        gives = {
            "single_label_classification": f"one of the labels {labels}",
            "multi_label_classification": f"each of the labels {labels} whose score is above 0.5",
            "regression": "a number, the `score` of its answer",
        }[self.problem_type]
        is_single = self.problem_type == "single_label_classification"
        sure = "Its scores are confidences; the calibration error above tells how reliable they are."
        return {
            "does": f"{reads or 'gives a text'} {gives}",
            "calls": self._calls(examples, columns),
            "confusion": self._confusion(record.get("confusion", {})),
            "limits": [sure] if is_single else [],
        }

    def _confusion(self, found: Mapping[str, Any]) -> dict[str, str] | None:
        if not found or len(self.label_names) > MAX_LABELS_SHOWN:
            return None
        split = "test" if "test" in found else next(iter(found))
        rows = [[inline_code(name), *map(str, row)] for name, row in zip(self.label_names, found[split], strict=True)]
        return {"split": split, "table": make_table(["", *map(inline_code, self.label_names)], rows, words=1)}

    def _calls(self, examples: list[tuple[str, Any]], columns: list[str]) -> str:
        lines = []
        for text, answer in examples:
            lines += [self._call(text, columns), f"# {quote(self._as_pipeline(answer, is_text=not columns))}"]
        usual = JOINT.join(["A text.", *["Another text."] * (len(columns) - 1)])
        return "\n".join(lines) or self._call(usual, columns)

    def _call(self, text: str, columns: list[str]) -> str:
        """Return the Python line that calls a pipeline with a text, or with the texts of several columns."""
        asked = quote(text)
        if columns:
            asked = quote(dict(zip(("text", "text_pair"), text.split(JOINT, maxsplit=1), strict=True)))
        if self.problem_type != "multi_label_classification":
            return f"classify({asked})"
        return f'[one for one in classify({asked}, top_k=None) if one["score"] > 0.5]'

    def _as_pipeline(self, answer: Mapping[str, Any], *, is_text: bool) -> Any:
        """Convert an answer to the result of that line: a list, or a dict for a single label of several columns."""
        if self.problem_type == "multi_label_classification":
            pairs = zip(answer["label"], answer["score"], strict=True)
            return [{"label": label, "score": round(score, 4)} for label, score in pairs]
        one = {"label": answer["label"], "score": round(answer["score"], 4)}
        return [one] if is_text else one


@dataclass
class WeightedLoss:
    """A loss with class weights for Transformers, whose own loss does not support them. That of the LSTM does."""

    weights: list[float]
    smoothing: float

    def __call__(self, outputs: Any, labels: torch.Tensor, num_items_in_batch: Any = None) -> torch.Tensor:
        import torch

        logits = outputs["logits"]
        weight = torch.tensor(self.weights, dtype=logits.dtype, device=logits.device)
        return torch.nn.functional.cross_entropy(logits, labels, weight, label_smoothing=self.smoothing)


@dataclass(frozen=True)
class ScaledLoss:
    """The mean squared error of Transformers in the unit of the targets' standard deviation, as that of the LSTM."""

    deviation: float

    def __call__(self, outputs: Any, labels: torch.Tensor, num_items_in_batch: Any = None) -> torch.Tensor:
        import torch

        numbers = outputs["logits"].float().flatten() / self.deviation
        return torch.nn.functional.mse_loss(numbers, labels.float().flatten() / self.deviation)


def _data_arguments(record: Mapping[str, Any], arguments: EvaluationArguments) -> DataArguments:
    """Return the data settings of a run, or if another dataset is given, the settings for that dataset."""
    other = {} if arguments.dataset is None else arguments.of_other_data()
    chosen = pick_settings(DataArguments, record["data"] | other)
    if record["task"]["problem_type"] == "regression":
        chosen["problem_type"] = "regression"
    found = DataArguments(**chosen)
    return found if arguments.dataset is None else _choose_columns(found, arguments)


def _choose_columns(data: DataArguments, arguments: EvaluationArguments) -> DataArguments:
    """
    Choose the columns of another dataset: those given by the user, otherwise those of the training data. If the dataset
    lacks these, leave the columns unset, so that they are detected.
    """
    from ..data.loading import choose_splits

    split = choose_splits(data, arguments.split, is_other=True)[0][arguments.split]
    text_column, label_column = arguments.text_column, arguments.label_column
    if not text_column:
        text_column = columns_of_training(data.text_column, split.find, f"the {split.origin}") or None
    if not label_column and all(map(split.find, data.label_column or [])):
        label_column = data.label_column
    return replace(data, text_column=text_column, label_column=label_column)


def _spread(data: TextData) -> tuple[float, float]:
    """Return the mean and standard deviation of the training targets."""
    targets = np.asarray(data.splits["train"]["label"][:], dtype=np.float64)
    return float(targets.mean()), float(targets.std())
