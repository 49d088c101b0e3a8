"""The interface of what reads a label column, and what all readers of names share."""

import shlex
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from datasets import ClassLabel, Dataset, LargeList, List, Value

from ...utils.errors import InputError, as_text
from ..arguments import ProblemType
from .names import UNSEEN, look_of, value_of

MAX_SHOWN = 10  # labels in an error

Locate = Callable[[int], str]
"""Describes where the row of a given number is; see [`splits.Split.locate`]."""


class LabelReader(ABC):
    """
    Turns the values of label columns into what a model learns from.

    Attributes:
        kind: The problem type.
        names: The names of the labels, in the order of their numbers.
    """

    kind: ProblemType
    names: list[str]

    def __init__(self, columns: list[str]):
        self.columns = columns

    @property
    def feature(self) -> Any:
        """The `datasets` feature of the finished label column."""
        return List(Value("float32"))

    @abstractmethod
    def check(self, rows: Dataset, split: str, locate: Locate) -> None:
        """Raise [`InputError`] for a missing label, with its location, or for one that the model does not know."""

    @abstractmethod
    def read(self, values: tuple[Any, ...], features: tuple[Any, ...]) -> Any:
        """Return the number or numbers of a row. `features` are those of the row's own split."""

    def _complain(self, location: str, problem: str) -> InputError:
        return InputError(f"The label in {location} {problem} (column {as_text(self.columns)!r}).")


class NamedLabels(LabelReader):
    """
    Labels that the rows name.

    Args:
        columns: The label column.
        names: The names of a trained model, or those given by the user; `None` takes them from the data.
        asked: The names given by the user.
    """

    def __init__(self, columns: list[str], names: list[str] | None, asked: list[str] | None):
        super().__init__(columns)
        self.asked, self.are_given = asked, names is not None

    def _check_coded(self, coded: ClassLabel | None, values: Iterable[Any], locate: Locate) -> None:
        """Raise for a number, alone or in a list, that belongs to no label; -1 marks a missing one."""
        if coded is None:
            return
        known = {None, *range(-1, coded.num_classes)}
        for number, value in enumerate(values, start=1):
            if other := set(value if isinstance(value, list) else [value]) - known:
                told = f"is the number {max(other)}, but the data name {coded.num_classes} labels, counted from 0"
                raise self._complain(locate(number), told)

    def _check_known(self, unknown: Mapping[int, set[str]], split: str, locate: Locate, more: str = "") -> None:
        """Raise if there are rows, by their number, with unknown labels."""
        if not unknown:
            return
        if self.asked is not None:
            lacking = "--labels does not name"
        else:
            lacking = "the model does not know" if self.are_given else "the train split lacks"
        labels = sorted(set().union(*unknown.values()))
        alike = ((one, name) for one in labels for name in self.names if look_of(one) == look_of(name))
        hint = next((f"; {one!a} and {name!a} differ only in {UNSEEN}: write both alike" for one, name in alike), "")
        equal = ((one, name) for one in labels for name in self.names if value_of(one) == value_of(name) is not None)
        hint = hint or next((f"; {one} and {name} may be the same: write both alike" for one, name in equal), "")
        rows = f"{len(unknown)} rows have them, the first in" if len(unknown) > 1 else "The row is"
        every = [*self.names, *labels]
        typed = shlex.join(every) if len(every) <= 2 * MAX_SHOWN else "with the names of all labels"
        remedy = "leave these rows out" if self.are_given else f"add --labels {typed}"
        raise InputError(
            f"The {split} split has labels that {lacking}: {_shown(labels)}; known are {_shown(self.names)}.{more} "
            f"{rows} {locate(min(unknown))}{hint or f': correct the labels, or {remedy}'}."
        )


def _shown(labels: list[str]) -> str:
    """Name labels in an error, at most `MAX_SHOWN` of them."""
    more = len(labels) - MAX_SHOWN
    return as_text(labels[:MAX_SHOWN]) + (f" and {more} more" if more > 0 else "")


def class_label(feature: Any) -> ClassLabel | None:
    """
    Return the `ClassLabel` of a column of labels or of lists of labels; `None` if it stores no numbers with names.
    """
    inner = feature.feature if isinstance(feature, (List, LargeList)) else feature
    return inner if isinstance(inner, ClassLabel) else None


def name_of(value: Any, coded: ClassLabel | None) -> str:
    """Return the name of a label: what its number stands for, or the value as written."""
    return coded.int2str(value) if coded is not None and isinstance(value, int) else str(value)


def name_in(coded: ClassLabel, number: int | None) -> str | None:
    """Return the name of a label number; `None` if it has no name."""
    is_known = number is not None and 0 <= number < coded.num_classes
    return coded.int2str(number) if is_known else None
