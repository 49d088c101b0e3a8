"""Text files as tables: CSV, TSV, JSON lines and plain lines, each value as it is written, with nothing guessed."""

import bz2
import codecs
import contextlib
import csv
import gzip
import io
import itertools
import json
import logging
import lzma
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal, cast

import pyarrow as pa
import pyarrow.parquet as pq

from .errors import InputError, listed, require

logger = logging.getLogger(__name__)

FORMATS = {".csv": "csv", ".tsv": "csv", ".json": "json", ".jsonl": "json", ".parquet": "parquet", ".txt": "text"}
COMPRESSIONS: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
DELIMITERS = (",", ";", "\t", "|")  # those that are recognised; any other is named with --delimiter
STRINGS = ("string", "large_string", "string_view")
SAMPLE = 100  # rows that are looked at to recognise a delimiter, and which columns hold text
# The mark with which a file may begin, and the encoding that it tells; UTF-32's begin with UTF-16's
MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
BYTE_ORDER_MARK = "\ufeff"

csv.field_size_limit(2**31 - 1)  # how long a text may be, --max_characters says


@dataclass(kw_only=True)
class FileArguments:
    """How text files are written, where they do not tell it themselves."""

    delimiter: str | None = field(
        default=None,
        metadata={"help": "Character between the fields of CSV files, or tab. Default: comma, semicolon, tab or |."},
    )
    encoding: str | None = field(
        default=None,
        metadata={
            "help": "Encoding of text files: cp1252, utf-16-le, ... Default: UTF-8, or what a byte order mark says."
        },
    )
    quoting: Literal["double", "none"] | None = field(
        default=None,
        metadata={
            "help": "Whether fields may stand in double quotes (double), or a quotation mark is a character like any "
            "other (none). Default: double; for tab-separated files what their rows fit."
        },
    )

    def of_files(self) -> "FileArguments":
        """These settings alone, of a class with more."""
        return FileArguments(delimiter=self.delimiter, encoding=self.encoding, quoting=self.quoting)

    def delimiter_character(self) -> str | None:
        """The delimiter as one character; `None` if it is to be recognised."""
        if self.delimiter is None:
            return None
        character = "\t" if self.delimiter in ("tab", "\\t") else self.delimiter
        require(
            len(character) == 1 and character not in '"\r\n\0' + BYTE_ORDER_MARK,
            f"--delimiter must be one character, or tab; found {self.delimiter!r}.",
        )
        return character


def format_of(path: Path) -> str:
    """The suffix that names a file's format, without that of a compression: `.csv` of `a.CSV.gz`."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in COMPRESSIONS:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


class Table(ABC):
    """
    One file with named columns.

    Args:
        path: The file.

    Attributes:
        columns: Their names, as they are written.
    """

    columns: list[str]

    def __init__(self, path: Path):
        self.path = path

    def find(self, column: str) -> str:
        """
        The name of a column as it is written in the file.

        Raises:
            InputError: there is none, or several.
        """
        name = find_column(self.columns, column, repr(str(self.path)))
        require(name is not None, f"{str(self.path)!r} has no column {column}; its columns are {listed(self.columns)}.")
        return str(name)

    @abstractmethod
    def rows(self, columns: list[str]) -> Iterator[tuple[Any, ...]]:
        """
        The values of some columns, row after row. Values of text files are strings as they are written; those of JSON
        may also be `None`, lists or objects of such.

        Raises:
            InputError: the file is damaged, with the row.
        """

    def text_columns(self) -> dict[str, bool]:
        """The columns of strings in the first rows, and whether these are not all numbers."""
        rows = list(itertools.islice(self.rows(self.columns), SAMPLE))
        values = {name: [row[place] for row in rows] for place, name in enumerate(self.columns)}
        strings = {name: [one for one in found if isinstance(one, str)] for name, found in values.items()}
        return {name: not all(map(is_number, found)) for name, found in strings.items() if found or not rows}


def find_column(columns: list[str], column: str, origin: str) -> str | None:
    """
    The column of that name, or the only one whose name differs in upper case or in blanks around it alone.

    Raises:
        InputError: several columns have that name.
    """
    found = [name for name in columns if name == column]
    found = found or [name for name in columns if plain_name(name) == plain_name(column)]
    require(len(found) < 2, f"{origin} has {len(found)} columns {column!r}: rename all but one.")
    return found[0] if found else None


def plain_name(column: str) -> str:
    """A column's name in lower case, without blanks around it."""
    return column.strip().casefold()


