"""Read label columns: the problem type, the names of the labels, and the label numbers of each row."""

import logging
import math
import re
import shlex
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from datasets import ClassLabel, Dataset, DatasetDict, LargeList, List, Value

from ..utils.errors import InputError, as_list, require
from .arguments import ProblemType
from .formats.parquet import STRINGS
from .label_names import INTEGER, NUMBER, UNSEEN, find_broken, find_names, is_missing, look_of, parse_truth

logger = logging.getLogger(__name__)

Place = Callable[[int], str]
"""Describes where the row of a given number is; see [`splits.Split.place`]."""
_NOT_FINITE = re.compile(r"\s*[-+]?(nan|inf|infinity)\s*", re.IGNORECASE)
LARGEST = 3.4e38  # the largest number that fits into 32 bits
LEAST_SPREAD = 1e-5  # of regression targets: standard deviation / mean; 32 bits round a number by up to 6e-8 of it


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
    def check(self, rows: Dataset, split: str, place: Place) -> None:
        """Raise [`InputError`] for a missing label, with its place, or for one that the model does not know."""

    @abstractmethod
    def read(self, values: tuple[Any, ...], features: tuple[Any, ...]) -> Any:
        """Return the number or numbers of a row. `features` are those of the row's own split."""

    def _complain(self, place: str, problem: str) -> InputError:
        return InputError(f"The label in {place} {problem} (column {as_list(self.columns)!r}).")


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

    def _check_known(self, unknown: Mapping[int, set[str]], split: str, place: Place, more: str = "") -> None:
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
        rows = f"{len(unknown)} rows have them, the first in" if len(unknown) > 1 else "The row is"
        remedy = "leave these rows out" if self.are_given else f"add --labels {shlex.join([*self.names, *labels])}"
        raise InputError(
            f"The {split} split has labels that {lacking}: {as_list(labels)}; known are {as_list(self.names)}.{more} "
            f"{rows} {place(min(unknown))}{hint or f': correct the labels, or {remedy}'}."
        )


class SingleLabels(NamedLabels):
    """One label per row."""

    kind = "single_label_classification"

    def __init__(self, columns: list[str], rows: Dataset, names: list[str] | None, asked: list[str] | None):
        super().__init__(columns, names, asked)
        coded = _class_label(rows.features[columns[0]])
        if coded is not None:
            names = names or list(coded.names)
        self.names = names or find_names(rows.unique(columns[0]), columns[0], rows.num_rows)
        self.numbers = {name: number for number, name in enumerate(self.names)}

    @property
    def feature(self) -> Any:
        """The `datasets` feature of the finished label column."""
        return ClassLabel(names=self.names)

    def check(self, rows: Dataset, split: str, place: Place) -> None:
        """See [`LabelReader.check`]."""
        (column,) = self.columns
        coded = _class_label(rows.features[column])
        require(
            not isinstance(rows.features[column], (List, LargeList)),
            f"The {split} split holds lists of labels (column {column!r}), train one label in each row: write both "
            "the same way.",
        )
        values = rows.unique(column)
        if missing := [value for value in values if is_missing(value) or (coded is not None and value == -1)]:
            number = next(i for i, value in enumerate(rows[column][:], start=1) if value in missing)
            raise self._complain(place(number), "is missing")
        _check_coded(coded, rows[column], place, self._complain)
        if coded is not None and self.asked is not None and _are_other_names(coded.names, self.asked):
            logger.warning(
                "The %s split names its labels %s; their numbers are read as %s.",
                *(split, as_list(coded.names), as_list(self.names)),
            )
        unknown = {value for value in values if self._number(value, coded) is None}
        found = {
            number: {_name(value, coded)} for number, value in enumerate(rows[column], start=1) if value in unknown
        }
        counts = self.asked is not None and not any(map(INTEGER.fullmatch, self.asked))
        counts = counts and all(INTEGER.fullmatch(_name(value, coded)) for value in unknown)
        more = " In the data, the number 0 stands for the first label, 1 for the second." * counts
        self._check_known(found, split, place, more)

    def read(self, values: tuple[Any, ...], features: tuple[Any, ...]) -> int:
        """See [`LabelReader.read`]."""
        number = self._number(values[0], _class_label(features[0]))
        assert number is not None, "labels are checked before they are read"
        return number

    def _number(self, value: Any, coded: ClassLabel | None) -> int | None:
        """
        Return the number of a label. If the user gave the names, the data may hold the numbers, unless these are names
        too.
        """
        name = _name(value, coded)
        if self.asked is None:
            return self.numbers.get(name)
        if coded is not None:
            is_named, number = set(coded.names) <= set(self.asked), str(value)
        else:
            is_named, number = name in self.numbers or any(map(INTEGER.fullmatch, self.asked)), name
        if is_named:
            return self.numbers.get(name)
        return int(number) if number.isdecimal() and number in map(str, range(len(self.names))) else None


