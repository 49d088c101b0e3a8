"""Evaluation of a run on one split: scores with intervals, a confusion matrix and a calibration plot."""

import logging
import re
import time
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from transformers import DataCollatorWithPadding, Trainer, TrainingArguments

from .data import DataArguments, TextData, load_data
from .errors import InputError
from .intervals import score_intervals
from .metrics import calibration_bins, calibration_error, confusion_matrix, decide, scores
from .overlap import sentence
from .preprocessing import tokenize
from .runs import RECORD, load_run, read_record, run_folder, whole_or_nothing, write_json
from .sources import LINE_BREAK
from .tables import FileArguments

logger = logging.getLogger(__name__)


@dataclass
class EvaluationArguments(FileArguments):
    """Which split of which data to evaluate a run on."""

    split: str = field(default="test", metadata={"help": "Split to evaluate."})
    dataset: str | None = field(
        default=None,
        metadata={"help": "Another data set than the one of the training; all rows of it, if it is a file."},
    )
    text_column: list[str] | None = field(default=None, metadata={"help": "Its column, or several, with the text."})
    label_column: list[str] | None = field(
        default=None, metadata={"help": "Its column with the label, or one for each label that hold 0 or 1."}
    )
    output_dir: str | None = field(
        default=None,
        metadata={
            "help": "Folder for scores and plots. Default: evaluation/SPLIT in the run folder; of a Hub id, none."
        },
    )
    revision: str | None = field(default=None, metadata={"help": "Branch, tag or commit of a run on the Hub."})
    batch_size: int = field(default=128, metadata={"help": "Rows in a batch."})
    resamples: int = field(default=1000, metadata={"help": "Draws for the 95 %% intervals that are not exact."})
    seed: int = field(default=0, metadata={"help": "Seed of these draws."})


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
    from .distillation.gap import gap, teacher_logits

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


def plot_confusion(confusion: np.ndarray, names: list[str], path: Path) -> None:
    """Counts in each cell, shade by the share of the true label."""
    from matplotlib.figure import Figure

    size = min(24.0, max(3.6, 0.55 * len(names) + 2.2))
    figure = Figure(figsize=(size, size), layout="constrained")
    axes = figure.subplots()
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0)
    for row, column in np.ndindex(*confusion.shape) if len(names) <= 40 else ():
        colour = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, f"{confusion[row, column]:,}", ha="center", va="center", color=colour, fontsize=9)
    ticks = range(len(names))
    names = [name.replace("$", r"\$") for name in names]  # not mathematics
    axes.set_xticks(ticks, names, rotation=45 if len(names) > 3 else 0, ha="right" if len(names) > 3 else "center")
    axes.set_yticks(ticks, names)
    axes.set_xlabel("predicted label")
    axes.set_ylabel("true label")
    figure.savefig(path, dpi=150)


def plot_calibration(probabilities: np.ndarray, references: np.ndarray, path: Path) -> None:
    """Accuracy against confidence, with the number of rows below."""
    from matplotlib.figure import Figure

    bins = calibration_bins(probabilities, references)
    sure, right, rows = (np.array(values) for values in zip(*bins, strict=True))
    figure = Figure(figsize=(4.4, 5.0), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    upper.plot([0, 1], [0, 1], linestyle="--", color="grey", label="perfect")
    error = calibration_error(probabilities, references)
    upper.plot(sure, right, marker="o", color="black", label=f"model (calibration error {error:.3f})")
    upper.set_ylabel("accuracy")
    upper.set_ylim(0, 1.02)
    upper.legend(loc="upper left", fontsize=8)
    lower.bar(sure, rows, width=0.03, color="grey")
    lower.set_xlabel("confidence (largest probability)")
    lower.set_ylabel("rows")
    lower.set_xlim(0, 1.02)
    figure.savefig(path, dpi=150)
