"""`compare`: train systems on one dataset, score them and write the report."""

import json
import logging
import pickle
import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from huggingface_hub.utils import tqdm

from ..data.arguments import DataArguments
from ..data.overlap import count_overlap
from ..evaluation.intervals import average, bootstrap, find_mean_intervals, score_drawn_rows
from ..evaluation.metrics import compute_scores
from ..evaluation.significance import compare_pairs
from ..runs.environment import describe_environment
from ..utils.display import name_hardware, warn_once
from ..utils.errors import InputError, UnavailableError, as_text, explain_errors, name_error, require
from ..utils.files import claim_folder, read_json, write_json
from ..utils.settings import settings_of_all
from .arguments import CompareArguments
from .costs import check_processes, measure, use_threads
from .experiment import SPLITS, Experiment, Run, RunOutcome
from .known_systems import open_system
from .neural import NeuralSystem, open_sources
from .report import write_report
from .result import RESULT, mean_minutes, summarize
from .row_groups import group_rows
from .systems import System

logger = logging.getLogger(__name__)

DEFAULT_SYSTEMS = ("lstm", "gru", "bag-of-words", "tfidf", "fasttext")
MAX_TIMED = 4_096  # texts to measure costs on
# The arguments that the result records
RECORDED = (
    *("seeds", "trials", "trial_rows", "embeddings", "class_weights", "bf16"),
    *("transformer_max_length", "transformer_overrides"),
)


def open_systems(systems: Sequence[System | str], arguments: CompareArguments) -> list[System]:
    """Open the systems with these names, using the settings in `arguments`. [`System`] objects are kept as they are."""
    opened = [open_system(one, arguments) if isinstance(one, str) else one for one in systems]
    for system in opened:
        if isinstance(system, NeuralSystem):
            system.draw_choices(arguments.trials)
    return opened


def compare(
    systems: Sequence[System | str] | System | str | None = None,
    data: DataArguments | None = None,
    arguments: CompareArguments | None = None,
    *,
    command: str | None = None,
    **settings: Any,
) -> dict[str, Any]:
    """
    Compare systems on the same rows. Finished runs are not repeated, so an interrupted comparison can be called again.

    Args:
        systems: Systems, or names as on the command line; `None`: those of [`DEFAULT_SYSTEMS`] that can learn the task.
        data: Where the texts come from, unless given by keywords.
        arguments: How to compare the systems, unless given by keywords.
        command: The command as it was typed, for the record.
        settings: The fields of [`DataArguments`] and [`CompareArguments`]: `dataset="reviews.csv"`,
            `output_dir="results/reviews"`, `seeds=3`, ...

    Returns:
        The content of `comparison.json`, from which the tables, the plots and the report beside it are made.

    Raises:
        InputError: a system or the data cannot be used.
    """
    data, arguments = settings_of_all([DataArguments, CompareArguments], [data, arguments], settings)
    systems = arguments.systems if systems is None else systems
    if isinstance(systems, str | System):
        systems = [systems]
    opened = open_systems(DEFAULT_SYSTEMS if systems is None else systems, arguments)
    require(bool(opened), "Name the systems with --systems.")
    bases = [one.base for one in opened if isinstance(one, NeuralSystem)]
    require(
        arguments.embeddings is None or any(one.get("embeddings") == arguments.embeddings for one in bases),
        "--embeddings is for the systems lstm, gru and bag-of-words: name one of them, or leave it out.",
    )
    of_transformers = ("transformer_seeds", "transformer_max_length", "transformer_overrides")
    unused = [name for name in of_transformers if getattr(arguments, name) != getattr(CompareArguments, name)]
    require(
        not unused or any("transformer" in one for one in bases),
        f"--{' and --'.join(unused)}: only for Transformers. Name one with --systems, or leave it out.",
    )
    require(
        not arguments.bf16 or any("bf16" in one for one in bases),
        "--bf16 is for networks that the comparison trains: name one with --systems, or leave it out.",
    )
    for system in opened:
        require(
            bool(getattr(system, "slug", "")),
            f"Give the system {type(system).__name__} a name with letters or digits: the attribute `name`.",
        )
    slugs = [one.slug.casefold() for one in opened]  # some file systems do not tell cases apart
    twice = {one.name for one, slug in zip(opened, slugs, strict=True) if slugs.count(slug) > 1}
    require(
        not twice,
        f"Two systems have the same name: {as_text(sorted(twice))}. Give one of them another: NAME=SYSTEM.",
    )
    with use_threads(arguments.threads):
        experiment = Experiment(Path(arguments.output_dir), data, arguments.metric, arguments.class_weights)
        able = _select_applicable(opened, experiment.task.data.problem_type, skip=systems is None)
        with claim_folder(experiment.folder):
            return _run_systems(experiment, able, arguments, command)


