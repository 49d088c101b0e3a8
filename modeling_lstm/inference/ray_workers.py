"""The Ray workers of `predict --engine ray`: read files in parts, answer a part, write it."""

import contextlib
import hashlib
import itertools
import pickle
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

import numpy as np
import pyarrow as pa
from pyarrow import fs

from ..utils.errors import InputError, explain_save_failure, require
from ..utils.files import temporary_name
from .answering import (
    CHUNK,
    answer_texts,
    as_answering,
    check_texts,
    find_mask_problem,
    model_folder,
    open_predictor,
    rename_clashing,
)
from .arguments import PredictionArguments
from .input_files import InputFile
from .reading import read_input
from .writers import explain_encoding, write_parquet

ROWS = 4 * CHUNK  # per part: a multiple of CHUNK, so that batches hold the same texts as in one process
ROW = "row"  # the column with a row's number in its file
MAX_NAME_LENGTH = 240  # bytes of a quoted file name; a folder name may have 255

Batch = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """
    What to answer, and where to write the answers.

    Args:
        run: Run folder, Hub id, or folder that `export` wrote.
        arguments: The settings.
        source: The filesystem of the input files.
        target: The filesystem of the answers.
        folder: The folder for the answers.
        kept: The names and types of the columns to keep. They come from the first file and must be the same in all.
        threads: Threads of a worker.
        rows: Rows of a part.
        record: What the run records about its training data.
        revision: The commit of a run on the Hub, so that all workers open the same model.
        mask_token: That of a masked language model, which each text must have once.
    """

    run: str
    arguments: PredictionArguments
    source: fs.FileSystem
    target: fs.FileSystem
    folder: str
    kept: dict[str, pa.DataType]
    threads: int
    rows: int = ROWS
    record: dict[str, Any] = field(default_factory=dict)
    revision: str | None = None
    mask_token: str | None = None

    def folder_of(self, name: str) -> str:
        """Return the folder for the answers to a file. Other tools read the column `file` from its name."""
        return f"{self.folder}/file={_quote(name)}"

    def part_of(self, name: str, number: int) -> str:
        """Return the path for one part of the answers to a file."""
        return f"{self.folder_of(name)}/part-{number:05d}.parquet"

    def read(self, file: InputFile) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """
        Yield the texts of a file with the values of the kept columns.

        Raises:
            InputError: the file is damaged, or its kept columns differ from those of the first file.
        """
        with file.fetch(self.source) as path:
            found = read_input(replace(self.arguments, input=str(path)), self.record)
            require(
                found.kept == self.kept,
                f"{str(path)!r} has the columns {_list_columns(found.kept)} to keep, the first file "
                f"{_list_columns(self.kept)}.",
            )
            texts, originals = itertools.tee(found.rows)
            find_problem = partial(find_mask_problem, mask_token=self.mask_token) if self.mask_token else None
            limit = self.arguments.max_characters
            checked = check_texts((text for text, _ in texts), found.name, limit, self.record, find_problem)
            yield from zip(checked, (values for _, values in originals), strict=True)


def _quote(name: str) -> str:
    """Quote a name for use in a folder name. One that is too long is cut to its end, with a digest in front."""
    quoted = quote(name, safe="")
    if len(quoted) <= MAX_NAME_LENGTH:
        return quoted
    digest = hashlib.blake2b(name.encode(), digest_size=8).hexdigest()
    while len(quoted) > MAX_NAME_LENGTH - len(digest) - 1:
        name = name[1:]
        quoted = quote(name, safe="")
    return f"{digest}-{quoted}"


def _list_columns(kept: dict[str, pa.DataType]) -> str:
    return ", ".join(f"{name} ({kind})" for name, kind in kept.items()) or "none"


def count_rows(batch: Batch, plan: Plan) -> Batch:
    """Read files to the end. Return how many rows each one has, or what is wrong with it."""
    rows, errors = [], []
    for file in map(pickle.loads, batch["file"]):
        number, error = 0, ""
        try:
            number = sum(1 for _ in plan.read(file))
        except InputError as failure:
            error = str(failure)
        rows.append(number)
        errors.append(error)
    return {"rows": np.array(rows), "error": np.array(errors, dtype=object), "file": batch["file"]}


