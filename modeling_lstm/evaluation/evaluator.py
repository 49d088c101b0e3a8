"""Evaluate a run on one split: scores with intervals, and plots."""

import hashlib
import logging
import re
import time
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import numpy as np
from datasets import Dataset

from ..data.arguments import split_subset
from ..data.digests import identify_rows
from ..data.overlap import count_known, describe_overlap, load_fingerprints
from ..data.token_limits import text_limit
from ..data.tokenization import WHOLE
from ..models.text_classifier import JOINT
from ..runs.record import FINGERPRINTS, RECORD, RunRecord, data_sources, located_sources, name_run, read_record
from ..runs.run_folders import label_names, load_for_inference, problem_type_of, run_folder
from ..tasks.base import Task, TaskData, task_of
from ..utils.errors import require
from ..utils.files import write_folder, write_json
from ..utils.settings import settings_of
from .arguments import EvaluationArguments

logger = logging.getLogger(__name__)

MAX_NAME_LENGTH = 60  # maximum number of characters of a dataset in a folder name

# Additional measurements for runs whose record has a part with the given key: the name of the result, and the function,
# imported when needed. The function takes record, data, split, predictions (in row order) and number of resamples. Its
# return value, unless None, is stored under the name in the result and in that part of the record
FURTHER: dict[str, tuple[str, str]] = {
    "distillation": ("gap", "modeling_lstm.distillation.student_gap:measure_again"),
}


def evaluate(run: str | Path, arguments: EvaluationArguments | None = None, **settings: Any) -> dict[str, Any]:
    """
    Evaluate a run. For a run folder, the result is written to `RUN/evaluation/SPLIT/` and `run.json`. For another
    dataset than the run's own, it is only written to `RUN/evaluation/DATASET-SPLIT/` (for a file, with a digest after
    its name). A run on the Hub is not changed: its result is written to `output_dir`, if given, or only returned.

    Args:
        run: Run folder or Hub id.
        arguments: The settings, unless given by keywords.
        settings: The fields of [`EvaluationArguments`]: `split="test"`, `dataset="other.csv"`, ...

    Returns:
        `rows`, `scores`, `intervals` (95%; see [`intervals.find_intervals`]), `seconds` and what the task adds, such
        as `confusion` for single labels (rows: true label). For a distilled model, also the `gap` to its teacher, if
        the teacher still exists.

    Raises:
        InputError: the run is damaged, or the split cannot be used; or the model has no `run.json` and either is not a
            classifier or no `dataset` is given.
    """
    run, arguments = name_run(run), settings_of(EvaluationArguments, arguments, settings)
    is_here, is_other = Path(run).is_dir(), arguments.dataset is not None
    folder = run_folder(run, arguments.revision)
    is_model_alone = not (folder / RECORD).is_file() and (folder / "config.json").is_file()
    require(
        is_other or not is_model_alone,
        f"{run!r} has no {RECORD}, which modeling-lstm train writes at the end of training: name the data to score it "
        "on with --dataset.",
    )
    record: Any = None if is_model_alone else read_record(folder, run)
    if not is_other:
        check_data_are_there(record)
    model, tokenizer = load_for_inference(folder, name=run)
    record = record or _describe_classifier(model, tokenizer, run)
    task = task_of(record)
    _check_config(model.config, task, run)
    data = task.load_split(record, arguments)
    rows = data.splits[arguments.split]
    _check_independence(record, folder, arguments, rows, task)
    split = task.encode(rows, arguments.split, tokenizer, record["data"].get("max_length", WHOLE))
    started = time.perf_counter()
    predictions, references = task.predict(model, tokenizer, split.rows, arguments.batch_size)
    seconds = time.perf_counter() - started
    result: dict[str, Any] = {
        "split": arguments.split,
        "dataset": arguments.dataset if arguments.dataset is not None else record["data"]["dataset"],
        "rows": split.rows.num_rows,
        "tokens": split.statistics,
        **task.evaluate(predictions, references, arguments.resamples, arguments.seed),
        "seconds": round(seconds, 3),
    }
    if not is_other:
        result |= _measure_further(record, data, arguments, predictions)
    latest = read_record(folder, run) if is_here and not is_other else None  # another evaluation may have added to it
    require(
        latest is None or latest["seconds"] == record["seconds"],
        f"{run!r} was trained again meanwhile: evaluate it again.",
    )
    if is_here or arguments.output_dir is not None:
        _write(result, task, rows, predictions, references, folder, arguments)
    if latest is not None:
        latest = read_record(folder, run)  # once more, since plots take a while
        _add_to_record(latest, result, arguments.split)
        write_json(folder / RECORD, latest)
    return result


def _check_independence(
    record: RunRecord, folder: Path, arguments: EvaluationArguments, rows: Dataset, task: Task
) -> None:
    """Raise or warn if the rows are not those of training's split, are in train, or are not independent."""
    split = arguments.split
    if arguments.dataset is not None:
        warn_of_training_data(record, arguments, identify_rows(rows, task.columns))
        _warn_of_known_texts(folder, arguments, rows)
        return
    if split != "train":
        check_rows(record, split, identify_rows(rows, task.columns))
    if group := record["data"].get("group_column"):
        logger.warning("Rows with the same %s are not independent: the true intervals are wider than these.", group)
    if also_in_train := record["data"].get("overlap", {}).get(split, 0):
        logger.warning("%s", describe_overlap(split, also_in_train, rows.num_rows))


