"""Ray: work on the cores of this machine or of a cluster."""

import contextlib
import logging
import math
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from .errors import InputError, first_line, require, require_extra
from .settings import require_at_least, setting

logger = logging.getLogger(__name__)

STORE_BYTES = 512 * 2**20  # shared memory of a cluster started here, for data on its way between processes
READER_CPUS = 0.25  # of a task that reads, and mostly waits for those that compute
WORKERS_A_READER = 16
PATIENCE = 20.0  # seconds that a cluster has to answer


@dataclass(kw_only=True)
class RayArguments:
    """Where to work: in this process, or in several that Ray starts."""

    flag_group: ClassVar[str] = "Several machines"

    engine: Literal["local", "ray"] = setting(
        "local", "Work in this process, or in several that Ray starts here or on a cluster.", group="Several machines"
    )
    workers: int | None = setting(None, "Processes of Ray. Default: one for each core.", group="Several machines")
    address: str | None = setting(
        None,
        "Address of a Ray cluster: HOST:6379, or auto for one on this machine. Default: start one.",
        group="Several machines",
    )

    def __post_init__(self) -> None:
        require_at_least(self, workers=1)
        for name in ("workers", "address"):
            is_used = self.engine == "ray" or getattr(self, name) is None
            require(is_used, f"--{name} is for --engine ray: add that, or leave it out.")


@dataclass
class Cluster:
    """
    An open cluster.

    Args:
        ray: The library.
        nodes: The number of cores of each machine.
        workers: Number of processes that compute.
        gpus: The number of GPUs of all machines.
    """

    ray: Any
    nodes: list[float]
    workers: int
    gpus: int = 0

    def _fitting_workers(self, threads: int) -> list[int]:
        """Return how many workers with this number of threads fit on each machine."""
        return [int(cores // threads) for cores in self.nodes]

    @property
    def threads(self) -> int:
        """Threads of each worker: as many as possible, but no worker is spread over several machines."""
        fitting = range(2, int(max(self.nodes)) + 1)
        return max((one for one in fitting if sum(self._fitting_workers(one)) >= self.workers), default=1)

    @property
    def cpus(self) -> float:
        """CPUs that each worker requests. Some of each machine are left for the tasks that read."""
        fitting = self._fitting_workers(self.threads)
        if sum(fitting) < self.workers:  # workers share cores
            fitting = [math.ceil(self.workers * cores / sum(self.nodes)) for cores in self.nodes]
        shares = [float(self.threads)]
        for cores, most in zip(self.nodes, fitting, strict=True):
            if number := min(most, self.workers):
                shares.append((cores - READER_CPUS * math.ceil(number / WORKERS_A_READER)) / number)
        return math.floor(100 * min(shares)) / 100

    @property
    def has_gpus(self) -> bool:
        """Whether there is a GPU for each worker."""
        return self.gpus >= self.workers

    def resources(self, flag: str = "workers") -> dict[str, Any]:
        """
        Return the options of Ray for what each worker requests: its CPUs, and a GPU of its own. If there are fewer GPUs
        than workers, no worker sees any, since otherwise all would use the first one; `flag` sets their number.
        """
        if self.has_gpus:
            return {"num_cpus": self.cpus, "num_gpus": 1}
        if self.gpus == 0:
            return {"num_cpus": self.cpus}
        told = "%d workers compute on CPUs; --%s %d would use the GPUs."
        logger.warning(told, self.workers, flag, self.gpus)
        return {"num_cpus": self.cpus, "runtime_env": {"env_vars": {"CUDA_VISIBLE_DEVICES": ""}}}

    def pool(self) -> Any:
        """Return a pool with one actor per worker."""
        from ray.data import ActorPoolStrategy

        return ActorPoolStrategy(size=self.workers)

    def dataset(self, items: list[Any]) -> Any:
        """Return items as a `ray.data.Dataset`, each in its own block, so that they are handed out one by one."""
        from ray.data import DataContext

        logging.getLogger("ray.data").setLevel(logging.ERROR)  # importing it sets another
        context = DataContext.get_current()
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        context.target_max_block_size = 2**20
        return self.ray.data.from_items(items, override_num_blocks=max(1, min(len(items), 10_000)))


def check_reachable(address: str) -> None:
    """Raise `OSError` if nothing answers at `HOST:PORT` or `ray://HOST:PORT`. Ray itself would try for minutes."""
    host, sign, port = address.removeprefix("ray://").rpartition(":")
    if sign and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=PATIENCE).close()


@contextlib.contextmanager
def open_cluster(arguments: RayArguments) -> Iterator[Cluster]:
    """
    Join the cluster at an address, or start one on this machine, and disconnect at the end.

    Raises:
        InputError: Ray is not installed, or there is no such cluster.
    """
    with require_extra("scale", "--engine ray needs Ray"):
        import ray
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_TRAIN_ENABLE_PRINT_PATCH", "0")  # dill captures the output of dis from print
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # errors are raised as exceptions, too
    address = arguments.address or os.environ.get("RAY_ADDRESS") or "local"
    was_open = ray.is_initialized()
    try:
        if not was_open:
            check_reachable(address)
            options: dict[str, Any] = {"address": address, "log_to_driver": False, "logging_level": logging.ERROR}
            if address == "local":
                options |= {"include_dashboard": False, "object_store_memory": STORE_BYTES}
            ray.init(**options)
        machines = [one["Resources"] for one in ray.nodes() if one["Alive"]]
    except Exception as error:  # whatever Ray raises
        cause = first_line(error).rstrip(".")
        raise InputError(
            f"There is no Ray cluster at {address!r}: {cause}. Start one with ray start --head, or leave out "
            "--address. If it is there and asks for a token, set RAY_AUTH_MODE=token."
        ) from error
    nodes = [float(one["CPU"]) for one in machines if one.get("CPU", 0) > 0] or [1.0]
    gpus = int(sum(one.get("GPU", 0) for one in machines))
    workers = arguments.workers or max(1, int(sum(nodes)))
    logger.info("%d workers on %g cores", workers, sum(nodes))
    try:
        yield Cluster(ray, nodes, workers, gpus)
    except ray.exceptions.RayError as error:
        cause = (str(error).strip() or type(error).__name__).splitlines()[-1]
        raise InputError(f"Ray failed: {type(error).__name__}: {cause}") from error
    finally:
        if not was_open:
            ray.shutdown()
