"""Read CSV, TSV and plain lines: find the delimiter and the quoting, and keep each field as written."""

import contextlib
import csv
import itertools
import json
import logging
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, Literal, cast

from ...utils.display import warn_once
from ...utils.errors import InputError, as_text, require
from ..arguments import FileArguments
from ..columns import TEXT_COLUMNS
from .encodings import BYTE_ORDER_MARK, explain_damage, find_encoding, find_suffix, open_text
from .table import SAMPLE, Table, is_number, normalize_name

logger = logging.getLogger(__name__)

csv.field_size_limit(2**31 - 1)  # --max_characters limits the length of texts

DECLARATION = re.compile(r"(?i)sep=([^\r\n\"'a-z0-9])\r?\n?")  # may precede the header, for spreadsheets
# Words with a mark between them, without blanks around it: unlikely to be the name of one column
_SEVERAL = re.compile(r"\s*\w[\w ]*(?:(?<! )([^\w\s.'’/&()-]|[\x00-\x1f])\1*(?! )[\w ]*\w)+\s*")
_QUOTED_AFTER_BLANK = re.compile(r' +"')
DELIMITERS = (",", ";", "\t", "|")  # detected; any other is set with --delimiter


def _begins_quoted(field: str) -> bool:
    return field.startswith('"')


