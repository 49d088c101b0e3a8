"""
`predict`: sentences, files and standard input, answered in order and in bounded memory.

Modules for files are imported only where a file is read or written: importing them takes longer than answering a
sentence.
"""

import itertools
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..models.text_classifier import JOINT
from ..runs.record import name_run, separator_of
from ..utils.errors import require
from ..utils.files import exists
from ..utils.settings import settings_of
from .answering import (
    Answering,
    Row,
    answer_texts,
    as_answering,
    check_texts,
    data_of_training,
    model_folder,
    open_predictor,
    rename_clashing,
)
from .arguments import PredictionArguments

Text = str | tuple[str, ...] | Mapping[str, str]
"""A text, or several that a model reads together: a tuple or, as for a pipeline, `{"text": ..., "text_pair": ...}`."""


def predict(
    run: str | Path,
    texts: Text | Sequence[Text] | None = None,
    arguments: PredictionArguments | None = None,
    **settings: Any,
) -> list[Row] | Iterator[Row] | int:
    """
    Answer `texts` or the rows of the file `input`: classify them, translate them or fill in their masks, depending on
    the run's task.

    Args:
        run: Run folder, Hub id, or folder that [`export`] wrote.
        texts: One text or a list of them. For a model that reads several texts together, each is a tuple of these or,
            as for a pipeline, `{"text": ..., "text_pair": ...}`.
        arguments: The settings, if they are not passed as keywords.
        settings: The fields of [`PredictionArguments`]: `input="new.csv"`, `output="answers.csv"`, ...

    Returns:
        A list of rows for `texts`, an iterator over rows for a file, or with `output` the number of rows written. A row
        has `text`, `label` and `score`, or `text` and `translation`. For multi-label models, `label` is the list of
        labels with a probability above 0.5, and `score` the list of these probabilities. For a masked language model, a
        row has `text`, `token` (a list of the most likely tokens) and `score` (a list of their probabilities).
        `all_scores` adds `score_LABEL` for each label. `keep_columns` adds columns of the input; one named like another
        column of the output becomes `input_NAME`.

    Raises:
        InputError: the run, the input or the output cannot be used; the output file is then not written.
    """
    arguments = settings_of(PredictionArguments, arguments, settings)
    run = name_run(run)
    output = Path(arguments.output) if arguments.output else None
    if arguments.engine == "ray":
        require(texts is None, "--engine ray answers files: name them with --input.")
        from .ray_prediction import predict_by_ray

        return predict_by_ray(run, arguments)
    _check_request(texts is not None, arguments, output)
    folder = model_folder(run, arguments.revision)
    data = data_of_training(folder, run)
    joined = None if texts is None else _join_all(texts, data)

    def open_answering() -> Answering:
        predictor = open_predictor(folder, arguments.backend, name=run)
        return as_answering(predictor, arguments.all_scores, arguments.num_beams)

    if joined is not None and output is None:
        answering = open_answering()
        find_problem = getattr(answering, "problem", None)
        checked = check_texts(joined, "Text {}".format, arguments.max_characters, data, find_problem)
        return list(answer_texts(answering, checked, arguments.batch_size))
    return _predict_rows(open_answering, data, joined, arguments, output)


def _join_all(texts: Any, data: Mapping[str, Any]) -> list[Any]:
    """Return a list of texts, in which those that are read together are joined as in files."""
    require(
        isinstance(texts, Iterable)
        and not isinstance(texts, bytes)
        and not hasattr(texts, "columns")
        and getattr(texts, "ndim", 1) > 0,
        f"texts must be strings, such as data['text']; found {type(texts).__name__}. A file is named by input.",
    )
    is_one = isinstance(texts, (str, Mapping)) or (isinstance(texts, tuple) and _are_one(texts, data))
    separator = separator_of(data)
    return [_join(text, separator) for text in ([texts] if is_one else texts)]


def _are_one(texts: tuple[Any, ...], data: Mapping[str, Any]) -> bool:
    """Whether texts are those of the columns that a run reads together, according to the `data` of its `run.json`."""
    number = len(data.get("text_column") or ()) if "separator" in data else 0
    return 1 < number == len(texts) and all(isinstance(one, str) and JOINT not in one for one in texts)


def _join(text: Any, separator: str) -> Any:
    """Return texts that are read together as one, as in files. Anything else is left to be checked."""
    if isinstance(text, Mapping) and text.keys() == {"text", "text_pair"}:
        text = (text["text"], text["text_pair"])
    return separator.join(text) if isinstance(text, tuple) and all(isinstance(part, str) for part in text) else text


def _predict_rows(
    open_answering: Callable[[], Answering],
    data: dict[str, Any],
    texts: list[str] | None,
    arguments: PredictionArguments,
    output: Path | None,
) -> Iterator[Row] | int:
    """Answer the rows of a file, or write the answers to texts to a file."""
    import pyarrow as pa

    from .reading import Input, read_input
    from .writers import write_rows

    if texts is None:
        found = read_input(arguments, data)
    else:
        found = Input((text, ()) for text in texts)
    answering = open_answering()
    columns = {"text": pa.string()} | answering.columns()
    kept = rename_clashing(found.kept, set(columns))
    sources, originals = itertools.tee(found.rows)  # at most two chunks apart
    find_problem = getattr(answering, "problem", None)
    checked = check_texts((text for text, _ in sources), found.name, arguments.max_characters, data, find_problem)
    answers = answer_texts(answering, checked, arguments.batch_size)
    rows = (
        answer | dict(zip(kept, values, strict=True)) for answer, (_, values) in zip(answers, originals, strict=True)
    )
    return rows if output is None else write_rows(rows, output, columns | kept)


def _check_request(has_texts: bool, arguments: PredictionArguments, output: Path | None) -> None:
    """Raise if settings contradict each other, or if the output cannot be written."""
    require(
        has_texts != (arguments.input is not None),
        "Give either sentences or --input FILE (or --input - for standard input).",
    )
    require(
        arguments.keep_columns is None or (output is not None and arguments.input is not None),
        "--keep_columns keeps columns of --input in --output: give both.",
    )
    for name in ("text_column", "delimiter", "encoding", "quoting") if has_texts else ():
        require(getattr(arguments, name) is None, f"--{name} is for the file of --input: leave it out.")
    if output is not None:
        from .writers import check_output

        check_output(output)
        require(
            not exists(output) or not _is_input(output, arguments.input),
            f"--output {str(output)!r} would write over --input: choose another file.",
        )


def _is_input(output: Path, source: str | None) -> bool:
    """Return whether the output is the file that is read, by its name or as standard input."""
    if source != "-":
        return source is not None and exists(Path(source)) and output.samefile(source)
    try:
        return os.path.samestat(output.stat(), os.fstat(sys.stdin.fileno()))
    except (AttributeError, OSError, ValueError):  # closed, or no file
        return False
