"""`Table`: one file with named columns, and finding a column by its name."""

import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...utils.errors import as_text, require

SAMPLE = 100  # rows examined to detect the delimiter and the text columns
ROWS_AT_ONCE = 10_000  # rows of a file that are held in memory


class Table(ABC):
    """
    One file with named columns.

    Args:
        path: The file.

    Attributes:
        columns: The names of the columns, as written.
    """

    columns: list[str]

    def __init__(self, path: Path):
        self.path = path

    def find(self, column: str) -> str:
        """
        Return the name of a column as written in the file.

        Raises:
            InputError: there is none, or there are several.
        """
        name = find_column(self.columns, column, repr(str(self.path)))
        if name is None:
            self.find_late_columns()
            name = find_column(self.columns, column, repr(str(self.path)))
        require(
            name is not None, f"{str(self.path)!r} has no column {column}; its columns are {as_text(self.columns)}."
        )
        return str(name)

    @abstractmethod
    def rows(self, columns: list[str]) -> Iterator[tuple[Any, ...]]:
        """
        Yield the values of some columns, row by row. Values of text files are strings as written; those of JSON may
        also be `None`, or lists or objects of these.

        Raises:
            InputError: the file is damaged; the message names the line.
        """

    def lines(self) -> Iterator[int | None]:
        """Yield the number of the line where each row begins; `None` if rows do not have lines of their own."""
        return (None for _ in self.rows(self.columns[:1]))

    def locate(self, number: int) -> str:
        """Describe where a row is, counted from 1: `line 4 of 'a.csv'` or `row 3 of 'a.parquet'`."""
        line = next(itertools.islice(self.lines(), number - 1, None), None)
        return f"{f'row {number}' if line is None else f'line {line}'} of {str(self.path)!r}"

    def find_late_columns(self) -> None:
        """Add the columns that only later rows have. The rows of most formats all have the same."""
        return

    def text_columns(self) -> dict[str, bool]:
        """Return the columns with strings in the first rows, each with whether these are not all numbers."""
        rows = list(itertools.islice(self.rows(self.columns), SAMPLE))
        values = {name: [row[index] for row in rows] for index, name in enumerate(self.columns)}
        strings = {name: [one for one in found if isinstance(one, str)] for name, found in values.items()}
        return {
            name: not all(text == "" or is_number(text) for text in found)
            for name, found in strings.items()
            if found or not rows
        }


def find_column(columns: list[str], column: str, origin: str) -> str | None:
    """
    Return the column of that name, or the only one whose name differs only in case or in blanks around it.

    Raises:
        InputError: several columns have that name.
    """
    found = [name for name in columns if name == column]
    found = found or [name for name in columns if normalize_name(name) == normalize_name(column)]
    require(len(found) < 2, f"{origin} has {len(found)} columns {column!r}: rename all but one.")
    return found[0] if found else None


def normalize_name(column: str) -> str:
    """Return the name of a column in lower case, without blanks around it."""
    return column.strip().casefold()


def is_number(text: str) -> bool:
    """Return whether a text is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True