def is_number(text: str) -> bool:
    """Whether a text is a number; an empty one says nothing against it."""
    try:
        float(text or 0)
    except ValueError:
        return False
    return True


def open_table(path: Path, arguments: FileArguments) -> Table:
    """
    Open a file of one of the known formats.

    Raises:
        InputError: it does not exist, is empty, or cannot be read.
    """
    require(path.is_file(), f"There is no file {str(path)!r}.")
    suffix = format_of(path)
    require(
        suffix in FORMATS,
        f"{str(path)!r} must be a file of one of the formats {listed(FORMATS)}, found {suffix or 'no suffix'}.",
    )
    kinds: dict[str, type[Any]] = {"csv": Delimited, "json": Json, "text": Lines}
    with unpacking(path):
        return ParquetFile(path) if FORMATS[suffix] == "parquet" else kinds[FORMATS[suffix]](path, arguments)


class Delimited(Table):
    """
    A CSV or TSV file. Every row must have as many fields as the header.

    Fields may stand in double quotes, as `csv` and spreadsheets write them. In a tab-separated file a quotation mark
    may as well be a character like any other; which of the two it is, the whole file is asked.
    """

    def __init__(self, path: Path, arguments: FileArguments):
        super().__init__(path)
        self.encoding = encoding_of(path, arguments.encoding)
        self.delimiter = arguments.delimiter_character() or self._delimiter()
        self.quoting = arguments.quoting or ("double" if self.delimiter != "\t" else self._quoting())
        self.columns = self._header(self.quoting)
        if any(name and is_number(name) for name in self.columns):
            logger.warning("%s: its first line is taken for the names of the columns: %s", path, listed(self.columns))

    def rows(self, columns: list[str]) -> Iterator[tuple[str, ...]]:
        """As for [`Table.rows`]."""
        places = [self.columns.index(name) for name in columns]
        with unpacking(self.path):
            for fields in self._checked(self.quoting):
                yield tuple(fields[place] for place in places)

    def _header(self, quoting: str) -> list[str]:
        header = next((fields for _, fields in self._records(quoting)), None)
        require(header is not None, f"{str(self.path)!r} is empty: it has no rows.")
        return cast(list[str], header)

    def _checked(self, quoting: str) -> Iterator[list[str]]:
        """The rows after the header."""
        records = self._records(quoting)
        _, header = next(records)
        for number, (line, fields) in enumerate(records, start=1):
            if len(fields) != len(header):
                raise InputError(
                    f"{str(self.path)!r} could not be read: row {number} (line {line}) has {counted(fields)}, the "
                    f"header {len(header)}. {self._hint(quoting)}"
                )
            yield fields

    def _hint(self, quoting: str) -> str:
        if quoting == "none":
            return "If fields stand in quotation marks, add --quoting double."
        shown = "a tab" if self.delimiter == "\t" else repr(self.delimiter)
        return (
            f"A field with {shown} in it must stand in quotation marks. If another character is between the fields, "
            "name it with --delimiter."
        )

    def _records(self, quoting: str) -> Iterator[tuple[int, list[str]]]:
        """The number of the line where each record ends, and its fields; empty lines are left out."""
        how: dict[str, Any] = {"quoting": csv.QUOTE_NONE} if quoting == "none" else {"strict": True}
        width, empty = 0, 0
        with opened(self.path, self.encoding) as file:
            reader = csv.reader(file, delimiter=self.delimiter, **how)
            try:
                for fields in reader:
                    if not fields:
                        empty = empty or reader.line_num
                        continue
                    if width == 1 and empty:  # an empty text, or nothing at all
                        raise InputError(
                            f"{str(self.path)!r} could not be read: line {empty} is empty. Write an empty text as "
                            'two quotation marks, "", or give a .txt file, in which each line is a text.'
                        )
                    width, empty = width or len(fields), 0
                    yield reader.line_num, fields
            except csv.Error as error:
                cause = "a quotation mark is never closed" if "end of data" in str(error) else str(error)
                raise InputError(
                    f"{str(self.path)!r} could not be read: line {reader.line_num}: {cause}. Inside of a quoted field "
                    "a quotation mark is written twice. If quotation marks are characters like any other here, add "
                    "--quoting none."
                ) from error

    def _delimiter(self) -> str:
        """
        The one of the usual delimiters that divides the header, and the first rows into as many fields: a tab in a
        `.tsv` file, elsewhere a comma before the others.
        """
        with opened(self.path, self.encoding) as file:
            lines = list(itertools.islice(file, SAMPLE + 1))
        found: dict[str, bool] = {}
        for delimiter in DELIMITERS:
            records = [fields for fields in csv.reader(lines, delimiter=delimiter) if fields]
            if len(lines) > SAMPLE:
                records = records[:-1]  # the last one may go on
            if records and len(records[0]) > 1:
                found[delimiter] = len({len(fields) for fields in records}) == 1
        if format_of(self.path) == ".tsv":
            require(
                "\t" in found or not found,
                f"{str(self.path)!r} could not be read: there is no tab in its first line, but {listed(found)!r}. Name "
                "what is between its fields with --delimiter.",
            )
            return "\t"
        fitting = [delimiter for delimiter, fits in found.items() if fits] or list(found)
        if len(fitting) > 1 and "," not in fitting:
            raise InputError(
                f"{str(self.path)!r} could not be read: {listed(map(repr, fitting))} may be between its fields: name "
                "the right one with --delimiter."
            )
        delimiter = "," if "," in fitting or not fitting else fitting[0]
        if delimiter != ",":
            logger.info("%s: fields are separated by %s", self.path, "tabs" if delimiter == "\t" else delimiter)
        return delimiter

    def _quoting(self) -> Literal["double", "none"]:
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


