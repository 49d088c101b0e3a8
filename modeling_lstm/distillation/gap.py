"""The gap: how far a student is from its teacher on a split, with its interval."""

from dataclasses import fields
from typing import Any

import numpy as np

from ..data import TextData
from ..intervals import bootstrap
from ..metrics import decide, scores
from .arguments import DistillationArguments
from .teacher import Teacher, mean_logits, open_teachers

RESAMPLES = 1_000


def gap(
    data: TextData, split: str, logits: np.ndarray, teachers: list[Teacher], metric: str, resamples: int = RESAMPLES
) -> dict[str, Any]:
    """
    Student and teacher on the same rows.

    Args:
        data: The task.
        split: The split; its rows in their order.
        logits: The student's, of shape `(rows, labels)`.
        teachers: Those who taught it; their mean counts.
        metric: The score that counts.
        resamples: Of the rows, for the interval.

    Returns:
        `metric`, `student`, `teacher`, `difference` (student less teacher) and its 95 % `interval` (paired percentile
        bootstrap over rows).
    """
    rows, kind = data.splits[split], data.problem_type
    labels = np.asarray(rows["label"][:])
    answers = {"student": logits, "teacher": mean_logits(teachers, rows["text"][:])}
    found: dict[str, Any] = {"metric": metric}
    drawn = {}
    for who, said in answers.items():
        predictions, references, probabilities = decide(kind, said, labels)
        found[who] = scores(kind, predictions, references, data.label_names, probabilities)[metric]
        how = {"resamples": resamples, "seed": 0}  # the same rows for both
        drawn[who] = np.array(bootstrap(kind, predictions, references, data.label_names, probabilities, **how)[metric])
    differences = drawn["student"] - drawn["teacher"]
    found["difference"] = found["student"] - found["teacher"]
    return found | {"interval": np.quantile(differences, [0.025, 0.975]).tolist()}


def recorded_teachers(distillation: dict[str, Any], data: TextData) -> list[Teacher]:
    """
    The teachers of a run, by what its `run.json` tells of the distillation.

    Raises:
        InputError: one of them is not there any more.
    """
    known = {one.name for one in fields(DistillationArguments)}
    settings = {name: value for name, value in distillation["settings"].items() if name in known}
    return open_teachers(data, DistillationArguments(**settings))
