"""Answer texts with the model of a run, opened by its task and computed by torch or ONNX Runtime, in bounded memory."""

import itertools
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ..models.text_classifier import JOINT, TextClassifier, make_answers
from ..runs.record import RECORD, check_joined, check_revision, read_record
from ..utils.errors import InputError, explain_errors, is_utf8, require
from .exports import find_export

if TYPE_CHECKING:
    import pyarrow as pa

Row = dict[str, Any]
T = TypeVar("T")
R = TypeVar("R")
CHUNK = 4_096  # rows that are held in memory and answered together


class Answering(Protocol):
    """An object that answers texts with one row each."""

    def columns(self) -> dict[str, "pa.DataType"]:
        """Return the columns of a row other than the text, with their types."""

    def answer(self, texts: list[str], batch_size: int) -> Iterator[Row]:
        """Yield one row for each text, in order."""


@dataclass
class LabelRows:
    """
    The answers of a classifier as rows.

    Args:
        classifier: The classifier.
        all_scores: Whether rows include the score of every label.
    """

    classifier: TextClassifier
    all_scores: bool = False

    def _names(self) -> list[str]:
        return [f"score_{name}" for name in self.classifier.labels] if self.all_scores else []

    def columns(self) -> dict[str, "pa.DataType"]:
        """Return `label` and `score` (lists for multi-label models), and with `all_scores` a column for each label."""
        import pyarrow as pa  # slower than answering one text, which needs no types

        kinds = {"label": pa.string(), "score": pa.float64()}
        if self.classifier.problem_type == "multi_label_classification":
            kinds = {name: pa.list_(kind) for name, kind in kinds.items()}
        return kinds | dict.fromkeys(self._names(), pa.float64())

    def answer(self, texts: list[str], batch_size: int) -> Iterator[Row]:
        """See [`Answering`]."""
        found = self.classifier.scores(texts, batch_size)
        answers = make_answers(found, self.classifier.labels, self.classifier.problem_type)
        names = self._names()
        if not names:
            return iter(answers)
        return (
            answer | dict(zip(names, scores, strict=True))
            for answer, scores in zip(answers, found.tolist(), strict=True)
        )


def as_answering(predictor: Any, all_scores: bool = False, num_beams: int | None = None) -> Answering:
    """
    Turn what [`open_predictor`] returned into an [`Answering`].

    Raises:
        InputError: `all_scores` is set, but the predictor is not a classifier; or `num_beams`, but it is no translator.
    """
    if num_beams is not None:
        require(hasattr(predictor, "num_beams"), "--num_beams is for translators: leave it out.")
        predictor.num_beams = num_beams
    if isinstance(predictor, TextClassifier):
        return LabelRows(predictor, all_scores)
    require(not all_scores, "--all_scores is for classifiers: leave it out.")
    return predictor


def answer_texts(answering: Answering, texts: Iterable[str], batch_size: int) -> Iterator[Row]:
    """
    Answer a stream of texts in chunks, so that memory stays bounded, and yield the rows in order. A classifier computes
    the next chunk while the caller uses the current one.
    """

    def answer(chunk: list[str]) -> list[Row]:
        found = answering.answer(chunk, batch_size)
        return [{"text": text, **one} for text, one in zip(chunk, found, strict=True)]

    texts = iter(texts)
    chunks = iter(lambda: list(itertools.islice(texts, CHUNK)), [])
    answered = prefetch(answer, chunks) if isinstance(answering, LabelRows) else map(answer, chunks)
    return itertools.chain.from_iterable(answered)