def _select_applicable(opened: list[System], kind: str, skip: bool) -> list[System]:
    """Prepare and return the systems that can learn this kind of task. Raise for the others, unless `skip` is set."""
    found = []
    for system in opened:
        if kind not in system.problem_types:
            cannot = f"The system {system.name!r} cannot learn this task, {kind}: "
            require(skip, f"{cannot}leave it out of --systems.")
            logger.info("%sit is left out.", cannot)
            continue
        system.prepare()
        with explain_errors(
            f"The system {system.name!r} cannot be pickled, which measuring its cost in a separate process requires"
        ):
            pickle.dumps(system)
        found.append(system)
    open_sources([system for system in found if isinstance(system, NeuralSystem)])
    return found


def _run_systems(
    experiment: Experiment, opened: list[System], arguments: CompareArguments, command: str | None
) -> dict[str, Any]:
    check_processes()
    for system in opened:
        if system.finished:  # nothing is trained then, only checked: before others train
            with explain_errors(f"{system.name!r} cannot be compared"):
                for seed, folder in enumerate(system.finished[: _seeds(system, arguments)]):
                    system.fit(experiment.task, system.settings()[0], seed, folder)
        experiment.claim(system)
    points = experiment.shares(arguments.shares)
    found = {}
    with tqdm(total=_number(opened, arguments, points), desc="runs", disable=not sys.stderr.isatty()) as progress:
        for system in opened:
            found[system.name] = _run_system(experiment, system, arguments, points, progress)
    names_and_outcomes = {name: outcomes for name, (_, outcomes) in found.items()}
    also_in_train = count_overlap(experiment.task.data.splits)
    result = {
        "command": command,
        "data": vars(experiment.arguments) | experiment.identify() | {"also_in_train": also_in_train},
        "task": {
            "metric": experiment.task.metric,
            "problem_type": experiment.task.data.problem_type,
            "label_names": experiment.task.label_names,
            "not_in_test": experiment.find_lacking("test"),
        },
        "settings": {name: getattr(arguments, name) for name in RECORDED},
        "systems": {name: described for name, (described, _) in found.items()},
    }
    _add_scores(result, experiment, names_and_outcomes, arguments)
    result |= describe_environment()
    _add_costs(result, experiment, {system.name: system for system in opened}, names_and_outcomes)
    write_json(experiment.folder / RESULT, result)
    write_report(experiment.folder)
    return result


def _number(systems: list[System], arguments: CompareArguments, points: list[int]) -> int:
    number = 0
    for one in systems:
        trials = min(arguments.trials, len(one.settings()))
        seeds = _seeds(one, arguments)
        number += seeds if one.finished else (trials if trials > 1 else 0) + seeds * (1 + len(points))
    return number


def _seeds(system: System, arguments: CompareArguments) -> int:
    limits = [arguments.seeds, system.max_seeds, len(system.finished) or None]
    number = min(limit for limit in limits if limit is not None)
    if number < len(system.finished):
        told = f"{system.name}: {number} of its {len(system.finished)} runs are compared"
        warn_once(logger, f"{told}; --seeds {len(system.finished)} compares all.")
    return number


