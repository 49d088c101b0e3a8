"""Evaluation of a run on one split: scores with intervals, and plots."""

import hashlib
import logging
import re
import time
from pathlib import Path
from typing import Any

import numpy as np

from ..data.arguments import split_subset
from ..data.digests import identify_rows
from ..data.overlap import describe_overlap
from ..data.tokenization import WHOLE
from ..models.text_classifier import JOINT
from ..runs.record import RECORD, RunRecord, data_sources, read_record
from ..runs.run_folders import load_run, run_folder
from ..tasks.base import Task, TaskData, task_of
from ..utils.errors import require
from ..utils.files import write_folder, write_json
from ..utils.lazy import import_named
from ..utils.settings import settings_of
from .arguments import EvaluationArguments

logger = logging.getLogger(__name__)

LONGEST_NAME = 60  # characters of a data set in the name of a folder

# What else is measured of runs whose record has such a part: the function that does so, imported when it is needed.
# Called with record, data, split, predictions (in the order of the rows) and number of resamples, it gives what goes
# into the result and into that part of the record by the name here, or None
FURTHER: dict[str, tuple[str, str]] = {
    "distillation": ("gap", "modeling_lstm.distillation.student_gap:measure_again"),
}


def evaluate(run: str, arguments: EvaluationArguments | None = None, **settings: Any) -> dict[str, Any]:
    """
    Evaluate a run folder. What is found goes to `RUN/evaluation/SPLIT/` and `run.json`; of another data set than the
    run's own, to `RUN/evaluation/DATASET-SPLIT/` only, with a digest after the name of a file. A run on the Hub is not
    changed: what is found of it goes to `output_dir`, or is only returned.

    Args:
        run: Run folder or Hub id.
        arguments: The settings, if they are not given by keywords.
        settings: The fields of [`EvaluationArguments`]: `split="test"`, `dataset="other.csv"`, ...

    Returns:
        `rows`, `scores`, `intervals` (95 %; see [`intervals.find_intervals`]), `seconds` and what the task adds, of
        single labels `confusion` (rows: true label); of a distilled model also the `gap` to its teacher, if that is
        still there.

    Raises:
        InputError: the run is damaged, or the split cannot be used; or the model has no `run.json`, and is no
            classifier or no `dataset` is named.
    """
    run, arguments = str(run), settings_of(EvaluationArguments, arguments, settings)
    is_here, is_other = Path(run).is_dir(), arguments.dataset is not None
    folder = run_folder(run, arguments.revision)
    is_model_alone = not (folder / RECORD).is_file() and (folder / "config.json").is_file()
    require(
        is_other or not is_model_alone,
        f"{run!r} has no {RECORD}, which modeling-lstm train writes when a training ends: name the data to score it on "
        "with --dataset.",
    )
    record: Any = None if is_model_alone else read_record(folder, run)
    if not is_other:
        check_data_are_there(record)
    model, tokenizer = load_run(run, arguments.revision)
    record = record or _describe_classifier(model, tokenizer, run)
    task = task_of(record)
    _warn_of_training_data(record, arguments)
    data = task.load_split(record, arguments)
    rows = data.splits[arguments.split]
    if not is_other and arguments.split != "train":
        check_rows(record, arguments.split, identify_rows(rows, task.columns))
    also_in_train = 0 if is_other else record["data"].get("overlap", {}).get(arguments.split, 0)
    if also_in_train:
        logger.warning("%s", describe_overlap(arguments.split, also_in_train, rows.num_rows))
    split = task.encode(rows, arguments.split, tokenizer, record["data"].get("max_length", WHOLE))
    started = time.perf_counter()
    predictions, references = task.predict(model, tokenizer, split.rows, arguments.batch_size)
    seconds = time.perf_counter() - started
    result: dict[str, Any] = {
        "split": arguments.split,
        "dataset": split_subset(arguments.dataset)[0] if arguments.dataset is not None else record["data"]["dataset"],
        "rows": split.rows.num_rows,
        "tokens": split.statistics,
        **task.evaluate(predictions, references, arguments.resamples, arguments.seed),
        "seconds": round(seconds, 3),
    }
    if not is_other:
        result |= _measure_further(record, data, arguments, predictions)
    if is_here or arguments.output_dir is not None:
        _write(result, task, predictions, references, folder, arguments)
    if is_here and not is_other:
        _add_to_record(record, result, arguments.split)
        write_json(folder / RECORD, record)
    return result


