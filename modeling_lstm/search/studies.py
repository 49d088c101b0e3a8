"""The Optuna study of a search: its storage, and the attributes of its trials."""

import logging
import os
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from ..evaluation.metrics import greater_is_better
from ..utils.display import format_number
from ..utils.errors import as_text, require
from ..utils.files import is_running, machine
from .arguments import EPOCHS, SearchArguments
from .search_space import LEARNED, open_optuna, suggest_settings, usual_trials

logger = logging.getLogger(__name__)

STORAGE = "trials.sqlite3"
STUDY = "search"
MAX_FAILURES_AT_FIRST = 3  # maximum number of consecutive failures before the first success
MAX_FAILURES_IN_A_ROW = 10  # maximum number of consecutive failures after that
PAUSE = 1.0  # seconds between checks whether a trial may start
MAX_REPEATS = 2  # of a trial whose process is killed, perhaps because its settings need too much memory
HEARTBEAT = 60  # seconds between heartbeats of a trial; without one for twice that time, it is repeated


def open_study(folder: Path, arguments: SearchArguments, number: int = 0) -> Any:
    """Open the study in a folder, created if necessary. Each process `number` samples with a different seed."""
    optuna = open_optuna()
    odd = sorted(set("%?#{}") & set(str(folder)))
    require(not odd, f"--output_dir {str(folder)!r} has {as_text(odd)} in it, which Optuna does not take: rename it.")
    pruner = optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=2)
    study = optuna.create_study(
        study_name=STUDY,
        storage=_open_storage(folder),
        pruner=pruner if arguments.pruning else optuna.pruners.NopPruner(),
        direction="maximize",
        load_if_exists=True,
    )
    study.sampler = _make_sampler(arguments, number, len(study.get_trials(deepcopy=False)))
    return study


def _open_storage(folder: Path, attempts: int = 5) -> Any:
    """Open the database in a folder. It is created if necessary, which another process may be doing, too."""
    optuna = open_optuna()
    from sqlalchemy.exc import DatabaseError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return optuna.storages.RDBStorage(
                f"sqlite:///{folder / STORAGE}",
                engine_kwargs={"connect_args": {"timeout": 60}},
                heartbeat_interval=HEARTBEAT,
                heartbeat_stale_trial_callback=optuna.storages.RetryHeartbeatStaleTrialCallback(max_retry=MAX_REPEATS),
            )
    except DatabaseError:
        if attempts == 1:
            raise
    time.sleep(PAUSE)
    return _open_storage(folder, attempts - 1)


def begin_study(folder: Path, arguments: SearchArguments, rows: int) -> None:
    """Create the study in a folder, unless it is there. Its first trials have the defaults of `train` for `rows`."""
    study = open_study(folder, arguments)
    if not study.get_trials(deepcopy=False):
        embeddings, epochs = arguments.embeddings or [LEARNED], arguments.epochs or EPOCHS
        for parameters in usual_trials(arguments.models, embeddings, epochs, rows):
            study.enqueue_trial(parameters, skip_if_exists=True)


def _make_sampler(arguments: SearchArguments, *apart: int) -> Any:
    """Make the sampler of the next settings, with a different seed for different values of `apart`."""
    optuna = open_optuna()
    seed = int(np.random.SeedSequence([arguments.seed, *apart]).generate_state(1)[0])
    if arguments.sampler == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.samplers.TPESampler(seed=seed, multivariate=True, group=True, constant_liar=True)


def begin_trial(trial: Any, arguments: SearchArguments) -> dict[str, Any]:
    """Choose the settings of a trial, and store them and the current process in its attributes."""
    trial.set_user_attr("process", [machine(), os.getpid()])
    # The seed depends on the number of the trial, which is unique, so a restarted search draws no settings twice
    trial.study.sampler = _make_sampler(arguments, trial.number)
    epochs = arguments.epochs or EPOCHS
    chosen = suggest_settings(trial, arguments.models, arguments.embeddings or [LEARNED], epochs)
    trial.set_user_attr("settings", chosen)
    return chosen