def _run_system(
    experiment: Experiment, system: System, arguments: CompareArguments, points: list[int], progress: Any
) -> tuple[dict[str, Any], list[RunOutcome]]:
    """Do all runs of one system. Returns its entry in the result, without scores and costs, and each seed's outcome."""

    def run(one: Run, splits: Sequence[str] = SPLITS) -> RunOutcome:
        logger.info("%s: setting %d, %d rows, seed %d", system.name, one.setting, one.rows, one.seed)
        try:
            outcome = experiment.run(one, splits)
        except Exception as error:  # a system written by a user may raise anything
            settings = json.dumps(system.settings()[one.setting])
            what = f"{system.name!r} failed with the settings {settings}, {one.rows} rows and seed {one.seed}"
            told = str(error) if isinstance(error, InputError) else name_error(error)
            kind = UnavailableError if isinstance(error, UnavailableError) else InputError
            raise kind(f"{what}: {told}") from error
        progress.update()
        return outcome

    trials = list(experiment.trials(system, arguments.trials, arguments.trial_rows))
    setting, tried = experiment.choose_setting(trials, _try_settings(trials, run))
    seeds = range(_seeds(system, arguments))
    whole = [Run(system, setting, experiment.rows, seed) for seed in seeds]
    outcomes = [run(one) for one in whole]
    points = [] if system.finished else points
    by_rows = {rows: [Run(system, setting, rows, seed) for seed in seeds] for rows in points}
    curve = _learning_curve(by_rows, run, experiment.task.metric)
    for one in {*trials, *chain(*by_rows.values())} - set(whole):
        experiment.forget(one)
    described = {
        "settings": tried[setting]["settings"] if tried else system.settings()[0],
        "tried": tried,
        "model": outcomes[0].record["model"],
        "minutes": _minutes(outcomes),
        "max_length": outcomes[0].record["data"]["max_length"],
        "threads": sorted({one.record["hardware"]["threads"] for one in outcomes}),
        "curve": curve,
    }
    return described, outcomes


def _try_settings(trials: list[Run], run: Callable[[Run, Sequence[str]], RunOutcome]) -> list[RunOutcome | None]:
    """Return the outcome of each trial on validation, or `None` if it failed. Raise if all failed."""
    attempts: list[RunOutcome | None] = []
    failure: InputError | None = None
    for trial in trials:
        try:
            attempts.append(run(trial, ["validation"]))
        except UnavailableError:
            raise
        except InputError as error:  # training may have diverged: try the other settings
            logger.warning("%s", error)
            attempts.append(None)
            failure = error
    if failure is not None and not any(attempts):
        raise failure
    return attempts


def _learning_curve(
    by_rows: Mapping[int, list[Run]], run: Callable[[Run, Sequence[str]], RunOutcome], metric: str
) -> list[dict[str, Any]]:
    """Return the scores of the runs on fewer rows. A point whose runs fail is left out."""
    curve: list[dict[str, Any]] = []
    for rows, runs in by_rows.items():
        try:
            values = [run(one, ["test"]).record["metrics"]["test"][metric] for one in runs]
        except UnavailableError:
            raise
        except InputError as error:  # so few rows may be too few for this system
            logger.warning("%s. This point is left out of its learning curve.", str(error).rstrip("."))
            continue
        curve.append({"rows": rows} | summarize(values))
    return curve


def _minutes(outcomes: list[RunOutcome]) -> float | None:
    """Return the mean minutes of the training runs that were not interrupted."""
    seconds = [
        one.record["seconds"]["total"]
        for one in outcomes
        if "seconds" in one.record
        and "resumed" not in one.record["comparison"]
        and not one.record.get("training", {}).get("resumed")
    ]
    return mean_minutes(seconds)


