"""Evaluation of a run on one split: scores with intervals, a confusion matrix and a calibration plot."""

import logging
import re
import time
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from transformers import DataCollatorWithPadding, Trainer, TrainingArguments

from ..data.arguments import DataArguments
from ..data.loading import TextData, load_data
from ..data.overlap import sentence
from ..data.sources import LINE_BREAK
from ..data.tokenization import tokenize
from ..runs.run_folders import RECORD, load_run, read_record, run_folder
from ..utils.errors import InputError
from ..utils.files import whole_or_nothing, write_json
from .arguments import EvaluationArguments
from .intervals import score_intervals
from .metrics import confusion_matrix, decide, scores
from .plots import plot_calibration, plot_confusion

logger = logging.getLogger(__name__)


def evaluate(run: str, arguments: EvaluationArguments) -> dict[str, Any]:
    """
    Evaluate a run folder. What is found goes to `RUN/evaluation/SPLIT/` and `run.json`; of another data set than the
    run's own, to `RUN/evaluation/DATASET-SPLIT/` only. A run on the Hub is not changed: what is found of it goes to
    `arguments.output_dir`, or is only returned.

    Returns:
        `rows`, `scores`, `intervals` (95 %; see [`intervals.score_intervals`]), `confusion` (rows: true label) and
        `seconds`; of a distilled model also the `gap` to its teacher, if that is still there.

    Raises:
        InputError: the run is damaged, or the split cannot be used.
    """
    is_here = Path(run).is_dir()
    folder = run_folder(run, arguments.revision)
    record = read_record(folder)
    model, tokenizer = load_run(str(folder))
    task = record["task"]
    kind, names = task["problem_type"], task["label_names"]
    data_arguments = _data_arguments(record["data"], kind, arguments)
    is_other = arguments.dataset is not None
    if arguments.dataset is not None and Path(arguments.dataset).resolve() == Path(record["data"]["dataset"]).resolve():
        logger.warning(
            "%s is what the run was trained on: without --dataset its %s split alone is scored.",
            arguments.dataset,
            arguments.split,
        )
    data = load_data(
        data_arguments,
        only=arguments.split,
        label_names=names,
        is_other=is_other,
        separator=record["data"].get("separator", LINE_BREAK),
    )
    also_in_train = 0 if is_other else record["data"].get("overlap", {}).get(arguments.split, 0)
    if also_in_train:
        logger.warning("%s", sentence(arguments.split, also_in_train, data.splits[arguments.split].num_rows))
    split = tokenize(data.splits[arguments.split], arguments.split, tokenizer, data_arguments.max_length)
    started = time.perf_counter()
    trainer = Trainer(
        model=model,
        args=TrainingArguments(
            output_dir=str(folder), per_device_eval_batch_size=arguments.batch_size, dataloader_pin_memory=False
        ),
        data_collator=DataCollatorWithPadding(tokenizer),
        processing_class=tokenizer,
    )
    # Rows of like length share a batch; the scores do not depend on the order of rows
    order = np.argsort(split.rows["length"][:], kind="stable")
    outcome = trainer.predict(split.rows.select(order))
    seconds = time.perf_counter() - started
    logits, labels = np.asarray(outcome.predictions), np.asarray(outcome.label_ids)
    predictions, references, probabilities = decide(kind, logits, labels)
    result: dict[str, Any] = {
        "split": arguments.split,
        "dataset": data_arguments.dataset,
        "rows": split.rows.num_rows,
        "tokens": split.statistics,
        "scores": scores(kind, predictions, references, names, probabilities),
        "intervals": score_intervals(
            kind,
            predictions,
            references,
            names,
            probabilities,
            resamples=arguments.resamples,
            seed=arguments.seed,
        ),
        "seconds": round(seconds, 3),
    }
    if "distillation" in record and arguments.dataset is None:
        _add_gap(result, record, data, logits[np.argsort(order)], arguments)
    if kind == "single_label_classification":
        result["confusion"] = confusion_matrix(predictions, references, len(names)).tolist()
    if is_here or arguments.output_dir is not None:
        _write(result, folder, names, probabilities, references, arguments)
    if is_here and not is_other:
        for key, value in (("metrics", "scores"), ("intervals", "intervals"), ("confusion", "confusion")):
            if value in result:
                record.setdefault(key, {})[arguments.split] = result[value]
        if "gap" in result:
            record["distillation"]["gap"][arguments.split] = result["gap"]
        write_json(folder / RECORD, record)
    return result


def _write(
    result: dict[str, Any],
    folder: Path,
    names: list[str],
    probabilities: np.ndarray | None,
    references: np.ndarray,
    arguments: EvaluationArguments,
) -> None:
    """Write `evaluation.json` and plots, and say in the result where they are."""
    name = arguments.split
    if arguments.dataset is not None:
        name = f"{re.sub(r'[^A-Za-z0-9_-]+', '-', arguments.dataset).strip('-')}-{name}"
    target = Path(arguments.output_dir) if arguments.output_dir else folder / "evaluation" / name
    result["folder"] = str(target)
    with whole_or_nothing(target) as output:
        if "confusion" in result and probabilities is not None:
            plot_confusion(np.array(result["confusion"]), names, output / "confusion_matrix.png")
            plot_calibration(probabilities, references, output / "calibration.png")
        write_json(output / "evaluation.json", result)


def _add_gap(
    result: dict[str, Any], record: dict[str, Any], data: TextData, logits: np.ndarray, arguments: EvaluationArguments
) -> None:
    """How far a student is from its teacher, if that can still be asked."""
    from ..distillation.student_gap import gap, teacher_logits

    try:
        theirs = teacher_logits(record["distillation"], data, arguments.split)
    except InputError as error:
        logger.warning("The gap to the teacher was not measured: %s", error)
        return
    result["gap"] = gap(data, arguments.split, logits, theirs, record["best"]["metric"], arguments.resamples)


def _data_arguments(recorded: dict[str, Any], kind: str, arguments: EvaluationArguments) -> DataArguments:
    known = {one.name for one in fields(DataArguments)}
    chosen = {name: value for name, value in recorded.items() if name in known}
    if arguments.dataset is not None:
        chosen |= {"dataset": arguments.dataset, "subset": None, "revision": None, "train_dataset": None}
        chosen |= {"text_column": arguments.text_column, "label_column": arguments.label_column, "group_column": None}
        chosen |= vars(arguments.of_files())
    if kind == "regression":
        chosen["problem_type"] = kind
    return DataArguments(**chosen)
