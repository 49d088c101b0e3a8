"""Read the texts of a file or of standard input one by one, with the columns to keep of their rows."""

import contextlib
import io
import itertools
import logging
import shlex
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from ..data.arguments import FileArguments
from ..data.columns import TEXT_COLUMNS, TRANSLATIONS, guess_text_column
from ..data.formats.delimited import Delimited, Lines, read_lines, warn_of_table
from ..data.formats.encodings import check_encoding, explain_damage, find_suffix
from ..data.formats.known_formats import FORMATS, SETTINGS, open_table, warn_of_unused
from ..data.formats.parquet import ParquetFile
from ..data.formats.table import Table, find_column, normalize_name
from ..runs.record import columns_of_training, separator_of
from ..utils.display import warn_once
from ..utils.errors import InputError, as_text, require
from ..utils.settings import to_flags
from .arguments import PredictionArguments

logger = logging.getLogger(__name__)


@dataclass
class Input:
    """
    Texts to answer, with the kept columns of their rows.

    Args:
        rows: Pairs of a text and the values of the kept columns.
        kept: The names and types of the kept columns.
        name: Returns how an error names the text with a given number, counted from 1.
    """

    rows: Iterator[tuple[str, tuple[Any, ...]]]
    kept: dict[str, pa.DataType] = field(default_factory=dict)
    name: Callable[[int], str] = "Text {}".format


def read_input(arguments: PredictionArguments, record: dict[str, Any]) -> Input:
    """
    Read the texts of a file or of standard input one by one, with the columns to keep.

    Args:
        arguments: What to read.
        record: What [`data_of_training`] returned for the run.
    """
    if arguments.input == "-":
        for name in ("keep_columns", "text_column", "delimiter", "quoting"):
            require(getattr(arguments, name) is None, f"Standard input has no columns: leave out --{name}.")
        hint = _hint_of_training(record, arguments, ["encoding"])
        lines = _warn_of_header(_add_hint(_standard_input(arguments.encoding), hint))
        return Input(((line, ()) for line in lines), name="Line {} of standard input".format)
    path = Path(arguments.input or "")
    settings = SETTINGS.get(FORMATS.get(find_suffix(path), ""), [])
    hint = _hint_of_training(record, arguments, settings) if path.is_file() else ""
    with _add(hint):
        table = open_table(path, arguments)
        warn_of_unused(str(path), [FORMATS[find_suffix(path)]], arguments)
        _check_delimiter(table, record, arguments)
        columns, language = _choose_columns(table, record, arguments)
        if not arguments.text_column:
            _warn_of_word(table, columns, record)
        asked = arguments.keep_columns or []
        if asked == ["all"] and "all" not in table.columns:
            table.find_late_columns()
            asked = [name for name in table.columns if [name] != columns]
        kept = {name: _type(table, name) for name in map(table.find, asked)}
    values = _add_hint(table.rows([*columns, *kept]), hint)
    rows = _rows(table, values, columns, separator_of(record), language)
    return Input(rows, kept, lambda number: f"The text in {table.locate(number)}")


def _choose_columns(
    table: Table, record: dict[str, Any], arguments: PredictionArguments
) -> tuple[list[str], str | None]:
    """Return the columns with the text, and for a column of translations the language to read."""
    if isinstance(table, Lines) and arguments.text_column:
        warn_once(logger, f"{table.path}: each line is a text, so --text_column has no effect.")
    columns = [] if isinstance(table, Lines) else arguments.text_column or _columns_of_training(record, table)
    source, target = record.get("source_column"), record.get("target_column")
    translations = None if columns or source is None else find_column(table.columns, TRANSLATIONS, str(table.path))
    if translations is not None:
        return [translations], source
    if not columns:
        texts = table.text_columns()
        if target is not None:
            texts = {name: found for name, found in texts.items() if normalize_name(name) != normalize_name(target)}
        columns = [guess_text_column(texts, table.columns)]
        learned = record.get("text_column") or ([source] if source else [])
        require(
            not learned or len(table.columns) == 1 or normalize_name(columns[0]) in TEXT_COLUMNS,
            f"{str(table.path)!r} has no column {as_text(learned)!r}, from which the run learned, but "
            f"{as_text(table.columns)}: name the column with the text with --text_column.",
        )
    return [table.find(name) for name in columns], None