def _describe_classifier(model: Any, tokenizer: Any, run: str) -> Any:
    """What `run.json` would say of a classifier that has none, as another `Trainer` saves it."""
    config = model.config
    require(
        type(model).__name__.endswith("ForSequenceClassification"),
        f"{run!r} has no {RECORD}, without which only classifiers are scored: name a run that modeling-lstm train "
        "wrote, or modeling-lstm push shared.",
    )
    usual = "regression" if config.num_labels == 1 else "single_label_classification"
    labels = [config.id2label[number] for number in range(config.num_labels)]
    return {
        "task": {"problem_type": config.problem_type or usual, "label_names": labels},
        "data": {"separator": JOINT, "max_length": min(tokenizer.model_max_length, WHOLE)},
    }


def check_data_are_there(record: RunRecord) -> None:
    """Raise for files that are not where the record says, as seen from another folder than the training's."""
    # with a colon it may be a folder with its subset
    missing = [Path(name) for name in data_sources(record) if not Path(split_subset(name)[0]).exists()]
    path = missing[0] if missing and record["data"].get("source") == "local" else None
    where, remedy = "from here", "go to the folder from which the run was trained"
    if path is not None and path.is_absolute():
        where, remedy = "any more", "put it back"
    require(
        path is None,
        f"The run's data set is recorded as {str(path)!r}, which is not there {where}: {remedy}, or name the data with "
        "--dataset PATH. They then count as another data set: of a single file all rows are scored, those of the "
        "training too, and run.json stays as it is.",
    )


def check_rows(record: RunRecord, split: str, found: str) -> None:
    """Raise for rows that are others than when the run was trained: a cut may have put rows of train among them."""
    trained = record["data"].get("digests", {}).get(split, found)
    require(
        found == trained,
        f"The {split} rows of {record['data']['dataset']!r} are others than when the run was trained ({trained} then, "
        f"{found} now), and it may have been trained on some: put the data back, train anew, or name rows that it has "
        "not seen with --dataset.",
    )


def _warn_of_training_data(record: RunRecord, arguments: EvaluationArguments) -> None:
    known = [Path(name).resolve() for name in data_sources(record)] if "dataset" in record["data"] else []
    if arguments.dataset is not None and Path(arguments.dataset).resolve() in known:
        logger.warning(
            "%s is what the run was trained on: without --dataset its %s split alone is scored.",
            arguments.dataset,
            arguments.split,
        )


def _measure_further(
    record: RunRecord, data: TaskData, arguments: EvaluationArguments, predictions: np.ndarray
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part, (name, place) in FURTHER.items():
        if part in record:
            value = import_named(place)(record, data, arguments.split, predictions, arguments.resamples)
            found |= {} if value is None else {name: value}
    return found


def _add_to_record(record: Any, result: dict[str, Any], split: str) -> None:
    for key in ("scores", "intervals", "confusion", "signatures"):
        if key in result:
            record.setdefault("metrics" if key == "scores" else key, {})[split] = result[key]
    for part, (name, _) in FURTHER.items():
        if name in result:
            record[part][name][split] = result[name]


def _write(
    result: dict[str, Any],
    task: Task,
    predictions: np.ndarray,
    references: np.ndarray,
    folder: Path,
    arguments: EvaluationArguments,
) -> None:
    """Write `evaluation.json` and what the task adds, and say in the result where they are."""
    name = arguments.split
    if arguments.dataset is not None:
        name = f"{_name_folder(arguments.dataset)}-{name}"
    target = Path(arguments.output_dir) if arguments.output_dir else folder / "evaluation" / name
    result["folder"] = str(target)
    with write_folder(target) as output:
        task.write_evaluation(result, predictions, references, output)
        write_json(output / "evaluation.json", result)


def _name_folder(dataset: str) -> str:
    """The name of a data set as that of a folder; one that loses characters has a digest, so that no other has it."""
    name = re.sub(r"[^\w-]+", "-", dataset).strip("-")[-LONGEST_NAME:]
    if name == dataset:
        return name
    whole = str(Path(dataset).resolve()) if Path(dataset).exists() else dataset
    return f"{name}-{hashlib.sha256(whole.encode('utf-8', 'surrogateescape')).hexdigest()[:8]}".lstrip("-")
