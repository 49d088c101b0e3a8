"""`compare --task translation`: score trained translators on the same texts and write the report."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..data.digests import identify_rows
from ..data.overlap import describe_overlap
from ..evaluation.arguments import EvaluationArguments
from ..evaluation.evaluator import check_data_are_there, check_rows, warn_of_training_data
from ..evaluation.significance import correct_by_holm
from ..evaluation.translation_metrics import (
    count_unspaced,
    make_metrics,
    score_systems,
    score_translations,
    signatures,
)
from ..inference.translator import Translator
from ..runs.environment import describe_environment
from ..runs.record import RunRecord, read_record, split_settings
from ..runs.run_folders import find_seeds
from ..tasks.base import TRANSLATION, task_name, task_of
from ..tasks.translation import Translation
from ..utils.errors import as_text, require
from ..utils.files import is_occupied, make_folder, read_json, write_json
from ..utils.settings import find_repeated, settings_of
from .costs import measure, use_threads
from .known_systems import split_title
from .result import RESULT, mean_minutes, summarize
from .translator_arguments import TranslatorsArguments
from .translator_report import write_translators_report

logger = logging.getLogger(__name__)

LENGTHS = ((1, 5), (6, 10), (11, 15), (16, None))  # words of a text, for scores by length
MIN_ROWS = 10  # minimum number of texts to score a group
MAX_TIMED = 512  # texts to measure costs on


@dataclass
class TranslatorRuns:
    """
    The runs of one translator.

    Args:
        name: The name shown in tables.
        folders: A run folder for each seed.
        records: The content of each `run.json`.
    """

    name: str
    folders: list[Path]
    records: list[RunRecord]

    @classmethod
    def open(cls, given: str) -> "TranslatorRuns":
        """
        Open the runs of `NAME=FOLDER`, or of a folder or a Hub id, which then also serves as the name.

        Raises:
            InputError: there is no such run, it does not translate, or the runs are of different models.
        """
        name, source = split_title(given)
        require(name is None or bool(name and source), f"--systems takes NAME=FOLDER, found {given!r}.")
        folders = find_seeds(source)
        records = [read_record(one) for one in folders]
        for one, record in zip(folders, records, strict=True):
            require(task_name(record) == TRANSLATION, f"{str(one)!r} is a model for {task_name(record)}.")
        return cls(name or Path(source).resolve().name, folders, records)

    # The methods that `costs.measure` calls in a separate process

    def prepare(self) -> None:
        """Do nothing: this module imports all that is needed."""

    def load(self, folder: Path, labels: int) -> Translator:
        """Load the translator of a run."""
        return Translator.from_run(str(folder))


def compare_translators(
    arguments: TranslatorsArguments | None = None, *, command: str | None = None, **settings: Any
) -> dict[str, Any]:
    """
    Compare translators on the same texts.

    Args:
        arguments: The settings, unless given by keywords.
        command: The command as it was typed, for the record.
        settings: The fields of [`TranslatorsArguments`]: `systems=["luong=runs/luong", ...]`, `output_dir="out"`.

    Returns:
        The content of `comparison.json`, from which the tables, the plot and the report in the same folder are made.
        For each system it holds `scores` (the mean and standard deviation over its runs, and for its first run the 95%
        interval and the `p` of the difference from the first system), `by_length`, `costs`, and a description.

    Raises:
        InputError: a run cannot be used, the runs translate between different languages, or the rows of the split have
            changed since a training run.
    """
    chosen = settings_of(TranslatorsArguments, arguments, settings)
    systems = [TranslatorRuns.open(one) for one in chosen.systems]
    make_metrics()  # raises before anything is translated
    folder = Path(chosen.output_dir)
    path = folder / RESULT
    is_ours = path.is_file() and read_json(path)["task"].get("name") == TRANSLATION
    require(
        is_ours or not folder.is_dir() or not is_occupied(folder),
        f"--output_dir {str(folder)!r} is not empty and holds no comparison of translators: choose another.",
    )
    twice = find_repeated(one.name for one in systems)
    require(not twice, f"Two systems have the same name: {as_text(twice)}.")
    tasks: set[Any] = {task_of(record) for one in systems for record in one.records}
    languages = as_text(sorted(f"{one.source} to {one.target}" for one in tasks))
    require(len(tasks) == 1, f"The systems translate different things: {languages}.")
    first = systems[0].records[0]
    asked = EvaluationArguments(split=chosen.split, dataset=chosen.dataset)
    if chosen.dataset is None:
        check_data_are_there(first)
    rows = task_of(first).load_split(first, asked).splits[chosen.split]
    ours = split_settings(first["data"])
    others = [one.name for one in systems if any(split_settings(record["data"]) != ours for record in one.records)]
    found = identify_rows(rows, Translation.columns)
    for one in systems:
        for record in one.records:
            if chosen.dataset is not None:
                warn_of_training_data(record, asked, found)
            elif one.name not in others:
                check_rows(record, chosen.split, found)
    if others:
        logger.warning(
            "%s was trained on other data than %s, or on other splits of them: its training data may include the texts "
            "translated here.",
            as_text(others),
            systems[0].name,
        )
    texts, references = list(rows["text"][:]), list(rows["target"][:])
    also_in_train = 0
    if chosen.dataset is None:
        also_in_train = max(one["data"].get("overlap", {}).get(chosen.split, 0) for one in systems[0].records)
    if also_in_train:
        logger.warning("%s", describe_overlap(chosen.split, also_in_train, len(texts)))
    make_folder(folder)
    with use_threads(chosen.threads):
        written = {one.name: [_translate(folder, texts) for folder in one.folders] for one in systems}
        result = {
            "command": command,
            "task": {"name": TRANSLATION, "source": first["task"]["source"], "target": first["task"]["target"]},
            "learned_from_other_rows": others,
            "data": {
                "dataset": chosen.dataset or first["data"]["dataset"],
                "split": chosen.split,
                "rows": len(texts),
                "also_in_train": also_in_train,
            },
            "systems": {one.name: _describe(one, written[one.name], references) for one in systems},
            "p_by": "approximate randomization",
            "signatures": signatures(written[systems[0].name][0], references),
            "threads": torch.get_num_threads(),
        } | describe_environment()
    _add_tests(result, written, references, chosen.resamples)
    _add_lengths(result, written, texts, references)
    drawn = [texts[row] for row in np.random.default_rng(0).permutation(len(texts))[:MAX_TIMED]]
    costs = measure({one.name: (one, one.folders[0]) for one in systems}, drawn, 0, result["threads"])
    for name, found in costs.items():
        result["systems"][name]["costs"] = found
    write_json(folder / RESULT, result)
    write_translators_report(folder, result)
    return result


def _translate(folder: Path, texts: Sequence[str]) -> list[str]:
    logger.info("%s translates %d texts", folder, len(texts))
    return Translator.from_run(str(folder))(texts)


def _describe(system: TranslatorRuns, written: list[list[str]], references: list[str]) -> dict[str, Any]:
    """Return the description and scores of a system."""
    scores: dict[str, Any] = {}
    each = [score_translations(one, references) for one in written]
    for metric in each[0]:
        scores[metric] = summarize([one[metric] for one in each])
    records: list[Any] = list(system.records)
    whole = [one["seconds"]["total"] for one in records if not one["training"].get("resumed")]
    return {
        "model": records[0]["model"],
        "epochs": max((one["epoch"] for one in records[0]["history"]), default=None),
        "minutes": mean_minutes(whole),
        "scores": scores,
    }


def _add_tests(
    result: dict[str, Any], written: dict[str, list[list[str]]], references: list[str], resamples: int
) -> None:
    """
    Add to `result` the intervals of each system's first run, and the p-values of its difference from the first run of
    the first system, corrected for the number of systems (Holm, 1979).
    """
    tests = score_systems({name: runs[0] for name, runs in written.items()}, references, resamples)
    for metric in make_metrics():
        tested = [found[metric] for found in tests.values() if "p" in found[metric]]
        for found, p in zip(tested, correct_by_holm([one["p"] for one in tested]), strict=True):
            found["p"] = p
    for name, metrics in tests.items():
        for metric, found in metrics.items():
            more = {key: found[key] for key in ("interval", "p") if key in found}
            result["systems"][name]["scores"][metric] |= more


def _add_lengths(
    result: dict[str, Any], written: dict[str, list[list[str]]], texts: list[str], references: list[str]
) -> None:
    """Add the mean scores over the runs by the number of words of the text to `result`."""
    words = np.array([len(text.split()) + count_unspaced([text]) for text in texts])
    groups = {}
    for least, most in LENGTHS:
        indices = np.flatnonzero((words >= least) & (words <= (most or words.max())))
        if len(indices) >= MIN_ROWS:
            groups[f"{least} to {most}" if most else f"{least} and more"] = indices
    result["lengths"] = {name: len(indices) for name, indices in groups.items()}
    for name, runs in written.items():
        result["systems"][name]["by_length"] = {
            title: _mean_scores(runs, references, indices) for title, indices in groups.items()
        }


def _mean_scores(runs: list[list[str]], references: list[str], indices: np.ndarray) -> dict[str, float]:
    chosen = [references[index] for index in indices]
    found = [score_translations([one[index] for index in indices], chosen, like=references) for one in runs]
    return {metric: float(np.mean([one[metric] for one in found])) for metric in found[0]}