class Written(str):
    """A number or truth value of a JSON file, as it is written there."""


class Json(Table):
    """JSON lines; or one JSON document, an array of objects or an object of arrays."""

    def __init__(self, path: Path, arguments: FileArguments):
        super().__init__(path)
        self.encoding = encoding_of(path, arguments.encoding)
        self._document: list[dict[str, Any]] | None = None
        first = list(itertools.islice(self._objects(), 10 * SAMPLE))
        require(bool(first), f"{str(path)!r} is empty: it has no rows.")
        self.columns = list(dict.fromkeys(name for row in first for name in row))

    def rows(self, columns: list[str]) -> Iterator[tuple[Any, ...]]:
        """As for [`Table.rows`]."""
        with unpacking(self.path):
            for row in self._objects():
                yield tuple(row.get(name) for name in columns)

    def _objects(self) -> Iterator[dict[str, Any]]:
        if self._document is not None:
            yield from self._document
            return
        with opened(self.path, self.encoding) as file:
            start = ""
            while not start.strip() and (line := file.readline()):
                start += line
            try:
                first = self._parsed(start) if start.strip() else []
            except json.JSONDecodeError:
                first = None  # its first line is not a whole document, so the file is
            if isinstance(first, dict):
                lines = self._lines(first, file, start.count("\n"))
                second = next(itertools.islice(lines, 1, None), None)
                if second is not None or not _are_columns(first):
                    yield from itertools.chain([first], [] if second is None else [second], lines)
                    return
                self._document = self._records(first)
            else:
                self._document = self._records(self._whole(start + file.read()) if start.strip() else [])
        yield from self._document

    def _lines(self, first: dict[str, Any], file: IO[str], number: int) -> Iterator[dict[str, Any]]:
        yield first
        for at, line in enumerate(file, start=number + 1):
            if not line.strip():
                continue
            try:
                row = self._parsed(line)
            except json.JSONDecodeError as error:
                raise InputError(f"{str(self.path)!r} could not be read: line {at} is no JSON: {error}.") from error
            require(
                isinstance(row, dict),
                f"{str(self.path)!r} could not be read: line {at} must hold a JSON object, found {line[:40]!r}.",
            )
            yield row

    def _whole(self, text: str) -> Any:
        try:
            return self._parsed(text)
        except json.JSONDecodeError as error:
            raise InputError(f"{str(self.path)!r} could not be read: it is no JSON: {error}.") from error

    def _records(self, document: Any) -> list[dict[str, Any]]:
        """The rows of one document."""
        if _are_columns(document):
            lengths = {name: len(values) for name, values in document.items()}
            require(
                len(set(lengths.values())) <= 1,
                f"{str(self.path)!r} could not be read: its columns differ in length: {lengths}.",
            )
            document = [dict(zip(document, values, strict=True)) for values in zip(*document.values(), strict=True)]
        require(
            isinstance(document, list) and all(isinstance(row, dict) for row in document),
            f"{str(self.path)!r} could not be read: expected a JSON object in each line, or an array of objects.",
        )
        return document

    @staticmethod
    def _parsed(text: str) -> Any:
        hooks: dict[str, Any] = {"parse_int": Written, "parse_float": Written, "parse_constant": Written}
        return _with_truth_written(json.loads(text, **hooks))