def _add_scores(
    result: dict[str, Any], experiment: Experiment, outcomes: dict[str, list[RunOutcome]], arguments: CompareArguments
) -> None:
    """Add scores with intervals, scores of slices and of shuffled words, and tests of the differences to `result`."""
    labels, names, metric = experiment.task.labels("test"), experiment.task.label_names, experiment.task.metric
    problem_type, kind = experiment.task.data.problem_type, experiment.task.kind
    part_metric = kind.part_metric(metric)
    guesses = {name: [experiment.answers(one, "test") for one in found] for name, found in outcomes.items()}
    drawn: dict[str, dict[str, np.ndarray]] = {name: {} for name in guesses}
    if metric not in kind.exact:
        for name, seeds in guesses.items():
            draws = [
                bootstrap(problem_type, one, labels, names, resamples=arguments.resamples, seed=0) for one in seeds
            ]
            drawn[name] = {one: values for one, values in average(draws).items() if one == metric}
    parts = group_rows(experiment.texts["test"])
    result["slices"] = {name: int(rows.sum()) for name, rows in parts.items()}
    result["shuffled"] = len(experiment.shuffled_rows)

    def of_part(seeds: list[np.ndarray], rows: np.ndarray) -> dict[str, Any]:
        counts = [rows.astype(int)]
        scores = [score_drawn_rows(problem_type, one, labels, counts, names)[part_metric] for one in seeds]
        return summarize([score.item() for score in scores])

    def score_in_order(seeds: list[np.ndarray]) -> dict[str, Any]:
        true = labels[experiment.shuffled_rows]
        return summarize([compute_scores(problem_type, one, true, names)[part_metric] for one in seeds])

    for name, found in outcomes.items():
        described = result["systems"][name]
        whole = average([outcome.record["metrics"]["test"] for outcome in found])
        limits = find_mean_intervals(problem_type, guesses[name], labels, names, drawn[name], whole)
        with_limits = dict.fromkeys((metric, *kind.exact))
        described["scores"] = {
            one: summarize([outcome.record["metrics"]["test"][one] for outcome in found])
            | ({"interval": limits.get(one)} if one in with_limits else {})
            for one in dict.fromkeys((*with_limits, *kind.shown))
        }
        described["slices"] = {part: of_part(guesses[name], rows) for part, rows in parts.items()}
        rows = experiment.shuffled_rows
        shuffled = [experiment.answers(one, "shuffled") for one in found]
        changes = [kind.changes(one, guess[rows]) for one, guess in zip(shuffled, guesses[name], strict=True)]
        described["shuffled"] = {
            "in_order": score_in_order([guess[rows] for guess in guesses[name]]),
            part_metric: score_in_order(shuffled),
            kind.change: summarize(changes),
        }
    means = {name: described["scores"][metric]["mean"] for name, described in result["systems"].items()}
    draws_of = {name: one[metric] for name, one in drawn.items() if metric in one}
    result["test"] = "randomization"
    result["pairs"] = compare_pairs(
        guesses, labels, names, metric, means, draws_of, kind=problem_type, resamples=arguments.resamples
    )


def _add_costs(
    result: dict[str, Any], experiment: Experiment, systems: dict[str, System], outcomes: dict[str, list[RunOutcome]]
) -> None:
    """Add what each system costs to use. All systems are measured together, once for the same set of systems."""
    path = experiment.folder / "costs.json"
    threads = torch.get_num_threads()
    texts = experiment.texts["test"]
    drawn = np.random.default_rng(0).permutation(len(texts))[:MAX_TIMED]
    measured = {name: str(outcomes[name][0].path) for name in sorted(systems)}
    device = name_hardware(result["hardware"])
    key = {"systems": measured, "processor": device, "threads": threads, "texts": len(drawn)}
    kept = read_json(path) if path.exists() else {}
    if {name: kept.get(name) for name in key} != key:
        trained = {name: (system, outcomes[name][0].folder) for name, system in systems.items()}
        logger.info("Measuring what each system costs to use")
        labels = len(experiment.task.label_names)
        kept = key | {"costs": measure(trained, [texts[row] for row in drawn], labels, threads)}
        write_json(path, kept)
    result["threads"] = threads
    for name in systems:
        result["systems"][name]["costs"] = kept["costs"][name]
