"""`search --engine ray`: the workers of a cluster train, and one process manages the trials."""

import os
import tempfile
import time
from pathlib import Path
from threading import Thread
from typing import Any

import torch

from ..utils.errors import InputError
from ..utils.ray_cluster import RayArguments, open_cluster
from .arguments import SearchArguments
from .search_space import open_optuna
from .studies import (
    HEARTBEAT,
    PAUSE,
    begin_trial,
    begun_trials,
    count_finished,
    end_killed,
    is_over,
    open_study,
    record_result,
    retry_stale_trials,
)
from .trials import run_trial

LOSSES = 3  # how often a worker that was killed is restarted


class TrialManager:
    """
    The manager of the trials, which assigns them to workers and receives their scores. It runs in a process on the
    driver's machine, and only this process writes to the storage.

    Args:
        folder: The folder of the search.
        arguments: What to search for.
        end: The time after which no trial starts.
    """

    def __init__(self, folder: Path, arguments: SearchArguments, end: float | None):
        self.arguments, self.end = arguments, end
        self.study = open_study(folder, arguments)
        self.first = len(begun_trials(self.study))
        retry_stale_trials(self.study)
        self.running: dict[int, Any] = {}
        Thread(target=self._keep_alive, daemon=True).start()

    def _keep_alive(self) -> None:
        """Write the heartbeats of the trials that are running, as `study.optimize` does for its own."""
        while True:
            for trial in list(self.running.values()):
                self.study._storage.record_heartbeat(trial._trial_id)
            time.sleep(HEARTBEAT)

    def begin(self, worker: int) -> dict[str, Any] | None:
        """
        Return the settings of the next trial for a worker; `None` if the search is over, or `{}` to wait because the
        running trials may be the last.
        """
        if (lost := self.running.pop(worker, None)) is not None:  # the worker was killed and restarted
            end_killed(lost, self.study)
        if is_over(self.study, self.arguments, self.first, self.end):
            return None
        if count_finished(self.study) + len(self.running) >= self.arguments.trials:
            return {}
        trial = self.study.ask()
        self.study._storage.record_heartbeat(trial._trial_id)
        self.running[worker] = trial
        return begin_trial(trial, self.arguments)

    def report(self, worker: int, epoch: int, value: float) -> bool:
        """Record the score of an epoch. Returns whether to cut the trial short."""
        self.running[worker].report(value, epoch)
        return bool(self.running[worker].should_prune())

    def end_trial(self, worker: int, found: dict[str, Any] | None, error: str | None, seconds: float) -> None:
        """Record the result of a trial, or the error in its settings."""
        states = open_optuna().trial.TrialState
        trial = self.running.pop(worker)
        trial.set_user_attr("seconds", seconds)
        if found is None:
            trial.set_user_attr("error", error)
            self.study.tell(trial, state=states.FAIL)
            return
        record_result(trial, found)
        if found["is_pruned"]:
            self.study.tell(trial, state=states.PRUNED)
        else:
            self.study.tell(trial, found["value"])


def search_by_ray(folder: Path, base: dict[str, Any], arguments: SearchArguments, end: float | None) -> None:
    """
    Try settings with the workers of a cluster, `jobs` at a time, until there are enough trials or the time is up. If a
    worker is killed, its trial is repeated.

    Raises:
        InputError: there is no such cluster.
    """
    where = RayArguments(engine="ray", workers=arguments.jobs, address=arguments.address)
    with open_cluster(where) as cluster:
        ray = cluster.ray
        here = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
            ray.get_runtime_context().get_node_id(), soft=False
        )
        manager = ray.remote(TrialManager).options(num_cpus=0, scheduling_strategy=here)
        # the cluster may have been started in another folder
        manager = manager.remote(folder.absolute(), arguments, end)
        train = ray.remote(_train).options(max_retries=LOSSES, **cluster.resources("jobs"))
        shared = base, cluster.threads, os.getcwd()
        ray.get([train.remote(manager, worker, *shared) for worker in range(cluster.workers)])


def _train(manager: Any, worker: int, base: dict[str, Any], threads: int, folder: str) -> None:
    """Run trials one by one in a worker."""
    import ray

    os.chdir(folder)
    torch.set_num_threads(threads)

    def report(epoch: int, value: float) -> bool:
        return bool(ray.get(manager.report.remote(worker, epoch, value)))

    while (chosen := ray.get(manager.begin.remote(worker))) is not None:
        if not chosen:
            time.sleep(PAUSE)
            continue
        started, found, error = time.perf_counter(), None, None
        with tempfile.TemporaryDirectory() as scratch:
            try:
                found = run_trial(base | chosen, Path(scratch, "trial"), report)
            except InputError as failure:
                error = str(failure)
        seconds = round(time.perf_counter() - started, 1)
        ray.get(manager.end_trial.remote(worker, found, error, seconds))
