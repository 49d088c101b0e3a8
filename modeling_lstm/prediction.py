"""Prediction for sentences, files and standard input: in order, in bounded memory, by torch or by ONNX Runtime."""

import itertools
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from datasets import load_dataset
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from .classifier import MODEL, TextClassifier
from .errors import InputError, listed, require, require_utf8
from .runs import RECORD, load_run, read_record
from .sources import guess_text_column, local_files, reading
from .writers import Row, check_output, write_rows

CHUNK = 4_096  # rows held in memory and classified together


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
    backend: Literal["torch", "onnxruntime"] = field(
        default="torch", metadata={"help": "What runs the model; onnxruntime takes a folder that export wrote."}
    )
    max_characters: int = field(default=500_000, metadata={"help": "A longer text is an error."})
    revision: str | None = field(default=None, metadata={"help": "Branch, tag or commit of a run on the Hub."})


def predict(run: str, texts: list[str], arguments: PredictionArguments) -> Iterator[Row] | int:
    """
    Classify `texts`, or the rows of `arguments.input`.

    Returns:
        Rows of `text`, `label` and `score` as they come, or with `arguments.output` the number of rows written. For
        multi-label models `label` is the list of labels above one half and `score` the list of their probabilities.

    Raises:
        InputError: the run, the input or the output cannot be used; the output file is then not written.
    """
    require(
        bool(texts) != (arguments.input is not None),
        "Give either sentences or --input FILE (or --input - for standard input).",
    )
    require(arguments.batch_size >= 1, f"--batch_size must be at least 1, found {arguments.batch_size}.")
    output = Path(arguments.output) if arguments.output else None
    if output is not None:
        check_output(output)
    source = iter(texts) if texts else read_texts(arguments, run)
    classifier = open_classifier(run, arguments.backend, arguments.revision)
    rows = classify(classifier, _checked(source, arguments.max_characters), arguments.batch_size)
    if output is None:
        return rows
    return write_rows(rows, output, several=classifier.problem_type == "multi_label_classification")


def classify(classifier: TextClassifier, texts: Iterable[str], batch_size: int) -> Iterator[Row]:
    """Classify a stream of texts, so many at a time that memory stays bounded, in their order."""
    texts = iter(texts)
    while chunk := list(itertools.islice(texts, CHUNK)):
        for text, answer in zip(chunk, classifier(chunk, batch_size), strict=True):
            yield {"text": text, **answer}


def torch_classifier(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> TextClassifier:
    """The classifier around a torch model, on the device of the model."""

    @torch.inference_mode()
    def logits(input_ids: np.ndarray, attention_mask: np.ndarray) -> np.ndarray:
        arrays = {"input_ids": input_ids, "attention_mask": attention_mask}
        found = model(**{name: torch.from_numpy(one).to(model.device) for name, one in arrays.items()}).logits
        return found.float().cpu().numpy()

    return TextClassifier(
        logits,
        tokenizer.backend_tokenizer,
        json.loads(model.config.to_json_string(use_diff=False)),
        token_limit(tokenizer),
        tokenizer.truncation_side,
    )


def token_limit(tokenizer: PreTrainedTokenizerBase) -> int | None:
    """Tokens after which training cut texts off, if it did."""
    limit = tokenizer.model_max_length
    return limit if limit < 10**9 else None  # transformers writes 1e30 for none


def open_classifier(run: str, backend: str = "torch", revision: str | None = None) -> TextClassifier:
    """
    The classifier of a run, here or (at a revision) on the Hub, or with `backend="onnxruntime"` of an exported folder.

    Raises:
        InputError: the folder cannot be used with this backend.
    """
    if backend == "onnxruntime":
        try:
            return TextClassifier.from_onnx(run)
        except (ImportError, FileNotFoundError) as error:
            raise InputError(str(error)) from error
        except Exception as error:  # damaged files make the libraries raise anything
            raise InputError(f"The exported model {run!r} cannot be loaded: {type(error).__name__}: {error}") from error
    exported = Path(run) / MODEL
    require(not exported.is_file(), f"{run!r} is an exported model: add --backend onnxruntime.")
    model, tokenizer = load_run(run, revision)
    if torch.cuda.is_available():
        torch.nn.Module.cuda(model)
    return torch_classifier(model, tokenizer)


def read_texts(arguments: PredictionArguments, run: str) -> Iterator[str]:
    """The texts of a file or of standard input, one after the other."""
    if arguments.input == "-":
        return _lines(sys.stdin, "standard input")
    path = Path(arguments.input or "")
    require(path.is_file(), f"There is no file {arguments.input!r}.")
    if path.suffix.lower() == ".txt":
        return _file_lines(path)
    with reading(str(path)):
        rows = load_dataset(**local_files(path), split="train", streaming=True)
        first = next(iter(rows), None)
    if first is None:
        raise InputError(f"{arguments.input!r} has no rows.")
    columns = arguments.text_column or _columns_of_training(run, first)
    if not columns:
        columns = [guess_text_column((name for name, value in first.items() if isinstance(value, str)), first)]
    unknown = [name for name in columns if name not in first]
    require(not unknown, f"{arguments.input!r} has no column {listed(unknown)}; its columns are {listed(first)}.")
    return _columns(rows, columns, str(path))


def _columns_of_training(run: str, row: Row) -> list[str]:
    """The text columns that the run was trained with, if the input has them too."""
    if not (Path(run) / RECORD).is_file():
        return []
    columns = read_record(Path(run))["data"].get("text_column") or []
    return columns if set(columns) <= row.keys() else []


def _columns(rows: Iterable[Row], columns: list[str], source: str) -> Iterator[str]:
    with reading(source):
        for number, row in enumerate(rows, start=1):
            parts = [row[column] for column in columns]
            if not all(isinstance(part, str) for part in parts):
                raise InputError(f"Row {number} of the input holds no text in {listed(columns)}: found {parts}.")
            yield "\n".join(parts)


def _file_lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8") as file:
        yield from _lines(file, str(path))


def _lines(lines: Iterable[str], source: str) -> Iterator[str]:
    with reading(source):
        for line in lines:
            yield line.rstrip("\r\n")


def _checked(texts: Iterable[str], limit: int) -> Iterator[str]:
    for number, text in enumerate(texts, start=1):
        if len(text) > limit:
            raise InputError(f"Text {number} has {len(text):,} characters, more than --max_characters {limit}.")
        require_utf8(text, f"Text {number}")
        yield text