def prefetch(work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """Like `map`, but in a thread that works one item ahead of the caller."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        before: Future[R] | None = None
        for item in items:
            after = thread.submit(work, item)
            if before is not None:
                yield before.result()
            before = after
        if before is not None:
            yield before.result()


def open_predictor(
    run: str | Path, backend: str = "auto", *, threads: int | None = None, name: str | None = None
) -> Any:
    """
    Open the model in a run folder with the predictor of its task. If [`find_export`] finds an exported model, open that
    instead, without importing torch or transformers.

    Args:
        run: Run folder, or folder that [`export`] wrote; for a Hub id, the folder that [`model_folder`] returned.
        backend: See [`find_export`].
        threads: The number of threads for the whole process.
        name: What errors call the run, by default its folder.

    Raises:
        InputError: the folder cannot be used with this backend.
    """
    folder, run = Path(run), name or str(run)
    exported = find_export(str(folder), backend, run)
    if exported is not None:
        return _open_export(exported, threads, run if exported == str(folder) else exported)
    from ..runs.run_folders import load_for_inference, task_of_run  # imports torch

    if threads is not None:
        import torch

        torch.set_num_threads(threads)
    kind = task_of_run(folder, run)
    command = f"modeling-lstm {kind.command} {shlex.quote(run)} TEXT"
    require(kind.command == "predict", f"{run!r} is a model for {kind.name}: {command}")
    return kind.predictor(*load_for_inference(folder, name=run))


def model_folder(run: str, revision: str | None) -> Path:
    """Return the folder of a run or of an exported model. Imports torch only for those on the Hub."""
    check_revision(run, revision)
    if Path(run).is_dir():
        return Path(run)
    from ..runs.run_folders import run_folder  # imports torch

    return run_folder(run, revision)


def _open_export(folder: str, threads: int | None, source: str) -> TextClassifier:
    with explain_errors(f"The exported model {source!r} cannot be loaded"):
        try:
            return TextClassifier.from_onnx(folder, threads)
        except (ImportError, FileNotFoundError) as error:
            raise InputError(str(error).replace(folder, source)) from error


def rename_clashing(kept: dict[str, "pa.DataType"], taken: set[str]) -> dict[str, "pa.DataType"]:
    """Return the kept columns, prefixed with `input_` where another column of the output has the same name."""
    found: dict[str, pa.DataType] = {}
    for name, kind in kept.items():
        while name in taken or name in found:
            name = f"input_{name}"
        found[name] = kind
    return found


def data_of_training(folder: Path, source: str | None = None) -> dict[str, Any]:
    """Return what the `run.json` of a run, if it has one, records about its data. Errors call the run `source`."""
    return read_record(folder, source)["data"] if (folder / RECORD).is_file() else {"separator": JOINT}


def find_mask_problem(text: str, mask_token: str) -> str | None:
    """Return why a masked language model cannot answer a text, as the end of a sentence, or `None`."""
    number = text.count(mask_token)
    if number == 1:
        return None
    return f"must have {mask_token} once, in the place to fill in, found {number} in {text!r:.80}."


def check_texts(
    texts: Iterable[str],
    name: Callable[[int], str],
    limit: int,
    data: Mapping[str, Any],
    find_problem: Callable[[str], str | None] | None = None,
) -> Iterator[str]:
    """
    Yield the texts one by one after checking them.

    Args:
        texts: The texts.
        name: Returns how an error names the text with a given number, counted from 1.
        limit: Maximum number of characters of a text.
        data: What [`data_of_training`] returned for the run.
        find_problem: Returns why a text cannot be answered, as the end of a sentence, or `None`.

    Raises:
        InputError: a text is not a string, is longer than `limit`, is not UTF-8, lacks one of the several texts that
            the run reads together, or cannot be answered.
    """
    for number, text in enumerate(texts, start=1):
        if not isinstance(text, str):
            raise InputError(f"{name(number)} must be a string, found {text!r}.")
        if len(text) > limit:
            raise InputError(f"{name(number)} has {len(text):,} characters, more than --max_characters {limit}.")
        if not is_utf8(text):
            raise InputError(f"{name(number)} is not UTF-8.")
        check_joined(text, data)
        if find_problem is not None and (problem := find_problem(text)) is not None:
            raise InputError(f"{name(number)} {problem}")
        yield text