def _are_columns(document: Any) -> bool:
    """Whether JSON holds a list for each column."""
    return isinstance(document, dict) and all(isinstance(values, list) for values in document.values())


def _with_truth_written(value: Any) -> Any:
    """JSON with `true` and `false` as they are written."""
    if isinstance(value, bool):
        return Written("true" if value else "false")
    if isinstance(value, dict):
        return {name: _with_truth_written(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_with_truth_written(one) for one in value]
    return value


def meant(value: Any) -> Any:
    """What a value of [`Table.rows`] means, with the numbers and truth values of JSON as such."""
    if isinstance(value, Written):
        return json.loads(value)
    if isinstance(value, dict):
        return {name: meant(one) for name, one in value.items()}
    return [meant(one) for one in value] if isinstance(value, list) else value


class Lines(Table):
    """A text in each line; only a line feed, or a carriage return before it, ends one."""

    def __init__(self, path: Path, arguments: FileArguments):
        super().__init__(path)
        self.encoding = encoding_of(path, arguments.encoding)
        self.columns = ["text"]

    def rows(self, columns: list[str]) -> Iterator[tuple[str, ...]]:
        """As for [`Table.rows`]."""
        with unpacking(self.path), opened(self.path, self.encoding, newline="\n") as file:
            for line in lines_of(file):
                yield tuple(line for _ in columns)


def lines_of(file: IO[str]) -> Iterator[str]:
    """The lines of a text without what ends them."""
    for line in file:
        yield line.removesuffix("\n").removesuffix("\r")


class ParquetFile(Table):
    """A Parquet file; its values have the types that it says."""

    def __init__(self, path: Path):
        super().__init__(path)
        self.schema = pq.read_schema(path)
        self.columns = list(self.schema.names)

    def rows(self, columns: list[str]) -> Iterator[tuple[Any, ...]]:
        """As for [`Table.rows`], with values of other types than strings too."""
        with unpacking(self.path), pq.ParquetFile(self.path) as file:
            for batch in file.iter_batches(batch_size=1_000, columns=list(dict.fromkeys(columns))):
                yield from zip(*(batch.column(name).to_pylist() for name in columns), strict=True)

    def text_columns(self) -> dict[str, bool]:
        """The columns of strings."""
        kinds = {one.name: getattr(one.type, "value_type", one.type) for one in self.schema}  # also of a dictionary
        lists = (pa.types.is_list, pa.types.is_large_list)
        return {
            name: True
            for name, kind in kinds.items()
            if str(kind) in STRINGS and not any(is_one(self.schema.field(name).type) for is_one in lists)
        }


def encoding_of(path: Path, asked: str | None) -> str:
    """
    The encoding of a text file: the one that is asked for, that of its byte order mark, or UTF-8.

    Raises:
        InputError: there is no such encoding, the mark says another, or the file is no text.
    """
    with unpacking(path), _bytes(path) as file:
        start = file.read(1_000)
    require(bool(start), f"{str(path)!r} is empty: it has no rows.")
    marked = next((name for mark, name in MARKS.items() if start.startswith(mark)), None)
    if asked is not None:
        known = known_encoding(asked)
        family = known.replace("-sig", "").removesuffix("-le").removesuffix("-be")
        require(
            marked is None or marked.replace("-sig", "") == family,
            f"{str(path)!r} begins with the byte order mark of {marked and marked.replace('-sig', '').upper()}, but "
            f"--encoding says {asked}: leave it out.",
        )
        return marked or known
    require(
        marked is not None or b"\0" not in start,
        f"{str(path)!r} could not be read: it holds zero bytes, so it is no text in UTF-8. If it is UTF-16, add "
        "--encoding utf-16-le (or utf-16-be).",
    )
    return marked or "utf-8"


def known_encoding(name: str) -> str:
    """
    Python's name of an encoding.

    Raises:
        InputError: it has none.
    """
    try:
        known = codecs.lookup(name)
        is_text = known._is_text_encoding
    except (LookupError, ValueError):
        is_text = False
    require(is_text, f"--encoding {name} is no encoding that Python knows; known are utf-8, cp1252, utf-16, ...")
    return known.name


@contextlib.contextmanager
def opened(path: Path, encoding: str, newline: str = "") -> Iterator[IO[str]]:
    """A text file, unpacked; bytes that are no text in its encoding become one sentence."""
    with _bytes(path) as raw, io.TextIOWrapper(cast(Any, raw), encoding=encoding, newline=newline) as file:
        try:
            yield file
        except UnicodeError as error:
            raise InputError(
                f"{str(path)!r} could not be read: {_undecodable(path, encoding, error)} Name its encoding: --encoding "
                "cp1252, say."
            ) from error


def _bytes(path: Path) -> IO[bytes]:
    return cast(IO[bytes], COMPRESSIONS.get(path.suffix.lower(), open)(path, "rb"))


def _undecodable(path: Path, encoding: str, error: UnicodeError) -> str:
    """Where the first bytes are that are no text."""
    name = encoding.removesuffix("-sig").upper()
    decoder = codecs.getincrementaldecoder(encoding)()
    with _bytes(path) as file:
        for number, line in enumerate(file, start=1):
            try:
                decoder.decode(line)
            except UnicodeDecodeError as first:
                found = " ".join(f"0x{byte:02x}" for byte in first.object[first.start : first.end])
                return f"line {number} is not {name} (byte {found})."
    return f"it is not {name} ({error})."


@contextlib.contextmanager
def unpacking(path: Path) -> Iterator[None]:
    """Turn damage of a file into one sentence."""
    try:
        yield
    except InputError:
        raise
    except (EOFError, OSError, ValueError, zlib.error, lzma.LZMAError) as error:
        cause = " ".join(str(error).split())
        raise InputError(f"{str(path)!r} could not be read: {type(error).__name__}: {cause}") from error


def counted(fields: list[str]) -> str:
    """`1 field`, `2 fields`."""
    return f"{len(fields)} field{'' if len(fields) == 1 else 's'}"
