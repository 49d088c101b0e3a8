"""`RunRecord`: what `run.json` holds, and how to read it. This module needs neither torch nor transformers."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict, cast

from ..data.arguments import SPLIT_SETTINGS
from ..models.text_classifier import JOINT
from ..utils.errors import InputError, as_text, require

RECORD = "run.json"
FINGERPRINTS = "pretraining_texts.npy"  # of the texts that a language model learned from


class Seconds(TypedDict):
    """How long a training run took, in seconds."""

    preparation: float
    training: float
    total: float


class RunRecord(TypedDict, total=False):
    """
    What `run.json` records about a run. Keys that do not apply are absent.

    Attributes:
        command: The command that was typed, or an equivalent one.
        task: `name`, `auto_class`, and details of the task: for classifiers, `problem_type` and `label_names`.
        data: The data settings, and what was found: `source`, columns, `counts` of rows, `overlap`, `tokens`.
        tokenizer: How texts become tokens, and the size of the `vocabulary`.
        model: Its settings, `parameters` and `size_mb`.
        embeddings: Where its word vectors come from, and how many words have one.
        training: The training settings that differ from the defaults, with `seed`, `steps`, and whether the training
            was `resumed` and `stopped_early`.
        best: The metric that chose the checkpoint, and its step.
        history: The evaluations on validation during training.
        metrics: Scores by split; `intervals` (95%) and `confusion` likewise.
        signatures: For a translator, how sacrebleu computed each score, by split.
        pretrained: The language model that a classifier started from, its text, and how many texts of validation and
            test occur in that.
        distillation: Teachers, text and settings of a distillation, and the `gap` to the teacher.
        compared: The results of a comparison, if there was one.
        seconds: How long it took.
        versions: Of Python and the libraries.
        hardware: Processor, cores, threads and memory.
    """

    command: str | None
    task: dict[str, Any]
    data: dict[str, Any]
    tokenizer: dict[str, Any]
    model: dict[str, Any]
    embeddings: dict[str, Any]
    training: dict[str, Any]
    best: dict[str, Any]
    history: list[dict[str, float]]
    metrics: dict[str, dict[str, float]]
    intervals: dict[str, dict[str, list[float]]]
    confusion: dict[str, list[list[int]]]
    signatures: dict[str, dict[str, str]]
    pretrained: dict[str, Any]
    distillation: dict[str, Any]
    compared: dict[str, Any]
    seconds: Seconds
    versions: dict[str, str]
    hardware: dict[str, Any]


def data_sources(data: Mapping[str, Any], setting: str = "dataset") -> list[str]:
    """Return the datasets that the `data` of a `run.json` name. A language model may have several."""
    found = data[setting]
    return [found] if isinstance(found, str) else found


def located_sources(data: Mapping[str, Any], setting: str = "dataset") -> list[tuple[str, str]]:
    """
    Return the same datasets, each with its origin: `local`, `hub` or `built-in`. Older records have one origin for
    all, or none.
    """
    key = "train_source" if setting == "train_dataset" else "source"
    names, origins = data_sources(data, setting), data.get(key, "unknown")
    return list(zip(names, [origins] * len(names) if isinstance(origins, str) else origins, strict=True))


def split_settings(data: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return the settings in the `data` of a `run.json` that determine which rows are in train, validation and test. Paths
    are resolved, so that those of one file are equal.
    """
    return {name: _resolve(data.get(name)) for name in (*SPLIT_SETTINGS, "group_column")}


def _resolve(value: Any) -> Any:
    return str(Path(value).resolve()) if isinstance(value, str) and Path(value).exists() else value


def name_run(run: object) -> str:
    """Return the name of a run folder or Hub id; [`InputError`] for anything else, such as a loaded model."""
    is_name = isinstance(run, str | os.PathLike)
    kind = type(run).__name__
    require(is_name, f"Name a run folder or a model on the Hub, found a {kind}. A loaded model predicts in a pipeline.")
    return str(run)


def check_revision(run: str, revision: str | None) -> None:
    """Raise if a revision is given for a local folder."""
    require(
        revision is None or not Path(run).is_dir(),
        f"{run!r} is a local folder, which has no revision {revision!r}: leave that out, or name a run on the Hub.",
    )


def columns_of_training(
    columns: Sequence[str] | str | None, find: Callable[[str], str | None], origin: str
) -> list[str]:
    """
    Return the text columns of a run under their names in other data; an empty list if it has a single one that these
    lack.

    Args:
        columns: Their names in the training data, or a single name, as language models record it.
        find: The name of a column in the other data, or `None`.
        origin: What an error calls the other data.

    Raises:
        InputError: the data lack some of several.
    """
    columns = [columns] if isinstance(columns, str) else columns or []
    found = [find(column) for column in columns]
    require(
        all(found) or len(columns) < 2,
        f"The run reads the columns {as_text(columns)}, of which {origin} has "
        f"{f'only {as_text(filter(None, found))}' if any(found) else 'none'}: name the columns to read with "
        "--text_column.",
    )
    return [str(column) for column in found if column]


def separator_of(data: Mapping[str, Any]) -> str:
    """Return what stands between texts that a run reads together; older versions do not record it."""
    return str(data.get("separator", "\n"))


def check_joined(text: str, data: Mapping[str, Any]) -> None:
    """
    Raise for a text that lacks one of the texts that a run reads together, according to the `data` of its `run.json`.
    """
    columns = data.get("text_column") or []
    require(
        "separator" not in data or text.count(JOINT) >= len(columns) - 1,
        f"The run reads the texts of the columns {as_text(columns)} together; {text[:80]!r} lacks one: put "
        f"{JOINT.strip()} between them, as in 'A text.{JOINT}Another text.'.",
    )


def read_record(folder: Path, source: str | None = None) -> RunRecord:
    """Read a run's `run.json`. Errors call the run `source`, by default its folder."""
    path, source = folder / RECORD, source or str(folder)
    if not folder.is_dir():
        raise InputError(f"There is no run folder {source!r}.")
    if not path.is_file():
        hint = (
            ": its training did not finish; resume it with --resume_from_checkpoint last"
            if any(folder.glob("checkpoint-*")) and not (folder / "config.json").is_file()
            else ", which modeling-lstm train writes when training ends"
        )
        raise InputError(f"{source!r} has no {RECORD}{hint}.")
    record = read_run_file(path, source)
    missing = {"task", "data", "metrics"} - record.keys()
    if missing:
        raise InputError(f"The run {source!r} is damaged: {RECORD} lacks {as_text(sorted(missing))}.")
    odd = [name for name in ("task", "data", "metrics") if not isinstance(record[name], dict)]
    if odd:
        raise InputError(f"The run {source!r} is damaged: {as_text(odd)} in {RECORD} must be a JSON object.")
    return cast(RunRecord, record)


def read_run_file(path: Path, source: str | None = None) -> dict[str, Any]:
    """Read a file of a run, which must be a JSON object; `source` as for [`read_record`]."""
    source = source or str(path.parent)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"The run {source!r} is damaged: {path.name} is not valid JSON ({error}).") from error
    if not isinstance(content, dict):
        raise InputError(f"The run {source!r} is damaged: {path.name} holds no JSON object.")
    return content
