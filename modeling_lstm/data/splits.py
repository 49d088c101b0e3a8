"""`Split`: the rows of a split, from files or a loaded dataset. Only the columns asked for are read."""

import glob
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from datasets import ClassLabel, Dataset, Features, LargeList, List, Value

from ..utils.errors import as_text, require
from .arguments import FileArguments
from .digests import file_state
from .formats.delimited import Lines
from .formats.known_formats import open_table
from .formats.parquet import STRINGS
from .formats.table import find_column, is_number
from .labels.label_reader import name_in
from .text_tables import READING, TextTables


class Split(ABC):
    """
    The rows of a split. Only the columns asked for are read.

    Attributes:
        columns: The names of its columns.
        origin: Where it is read from, for logs and errors.
        is_plain: Whether each line is a text, so that there are no columns to choose from.
    """

    columns: list[str]
    origin: str
    is_plain = False

    @abstractmethod
    def text_columns(self) -> dict[str, bool]:
        """Return the string columns, each with whether it holds more than numbers."""

    @abstractmethod
    def _read(self, columns: list[str]) -> Dataset:
        """Read these columns, under their names in the data or the names asked for."""

    def find(self, column: str) -> str | None:
        """Return the name under which the split has a column (see [`find_column`])."""
        return find_column(self.columns, column, f"The {self.origin}")

    def locate(self, number: int) -> str:
        """Describe where a row is, counted from 1, for an error."""
        return f"row {number} of the {self.origin}"

    def require(self, columns: Iterable[str]) -> None:
        """Raise [`InputError`] for columns that the split does not have."""
        missing = [column for column in columns if self.find(column) is None]
        is_nested = any("." in column and self.find(column.partition(".")[0]) is not None for column in missing)
        require(
            not missing,
            f"The {self.origin} has no column {as_text(map(repr, missing))}; its columns are {as_text(self.columns)}."
            + " Fields inside a column cannot be named: write them as columns of their own." * is_nested,
        )

    def read(self, columns: list[str]) -> Dataset:
        """
        Read these columns, under the names asked for.

        Raises:
            InputError: one of them is missing, or the data cannot be read.
        """
        self.require(columns)
        known: dict[str | None, str] = {}
        for column in columns:
            other = known.setdefault(self.find(column), column)
            require(other == column, f"The {self.origin} has one column for {other!r} and {column!r}: name another.")
        rows = self._read(columns)
        names = {str(self.find(column)): column for column in columns if column not in rows.column_names}
        rows = rows.rename_columns(names) if names else rows
        views = [name for name, kind in rows.features.items() if getattr(kind, "dtype", None) == "string_view"]
        for name in views:  # a type of newer Parquet files that `datasets` cannot write
            rows = rows.cast_column(name, Value("string"))
        return rows


class LoadedSplit(Split):
    """A split that is already loaded: from the Hub, saved by `datasets`, or built in."""

    def __init__(self, rows: Dataset, origin: str):
        # a saved format would change values or hide columns
        self.rows, self.columns, self.origin = rows.with_format(None), rows.column_names, origin

    def text_columns(self) -> dict[str, bool]:
        """Return the string columns."""
        return {n: True for n, kind in self.rows.features.items() if isinstance(kind, Value) and kind.dtype in STRINGS}

    def _read(self, columns: list[str]) -> Dataset:
        return self.rows.select_columns([str(self.find(column)) for column in columns])