def _warn_of_word(table: Table, columns: list[str], record: dict[str, Any]) -> None:
    """Warn if the only column is named by a word that may be the first text."""
    known = {*TEXT_COLUMNS, *map(normalize_name, record.get("text_column") or ())}
    if isinstance(table, Delimited) and len(table.columns) == 1 and columns[0].strip().isalpha():
        if normalize_name(columns[0]) not in known:
            table.warn_of_header()


def _hint_of_training(record: dict[str, Any], arguments: PredictionArguments, settings: list[str]) -> str:
    """Suggest missing flags that the training files were read with. Only the user knows whether they fit this input."""
    missing = {name: record.get(name) for name in settings if getattr(arguments, name) is None}
    flags = shlex.join(to_flags(missing))
    return flags and f" The run's training files were read with {flags}: add that if this input is written like them."


@contextlib.contextmanager
def _add(hint: str) -> Iterator[None]:
    """Append a hint to errors about an input."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{error}{hint}") from error


def _add_hint(rows: Iterator[Any], hint: str) -> Iterator[Any]:
    with _add(hint):
        yield from rows


def _check_delimiter(table: Table, record: dict[str, Any], arguments: PredictionArguments) -> None:
    """Raise if the training's delimiter might also separate fields here: whole rows would be mistaken for texts."""
    delimiter = FileArguments(delimiter=record.get("delimiter")).delimiter_character()
    if isinstance(table, Delimited) and arguments.delimiter is None and delimiter not in (None, table.delimiter):
        require(
            not any(str(delimiter) in name for name in table.columns),
            f"{str(table.path)!r} may have {delimiter!r} or {table.delimiter!r} between its fields: say which with "
            "--delimiter.",
        )


def _type(table: Table, column: str) -> pa.DataType:
    return table.schema.field(column).type if isinstance(table, ParquetFile) else pa.string()


def _columns_of_training(record: dict[str, Any], table: Table) -> list[str]:
    """Return the text columns that the run was trained with, if the input has them too."""
    origin = repr(str(table.path))
    columns = record.get("text_column")
    return columns_of_training(columns, lambda column: find_column(table.columns, column, origin), origin)


def _rows(
    table: Table, rows: Iterator[tuple[Any, ...]], columns: list[str], separator: str, language: str | None
) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Join the values of the text columns into the text, and yield it with the values of the kept columns."""
    number = 0
    for number, values in enumerate(rows, start=1):
        parts = values[: len(columns)]
        if language is not None:
            parts = tuple(part.get(language) if isinstance(part, dict) else part for part in parts)
        if not all(isinstance(part, str) for part in parts):
            raise InputError(
                f"There is no text in {table.locate(number)} (column {as_text(columns)!r}): found {list(parts)}."
            )
        yield separator.join(parts), values[len(columns) :]
    require(number > 0, f"{str(table.path)!r} has no rows.")


def _warn_of_header(lines: Iterator[str]) -> Iterator[str]:
    """Yield the lines of standard input. Warn if the first one does not look like a text."""
    first = next(lines, None)
    if first is not None:
        warn_of_table(first, "Standard input")
        yield from itertools.chain([first], lines)


def _standard_input(encoding: str | None) -> Iterator[str]:
    require(sys.stdin is not None, "Standard input is closed: pass a file with --input FILE.")
    encoding = check_encoding(encoding or "utf-8")
    with explain_damage("standard input"):
        if isinstance(sys.stdin, io.TextIOWrapper):
            sys.stdin.reconfigure(encoding=encoding, newline="\n")
        try:
            yield from read_lines(sys.stdin, "Standard input")
        except UnicodeDecodeError as error:
            found = " ".join(f"0x{byte:02x}" for byte in error.object[error.start : error.end])
            raise InputError(
                f"Standard input could not be read: it is not {encoding.upper()} (byte {found}). Name its encoding, "
                "for example --encoding cp1252; unpack it first if it is compressed."
            ) from error
