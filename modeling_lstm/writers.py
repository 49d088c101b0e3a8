"""Writing predictions: CSV, TSV, JSON lines and Parquet, whole or not at all."""

import csv
import itertools
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from .errors import InputError, save_failure

Row = dict[str, Any]
ROW_GROUP = 4_096


def check_output(path: Path) -> None:
    """Raise unless a file can be written to this path in one of the known formats."""
    if path.suffix.lower() not in WRITERS:
        raise InputError(f"--output must end in {', '.join(WRITERS)}, found {str(path)!r}.")
    if path.is_dir():
        raise InputError(f"--output {str(path)!r} is a folder: name a file.")


def write_rows(rows: Iterator[Row], path: Path, *, several: bool = False) -> int:
    """
    Write rows of `text`, `label` and `score` under a temporary name and rename at the end.

    Args:
        rows: The rows, taken as they are written.
        path: The file; its suffix names the format.
        several: Whether label and score are lists (CSV and TSV then hold them as JSON).

    Returns:
        The number of rows.
    """
    check_output(path)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".saving-", suffix=path.suffix)
        os.close(handle)
        number = WRITERS[path.suffix.lower()](rows, temporary, several)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        raise InputError(f"{str(path)!r} was not written: {save_failure(error) or error}") from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
    return number


def _write_csv(rows: Iterator[Row], path: str, several: bool, delimiter: str = ",") -> int:
    number = 0
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["text", "label", "score"], delimiter=delimiter)
        writer.writeheader()
        for row in rows:
            number += 1
            lists = {name: json.dumps(row[name], ensure_ascii=False) for name in ("label", "score")} if several else {}
            writer.writerow(row | lists)
    return number


def _write_tsv(rows: Iterator[Row], path: str, several: bool) -> int:
    return _write_csv(rows, path, several, "\t")


def _write_json_lines(rows: Iterator[Row], path: str, several: bool) -> int:
    number = 0
    with open(path, "w", encoding="utf-8") as file:
        for row in rows:
            number += 1
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return number


def _write_parquet(rows: Iterator[Row], path: str, several: bool) -> int:
    number = 0
    label, score = pa.string(), pa.float64()
    if several:
        label, score = pa.list_(label), pa.list_(score)
    schema = pa.schema({"text": pa.string(), "label": label, "score": score})
    with pq.ParquetWriter(path, schema) as writer:
        while chunk := list(itertools.islice(rows, ROW_GROUP)):
            writer.write_table(pa.Table.from_pylist(chunk, schema=schema))
            number += len(chunk)
    return number


WRITERS: dict[str, Callable[[Iterator[Row], str, bool], int]] = {
    ".csv": _write_csv,
    ".tsv": _write_tsv,
    ".jsonl": _write_json_lines,
    ".parquet": _write_parquet,
}