def record_result(trial: Any, found: dict[str, Any]) -> None:
    """Store the result of a trial in its attributes."""
    for name in ("metric", "epoch", "parameters"):
        trial.set_user_attr(name, found[name])
    if not found["is_pruned"]:
        logger.info("Trial %d: %s %s", trial.number, found["metric"], format_number(score_of(found)))


def score_of(trial: dict[str, Any]) -> float:
    """Return the score of a trial from its `value`, which has the opposite sign if less is better."""
    metric = trial["metric"]
    return trial["value"] if metric != "loss" and greater_is_better(metric) else -trial["value"]


def begun_trials(study: Any) -> list[Any]:
    """Return the trials that have begun: all but the enqueued ones."""
    return [trial for trial in study.get_trials(deepcopy=False) if trial.state.name != "WAITING"]


def count_finished(study: Any) -> int:
    """Return the number of trials that count: those that were completed or pruned."""
    states = open_optuna().trial.TrialState
    return len(study.get_trials(deepcopy=False, states=(states.COMPLETE, states.PRUNED)))


def retry_stale_trials(study: Any) -> None:
    """End the trials whose process was killed, as [`end_killed`] does; those of other machines after a while."""
    optuna = open_optuna()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        optuna.storages.fail_stale_trials(study)
    for trial in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
        host, process = trial.user_attrs.get("process", (None, 0))
        if host == machine() and not is_running(process):
            end_killed(trial, study)


def end_killed(trial: Any, study: Any) -> None:
    """
    End a trial whose process was killed, and enqueue it again. If that has happened too often, it fails instead: it
    would kill one process after another.
    """
    optuna = open_optuna()
    killed = trial.user_attrs.get("killed", 0) + 1
    error = f"its process was killed {killed} times, perhaps because there was not enough memory"
    try:
        if killed > MAX_REPEATS:
            study._storage.set_trial_user_attr(trial._trial_id, "error", error)
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
    except (optuna.exceptions.UpdateFinishedTrialError, ValueError):  # another process was quicker
        return
    if killed > MAX_REPEATS:
        logger.warning("Trial %d failed: %s", trial.number, error)
    else:
        enqueue_retry(trial, study, killed)


def enqueue_retry(trial: Any, study: Any, killed: int = 0) -> None:
    """Enqueue an interrupted trial again, with the same settings and the number of times that it was `killed`."""
    study.enqueue_trial(trial.params, user_attrs={"repeats": trial.number, "killed": killed})
    logger.info("Trial %d was interrupted and will be repeated", trial.number)


def is_over(study: Any, arguments: SearchArguments, first: int, end: float | None) -> bool:
    """
    Whether the search is over: there are enough trials, the time is up, or trials keep failing.

    Args:
        study: The study.
        arguments: What to search for.
        first: The number of the first trial whose failure counts; the cause of earlier failures may have been fixed.
        end: The time after which no trial starts.
    """
    is_late = end is not None and time.time() >= end
    return is_late or count_finished(study) >= arguments.trials or _keeps_failing(study, first)


def _keeps_failing(study: Any, first: int) -> bool:
    """Whether the latest trials all failed, probably because of the data or shared settings."""
    trials = study.get_trials(deepcopy=False)
    most = MAX_FAILURES_IN_A_ROW if count_finished(study) else MAX_FAILURES_AT_FIRST
    ended = [one for one in trials[first:] if one.state.name in ("COMPLETE", "PRUNED") or has_failed(one)]
    return len(ended) >= most and all(map(has_failed, ended[-most:]))


def has_failed(trial: Any) -> bool:
    """Whether a trial failed, rather than being enqueued again because its process was killed."""
    return trial.state.name == "FAIL" and "error" in trial.user_attrs
