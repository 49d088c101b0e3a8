"""One label per row."""

import logging
from collections.abc import Iterable
from typing import Any

from datasets import ClassLabel, Dataset, LargeList, List

from ...utils.errors import as_text, require
from .label_reader import Locate, NamedLabels, class_label, name_of
from .names import INTEGER, find_names, is_missing

logger = logging.getLogger(__name__)


class SingleLabels(NamedLabels):
    """One label per row."""

    kind = "single_label_classification"

    def __init__(self, columns: list[str], rows: Dataset, names: list[str] | None, asked: list[str] | None):
        super().__init__(columns, names, asked)
        self.has_number_names = any(map(INTEGER.fullmatch, asked or ()))
        coded = class_label(rows.features[columns[0]])
        if coded is not None:
            names = names or list(coded.names)
        self.names = names or find_names(rows.unique(columns[0]), columns[0], rows.num_rows)
        self.numbers = {name: number for number, name in enumerate(self.names)}
        if sorted(map(str.lower, self.names)) == ["false", "true"]:  # JSON and Parquet spell them differently
            spellings = (str.lower, str.title, str.upper)
            self.numbers = {spell(name): number for name, number in self.numbers.items() for spell in spellings}

    @property
    def feature(self) -> Any:
        """The `datasets` feature of the finished label column."""
        return ClassLabel(names=self.names)

    def check(self, rows: Dataset, split: str, locate: Locate) -> None:
        """See [`LabelReader.check`]."""
        (column,) = self.columns
        coded = class_label(rows.features[column])
        require(
            not isinstance(rows.features[column], (List, LargeList)),
            f"The {split} split holds lists of labels (column {column!r}), train one label in each row: write both "
            "the same way.",
        )
        values = rows.unique(column)
        if missing := [value for value in values if is_missing(value) or (coded is not None and value == -1)]:
            number = next(i for i, value in enumerate(rows[column][:], start=1) if value in missing)
            number_of_all = sum(value in missing for value in rows[column])
            told = f"is missing, {number_of_all:,} of {rows.num_rows:,} in all: fill them in, or leave these rows out"
            raise self._complain(locate(number), told)
        self._check_coded(coded, rows[column], locate)
        if coded is not None and self.asked is not None and _are_other_names(coded.names, self.asked):
            logger.warning(
                "The %s split names its labels %s; their numbers are read as %s.",
                *(split, as_text(coded.names), as_text(self.names)),
            )
        self._check_asked(values, rows[column], coded, split, locate)
        unknown = {value for value in values if self._number(value, coded) is None}
        found = {
            number: {name_of(value, coded)} for number, value in enumerate(rows[column], start=1) if value in unknown
        }
        more = ""
        if all(INTEGER.fullmatch(name_of(value, coded)) for value in unknown):
            if self.asked is not None and not self.has_number_names:
                more = " In the data, the number 0 stands for the first label, 1 for the second."
            elif self.asked is None and self.are_given and not any(map(INTEGER.fullmatch, self.names)):
                more = " Write the names of the labels instead of their numbers."
        self._check_known(found, split, locate, more)

    def _check_asked(
        self, values: list[Any], rows: Iterable[Any], coded: ClassLabel | None, split: str, locate: Locate
    ) -> None:
        """Raise if it is in doubt which of the user's names a value stands for."""
        if self.asked is None or self.has_number_names:
            return
        if coded is not None:
            numbers = [int(name) for name in coded.names if INTEGER.fullmatch(name)]
            require(
                len(numbers) < coded.num_classes or numbers == sorted(numbers),
                f"The {split} split names its labels {as_text(coded.names)}, in this order: it is in doubt which ones "
                f"--labels {as_text(self.asked)} are. Leave out --labels, or write these names into the data.",
            )
            return
        names = {value for value in values if value in self.numbers}
        numbered = {value for value in values if value not in names and INTEGER.fullmatch(str(value))}
        if names and numbered:
            number, value = next((n, one) for n, one in enumerate(rows, start=1) if one in numbered)
            raise self._complain(
                locate(number), f"is the number {value}, other rows have names such as {min(names)}: write all alike"
            )

    def read(self, values: tuple[Any, ...], features: tuple[Any, ...]) -> int:
        """See [`LabelReader.read`]."""
        number = self._number(values[0], class_label(features[0]))
        assert number is not None, "labels are checked before they are read"
        return number

    def _number(self, value: Any, coded: ClassLabel | None) -> int | None:
        """
        Return the number of a label. If the user gave the names, the data may hold the numbers, unless these are names
        too.
        """
        name = name_of(value, coded)
        if self.asked is None:
            return self.numbers.get(name)
        if coded is not None:
            is_named, number = set(coded.names) <= set(self.asked), str(value)
        else:
            is_named, number = name in self.numbers or self.has_number_names, name
        if is_named:
            return self.numbers.get(name)
        return int(number) if number.isdecimal() and number in map(str, range(len(self.names))) else None


def _are_other_names(names: list[str], asked: list[str]) -> bool:
    """Return whether the data name the labels, but not as the user did."""
    return not set(names) <= set(asked) and not all(map(INTEGER.fullmatch, names))
