"""`search --engine optuna`: trials in this process, or in several on this machine."""

import contextlib
import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..models.text_classifier import count_cores
from ..utils.errors import InputError, as_text
from .arguments import SearchArguments
from .search_space import open_optuna
from .studies import (
    PAUSE,
    begin_trial,
    begun_trials,
    count_finished,
    enqueue_retry,
    is_over,
    open_study,
    record_result,
    retry_stale_trials,
)
from .trials import run_trial

logger = logging.getLogger(__name__)


def search_locally(folder: Path, base: dict[str, Any], arguments: SearchArguments, end: float | None) -> None:
    """
    Try settings in this process, or in several that end with it, until there are enough trials or the time is up.

    Args:
        folder: The folder of the search.
        base: The settings that all trials share.
        arguments: What to search for, and in how many processes.
        end: The time after which no trial starts.
    """
    if arguments.jobs == 1:
        work(folder, base, arguments, end)
    else:
        _work_in_processes(folder, base, arguments, end)


def _work_in_processes(folder: Path, base: dict[str, Any], arguments: SearchArguments, end: float | None) -> None:
    """Run trials in several processes, which end with this one."""
    context = multiprocessing.get_context("spawn")
    shared = folder, base, arguments, end, logging.getLogger().getEffectiveLevel()
    jobs = [context.Process(target=_job, args=(*shared, number)) for number in range(arguments.jobs)]
    try:
        with _ctrl_c_ignored():  # by the new processes, which inherit it
            for job in jobs:
                job.start()
        for job in jobs:
            job.join()
    except KeyboardInterrupt:
        for job in jobs:
            if job.is_alive():
                job.terminate()
        for job in jobs:
            job.join()  # it enqueues its trial again
        raise
    if lost := [str(job.exitcode) for job in jobs if job.exitcode]:
        logger.warning(
            "%d of %d processes ended early (exit status %s): if memory is short, use fewer --jobs",
            len(lost),
            len(jobs),
            as_text(lost),
        )


def _job(
    folder: Path, base: dict[str, Any], arguments: SearchArguments, end: float | None, level: int, number: int
) -> None:
    """Run trials in one of several processes, with its share of the cores, and with logging of this level."""
    import torch

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # Ctrl+C ends it by this signal
    logging.basicConfig(level=level, format="%(message)s")
    torch.set_num_threads(max(1, count_cores() // arguments.jobs))
    usual = ",".join(map(str, range(torch.cuda.device_count())))
    gpus = os.environ.get("CUDA_VISIBLE_DEVICES", usual).split(",")
    if len(gpus) > 1:  # each process trains on the first one that it sees
        os.environ["CUDA_VISIBLE_DEVICES"] = gpus[number % len(gpus)]
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        work(folder, base, arguments, end, number)
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGTERM)


@contextlib.contextmanager
def _ctrl_c_ignored() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():  # others cannot change it
        yield
        return
    usual = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)


def _end_with_parent() -> None:
    """Wait until the process that started this one has ended, however that happened, and end this one, too."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def work(
    folder: Path, base: dict[str, Any], arguments: SearchArguments, end: float | None = None, number: int = 0
) -> None:
    """Try settings until there are enough trials or the time is up."""
    optuna = open_optuna()
    study = open_study(folder, arguments, number)
    first = len(begun_trials(study))

    def objective(trial: Any) -> float:
        started = time.perf_counter()

        def report(epoch: int, value: float) -> bool:
            trial.report(value, epoch)
            return bool(trial.should_prune())

        try:
            chosen = begin_trial(trial, arguments)
            found = run_trial(base | chosen, folder / "trials" / f"{trial.number}-{os.getpid()}", report)
        except KeyboardInterrupt:
            enqueue_retry(trial, study, trial.user_attrs.get("killed", 0))
            raise
        except InputError as error:
            trial.set_user_attr("error", str(error))
            logger.warning("Trial %d failed: %s", trial.number, error)
            raise
        finally:
            trial.set_user_attr("seconds", round(time.perf_counter() - started, 1))
        record_result(trial, found)
        if found["is_pruned"]:
            raise optuna.TrialPruned
        return found["value"]

    while not is_over(study, arguments, first, end):
        retry_stale_trials(study)
        running = study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,))
        if count_finished(study) + len(running) < arguments.trials:
            study.optimize(objective, n_trials=1, catch=(InputError,))
        else:  # the trials running in other processes may be the last
            time.sleep(PAUSE)