def read_parts(batch: Batch, plan: Plan) -> Iterator[Batch]:
    """
    Yield the parts of files that are not answered yet, and at the end of each file the number of its parts.

    Args:
        batch: `file`, and `done`: the numbers of the parts that exist already.
        plan: The plan, which says how to read.
    """
    for pickled, done in zip(batch["file"], batch["done"], strict=True):
        file, there = pickle.loads(pickled), set(pickle.loads(done))
        rows, part = 0, -1
        try:
            read = plan.read(file)
            for part in itertools.count():
                some = list(itertools.islice(read, plan.rows))
                if not some:
                    break
                if part not in there:
                    yield _row(file.name, part, len(some), pickle.dumps((rows, some)))
                rows += len(some)
            yield _row(file.name, -1, rows, parts=part)
        except InputError as error:
            yield _row(file.name, -1, rows, error=str(error))


def _row(file: str, part: int, rows: int, texts: bytes = b"", *, parts: int = 0, error: str = "") -> Batch:
    """Build one row for the next step: a part with its texts, the end of a file (part -1), or an error."""
    values = {"file": file, "part": part, "rows": rows, "parts": parts, "texts": texts, "error": error}
    kinds = {"file": object, "texts": object, "error": object}
    return {name: np.array([value], dtype=kinds.get(name)) for name, value in values.items()}


class AnsweringWorker:
    """
    Answers parts with the model of a run, and writes the answers.

    Args:
        plan: What to answer, and where to write the answers.
    """

    def __init__(self, plan: Plan):
        self.plan, arguments = plan, plan.arguments
        folder = model_folder(plan.run, plan.revision)
        predictor = open_predictor(folder, arguments.backend, threads=plan.threads, name=plan.run)
        self.answering = as_answering(predictor, arguments.all_scores, arguments.num_beams)
        self.columns = {ROW: pa.int64(), "text": pa.string()} | self.answering.columns()
        self.kept = rename_clashing(plan.kept, {*self.columns, "file"})

    def __call__(self, batch: Batch) -> Batch:
        """Answer the parts of a batch, and pass its other rows on."""
        errors = list(batch["error"])
        for index, texts in enumerate(batch["texts"]):
            if texts:
                first, some = pickle.loads(texts)
                errors[index] = self._write(batch["file"][index], int(batch["part"][index]), first, some)
        passed = {name: values for name, values in batch.items() if name != "texts"}
        return passed | {"error": np.array(errors, dtype=object)}

    def _write(self, name: str, part: int, first: int, some: list[tuple[str, tuple[Any, ...]]]) -> str:
        """Write a part under a temporary name, then rename it. Return an error message, empty if there was none."""
        found = answer_texts(self.answering, (text for text, _ in some), self.plan.arguments.batch_size)
        rows = (
            {ROW: number} | answer | dict(zip(self.kept, values, strict=True))
            for number, (answer, (_, values)) in enumerate(zip(found, some, strict=True), start=first + 1)
        )
        path = self.plan.part_of(name, part)
        temporary = str(PurePosixPath(path).with_name(temporary_name()))
        target = self.plan.target
        try:
            target.create_dir(self.plan.folder_of(name), recursive=True)
            with target.open_output_stream(temporary) as file:
                write_parquet(rows, file, pa.schema(list((self.columns | self.kept).items())))
            target.move(temporary, path)
        except (OSError, InputError, UnicodeEncodeError) as error:
            with contextlib.suppress(OSError):
                target.delete_file(temporary)
            if isinstance(error, InputError):  # the model refused a text
                return f"{name!r}, rows {first + 1} to {first + len(some)}: {error}"
            if isinstance(error, UnicodeEncodeError):
                return f"{path!r} was not written: {explain_encoding(error)}"
            return f"{path!r} was not written: {explain_save_failure(error) or error}"
        return ""