class FileSplit(Split):
    """A split in text files of one format."""

    def __init__(
        self, name: str, files: list[Path], arguments: FileArguments | None = None, features: Features | None = None
    ):
        for path in files:
            chained = "::" in str(path.absolute())  # `datasets` would read it as a chained URL
            require(not chained, f"{str(path.absolute())!r} cannot be read: rename it so that it has no '::'.")
        self.files, self.arguments = files, arguments or FileArguments()
        self.features = features or Features()  # from a card, with the names of labels
        self.tables = [open_table(path, self.arguments) for path in files]
        self.columns = self.tables[0].columns
        self.is_plain = all(isinstance(table, Lines) for table in self.tables)
        names = as_text(path.name for path in files[:3])
        self.origin = f"{name} split ({names}{f' and {len(files) - 3} more files' if len(files) > 3 else ''})"

    def find(self, column: str) -> str | None:
        """See [`Split.find`]; all rows of the first file are read if its first ones do not have the column."""
        found = super().find(column)
        if found is None:
            self.tables[0].find_late_columns()
            self.columns = self.tables[0].columns
            found = super().find(column)
        return found

    def text_columns(self) -> dict[str, bool]:
        """See [`Split.text_columns`]; judged by the first rows of the first file."""
        return self.tables[0].text_columns()

    def locate(self, number: int) -> str:
        """See [`Split.locate`]; given as the line of the file, or as its row if it has no lines."""
        for table in self.tables[:-1]:
            rows = sum(1 for _ in table.lines())
            if number <= rows:
                return table.locate(number)
            number -= rows
        return self.tables[-1].locate(number)

    def _read(self, columns: list[str]) -> Dataset:
        builder = TextTables(
            columns=columns,
            arguments=asdict(self.arguments),
            states=[file_state(path) for path in self.files],
            hash=str(READING),
            data_files={"train": [glob.escape(str(path)) for path in self.files]},
        )
        builder.download_and_prepare()
        return self._apply_card(builder.as_dataset(split="train"))

    def _apply_card(self, rows: Dataset) -> Dataset:
        """Number the labels that a card names as it does."""
        for column, feature in rows.features.items():
            named = find_column(list(self.features), str(self.find(column)), f"The card of the {self.origin}")
            coded = None if named is None else self.features[named]
            is_list = isinstance(feature, (List, LargeList))
            inner, names = (getattr(one, "feature", None) if is_list else one for one in (feature, coded))
            if not isinstance(names, ClassLabel) or inner == names:
                continue
            if isinstance(inner, ClassLabel):
                require(
                    set(inner.names) == set(names.names),
                    f"The card names the labels {as_text(names.names)}, the {self.origin} {as_text(inner.names)} "
                    f"(column {column!r}): correct the card.",
                )
                rows = rows.map(
                    partial(name_labels, name=column, coded=inner),
                    features=Features({**rows.features, column: List(Value("string")) if is_list else Value("string")}),
                )
            elif str(getattr(inner, "dtype", "")).startswith(("int", "uint", "float", "double", "bool")):
                whole = List(Value("int64")) if is_list else Value("int64")
                rows = rows.cast_column(column, whole).cast_column(column, coded)  # of Parquet: the numbers of labels
                continue
            rows = rows.map(
                partial(_number_labels, column=column, coded=names),
                features=Features({**rows.features, column: coded}),
            )
        return rows


def name_labels(row: dict[str, Any], name: str, coded: ClassLabel) -> dict[str, Any]:
    """Return a row with the names of its labels; a missing label, which is -1, becomes `None`."""
    value = row[name]
    if isinstance(value, list):
        return {name: [name_in(coded, one) for one in value]}
    return {name: name_in(coded, value)}


def _number_labels(row: dict[str, Any], column: str, coded: ClassLabel) -> dict[str, Any]:
    """Return a row with the number of its label, or of each of its labels, which the file may give by name."""
    value = row[column]
    is_list = isinstance(value, list)
    return {column: [_number(one, column, coded) for one in value] if is_list else _number(value, column, coded)}


def _number(value: Any, column: str, coded: ClassLabel) -> int | None:
    """
    Return the number of a label that is given by its name, or by its number if no name is one; a missing one stays
    missing.
    """
    if value in (None, ""):
        return None
    text = str(value)
    for name in (text, text.strip()):
        if name in coded.names:
            return coded.names.index(name)
    is_id = text in map(str, range(-1, coded.num_classes)) and not any(map(is_number, coded.names))
    require(is_id, f"The card names the labels {as_text(coded.names)}, found {value!r} (column {column!r}).")
    return int(text)
