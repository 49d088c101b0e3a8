"""CSV, TSV and plain lines: delimiter, quoting, and each field as it is written."""

import csv
import itertools
import logging
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Literal, cast

from ...utils.errors import InputError, as_list, require
from ..arguments import FileArguments
from .encodings import explain_damage, find_encoding, find_suffix, open_text
from .table import SAMPLE, Table, is_number

logger = logging.getLogger(__name__)

csv.field_size_limit(2**31 - 1)  # how long a text may be, --max_characters says

DECLARATION = re.compile(r"(?i)sep=([^\r\n\"'a-z0-9])\r?\n?")  # what may stand above the header for spreadsheets
# Words with a mark between them, and no blank beside it: hardly the name of one column
_SEVERAL = re.compile(r"\s*\w[\w ]*(?:(?<! )([^\w\s.'’/&()-]|[\x00-\x1f])\1*(?! )[\w ]*\w)+\s*")
_QUOTED_AFTER_BLANK = re.compile(r' +"')
DELIMITERS = (",", ";", "\t", "|")  # those that are recognised; any other is named with --delimiter


class Delimited(Table):
    """
    A CSV or TSV file. Every row must have as many fields as the header.

    Fields may stand in double quotes, as `csv` and spreadsheets write them. In a tab-separated file a quotation mark
    may as well be a character like any other; which of the two it is, the whole file is asked.
    """

    def __init__(self, path: Path, arguments: FileArguments):
        super().__init__(path)
        self.encoding = find_encoding(path, arguments.encoding)
        with open_text(path, self.encoding) as file:
            declared = DECLARATION.fullmatch(file.readline())
        self.declares = declared is not None
        self.delimiter = arguments.delimiter_character() or (declared and declared[1]) or self._delimiter()
        self.quoting = arguments.quoting or ("double" if self.delimiter != "\t" else self._find_quoting())
        self.columns = self._header(self.quoting)
        if self.quoting == "double":
            self._check_blanks()
        if len(self.columns) == 1:
            self._check_alone(self.columns[0])
        if any(name and is_number(name) for name in self.columns):
            logger.warning(
                "%s: its first line is taken for the names of the columns: %s. If it is a row, write names above it.",
                *(path, as_list(self.columns)),
            )

    def rows(self, columns: list[str]) -> Iterator[tuple[str, ...]]:
        """As for [`Table.rows`]."""
        places = [self.columns.index(name) for name in columns]
        with explain_damage(self.path):
            for _, fields in self._check_rows(self.quoting):
                yield tuple(fields[place] for place in places)

    def lines(self) -> Iterator[int]:
        """As for [`Table.lines`]."""
        return (line for line, _ in self._check_rows(self.quoting))

    def _header(self, quoting: str) -> list[str]:
        header = next((fields for _, fields in self._records(quoting)), None)
        require(header is not None, f"{str(self.path)!r} is empty: it has no rows.")
        return cast(list[str], header)

    def _check_alone(self, name: str) -> None:
        """Raise if the only column seems to be several; warn if its name may be a text."""
        if mark := find_mark(name):
            typed = shlex.quote(mark) if mark.isprintable() else f"$'\\x{ord(mark):02x}'"
            raise InputError(
                f"{str(self.path)!r} has a single column, {name[:60]!r}. If {mark!r} is between its fields, add "
                f"--delimiter {typed}; if that is one name, write it without {mark!r}."
            )
        if not re.fullmatch(r"\s*\w*\s*", name) and not is_number(name):
            logger.warning(
                "%s: its first line is taken for the name of its column: %r. If it is a text, write a name above it.",
                *(self.path, name[:60]),
            )

    def _check_blanks(self) -> None:
        """Raise for fields that quotation marks do not enclose, since a blank stands before them."""
        records = [fields for _, fields in itertools.islice(self._records(self.quoting), SAMPLE + 1)]
        fits = all(len(fields) == len(self.columns) for fields in records)
        for place, name in enumerate(self.columns):
            values = [fields[place] for fields in records[1:] if place < len(fields)]
            marked = [value for value in (name, *values) if _QUOTED_AFTER_BLANK.match(value)]
            whole = all(value.rstrip().endswith('"') for value in marked)
            require(
                not (marked and (marked[0] == name or not fits or (whole and marked == values))),
                f"{str(self.path)!r} could not be read: a blank stands between {self.delimiter!r} and a quotation "
                f"mark, {as_list(marked[:1])}, so the mark encloses nothing. Take such blanks out.",
            )

    def _check_rows(self, quoting: str) -> Iterator[tuple[int, list[str]]]:
        """The rows after the header, as [`_records`] gives them."""
        records = self._records(quoting)
        _, header = next(records)
        for line, fields in records:
            if len(fields) != len(header):
                raise InputError(
                    f"{str(self.path)!r} could not be read: line {line} has {count_fields(fields)}, the header "
                    f"{len(header)}. {self._hint(quoting)}"
                )
            yield line, fields

    def _hint(self, quoting: str) -> str:
        if quoting == "none":
            return "If fields stand in quotation marks, add --quoting double."
        shown = "a tab" if self.delimiter == "\t" else repr(self.delimiter)
        return (
            f"A field with {shown} in it must stand in quotation marks. If another character is between the fields, "
            "name it with --delimiter."
        )

    def _records(self, quoting: str) -> Iterator[tuple[int, list[str]]]:
        """The number of the line where each record begins, and its fields; empty lines are left out."""
        how: dict[str, Any] = {"quoting": csv.QUOTE_NONE} if quoting == "none" else {"strict": True}
        width, empty, begin = 0, 0, 1
        with open_text(self.path, self.encoding) as file:
            reader = csv.reader(file, delimiter=self.delimiter, **how)
            try:
                for fields in reader:
                    if self.declares and reader.line_num == 1:
                        begin = 2
                        continue
                    if not fields:
                        empty = empty or reader.line_num
                        begin = reader.line_num + 1
                        continue
                    if width == 1 and empty:  # an empty text, or nothing at all
                        raise InputError(
                            f"{str(self.path)!r} could not be read: line {empty} is empty. Write an empty text as "
                            'two quotation marks, "", or give a .txt file, in which each line is a text.'
                        )
                    width, empty = width or len(fields), 0
                    yield begin, fields
                    begin = reader.line_num + 1
            except csv.Error as error:
                line, cause = reader.line_num, str(error)
                if "end of data" in cause:  # the last line says nothing
                    line, cause = begin, "a quotation mark is never closed"
                raise InputError(
                    f"{str(self.path)!r} could not be read: line {line}: {cause}. Inside of a quoted field a quotation "
                    "mark is written twice. If quotation marks are characters like any other here, add --quoting none."
                ) from error

    def _delimiter(self) -> str:
        """
        The one of the usual delimiters that divides the header, and the first rows into as many fields; in a `.tsv`
        file a tab. If none divides all rows alike, a comma goes before the others.
        """
        with open_text(self.path, self.encoding) as file:
            lines = list(itertools.islice(file, SAMPLE + 1))
        found: dict[str, bool] = {}
        for delimiter in DELIMITERS:
            records = [fields for fields in csv.reader(lines, delimiter=delimiter) if fields]
            if len(lines) > SAMPLE:
                records = records[:-1]  # the last one may go on
            if records and len(records[0]) > 1:
                found[delimiter] = len({len(fields) for fields in records}) == 1
        if find_suffix(self.path) == ".tsv":
            require(
                "\t" in found or not found,
                f"{str(self.path)!r} could not be read: there is no tab in its first line, but {as_list(found)!r}. "
                "Name what is between its fields with --delimiter.",
            )
            return "\t"
        even = [delimiter for delimiter, fits in found.items() if fits]
        fitting = even or list(found)
        if len(fitting) > 1 and (even or "," not in fitting):
            raise InputError(
                f"{str(self.path)!r} could not be read: {as_list(map(repr, fitting))} may be between its fields: name "
                "the right one with --delimiter."
            )
        delimiter = "," if "," in fitting or not fitting else fitting[0]
        if delimiter != ",":
            logger.info("%s: fields are separated by %s", self.path, "tabs" if delimiter == "\t" else delimiter)
        return delimiter

    def _find_quoting(self) -> Literal["double", "none"]:
        """Whether quotation marks enclose the fields of a tab-separated file: what its rows fit."""
        plain, has_marks = self._count("none")
        if not has_marks:
            return "none"
        quoted, _ = self._count("double")
        starts_quoted = next(iter(self._records("none")))[1][0].startswith('"')
        if quoted is None:
            return "double" if starts_quoted or plain is None else "none"  # the error is then told when rows are read
        require(
            plain is None or plain == quoted or starts_quoted,
            f"{str(self.path)!r} can be read as {plain} rows, with quotation marks as characters, or as {quoted} rows, "
            "with quotation marks around fields of several lines: say which with --quoting none or --quoting double.",
        )
        return "double"

    def _count(self, quoting: str) -> tuple[int | None, bool]:
        """How many rows there are, `None` if they do not fit the header; and whether a field begins with a mark."""
        rows, has_marks, width = 0, False, None
        try:
            for _, fields in self._records(quoting):
                width = width or len(fields)
                has_marks = has_marks or any(one.startswith('"') for one in fields)
                if len(fields) != width:
                    return None, True
                rows += 1
        except InputError as error:
            if isinstance(error.__cause__, csv.Error):
                return None, True
            raise
        return rows - 1, has_marks


class Lines(Table):
    """A text in each line; only a line feed, or a carriage return before it, ends one."""

    def __init__(self, path: Path, arguments: FileArguments):
        super().__init__(path)
        self.encoding = find_encoding(path, arguments.encoding)
        self.columns = ["text"]

    def rows(self, columns: list[str]) -> Iterator[tuple[str, ...]]:
        """As for [`Table.rows`]."""
        with explain_damage(self.path), open_text(self.path, self.encoding, newline="\n") as file:
            for line in read_lines(file):
                yield tuple(line for _ in columns)

    def lines(self) -> Iterator[int]:
        """As for [`Table.lines`]."""
        return (number for number, _ in enumerate(self.rows([]), start=1))


def read_lines(file: IO[str]) -> Iterator[str]:
    """The lines of a text without what ends them."""
    for line in file:
        yield line.removesuffix("\n").removesuffix("\r")


def find_mark(name: str) -> str | None:
    """What stands between the names of several columns that are taken for one name; `None` if it seems to be one."""
    found = _SEVERAL.fullmatch(name)
    return None if found is None else found[1]


def count_fields(fields: list[str]) -> str:
    """`1 field`, `2 fields`."""
    return f"{len(fields)} field{'' if len(fields) == 1 else 's'}"