class Delimited(Table):
    """
    A CSV or TSV file. Every row must have as many fields as the header.

    Double quotes may enclose fields, as `csv` and spreadsheets write them. In a tab-separated file a quotation mark may
    also be an ordinary character; the whole file is read to find out which. In other files too, a quotation mark must
    not join lines that fit the header one by one.
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
        # in a tab-separated file, it has been found out
        self.is_in_doubt = arguments.quoting is None and self.delimiter != "\t" and len(self.columns) > 1
        if len(self.columns) == 1:
            self._check_alone(self.columns[0])
        if any(map(is_number, self.columns)):
            logger.warning(
                "%s: its first line is read as the names of the columns: %s. If it is a row, write names above it.",
                *(path, as_text(self.columns)),
            )

    def rows(self, columns: list[str]) -> Iterator[tuple[str, ...]]:
        """See [`Table.rows`]."""
        indices = [self.columns.index(name) for name in columns]
        with explain_damage(self.path):
            if self.is_in_doubt:
                self._check_quoting()
                self.is_in_doubt = False
            for _, fields in self._check_rows(self.quoting):
                yield tuple(fields[index] for index in indices)

    def lines(self) -> Iterator[int]:
        """See [`Table.lines`]."""
        with explain_damage(self.path):
            yield from (line for line, _ in self._check_rows(self.quoting))

    def _header(self, quoting: str) -> list[str]:
        header = next((fields for _, fields in self._records(quoting)), None)
        require(header is not None, f"{str(self.path)!r} is empty: it has no rows.")
        return cast(list[str], header)

    def _check_alone(self, name: str) -> None:
        """Raise if the only column seems to be several; warn if its name may be a text."""
        if mark := find_mark(name):
            typed = shlex.quote(mark) if mark.isprintable() else f"$'\\x{ord(mark):02x}'"
            raise InputError(
                f"{str(self.path)!r} has a single column, {name[:60]!r}. If {mark!r} separates its fields, add "
                f"--delimiter {typed}; if this is one name, write it without {mark!r}."
            )
        if not re.fullmatch(r"\s*\w*\s*", name) and not is_number(name):
            self.warn_of_header()

    def warn_of_header(self) -> None:
        """Warn that the name of the only column may be a text."""
        logger.warning(
            "%s: its first line is read as the name of its column: %r. If it is a text, write a name above it.",
            *(self.path, self.columns[0][:60]),
        )

    def _check_blanks(self) -> None:
        """Raise for fields whose quotation marks enclose nothing because a blank precedes them."""
        records = [fields for _, fields in itertools.islice(self._records(self.quoting), SAMPLE + 1)]
        fits = all(len(fields) == len(self.columns) for fields in records)
        for index, name in enumerate(self.columns):
            values = [fields[index] for fields in records[1:] if index < len(fields)]
            marked = [value for value in (name, *values) if _QUOTED_AFTER_BLANK.match(value)]
            whole = all(value.rstrip().endswith('"') for value in marked)
            require(
                not (marked and (marked[0] == name or not fits or (whole and marked == values))),
                f"{str(self.path)!r} could not be read: a blank stands between {self.delimiter!r} and a quotation "
                f"mark, {as_text(marked[:1])}, so the mark encloses nothing. Remove such blanks.",
            )

    def _check_quoting(self) -> None:
        """Raise if quotation marks enclose lines that fit the header one by one: they may be ordinary characters."""
        with open_text(self.path, self.encoding) as file:
            has_marks = any('"' in line for line in file)
        if has_marks and not self._starts_quoted():
            quoted, has_breaks = self._count("double", lambda one: "\n" in one or "\r" in one)
            if quoted is not None and has_breaks:
                self._require_one(self._count("none")[0], quoted)

    def _check_rows(self, quoting: str) -> Iterator[tuple[int, list[str]]]:
        """Yield the rows after the header like [`_records`]. Raise for one with more or fewer fields."""
        records = self._records(quoting)
        _, header = next(records)
        names = [field.strip() for field in header]
        for line, fields in records:
            if len(fields) != len(header):
                raise InputError(
                    f"{str(self.path)!r} could not be read: line {line} has {count_fields(fields)}, the header "
                    f"{len(header)}. {self._hint(quoting)}"
                )
            is_marked = fields[0].startswith(BYTE_ORDER_MARK)  # of a file that was joined to this one
            if is_marked or (len(header) > 1 and fields[-1].strip() == names[-1]):
                same = [fields[0].removeprefix(BYTE_ORDER_MARK), *fields[1:]]
                require(
                    [field.strip() for field in same] != names,
                    f"{str(self.path)!r} could not be read: line {line} repeats the header. If files were joined, "
                    "remove that line.",
                )
            yield line, fields

    def _hint(self, quoting: str) -> str:
        if quoting == "none":
            return "If quotation marks enclose fields, add --quoting double."
        shown = "a tab" if self.delimiter == "\t" else repr(self.delimiter)
        return (
            f"A field with {shown} in it must be enclosed in quotation marks. If another character separates the "
            "fields, name it with --delimiter."
        )

    def _records(self, quoting: str) -> Iterator[tuple[int, list[str]]]:
        """Yield the number of the line where each record begins, and its fields. Empty lines are skipped."""
        how: dict[str, Any] = {"quoting": csv.QUOTE_NONE} if quoting == "none" else {"strict": True}
        width, empty, begin = 0, 0, 1
        with open_text(self.path, self.encoding) as file:
            lines = _Endings(file)
            reader = csv.reader(lines, delimiter=self.delimiter, **how)
            try:
                for fields in reader:
                    if lines.is_lone_return and (width == 1 or len(fields) != width):
                        raise csv.Error("a carriage return within the line would split its row")
                    if any("\0" in field for field in fields):
                        raise InputError(_has_zero_bytes(repr(str(self.path)), reader.line_num))
                    if self.declares and reader.line_num == 1:
                        begin = 2
                        continue
                    if not fields:
                        empty = empty or reader.line_num
                        begin = reader.line_num + 1
                        continue
                    if width == 1 and empty:  # this may be an empty text, or nothing at all
                        raise InputError(
                            f"{str(self.path)!r} could not be read: line {empty} is empty. Write an empty text as "
                            'two quotation marks, "", or use a .txt file, where each line is a text.'
                        )
                    width, empty = width or len(fields), 0
                    yield begin, fields
                    begin = reader.line_num + 1
            except csv.Error as error:
                line, cause = reader.line_num, str(error)
                remedy = "Inside a quoted field, write a quotation mark twice."
                if '\\"' in lines.latest:
                    remedy = 'Inside a quoted field, write a quotation mark twice ("") and not after a backslash (\\").'
                if lines.is_lone_return:
                    remedy = "Put its field in quotation marks, or remove the character."
                if "end of data" in cause:  # the last line is not the cause
                    line, cause = begin, "a quotation mark is never closed"
                raise InputError(
                    f"{str(self.path)!r} could not be read: line {line}: {cause}. {remedy} If quotation marks are "
                    "ordinary characters here, add --quoting none."
                ) from error

    def _delimiter(self) -> str:
        """
        Return the usual delimiter that divides the header, and the first rows into as many fields; a tab in a `.tsv`
        file. If none divides all rows alike, a comma is preferred.
        """
        with open_text(self.path, self.encoding) as file:
            lines = list(itertools.islice(file, SAMPLE + 1))
        found: dict[str, bool] = {}
        for delimiter in DELIMITERS:
            records = [fields for fields in csv.reader(lines, delimiter=delimiter) if fields]
            if len(lines) > SAMPLE:
                records = records[:-1]  # the last one may be incomplete
            if records and len(records[0]) > 1:
                found[delimiter] = len({len(fields) for fields in records}) == 1
        if find_suffix(self.path) == ".tsv":
            require(
                "\t" in found or not found,
                f"{str(self.path)!r} could not be read: there is no tab in its first line, but {as_text(found)!r}. "
                "Name what separates its fields with --delimiter.",
            )
            return "\t"
        even = [delimiter for delimiter, fits in found.items() if fits]
        fitting = even or list(found)
        if len(fitting) > 1 and (even or "," not in fitting):
            raise InputError(
                f"{str(self.path)!r} could not be read: {as_text(map(repr, fitting))} may separate its fields: name "
                "the right one with --delimiter."
            )
        delimiter = "," if "," in fitting or not fitting else fitting[0]
        if delimiter != ",":
            logger.info("%s: fields are separated by %s", self.path, "tabs" if delimiter == "\t" else delimiter)
        return delimiter

    def _find_quoting(self) -> Literal["double", "none"]:
        """Find out whether quotation marks enclose the fields of a tab-separated file: whichever fits its rows."""
        plain, has_marks = self._count("none")
        if not has_marks:
            return "none"
        quoted, _ = self._count("double")
        starts_quoted = self._starts_quoted()
        if quoted is None:
            return "double" if starts_quoted or plain is None else "none"  # the error is raised when rows are read
        if not starts_quoted:
            self._require_one(plain, quoted)
        return "double"

    def _starts_quoted(self) -> bool:
        return _begins_quoted(next(iter(self._records("none")))[1][0])

    def _require_one(self, plain: int | None, quoted: int) -> None:
        """Raise for a file that can be read in two ways, given the number of rows of each."""
        require(
            plain is None or plain == quoted,
            f"{str(self.path)!r} can be read as {plain} rows, with ordinary quotation marks, or as {quoted} rows, "
            "with quotation marks around fields of several lines: choose with --quoting none or --quoting double.",
        )

    def _count(self, quoting: str, is_marked: Callable[[str], bool] = _begins_quoted) -> tuple[int | None, bool]:
        """Return the number of rows, `None` if they do not fit the header; and whether one of the fields is marked."""
        rows, has_marks, width = 0, False, None
        try:
            for _, fields in self._records(quoting):
                width = width or len(fields)
                has_marks = has_marks or any(map(is_marked, fields))
                if len(fields) != width:
                    return None, True
                rows += 1
        except InputError as error:
            if isinstance(error.__cause__, csv.Error):
                return None, True
            raise
        return rows - 1, has_marks


class _Endings:
    """
    Iterates over lines of text, and says whether the latest one ends unlike the first one, in a carriage return, and
    text follows.
    """

    def __init__(self, file: IO[str]):
        self.file, self.first, self.latest, self.is_lone_return = file, "", "", False

    def __iter__(self) -> Iterator[str]:
        for line, following in itertools.pairwise(itertools.chain(self.file, [""])):
            self.first, self.latest = self.first or line[-1:], line
            self.is_lone_return = self.first == "\n" and line.endswith("\r") and bool(following.strip("\r\n"))
            yield line


class Lines(Table):
    """A file with a text in each line. Only a line feed, optionally after a carriage return, ends a line."""

    def __init__(self, path: Path, arguments: FileArguments):
        super().__init__(path)
        self.encoding = find_encoding(path, arguments.encoding)
        self.columns = ["text"]
        warn_of_table(next(self._texts(), ""), str(path))

    def _texts(self) -> Iterator[str]:
        with explain_damage(self.path), open_text(self.path, self.encoding, newline="\n") as file:
            yield from read_lines(file, repr(str(self.path)))

    def rows(self, columns: list[str]) -> Iterator[tuple[str, ...]]:
        """See [`Table.rows`]."""
        return (tuple(line for _ in columns) for line in self._texts())

    def lines(self) -> Iterator[int]:
        """See [`Table.lines`]."""
        return (number for number, _ in enumerate(self.rows([]), start=1))


def _has_zero_bytes(source: str, line: int) -> str:
    return f"{source} could not be read: line {line} holds a zero byte, so it is damaged or not text."


def read_lines(file: IO[str], source: str) -> Iterator[str]:
    """
    Yield the lines of a text without their line endings.

    Raises:
        InputError: a line holds a zero byte, or carriage returns alone end the lines. The message calls the text
            `source`.
    """
    for number, line in enumerate(file, start=1):
        if "\0" in line:
            raise InputError(_has_zero_bytes(source, number))
        if line.startswith(BYTE_ORDER_MARK):
            if number > 1:
                logger.warning("%s: line %d begins with a byte order mark, which is left out.", source, number)
            line = line.removeprefix(BYTE_ORDER_MARK)
        text = line.removesuffix("\n").rstrip("\r")
        if number == 1 and "\r" in text and not line.endswith("\n"):
            raise InputError(
                f"{source} could not be read: its lines end in carriage returns, as on old Macs. Write line feeds "
                "instead, for example with tr '\\r' '\\n'."
            )
        yield text


def warn_of_table(first: str, name: str) -> None:
    """Warn if the first line of plain text, of this name, looks like that of a table or of JSON lines."""
    plain, problem = first.replace('"', ""), None
    if find_mark(plain) in DELIMITERS or normalize_name(plain) in TEXT_COLUMNS:
        problem = "looks like the header of a table"
    elif first.lstrip().startswith("{"):
        with contextlib.suppress(ValueError, RecursionError):
            json.loads(first)
            problem = "looks like JSON"
    if problem is not None:
        warn_once(
            logger,
            f"{name}: each line is read as a text, including the first one, {first[:60]!r}, which {problem}. Read a "
            "table from a file whose name ends in .csv, .tsv or .jsonl.",
        )


def find_mark(name: str) -> str | None:
    """Return the mark between the names of several columns that were read as one; `None` if it seems to be one name."""
    found = _SEVERAL.fullmatch(name)
    return None if found is None else found[1]


def count_fields(fields: list[str]) -> str:
    """`1 field`, `2 fields`."""
    return f"{len(fields)} field{'' if len(fields) == 1 else 's'}"
