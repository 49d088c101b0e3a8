"""Optuna's study of a search: its storage, and what is noted of a trial."""

import logging
import os
import socket
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from ..evaluation.metrics import greater_is_better
from ..utils.files import is_running
from .arguments import SearchArguments
from .search_space import LEARNED, open_optuna, suggest_settings

logger = logging.getLogger(__name__)

STORAGE = "trials.sqlite3"
STUDY = "search"
MOST_FAILURES = 3  # one after the other, before anything succeeds
MOST_IN_A_ROW = 10  # after that
PAUSE = 1.0  # seconds between two looks at whether a trial may begin
HEARTBEAT = 60  # seconds between two signs of life of a trial; after two of them without one it is tried again


def open_study(folder: Path, arguments: SearchArguments, number: int = 0) -> Any:
    """The study in a folder, made if there is none; the process of each number samples with a seed of its own."""
    optuna = open_optuna()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        storage = optuna.storages.RDBStorage(
            f"sqlite:///{folder / STORAGE}",
            engine_kwargs={"connect_args": {"timeout": 60}},
            heartbeat_interval=HEARTBEAT,
            heartbeat_stale_trial_callback=optuna.storages.RetryHeartbeatStaleTrialCallback(),
        )
    pruner = optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=2)
    study = optuna.create_study(
        study_name=STUDY,
        storage=storage,
        pruner=pruner if arguments.pruning else optuna.pruners.NopPruner(),
        direction="maximize",
        load_if_exists=True,
    )
    study.sampler = _make_sampler(arguments, number, len(study.get_trials(deepcopy=False)))
    return study


def _make_sampler(arguments: SearchArguments, *apart: int) -> Any:
    """What chooses the next settings, with a seed that differs where `apart` does."""
    optuna = open_optuna()
    seed = int(np.random.SeedSequence([arguments.seed, *apart]).generate_state(1)[0])
    if arguments.sampler == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.samplers.TPESampler(seed=seed, multivariate=True, group=True, constant_liar=True)


def begin_trial(trial: Any, arguments: SearchArguments) -> dict[str, Any]:
    """The settings of a trial, noted with the process that tries them."""
    trial.set_user_attr("process", [socket.gethostname(), os.getpid()])
    # drawn by the number of the trial, which no other process has: after a kill nothing is drawn a second time
    trial.study.sampler = _make_sampler(arguments, trial.number)
    chosen = suggest_settings(trial, arguments.models, arguments.embeddings or [LEARNED], arguments.epochs)
    trial.set_user_attr("settings", chosen)
    return chosen


def note_result(trial: Any, found: dict[str, Any]) -> None:
    """Note what a trial found."""
    for name in ("metric", "epoch", "parameters"):
        trial.set_user_attr(name, found[name])
    if not found["is_cut_short"]:
        logger.info("Trial %d: %s %.4f", trial.number, found["metric"], score_of(found))


def score_of(trial: dict[str, Any]) -> float:
    """The score of a trial, whose `goodness` has the opposite sign where less is better."""
    metric = trial["metric"]
    return trial["goodness"] if metric != "loss" and greater_is_better(metric) else -trial["goodness"]


def count_done(study: Any) -> int:
    """The trials that count: complete ones, and those that were cut short."""
    states = open_optuna().trial.TrialState
    return len(study.get_trials(deepcopy=False, states=(states.COMPLETE, states.PRUNED)))


def revive(study: Any) -> None:
    """Put trials whose process was killed in line again, with the same settings; on another machine, after a while."""
    optuna = open_optuna()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        optuna.storages.fail_stale_trials(study)
    for trial in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
        host, process = trial.user_attrs.get("process", (None, 0))
        if host == socket.gethostname() and not is_running(process):
            try:
                study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
            except (optuna.exceptions.UpdateFinishedTrialError, ValueError):  # another process was quicker
                continue
            study.enqueue_trial(trial.params, user_attrs={"repeats": trial.number})
            logger.info("Trial %d was cut off: it is tried again", trial.number)


def is_over(study: Any, arguments: SearchArguments, first: int, end: float | None) -> bool:
    """
    Whether no trial begins any more: there are enough, the time is up, or one after the other fails.

    Args:
        study: The study.
        arguments: What to search.
        first: The number of the first trial whose failure counts: the cause of those before may have been mended.
        end: When the time is up.
    """
    is_late = end is not None and time.time() >= end
    return is_late or count_done(study) >= arguments.trials or _keeps_failing(study, first)


def _keeps_failing(study: Any, first: int) -> bool:
    """Whether the data, or settings that the trials share, are at fault; not where processes were killed."""
    trials = study.get_trials(deepcopy=False)
    most = MOST_IN_A_ROW if count_done(study) else MOST_FAILURES
    ended = [one for one in trials[first:] if one.state.name in ("COMPLETE", "PRUNED") or has_failed(one)]
    return len(ended) >= most and all(map(has_failed, ended[-most:]))


def has_failed(trial: Any) -> bool:
    """Whether something was wrong with a trial, whose process was not just killed."""
    return trial.state.name == "FAIL" and "error" in trial.user_attrs
