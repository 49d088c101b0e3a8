"""Write predictions as CSV, TSV, JSON Lines or Parquet: the whole file or none."""

import csv
import itertools
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..data.formats.json_lines import WrittenValue
from ..utils.errors import InputError, explain_errors, explain_save_failure
from ..utils.files import check_writable, write_file
from .answering import Row

ROW_GROUP = 4_096


def check_output(path: Path) -> None:
    """Raise unless a file can be written to this path in one of the known formats."""
    if path.suffix.lower() not in WRITERS:
        raise InputError(f"--output must end in {', '.join(WRITERS)}, found {str(path)!r}.")
    if path.is_dir():
        raise InputError(f"--output {str(path)!r} is a folder: name a file.")
    check_writable(path.parent, "--output")  # where a new file is written, and renamed


def write_rows(rows: Iterator[Row], path: Path, columns: dict[str, pa.DataType]) -> int:
    """
    Write rows to a temporary file, then rename it. If the path is a symbolic link, its target is replaced.

    Args:
        rows: The rows; they are consumed while they are written.
        path: The file. Its suffix selects the format.
        columns: The columns and their types. CSV and TSV hold lists as JSON.

    Returns:
        The number of rows.
    """
    check_output(path)
    try:
        with write_file(path.resolve()) as temporary:
            number = WRITERS[path.suffix.lower()](rows, str(temporary), pa.schema(list(columns.items())))
    except OSError as error:
        raise InputError(f"{str(path)!r} was not written: {explain_save_failure(error) or error}") from error
    except UnicodeEncodeError as error:
        raise InputError(f"{str(path)!r} was not written: {explain_encoding(error)}") from error
    return number


def explain_encoding(error: UnicodeEncodeError) -> str:
    """Explain why a value of a kept column cannot be written."""
    return (
        f"{str(error.object)[:40]!r} holds half a character, which is not UTF-8. Correct it, or leave its column out "
        "of --keep_columns."
    )


def _write_csv(rows: Iterator[Row], path: str, schema: pa.Schema, delimiter: str = ",") -> int:
    number, names = 0, schema.names  # the property builds a new list on each access
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(names)
        for row in rows:
            number += 1
            writer.writerow([_as_text(row[name]) for name in names])
    return number


def _write_tsv(rows: Iterator[Row], path: str, schema: pa.Schema) -> int:
    return _write_csv(rows, path, schema, "\t")


def _write_json_lines(rows: Iterator[Row], path: str, schema: pa.Schema) -> int:
    number, names = 0, schema.names
    with open(path, "w", encoding="utf-8") as file:
        for row in rows:
            number += 1
            file.write(_as_json({name: row[name] for name in names}) + "\n")
    return number


def write_parquet(rows: Iterator[Row], path: Any, schema: pa.Schema) -> int:
    """Write rows to a path or an open file in groups. Return their number."""
    number = 0
    strings = [field.name for field in schema if field.type == pa.string()]
    with pq.ParquetWriter(path, schema) as writer:
        while chunk := list(itertools.islice(rows, ROW_GROUP)):
            chunk = [row | {name: _as_text(row[name]) for name in strings if row[name] is not None} for row in chunk]
            writer.write_table(pa.Table.from_pylist(chunk, schema=schema))
            number += len(chunk)
    return number


def _as_text(value: Any) -> Any:
    """Convert lists and dictionaries to JSON for a text field, and bytes to text."""
    if isinstance(value, (list, dict)):
        return _as_json(value)
    return decode(value) if isinstance(value, bytes) else value


def decode(value: Any) -> str:
    """Return bytes as text, and anything else as Python writes it. Raises [`InputError`] for bytes that are no text."""
    if not isinstance(value, bytes):
        return str(value)
    with explain_errors(
        f"A kept column holds bytes that are not text in UTF-8, {value[:20]!r}: leave it out of --keep_columns, or "
        "write a .parquet file"
    ):
        return value.decode("utf-8")


def _as_json(value: Any) -> str:
    """Format a value as JSON. Numbers of a JSON file stay as they were written. NaN and infinities become null."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_as_json(name)}: {_as_json(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_as_json, value)) + "]"
    if isinstance(value, WrittenValue):
        return "null" if value.lstrip("-") in ("NaN", "Infinity") else str(value)
    is_number = not isinstance(value, float) or math.isfinite(value)
    return json.dumps(value if is_number else None, ensure_ascii=False, default=decode)


WRITERS: dict[str, Callable[[Iterator[Row], str, pa.Schema], int]] = {
    ".csv": _write_csv,
    ".tsv": _write_tsv,
    ".jsonl": _write_json_lines,
    ".parquet": write_parquet,
}
