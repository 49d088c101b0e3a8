"""Prediction for sentences, files and standard input: in order, in bounded memory, by torch or by ONNX Runtime."""

import contextlib
import io
import itertools
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from ..data.arguments import FileArguments
from ..data.columns import LINE_BREAK, TRANSLATIONS, guess_text_column, join_texts
from ..data.formats.delimited import Delimited, Lines, read_lines
from ..data.formats.encodings import BYTE_ORDER_MARK, check_encoding, find_suffix
from ..data.formats.known_formats import FORMATS, open_table
from ..data.formats.parquet import ParquetFile
from ..data.formats.table import Table, find_column
from ..models.text_classifier import JOINT, MODEL, TextClassifier
from ..runs.record import RECORD, read_record
from ..utils.errors import InputError, as_list, is_utf8, require
from ..utils.settings import settings_of, to_flags
from .arguments import PredictionArguments
from .writers import Row, check_output, write_rows

CHUNK = 4_096  # rows held in memory and classified together
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


def predict(
    run: str, texts: str | Sequence[str] | None = None, arguments: PredictionArguments | None = None, **settings: Any
) -> list[Row] | Iterator[Row] | int:
    """
    Answer `texts`, or the rows of the file `input`: classify or translate them, as the run's task is.

    Args:
        run: Run folder, Hub id, or folder that [`export`] wrote.
        texts: One text or several.
        arguments: The settings, if they are not given by keywords.
        settings: The fields of [`PredictionArguments`]: `input="new.csv"`, `output="answers.csv"`, ...

    Returns:
        Rows of `text`, `label` and `score`, or of `text` and `translation`: a list for `texts`, for a file one after
        the other; or with `output` the number of rows written. For multi-label models `label` is the list of labels
        above one half and `score` the list of their probabilities. With `all_scores` there is a `score_LABEL` for each
        label too, and with `keep_columns` what the input has in these columns; one that is called as another column of
        the output becomes `input_NAME`.

    Raises:
        InputError: the run, the input or the output cannot be used; the output file is then not written.
    """
    arguments = settings_of(PredictionArguments, arguments, settings)
    if texts is not None and not len(texts) and arguments.input is None:
        return []
    run, texts = str(run), [texts] if isinstance(texts, str) else list(texts or ())
    output = Path(arguments.output) if arguments.output else None
    if arguments.engine == "ray":
        require(not texts, "--engine ray answers files: name them with --input.")
        from .ray_prediction import predict_by_ray

        return predict_by_ray(run, arguments)
    _check_request(texts, arguments, output)
    found = Input((text, ()) for text in texts) if texts else read_input(arguments, run)
    answering = as_answering(open_predictor(run, arguments.backend, arguments.revision), arguments.all_scores)
    columns = {"text": pa.string()} | answering.columns()
    kept = name_apart(found.kept, set(columns))
    sources, originals = itertools.tee(found.rows)  # apart by no more than a chunk
    checked = check_texts((text for text, _ in sources), found.name, arguments.max_characters)
    answers = answer_texts(answering, checked, arguments.batch_size)
    rows = (
        answer | dict(zip(kept, values, strict=True)) for answer, (_, values) in zip(answers, originals, strict=True)
    )
    if output is None:
        return list(rows) if texts else rows
    return write_rows(rows, output, columns | kept)


def _check_request(texts: list[str], arguments: PredictionArguments, output: Path | None) -> None:
    """Raise for settings that do not go together, and for an output that cannot be written."""
    require(
        bool(texts) != (arguments.input is not None),
        "Give either sentences or --input FILE (or --input - for standard input).",
    )
    require(arguments.batch_size >= 1, f"--batch_size must be at least 1, found {arguments.batch_size}.")
    require(
        arguments.keep_columns is None or (output is not None and arguments.input is not None),
        "--keep_columns keeps columns of --input in --output: give both.",
    )
    if output is not None:
        check_output(output)
        require(
            arguments.input is None
            or not output.exists()
            or not Path(arguments.input).exists()
            or not output.samefile(arguments.input),
            f"--output {str(output)!r} would write over --input: choose another.",
        )


def name_apart(kept: dict[str, pa.DataType], taken: set[str]) -> dict[str, pa.DataType]:
    """The kept columns, with `input_` before the names that other columns of the output have."""
    found: dict[str, pa.DataType] = {}
    for name, kind in kept.items():
        while name in taken or name in found:
            name = f"input_{name}"
        found[name] = kind
    return found


class Answering(Protocol):
    """What answers texts, row by row."""

    def columns(self) -> dict[str, pa.DataType]:
        """The columns of a row, beside the text, and their types."""

    def answer(self, texts: list[str], batch_size: int) -> Iterator[Row]:
        """The rows of texts, in their order."""


