"""The base class of systems, which learn from texts with labels or numbers and predict these for other texts."""

import contextlib
import inspect
import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..data.arguments import DataArguments
from ..data.digests import digest_of
from ..data.loading import TextData
from ..evaluation.metrics import CONFIG_NAMES
from .kinds import KINDS, Kind

# For systems that count words. It also matches words of one letter and punctuation, since "!" is informative
WORD = r"\w+(?:['’]\w+)*|[^\w\s]"

Predict = Callable[[list[str]], np.ndarray]
"""
A function from texts to predictions of shape `(texts, labels)`, float32. With one label per text, these are
probabilities that sum to 1; with several labels, an independent probability for each; for a regression, one number.
"""


@dataclass
class ComparisonTask:
    """
    The data and metric of a comparison.

    Args:
        arguments: Where the data come from, for systems that read them again.
        data: The splits `train`, `validation` and `test` with the columns `text` and `label`. Learn from train and make
            decisions on validation; do not learn from test.
        metric: The metric to optimize.
        class_weights: `"balanced"` to give rare labels more weight.
    """

    arguments: DataArguments
    data: TextData
    metric: str = "accuracy"
    class_weights: Literal["balanced"] | None = None

    @property
    def kind(self) -> Kind:
        """The kind of task: one label per text, several, or a number."""
        return KINDS[self.data.problem_type]

    @property
    def label_names(self) -> list[str]:
        """The names of the labels, in the order of their numbers."""
        return self.data.label_names

    def texts(self, split: str) -> list[str]:
        """Return the texts of a split."""
        return list(self.data.splits[split]["text"][:])

    def labels(self, split: str) -> np.ndarray:
        """
        Return the labels of a split. With one label per text, these are label numbers of shape `(rows,)`; with several
        labels, 0 or 1 for each, of shape `(rows, labels)`; for a regression, the target numbers of shape `(rows,)`.
        """
        return self.kind.references(self.data.splits[split]["label"][:])


class System(ABC):
    """
    A way to classify texts or to predict a number for each. To compare your own subclass with other systems, call
    `compare([MySystem(), ...], ...)`, or pass its module and class on the command line: `--systems
    my_module:MySystem`.

    Objects must be picklable, because costs are measured in a separate process.
    """

    name: str
    """The name shown in tables."""

    problem_types: tuple[str, ...] = CONFIG_NAMES
    """The problem types that the system can learn."""

    max_seeds: int | None = None
    """Maximum number of seeds, for systems that take long or do not depend on the seed."""

    finished: tuple[Path, ...] = ()
    """Folders trained before the comparison, one for each seed. If there are any, [`fit`] only checks them."""

    @property
    def slug(self) -> str:
        """The system's name in a form suitable for a folder."""
        return re.sub(r"[^\w.-]+", "-", self.name).strip("-.")

    def settings(self) -> list[dict[str, Any]]:
        """Return the settings to choose from on validation, the most promising first."""
        return [{}]

    def identity(self) -> dict[str, Any]:
        """
        Return what identifies the system besides its settings, as values that can be written as JSON. A comparison uses
        this to detect that runs in its folder belong to another system. By default that is the class and, unless it is
        part of this package, a digest of its source code. Add versions of what it calls, if these matter.
        """
        found = {"class": f"{type(self).__module__}.{type(self).__qualname__}"}
        own = [one for one in type(self).mro() if not one.__module__.startswith((f"{__package__}.", "builtins", "abc"))]
        with contextlib.suppress(OSError, TypeError):  # of a class typed in a console, there is no source
            if own:
                found["source"] = digest_of(map(inspect.getsource, own))
        return found

    def prepare(self) -> None:
        """
        Import what the system needs. This is called before any training, and before memory is measured.

        Raises:
            InputError: a library is not installed.
        """
        return

    @abstractmethod
    def fit(self, task: ComparisonTask, settings: dict[str, Any], seed: int, folder: Path) -> dict[str, Any]:
        """
        Learn, and write what [`load`] needs into `folder`. The folder exists; it may contain files of an interrupted
        call.

        Returns:
            The description of the model for the record. The report shows its `parameters`, if present.
        """

    @abstractmethod
    def load(self, folder: Path, labels: int) -> Predict:
        """Load what [`fit`] wrote, for a task with this number of labels."""