class LabelSets(NamedLabels):
    """A list of the labels of each row."""

    kind = "multi_label_classification"

    def __init__(self, columns: list[str], rows: Dataset, names: list[str] | None, asked: list[str] | None):
        super().__init__(columns, names, asked)
        (column,) = columns
        coded = _class_label(rows.features[column])
        inner = str(getattr(rows.features[column].feature, "dtype", rows.features[column].feature))
        require(
            inner.startswith(("int", "uint", "bool")) or inner in STRINGS or inner == "null",
            f"The label column {column!r} must hold lists of strings or integers, found lists of {inner}. Instead of "
            "shares or scores, write the labels that each text has.",
        )
        values = {value for row in rows[column][:] for value in row or ()}
        require(None not in values, f"The label column {column!r} has lists with a missing label.")
        broken = find_broken(map(str, values)) if all(NUMBER.fullmatch(str(value)) for value in values) else []
        require(
            names is not None or not broken,
            f"The label column {column!r} must hold lists of strings or integers, found numbers such as "
            f"{as_list(broken[:1])}. Instead of shares or scores, write the labels that each text has.",
        )
        self.names = names or (list(coded.names) if coded else find_names(values, column, rows.num_rows))
        require(bool(self.names), f"The label column {column!r} has no label in any row of train.")

    def check(self, rows: Dataset, split: str, place: Place) -> None:
        """See [`LabelReader.check`]."""
        (column,) = self.columns
        coded, known = _class_label(rows.features[column]), set(self.names)
        lists = rows[column][:]
        _check_coded(coded, lists, place, self._complain)
        unknown: dict[int, set[str]] = {}
        for number, values in enumerate(lists, start=1):
            if values is None:
                raise self._complain(place(number), "is missing: a row without labels has an empty list")
            if not isinstance(values, list):
                raise self._complain(place(number), f"must be a list of labels, as in train, found {values!r:.60}")
            if None in values or (coded is not None and -1 in values):
                raise self._complain(place(number), f"is a list with a missing label, {values}")
            if len(set(values)) < len(values):
                twice = f"has a label twice, {values}: lists with a 0 or 1 for each label must all have the same length"
                raise self._complain(place(number), f"{twice} and hold nothing else")
            if others := {_name(one, coded) for one in values} - known:
                unknown[number] = others
        self._check_orders(lists, split)
        self._check_known(unknown, split, place)

    def _check_orders(self, lists: list[list[Any]], split: str) -> None:
        """Raise if every list holds both of two labels, and their order varies: they seem to be vectors."""
        is_mixed = len(self.names) == 2 and all(len(row) == 2 for row in lists) and len(set(map(tuple, lists))) > 1
        require(
            not is_mixed,
            f"Each row of the {split} split has both labels, {as_list(self.names)} (column {self.columns[0]!r}). List "
            "those that each text has, or write a 0 or 1 for each label.",
        )

    def read(self, values: tuple[Any, ...], features: tuple[Any, ...]) -> list[float]:
        """See [`LabelReader.read`]."""
        coded = _class_label(features[0])
        chosen = {_name(one, coded) for one in values[0]}
        return [float(name in chosen) for name in self.names]


class LabelVectors(LabelReader):
    """A list with a 0 or 1 for each label."""

    kind = "multi_label_classification"

    def __init__(self, columns: list[str], rows: Dataset, names: list[str] | None):
        super().__init__(columns)
        (column,) = columns
        width = next(len(row) for row in rows[column][:] if row is not None)
        coded = _class_label(rows.features[column])
        self.names = names or (list(coded.names) if coded else [str(number) for number in range(width)])
        require(
            len(self.names) == width,
            f"The label column {column!r} holds a 0 or 1 for each of {width} labels, but the names of "
            f"{len(self.names)} labels are given: {as_list(self.names)}.",
        )

    def check(self, rows: Dataset, split: str, place: Place) -> None:
        """See [`LabelReader.check`]."""
        for number, values in enumerate(rows[self.columns[0]][:], start=1):
            is_vector = isinstance(values, list) and len(values) == len(self.names)
            if not is_vector or any(parse_truth(one) is None for one in values):
                expected = f"must be a list of {len(self.names)} values 0 or 1, one for each label, found {values}"
                raise self._complain(place(number), expected)

    def read(self, values: tuple[Any, ...], features: tuple[Any, ...]) -> list[float]:
        """See [`LabelReader.read`]."""
        return [float(parse_truth(one) or 0.0) for one in values[0]]


