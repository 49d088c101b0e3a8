"""The gap: how far a student is from its teacher on a split, with its interval."""

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
# By what to compare where the best checkpoint was the one with the smallest loss
_INSTEAD_OF_LOSS = {"regression": "mean_squared_error", "multi_label_classification": "accuracy"}


def measure_gap(
    data: TextData, split: str, student: np.ndarray, teacher: np.ndarray, metric: str, resamples: int = RESAMPLES
) -> dict[str, Any]:
    """
    Student and teacher on the same rows.

    Args:
        data: The task.
        split: The split; its rows in their order.
        student: The student's logits, of shape `(rows, labels)`.
        teacher: The teacher's.
        metric: The score that counts.
        resamples: Of the rows, for the interval.

    Returns:
        `metric`, `student`, `teacher`, `difference` (student less teacher) and its 95 % `interval`: of accuracy by
        [`intervals.difference_interval`], of others by paired bootstrap over rows; `None` where that shows none.
    """
    kind, names = data.problem_type, data.label_names
    metric = _INSTEAD_OF_LOSS.get(kind, "log_loss") if metric == "loss" else metric
    labels = np.asarray(data.splits[split]["label"][:])
    found: dict[str, Any] = {"metric": metric}
    drawn, right = {}, {}
    for who, logits in (("student", student), ("teacher", teacher)):
        predictions, references, probabilities = decide(kind, logits, labels)
        found[who] = compute_scores(kind, predictions, references, names, probabilities)[metric]
        # the same seed draws the same rows for both
        drawn[who] = bootstrap(kind, predictions, references, names, probabilities, resamples=resamples, seed=0)
        right[who] = (predictions == references).reshape(len(references), -1).all(axis=1).astype(float)
    found["difference"] = found["student"] - found["teacher"]
    if metric == "accuracy":
        return found | {"interval": difference_interval(right["student"] - right["teacher"])}
    both = [drawn[who].get(metric, np.empty(0)) for who in ("student", "teacher")]
    return found | {"interval": drawn_difference_interval(*both)}


def measure_again(
    record: RunRecord, data: TextData, split: str, predictions: np.ndarray, resamples: int
) -> dict[str, Any] | None:
    """
    The gap on a split of a trained run, if its teachers can still be asked.

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
    What the teachers of a run say of a split, of shape `(rows, labels)`.

    Args:
        distillation: What the run's `run.json` tells of its distillation.
        data: The task.
        split: The split.

    Raises:
        InputError: one of them is not there any more, or is another now.
    """
    known = {one.name for one in fields(DistillationArguments)}
    arguments = DistillationArguments(**{n: value for n, value in distillation["settings"].items() if n in known})
    rows, teachers = data.splits[split], []
    for recorded in distillation["teachers"]:
        name = recorded["name"]
        require(recorded["is_from_hub"] or Path(name).is_dir(), f"The teacher {name!r} is not there any more.")
        arguments.teacher_bf16 = recorded["bf16"]
        teacher = Teacher(name, data, arguments)
        require(teacher.digest == recorded["digest"], f"The teacher {name!r} has changed since.")
        teacher.label(iterate_texts(rows, CHUNK), rows.num_rows, count=False)
        teacher.rest()
        teachers.append(teacher)
    return average_logits(teachers, rows["text"][:])
