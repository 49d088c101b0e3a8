"""What a system is: something that learns from texts with labels, or numbers, and then predicts these for others."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..data.arguments import DataArguments
from ..data.loading import TextData
from ..evaluation.metrics import CONFIG_NAMES
from .kinds import KINDS, Kind

# For systems that count words: of one letter too, and punctuation, for "!" says something
WORD = r"\w+(?:['’]\w+)*|[^\w\s]"

Predict = Callable[[list[str]], np.ndarray]
"""
From texts to what is predicted of them, of shape `(texts, labels)`, float32: probabilities that sum to 1 for texts with
one label, a probability for each label on its own for texts with several, one number for a regression.
"""


@dataclass
class ComparisonTask:
    """
    What a system learns from.

    Args:
        arguments: Where the data come from, for systems that read them again.
        data: The splits `train`, `validation` and `test` with the columns `text` and `label`. Learn from train; decide
            on validation; test is not for learning.
        metric: The score that counts.
        class_weights: `"balanced"` where rare labels are to count more.
    """

    arguments: DataArguments
    data: TextData
    metric: str = "accuracy"
    class_weights: Literal["balanced"] | None = None

    @property
    def kind(self) -> Kind:
        """Whether texts have one label, several, or a number."""
        return KINDS[self.data.problem_type]

    @property
    def label_names(self) -> list[str]:
        """The labels by their numbers."""
        return self.data.label_names

    def texts(self, split: str) -> list[str]:
        """The texts of a split."""
        return list(self.data.splits[split]["text"][:])

    def labels(self, split: str) -> np.ndarray:
        """
        The labels of a split: their numbers, of shape `(rows,)`; of texts with several labels 0 or 1 for each, of shape
        `(rows, labels)`; of a regression the numbers to predict, of shape `(rows,)`.
        """
        return self.kind.references(self.data.splits[split]["label"][:])


class System(ABC):
    """
    One way to classify texts, or to predict a number of them. A subclass can be compared with all others:
    `compare([MySystem(), ...], ...)`, or from the command line by the name of a module and a class in it, `--systems
    my_module:MySystem`.

    An object must be picklable: its cost is measured in a process of its own.
    """

    name: str
    """What tables call it."""

    problem_types: tuple[str, ...] = CONFIG_NAMES
    """What it can learn."""

    most_seeds: int | None = None
    """Run it with fewer seeds than the others, where it takes long."""

    finished: tuple[Path, ...] = ()
    """Folders that were trained before, one for each seed; [`fit`] then only checks that they fit the task."""

    @property
    def slug(self) -> str:
        """Its name as a folder's name."""
        return re.sub(r"[^\w.-]+", "-", self.name).strip("-.")

    def settings(self) -> list[dict[str, Any]]:
        """Settings to choose from on validation, the likeliest first."""
        return [{}]

    def identity(self) -> dict[str, Any]:
        """
        What it is, beside its settings: by this a comparison notices that runs in its folder are another system's.
        Everything in it can be written as JSON.
        """
        return {"class": f"{type(self).__module__}.{type(self).__qualname__}"}

    def prepare(self) -> None:
        """
        Import what it needs: before anything is trained, and before memory is measured.

        Raises:
            InputError: that is not installed.
        """
        return None

    @abstractmethod
    def fit(self, task: ComparisonTask, settings: dict[str, Any], seed: int, folder: Path) -> dict[str, Any]:
        """
        Learn, and write into `folder` (there, but maybe with what an earlier call left that was cut off) what [`load`]
        needs.

        Returns:
            What the record says of the model; `parameters`, where it is there, is shown.
        """

    @abstractmethod
    def load(self, folder: Path, labels: int) -> Predict:
        """Open what [`fit`] wrote; the task has so many labels."""