class LabelColumns(LabelReader):
    """A column of 0 and 1 for each label. Columns are matched to labels by name or else by order."""

    kind = "multi_label_classification"

    def __init__(self, columns: list[str], names: list[str] | None):
        super().__init__(list(names) if names and set(names) == set(columns) else columns)
        self.names = names or list(columns)
        require(
            len(self.names) == len(columns),
            f"There are {len(columns)} label columns, {as_list(columns)}, but {len(self.names)} labels: "
            f"{as_list(self.names)}.",
        )
        pairs = zip(self.columns, self.names, strict=True)
        elsewhere = [name for column, name in pairs if name != column and name in columns]
        require(
            not elsewhere,
            f"The label columns are {as_list(columns)}, the labels {as_list(self.names)}: {as_list(elsewhere)} would "
            "not be read from the column of the same name. Name the columns in the order of the labels.",
        )

    def check(self, rows: Dataset, split: str, place: Place) -> None:
        """See [`LabelReader.check`]."""
        for column in self.columns:
            coded = _class_label(rows.features[column])
            for number, value in enumerate(rows[column][:], start=1):
                is_known = coded is None or value is None or 0 <= value < coded.num_classes
                name = _name(value, coded) if is_known else value
                if parse_truth(name) is None:
                    raise InputError(
                        f"The label in {place(number)} must be 0 or 1, found {name!r} (column {column!r})."
                    )

    def read(self, values: tuple[Any, ...], features: tuple[Any, ...]) -> list[float]:
        """See [`LabelReader.read`]."""
        pairs = zip(values, map(_class_label, features), strict=True)
        return [float(parse_truth(_name(value, coded)) or 0.0) for value, coded in pairs]


class Numbers(LabelReader):
    """A number to predict."""

    kind = "regression"

    def __init__(self, columns: list[str]):
        super().__init__(columns)
        self.names = columns

    @property
    def feature(self) -> Any:
        """The `datasets` feature of the finished label column."""
        return Value("float32")

    def check(self, rows: Dataset, split: str, place: Place) -> None:
        """See [`LabelReader.check`]."""
        (column,) = self.columns
        values = rows[column][:]
        for number, value in enumerate(values, start=1):
            if is_missing(value) or _NOT_FINITE.fullmatch(str(value)):
                raise self._complain(place(number), "is missing or infinite: every row needs a number")
            if not NUMBER.fullmatch(str(value)):
                hint = ": a number is written with a decimal point" if "," in str(value) else ""
                raise self._complain(place(number), f"must be a number, found {value!r}{hint}")
            if abs(float(value)) > LARGEST:
                raise self._complain(place(number), f"must be a number of at most {LARGEST:.3g}, found {value!r}")
        if split == "train":
            self._check_spread(values)

    def _check_spread(self, values: list[Any]) -> None:
        """Raise if 32 bits cannot hold the differences between the targets, with which the network computes."""
        numbers = np.array(list(map(float, values)))
        low, high = (values[place] for place in (numbers.argmin(), numbers.argmax()))
        require(
            numbers.min() == numbers.max() or numbers.std() >= LEAST_SPREAD * abs(numbers.mean()),
            f"The numbers in the column {self.columns[0]!r} differ too little for their size to be learned: from {low} "
            f"to {high}. Subtract a constant, {low} say, from all of them first.",
        )

    def read(self, values: tuple[Any, ...], features: tuple[Any, ...]) -> float:
        """See [`LabelReader.read`]."""
        return float(values[0])


