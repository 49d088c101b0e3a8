"""Prediction for sentences, files and standard input by `transformers.pipeline`: in order, in bounded memory."""

import csv
import itertools
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import pyarrow as pa
import pyarrow.parquet as pq
from datasets import load_dataset
from transformers import TextClassificationPipeline, pipeline

from .data import TEXT_COLUMNS, local_files
from .errors import InputError
from .runs import load_run, save_failure

CHUNK = 4_096  # rows held in memory, sorted by length and classified together


@dataclass
class PredictionArguments:
    """What to classify and where to write the answers."""

    input: str | None = field(
        default=None,
        metadata={"help": "CSV, TSV, JSON lines, Parquet or .txt file (a text in each line); - is standard input."},
    )
    text_column: list[str] | None = field(
        default=None, metadata={"help": "Column, or several to be joined, with the text."}
    )
    output: str | None = field(default=None, metadata={"help": "File to write: .csv, .tsv, .jsonl or .parquet."})
    batch_size: int = field(default=32, metadata={"help": "Rows in a batch."})
    max_characters: int = field(default=500_000, metadata={"help": "A longer text is an error."})


Row = dict[str, Any]


def predict(run: str, texts: list[str], arguments: PredictionArguments) -> Iterator[Row] | int:
    """
    Classify `texts`, or the rows of `arguments.input`.

    Returns:
        Rows of `text`, `label` and `score` as they come, or with `arguments.output` the number of rows written. For
        multi-label models `label` is the list of labels above one half and `score` the list of their probabilities.

    Raises:
        InputError: the run, the input or the output cannot be used; the output file is then not written.
    """
    if bool(texts) == (arguments.input is not None):
        raise InputError("Give either sentences or --input FILE (or --input - for standard input).")
    output = Path(arguments.output) if arguments.output else None
    if output is not None and output.suffix.lower() not in WRITERS:
        raise InputError(f"--output must end in {', '.join(WRITERS)}, found {str(output)!r}.")
    source = iter(texts) if texts else read_texts(arguments)
    model, tokenizer = load_run(run)
    classifier = pipeline("text-classification", model=model, tokenizer=tokenizer)
    rows = classify(classifier, _checked(source, arguments.max_characters), arguments.batch_size)
    return rows if output is None else write_rows(rows, output)


def classify(classifier: TextClassificationPipeline, texts: Iterable[str], batch_size: int) -> Iterator[Row]:
    """Classify a stream of texts. Chunks are sorted by length, so that batches hold little padding, then put back."""
    config = classifier.model.config
    several = config.problem_type == "multi_label_classification"
    texts = iter(texts)
    while chunk := list(itertools.islice(texts, CHUNK)):
        order = sorted(range(len(chunk)), key=lambda number: len(chunk[number]))
        # the tokenizer's own model_max_length is where training cut texts off
        answers = classifier(
            [chunk[number] for number in order], batch_size=batch_size, truncation=True, top_k=None if several else 1
        )
        found: list[Any] = [None] * len(chunk)
        for number, answer in zip(order, answers, strict=True):
            found[number] = answer
        for text, answer in zip(chunk, found, strict=True):
            if several:
                chosen = [one for one in answer if one["score"] > 0.5]
                yield {
                    "text": text,
                    "label": [one["label"] for one in chosen],
                    "score": [one["score"] for one in chosen],
                }
            else:
                yield {"text": text, "label": answer[0]["label"], "score": answer[0]["score"]}


def read_texts(arguments: PredictionArguments) -> Iterator[str]:
    """The texts of a file or of standard input, one after the other."""
    if arguments.input == "-":
        return (line.rstrip("\r\n") for line in sys.stdin)
    path = Path(arguments.input or "")
    if not path.is_file():
        raise InputError(f"There is no file {arguments.input!r}.")
    if path.suffix.lower() == ".txt":
        return _lines(path)
    rows = load_dataset(**local_files(path), split="train", streaming=True)
    first = next(iter(rows), None)
    if first is None:
        raise InputError(f"{arguments.input!r} has no rows.")
    columns = arguments.text_column or [name for name in TEXT_COLUMNS if name in first][:1]
    if not columns or not set(columns) <= first.keys():
        missing = (
            f"no column {', '.join(sorted(set(columns) - first.keys()))}" if columns else "no column of a usual name"
        )
        raise InputError(
            f"{arguments.input!r} has {missing}: name it with --text_column. Its columns are {', '.join(first)}."
        )
    return _columns(rows, columns)


def _columns(rows: Iterable[Row], columns: list[str]) -> Iterator[str]:
    for number, row in enumerate(rows, start=1):
        parts = [row[column] for column in columns]
        if not all(isinstance(part, str) for part in parts):
            raise InputError(f"Row {number} of the input holds no text in {', '.join(columns)}: found {parts}.")
        yield "\n".join(parts)


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield line.rstrip("\r\n")


def _checked(texts: Iterable[str], limit: int) -> Iterator[str]:
    for number, text in enumerate(texts, start=1):
        if len(text) > limit:
            raise InputError(f"Text {number} has {len(text):,} characters, more than --max_characters {limit}.")
        yield text


def write_rows(rows: Iterator[Row], path: Path) -> int:
    """Write rows under a temporary name and rename at the end. Returns the number of rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".saving-", suffix=path.suffix)
    os.close(handle)
    try:
        number = WRITERS[path.suffix.lower()](rows, temporary)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        if cause := save_failure(error):
            raise InputError(f"{str(path)!r} was not written: {cause}") from error
        raise
    finally:
        Path(temporary).unlink(missing_ok=True)
    return number


def _write_csv(rows: Iterator[Row], path: str, delimiter: str = ",") -> int:
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["text", "label", "score"], delimiter=delimiter)
        writer.writeheader()
        return _each(rows, writer.writerow)


def _write_tsv(rows: Iterator[Row], path: str) -> int:
    return _write_csv(rows, path, "\t")


def _write_json_lines(rows: Iterator[Row], path: str) -> int:
    def line(row: Row, file: TextIO) -> None:
        file.write(json.dumps(row, ensure_ascii=False) + "\n")

    with open(path, "w", encoding="utf-8") as file:
        return _each(rows, lambda row: line(row, file))


def _write_parquet(rows: Iterator[Row], path: str) -> int:
    writer, number = None, 0
    try:
        while chunk := list(itertools.islice(rows, CHUNK)):
            table = pa.Table.from_pylist(chunk, schema=writer.schema if writer else None)
            writer = writer or pq.ParquetWriter(path, table.schema)
            writer.write_table(table)
            number += len(chunk)
        if writer is None:
            schema = pa.schema({"text": pa.string(), "label": pa.string(), "score": pa.float64()})
            writer = pq.ParquetWriter(path, schema)
    finally:
        if writer is not None:
            writer.close()
    return number


def _each(rows: Iterator[Row], write: Callable[[Row], Any]) -> int:
    number = 0
    for row in rows:
        write(row)
        number += 1
    return number


WRITERS: dict[str, Callable[[Iterator[Row], str], int]] = {
    ".csv": _write_csv,
    ".tsv": _write_tsv,
    ".jsonl": _write_json_lines,
    ".parquet": _write_parquet,
}