def _warn_of_known_texts(folder: Path, arguments: EvaluationArguments, rows: Dataset) -> None:
    """Warn if texts of another dataset are among those that the language model was trained on."""
    known = load_fingerprints(folder / FINGERPRINTS)
    if known is not None and (number := count_known(rows, known)):
        logger.warning(
            "%s of the %s texts of %s %s among those that the run was trained on: the scores include memorized texts.",
            f"{number:,}",
            f"{rows.num_rows:,}",
            arguments.dataset,
            "is" if number == 1 else "are",
        )


def _describe_classifier(model: Any, tokenizer: Any, run: str) -> Any:
    """Make the record of a classifier without `run.json`, such as one saved by another `Trainer`."""
    require(
        type(model).__name__.endswith("ForSequenceClassification"),
        f"{run!r} has no {RECORD}, without which only classifiers can be scored: name a run written by modeling-lstm "
        "train or shared by modeling-lstm push.",
    )
    names = label_names(model)
    data = {"separator": JOINT, "max_length": text_limit(model.config, tokenizer) or WHOLE}
    if names == [f"LABEL_{number}" for number in range(len(names))]:  # transformers calls unnamed labels so
        data["labels"] = names  # the data may hold their numbers instead
    return {"task": {"problem_type": problem_type_of(model), "label_names": names}, "data": data}


def _check_config(config: Any, task: Task, run: str) -> None:
    """Raise if `config.json` has other labels, or labels in another order, than `run.json`."""
    fields = task.config_fields()
    for name in ("problem_type", "id2label"):
        now, then = getattr(config, name, None), fields.get(name)
        require(
            name not in fields or now in (then, None),
            f"The run {run!r} has {name} {now} in config.json, and {then} in {RECORD}: make both say the same.",
        )


def check_data_are_there(record: RunRecord) -> None:
    """Raise for files that are missing, for example because the recorded path is relative to another folder."""
    local = [name for name, origin in located_sources(record["data"]) if origin == "local"]
    # A name with a colon may be a folder and its subset
    path = next((Path(name) for name in local if not Path(split_subset(name)[0]).exists()), None)
    where, remedy = "relative to the current folder", "go to the folder from which the run was trained"
    if path is not None and path.is_absolute():
        where, remedy = "any more", "restore it"
    require(
        path is None,
        f"The run's dataset is recorded as {str(path)!r}, which does not exist {where}: {remedy}, or name the data "
        "with --dataset PATH. They then count as another dataset: all rows of a single file are scored, including the "
        "training rows, and run.json is not changed.",
    )


def check_rows(record: RunRecord, split: str, found: str) -> None:
    """Raise if the rows of a split have changed since the run was trained, as they may now include training rows."""
    digests = record["data"].get("digests", {})
    require(
        not digests or split in digests or record["data"].get("test_share") is None,
        f"The run was trained without a {split} split, and would now be scored on rows that it has learned: train it "
        "again, or name unseen rows with --dataset.",
    )
    trained = digests.get(split, found)
    require(
        found == trained,
        f"The {split} rows of {record['data']['dataset']!r} have changed since the run was trained ({trained} then, "
        f"{found} now), and may include training rows: restore the data, train again, or name unseen rows with "
        "--dataset.",
    )


def warn_of_training_data(record: RunRecord, arguments: EvaluationArguments, found: str) -> None:
    """Warn if another dataset, whose rows have the digest `found`, is the one that the run was trained on."""
    known = [Path(name).resolve() for name in data_sources(record["data"])] if "dataset" in record["data"] else []
    if Path(str(arguments.dataset)).resolve() in known:
        held_out = [name for name in record["data"]["counts"] if name != "train"]
        split = arguments.split if arguments.split in held_out else held_out[0]
        logger.warning(
            "%s is the dataset the run was trained on: leave out --dataset to score only its %s split (--split %s).",
            arguments.dataset,
            split,
            split,
        )
    elif found == record["data"].get("digests", {}).get("train"):
        logger.warning(
            "The run was trained on exactly these rows of %s: the scores say nothing of other texts. Name unseen rows "
            "with --dataset.",
            arguments.dataset,
        )


def _measure_further(
    record: RunRecord, data: TaskData, arguments: EvaluationArguments, predictions: np.ndarray
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part, (name, qualified_name) in FURTHER.items():
        if part in record:
            value = resolve_name(qualified_name)(record, data, arguments.split, predictions, arguments.resamples)
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
    rows: Dataset,
    predictions: np.ndarray,
    references: np.ndarray,
    folder: Path,
    arguments: EvaluationArguments,
) -> None:
    """Write `evaluation.json` and the files of the task, and add their folder to the result."""
    name = arguments.split
    if arguments.dataset is not None:
        name = f"{_name_folder(arguments.dataset)}-{name}"
    target = Path(arguments.output_dir) if arguments.output_dir else folder / "evaluation" / name
    result["folder"] = str(target)
    with write_folder(target) as output:
        task.write_evaluation(result, rows, predictions, references, output)
        write_json(output / "evaluation.json", result)


def _name_folder(dataset: str) -> str:
    """Turn the name of a dataset into a folder name. If characters are lost, a digest makes the name unique."""
    name = re.sub(r"[^\w-]+", "-", dataset).strip("-")[-MAX_NAME_LENGTH:]
    if name == dataset:
        return name
    whole = str(Path(dataset).resolve()) if Path(dataset).exists() else dataset
    return f"{name}-{hashlib.sha256(whole.encode('utf-8', 'surrogateescape')).hexdigest()[:8]}".lstrip("-")