def make_label_reader(
    raw: DatasetDict,
    columns: list[str],
    problem_type: ProblemType | None,
    names: list[str] | None,
    *,
    asked: list[str] | None = None,
) -> LabelReader:
    """
    Find out what kind of labels the columns hold, and return a reader for them.

    Args:
        raw: The splits. The kind is that of train or, without train, of the first split.
        columns: The label column, or one column for each label.
        problem_type: The problem type; `None` infers it from the type of the column.
        names: Names of the labels, for example those of a trained model. Default: taken from the data.
        asked: Names given by the user; instead of these the data may hold the numbers 0, 1, ...

    Raises:
        InputError: the columns cannot be labels, or not of that problem type.
    """
    rows = raw["train"] if "train" in raw else next(iter(raw.values()))
    if len(columns) > 1:
        require(
            problem_type in (None, "multi_label_classification"),
            f"Several label columns are for texts with several labels, not for {problem_type}: name one.",
        )
        return LabelColumns(columns, names)
    (column,) = columns
    feature = rows.features[column]
    dtype = str(getattr(feature, "dtype", feature))
    is_list = isinstance(feature, (List, LargeList))
    is_text = dtype in ("string", "large_string")
    is_float = dtype.startswith(("float", "double"))
    is_integer = dtype.startswith(("int", "uint"))
    if problem_type == "regression":
        require(asked is None, f"Regression has no labels, found --labels {as_list(asked or ())}: leave them out.")
        require(is_float or is_integer or is_text, f"The label column {column!r} must hold numbers, found {dtype}.")
        return Numbers(columns)
    if problem_type == "multi_label_classification" or (problem_type is None and is_list):
        require(
            is_list,
            f"The label column {column!r} must hold lists of labels, found {dtype}. Store lists in JSON Lines or "
            "Parquet, not in CSV. If each label has a column of 0 and 1, name all of them with --label_column.",
        )
        if _are_vectors(rows, column, names):
            return LabelVectors(columns, rows, names)
        return LabelSets(columns, rows, names, asked)
    if is_float:
        missing = sum(value is None or math.isnan(value) for value in rows[column])
        found = f"{missing} of them missing (NaN)" if missing else "for example " + as_list(rows[column][:3])
        raise InputError(
            f"The label column {column!r} holds floating-point numbers, {found}: labels must be strings or "
            "integers; to predict a number, add --problem_type regression."
        )
    require(
        not is_list and (is_integer or is_text or dtype == "bool"),
        f"The label column {column!r} must hold strings or integers, found {dtype}.",
    )
    return SingleLabels(columns, rows, names, asked)


def _are_vectors(rows: Dataset, column: str, names: list[str] | None) -> bool:
    """
    Return whether the lists hold a 0 or 1 for each label, and so have the same length, instead of the names of a row's
    labels.
    """
    lists = [row for row in rows[column][:] if row is not None]
    width = len(lists[0]) if lists else 0
    if names is None and all(len(row) == 1 for row in lists) and _class_label(rows.features[column]) is None:
        require(
            {parse_truth(row[0]) for row in lists} != {0.0, 1.0},
            f"The label column {column!r} holds lists such as [0] and [1], which may be label numbers or say whether "
            "a text has the only label: write the names of the labels, or a 0 or 1 for each of two or more.",
        )
    if width == 0 or not all(len(row) == width and all(parse_truth(one) is not None for one in row) for row in lists):
        return False
    coded = _class_label(rows.features[column])
    if coded is not None:  # label numbers; in a set, none occurs twice
        return width == len(coded.names) and any(len(set(row)) < width for row in lists)
    return names is None or len(names) == width or not {"0", "1"} <= set(names)


def _check_coded(
    coded: ClassLabel | None, values: Iterable[Any], place: Place, complain: Callable[[str, str], InputError]
) -> None:
    """Raise for a number, alone or in a list, that belongs to no label; -1 marks a missing one."""
    if coded is None:
        return
    known = {None, *range(-1, coded.num_classes)}
    for number, value in enumerate(values, start=1):
        if other := set(value if isinstance(value, list) else [value]) - known:
            told = f"is the number {max(other)}, but the data name {coded.num_classes} labels, counted from 0"
            raise complain(place(number), told)


def _are_other_names(names: list[str], asked: list[str]) -> bool:
    """Return whether the data name the labels, but not as the user did."""
    return not set(names) <= set(asked) and not all(map(INTEGER.fullmatch, names))


def _class_label(feature: Any) -> ClassLabel | None:
    """
    Return the `ClassLabel` of a column of labels or of lists of labels; `None` if it stores no numbers with names.
    """
    inner = feature.feature if isinstance(feature, (List, LargeList)) else feature
    return inner if isinstance(inner, ClassLabel) else None


def _name(value: Any, coded: ClassLabel | None) -> str:
    return coded.int2str(value) if coded is not None and isinstance(value, int) else str(value)
