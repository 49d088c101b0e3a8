"""The gap between a student and its teacher on a split, with its confidence interval."""

import logging
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from ..data.loading import TextData
from ..data.tokenization import iterate_texts
from ..evaluation.intervals import bootstrap, difference_interval, drawn_difference_interval
from ..evaluation.metrics import compute_scores, decide
from ..runs.record import RunRecord
from ..utils.errors import InputError, require
from .arguments import DistillationArguments
from .teacher import CHUNK, Teacher, average_logits

logger = logging.getLogger(__name__)

RESAMPLES = 1_000
# The metric to compare by if the best checkpoint was the one with the smallest loss
_INSTEAD_OF_LOSS = {"regression": "mean_squared_error", "multi_label_classification": "accuracy"}


def measure_gap(
    data: TextData, split: str, student: np.ndarray, teacher: np.ndarray, metric: str, resamples: int = RESAMPLES
) -> dict[str, Any]:
    """
    Compare student and teacher on the same rows.

    Args:
        data: The task.
        split: The split. Logits are in the order of its rows.
        student: The student's logits, of shape `(rows, labels)`.
        teacher: The teacher's logits, of the same shape.
        metric: The score to compare.
        resamples: Number of resamples of the rows, for the interval.

    Returns:
        `metric`, `student`, `teacher`, `difference` (student minus teacher) and its 95% `interval`: for accuracy by
        [`intervals.difference_interval`], for other metrics by paired bootstrap over rows; `None` if that gives none.
    """
    kind, names = data.problem_type, data.label_names
    metric = _INSTEAD_OF_LOSS.get(kind, "log_loss") if metric == "loss" else metric
    labels = np.asarray(data.splits[split]["label"][:])
    found: dict[str, Any] = {"metric": metric}
    decided = [decide(kind, logits, labels) for logits in (student, teacher)]
    for who, (predictions, references, probabilities) in zip(("student", "teacher"), decided, strict=True):
        found[who] = compute_scores(kind, predictions, references, names, probabilities)[metric]
    found["difference"] = found["student"] - found["teacher"]
    if metric == "accuracy":
        right = [(one == known).reshape(len(known), -1).all(axis=1).astype(float) for one, known, _ in decided]
        return found | {"interval": difference_interval(right[0] - right[1])}
    # the same seed draws the same rows for both
    drawn = [bootstrap(kind, one, known, names, more, resamples=resamples, seed=0) for one, known, more in decided]
    return found | {"interval": drawn_difference_interval(*(one.get(metric, np.empty(0)) for one in drawn))}


def measure_again(
    record: RunRecord, data: TextData, split: str, predictions: np.ndarray, resamples: int
) -> dict[str, Any] | None:
    """
    Measure the gap of a trained run on a split; `None` if its teachers can no longer be used.

    Args:
        record: The content of the student's `run.json`.
        data: The task.
        split: The split.
        predictions: The student's logits, of shape `(rows, labels)`.
        resamples: As for [`measure_gap`].
    """
    try:
        theirs = ask_teachers(record["distillation"], data, split)
    except InputError as error:
        logger.warning("The gap to the teacher was not measured: %s", error)
        return None
    return measure_gap(data, split, predictions, theirs, record["best"]["metric"], resamples)


def ask_teachers(distillation: dict[str, Any], data: TextData, split: str) -> np.ndarray:
    """
    Return the mean logits of a run's teachers for a split, of shape `(rows, labels)`.

    Args:
        distillation: The `distillation` entry of the run's `run.json`.
        data: The task.
        split: The split.

    Raises:
        InputError: a teacher is missing or has changed.
    """
    known = {one.name for one in fields(DistillationArguments)}
    arguments = DistillationArguments(**{n: value for n, value in distillation["settings"].items() if n in known})
    rows, teachers = data.splits[split], []
    for recorded in distillation["teachers"]:
        name = recorded["name"]
        require(recorded["is_from_hub"] or Path(name).is_dir(), f"The teacher {name!r} no longer exists.")
        arguments.teacher_bf16 = recorded["bf16"]
        teacher = Teacher(name, data, arguments)
        require(teacher.digest == recorded["digest"], f"The teacher {name!r} has changed since the training.")
        teacher.label(iterate_texts(rows, CHUNK), rows.num_rows, count=False)
        teacher.release()
        teachers.append(teacher)
    return average_logits(teachers, rows["text"][:])
