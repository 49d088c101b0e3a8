"""The texts of a file or of standard input, one after the other, with what is kept of their rows."""

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
from ..data.columns import LINE_BREAK, TEXT_COLUMNS, TRANSLATIONS, guess_text_column, join_texts
from ..data.formats.delimited import DELIMITERS, Delimited, Lines, find_mark, read_lines
from ..data.formats.encodings import BYTE_ORDER_MARK, check_encoding, find_suffix
from ..data.formats.known_formats import FORMATS, open_table
from ..data.formats.parquet import ParquetFile
from ..data.formats.table import Table, find_column, normalize_name
from ..runs.record import columns_of_training
from ..utils.errors import InputError, as_list, require
from ..utils.settings import to_flags
from .arguments import PredictionArguments

logger = logging.getLogger(__name__)

# Which settings of files those of a format are read with
SETTINGS = {"csv": ["delimiter", "encoding", "quoting"], "json": ["encoding"], "text": ["encoding"]}


@dataclass
class Input:
    """
    Texts to classify, with what is kept of their rows.

    Args:
        rows: A text, and the values of the kept columns.
        kept: The names of these columns in the output, and their types.
        name: What an error calls the text of a number, which is counted from 1.
    """

    rows: Iterator[tuple[str, tuple[Any, ...]]]
    kept: dict[str, pa.DataType] = field(default_factory=dict)
    name: Callable[[int], str] = "Text {}".format


def read_input(arguments: PredictionArguments, record: dict[str, Any]) -> Input:
    """
    The texts of a file or of standard input, one after the other, and the columns that are kept.

    Args:
        arguments: What to read.
        record: What [`data_of_training`] tells of the run.
    """
    if arguments.input == "-":
        for name in ("keep_columns", "text_column", "delimiter", "quoting"):
            require(getattr(arguments, name) is None, f"Standard input has no columns: leave out --{name}.")
        hint = _hint_of_training(record, arguments, ["encoding"])
        lines = _warn_of_header(_add_hint(_standard_input(arguments.encoding), hint), "Standard input")
        return Input(((line, ()) for line in lines), name="Line {} of standard input".format)
    path = Path(arguments.input or "")
    settings = SETTINGS.get(FORMATS.get(find_suffix(path), ""), [])
    hint = _hint_of_training(record, arguments, settings) if path.is_file() else ""
    with _add(hint):
        table = open_table(path, arguments)
        _check_delimiter(table, record, arguments)
        columns, language = _choose_columns(table, record, arguments)
        asked = arguments.keep_columns or []
        if asked == ["all"] and "all" not in table.columns:
            asked = [name for name in table.columns if [name] != columns]
        kept = {name: _type(table, name) for name in map(table.find, asked)}
    values = _add_hint(table.rows([*columns, *kept]), hint)
    if isinstance(table, Lines):
        values = ((line,) for line in _warn_of_header((line for (line,) in values), str(path)))
    rows = _rows(table, values, columns, record.get("separator", LINE_BREAK), language)
    return Input(rows, kept, lambda number: f"The text in {table.place(number)}")


def _choose_columns(
    table: Table, record: dict[str, Any], arguments: PredictionArguments
) -> tuple[list[str], str | None]:
    """The columns with the text; of a column of translations also the language to read."""
    columns = [] if isinstance(table, Lines) else arguments.text_column or _columns_of_training(record, table)
    source, target = record.get("source_column"), record.get("target_column")
    translations = None if columns or source is None else find_column(table.columns, TRANSLATIONS, str(table.path))
    if translations is not None:
        return [translations], source
    if not columns:
        texts = {name: has_words for name, has_words in table.text_columns().items() if name != target}
        columns = [guess_text_column(texts, table.columns)]
    return [table.find(name) for name in columns], None


def _hint_of_training(record: dict[str, Any], arguments: PredictionArguments, settings: list[str]) -> str:
    """The flags with which the files of the training were read and this one is not: whether they fit, a user knows."""
    missing = {name: record.get(name) for name in settings if getattr(arguments, name) is None}
    flags = shlex.join(to_flags(missing))
    return flags and f" The files of the run's training were read with {flags}: add that if this is written like them."


@contextlib.contextmanager
def _add(hint: str) -> Iterator[None]:
    """Put a hint after what is wrong with an input."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{error}{hint}") from error


def _add_hint(rows: Iterator[Any], hint: str) -> Iterator[Any]:
    with _add(hint):
        yield from rows


def _check_delimiter(table: Table, record: dict[str, Any], arguments: PredictionArguments) -> None:
    """Raise for a file that the delimiter of the training may divide, too: whole rows would be taken for texts."""
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
    """The text columns that the run was trained with, if the input has them too."""
    origin = repr(str(table.path))
    columns = record.get("text_column") or []
    return columns_of_training(columns, lambda column: find_column(table.columns, column, origin), origin)


def _rows(
    table: Table, rows: Iterator[tuple[Any, ...]], columns: list[str], separator: str, language: str | None
) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """From the values of the text columns and those that are kept to the text, and these."""
    number = 0
    for number, values in enumerate(rows, start=1):
        parts = values[: len(columns)]
        if language is not None:
            parts = tuple(part.get(language) if isinstance(part, dict) else part for part in parts)
        if not all(isinstance(part, str) for part in parts):
            raise InputError(
                f"There is no text in {table.place(number)} (column {as_list(columns)!r}): found {list(parts)}."
            )
        yield join_texts(parts, separator), values[len(columns) :]
    require(number > 0, f"{str(table.path)!r} has no rows.")


def _warn_of_header(lines: Iterator[str], name: str) -> Iterator[str]:
    """The lines of plain text, with a warning if the first seems to hold the names of a table's columns."""
    first = next(lines, None)
    if first is None:
        return
    plain = first.replace('"', "")
    if find_mark(plain) in DELIMITERS or normalize_name(plain) in TEXT_COLUMNS:
        logger.warning(
            "%s: each line is read as a text, also the first one, %r, which looks like the header of a table. Give a "
            "table as a file: --input texts.csv.",
            *(name, first[:60]),
        )
    yield from itertools.chain([first], lines)


def _standard_input(encoding: str | None) -> Iterator[str]:
    from ..data.sources import explain_read_failures  # imports datasets, which takes a second

    if isinstance(sys.stdin, io.TextIOWrapper):
        with explain_read_failures("standard input"):
            sys.stdin.reconfigure(encoding=encoding and check_encoding(encoding), newline="\n")
    with explain_read_failures("standard input"):
        for number, line in enumerate(read_lines(sys.stdin)):
            yield line.removeprefix(BYTE_ORDER_MARK) if number == 0 else line