@dataclass
class LabelRows:
    """
    The answers of a classifier as rows.

    Args:
        classifier: The classifier.
        all_scores: Whether a row has the score of each label.
    """

    classifier: TextClassifier
    all_scores: bool = False

    def _names(self) -> list[str]:
        return [f"score_{name}" for name in self.classifier.labels] if self.all_scores else []

    def columns(self) -> dict[str, pa.DataType]:
        """`label` and `score`, which are lists if a text has several labels, and the scores of all labels."""
        kinds = {"label": pa.string(), "score": pa.float64()}
        if self.classifier.problem_type == "multi_label_classification":
            kinds = {name: pa.list_(kind) for name, kind in kinds.items()}
        return kinds | dict.fromkeys(self._names(), pa.float64())

    def answer(self, texts: list[str], batch_size: int) -> Iterator[Row]:
        """As for [`Answering`]."""
        found = self.classifier.scores(texts, batch_size)
        names = self._names()
        for answer, scores in zip(self.classifier.answers(found), found, strict=True):
            yield answer | dict(zip(names, scores.tolist(), strict=False))


def as_answering(predictor: Any, all_scores: bool = False) -> Answering:
    """
    What [`open_predictor`] gave, as what answers row by row.

    Raises:
        InputError: all scores are asked for of what is no classifier.
    """
    if isinstance(predictor, TextClassifier):
        return LabelRows(predictor, all_scores)
    require(not all_scores, "--all_scores is for classifiers: leave it out.")
    return predictor


def answer_texts(answering: Answering, texts: Iterable[str], batch_size: int) -> Iterator[Row]:
    """The rows of a stream of texts, so many at a time that memory stays bounded, in their order."""
    texts = iter(texts)
    while chunk := list(itertools.islice(texts, CHUNK)):
        for text, answer in zip(chunk, answering.answer(chunk, batch_size), strict=True):
            yield {"text": text, **answer}


def open_predictor(run: str, backend: str = "torch", revision: str | None = None, *, threads: int | None = None) -> Any:
    """
    What answers texts with the model of a run, as its task opens it, here or (at a revision) on the Hub; or with
    `backend="onnxruntime"` the classifier of an exported folder, which imports neither torch nor transformers.
    `threads` are those of the whole process.

    Raises:
        InputError: the folder cannot be used with this backend.
    """
    if backend == "onnxruntime":
        return _exported_classifier(run, threads)
    exported = Path(run) / MODEL
    require(not exported.is_file(), f"{run!r} is an exported model: add --backend onnxruntime.")
    from ..runs.run_folders import run_folder, task_of_run  # imports torch

    if threads is not None:
        import torch

        torch.set_num_threads(threads)
    folder = run_folder(run, revision)
    kind = task_of_run(folder)
    require(kind.command == "predict", f"{run!r} is a model for {kind.name}: modeling-lstm {kind.command} {run} TEXT")
    return kind.predictor(str(folder))


def _exported_classifier(folder: str, threads: int | None) -> TextClassifier:
    try:
        return TextClassifier.from_onnx(folder, threads)
    except (ImportError, FileNotFoundError) as error:
        raise InputError(str(error)) from error
    except Exception as error:  # damaged files make the libraries raise anything
        raise InputError(f"The exported model {folder!r} cannot be loaded: {type(error).__name__}: {error}") from error


def read_input(arguments: PredictionArguments, run: str) -> Input:
    """The texts of a file or of standard input, one after the other, and the columns that are kept."""
    record = read_record(Path(run))["data"] if (Path(run) / RECORD).is_file() else {"separator": JOINT}
    if arguments.input == "-":
        require(arguments.keep_columns is None, "Standard input has no columns: leave out --keep_columns.")
        hint = _hint_of_training(record, arguments, ["encoding"])
        lines = ((line, ()) for line in _hinted(_standard_input(arguments.encoding), hint))
        return Input(lines, name="Line {} of standard input".format)
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
    values = _hinted(table.rows([*columns, *kept]), hint)
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


def _hinted(rows: Iterator[Any], hint: str) -> Iterator[Any]:
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
    columns = record.get("text_column") or []
    found = [find_column(table.columns, column, repr(str(table.path))) for column in columns]
    require(
        all(found) or not any(found),
        f"The run reads the columns {as_list(columns)}, of which {str(table.path)!r} has only "
        f"{as_list(filter(None, found))}: name the columns to read with --text_column.",
    )
    return [str(column) for column in found if column]


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


def _standard_input(encoding: str | None) -> Iterator[str]:
    from ..data.sources import explain_read_failures  # imports datasets, which takes a second

    if isinstance(sys.stdin, io.TextIOWrapper):
        with explain_read_failures("standard input"):
            sys.stdin.reconfigure(encoding=encoding and check_encoding(encoding), newline="\n")
    with explain_read_failures("standard input"):
        for number, line in enumerate(read_lines(sys.stdin)):
            yield line.removeprefix(BYTE_ORDER_MARK) if number == 0 else line


def check_texts(texts: Iterable[str], name: Callable[[int], str], limit: int) -> Iterator[str]:
    """The texts, one after the other; raises, with the name of its place, for what is none or longer than the limit."""
    for number, text in enumerate(texts, start=1):
        if not isinstance(text, str):
            raise InputError(f"{name(number)} must be a string, found {text!r}.")
        if len(text) > limit:
            raise InputError(f"{name(number)} has {len(text):,} characters, more than --max_characters {limit}.")
        if not is_utf8(text):
            raise InputError(f"{name(number)} is not UTF-8.")
        yield text
