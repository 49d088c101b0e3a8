"""`--engine ray`: training in several processes started by Ray, resumed from its last checkpoint if one is lost."""

import contextlib
import logging
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..runs.record import RunRecord, read_record
from ..utils.errors import InputError, first_line, require
from ..utils.files import write_text
from ..utils.processes import is_main
from ..utils.ray_cluster import Cluster, open_cluster
from .checkpoints import is_complete
from .job_settings import TrainingSettings

logger = logging.getLogger(__name__)

MAX_LOSSES = 3  # of workers, in a row
ERROR = "error.txt"  # an error in data or settings, written by the process that found it
LOG = "log.txt"  # of the first worker
LOCAL = {"engine": "local", "workers": None, "address": None}  # settings of each worker


def train_by_ray(job: TrainingSettings, prepare: Callable[[Cluster], None]) -> RunRecord:
    """
    Train on the workers of a cluster, as `torchrun` would: each computes its share of every batch.

    Args:
        job: The training. All machines must reach its data and its `output_dir` under the same paths.
        prepare: Called once with the cluster before the workers train.

    Returns:
        The content of `run.json`.

    Raises:
        InputError: data, settings or cluster cannot be used, or workers were lost several times in a row.
    """
    require(job.model_init is None, "--engine ray cannot pass model_init on to other machines: leave it out.")
    output = Path(job.training.output_dir).absolute()
    shared = output.with_name(f".{output.name}.ray")  # for Ray's own files
    with open_cluster(job.ray) as cluster:
        prepare(cluster)
        settings = {**job.settings, **LOCAL, "output_dir": str(output), "command": job.command}
        before = known = _checkpoints(output)  # perhaps of a run that is to be overwritten
        losses = 0
        try:
            while losses <= MAX_LOSSES:
                shutil.rmtree(shared, ignore_errors=True)
                shared.mkdir(parents=True)
                if known - before:
                    settings |= {"resume_from_checkpoint": "last", "overwrite": False}
                if (failure := _fit(cluster, type(job), settings, shared)) is None:
                    return read_record(output)
                last, known = known, _checkpoints(output)
                is_further = any(is_complete(output / name) for name, _ in known - last)
                losses = 1 if is_further else losses + 1
                logger.warning("%s. The training resumes from its last checkpoint, if it has one.", failure)
        finally:
            shutil.rmtree(shared, ignore_errors=True)
    raise InputError(
        f"The training lost workers {losses} times in a row; resume with --resume_from_checkpoint last: {failure}"
    )


def _checkpoints(output: Path) -> set[tuple[str, int]]:
    """Return the checkpoints of a run folder, each with its modification time."""
    return {(path.name, path.stat().st_mtime_ns) for path in output.glob("checkpoint-*")}


def _fit(cluster: Cluster, kind: type[Any], settings: dict[str, Any], shared: Path) -> str | None:
    """Train once. Return what happened if a worker was lost."""
    from ray.train import RunConfig, ScalingConfig
    from ray.train.torch import TorchConfig, TorchTrainer

    has_gpus = cluster.has_gpus and not settings.get("use_cpu")
    if cluster.gpus and not has_gpus:
        settings = settings | {"use_cpu": True}  # otherwise transformers would find a GPU in each worker
        logger.warning("%d workers train on CPUs; --workers %d would train on the GPUs.", cluster.workers, cluster.gpus)
    told = {"kind": kind, "settings": settings, "shared": str(shared), "folder": os.getcwd()}
    trainer = TorchTrainer(
        _work,
        train_loop_config=told | {"threads": cluster.threads},
        torch_config=TorchConfig(backend="nccl" if has_gpus else "gloo"),
        scaling_config=ScalingConfig(
            num_workers=cluster.workers, use_gpu=has_gpus, resources_per_worker={"CPU": cluster.cpus}
        ),
        run_config=RunConfig(name="training", storage_path=str(shared)),
    )
    for name in ("ray.train", "ray.tune", "ray.data"):
        logging.getLogger(name).setLevel(logging.ERROR)
    failure = None
    try:
        with _follow(shared / LOG):
            trainer.fit()
    except Exception as error:  # whatever Ray raises when a process is lost
        failure = first_line(error)
    if (shared / ERROR).is_file():
        raise InputError((shared / ERROR).read_text(encoding="utf-8"))
    return failure


@contextlib.contextmanager
def _follow(path: Path) -> Iterator[None]:
    """Copy a file to stderr as it grows."""
    path.touch()
    is_over = threading.Event()

    def show() -> None:
        with path.open(encoding="utf-8", errors="replace") as file:
            while True:
                was_over = is_over.is_set()
                sys.stderr.write(file.read())
                sys.stderr.flush()
                if was_over:
                    return
                is_over.wait(0.5)

    reader = threading.Thread(target=show, daemon=True)
    reader.start()
    try:
        yield
    finally:
        is_over.set()
        reader.join()


def _work(told: dict[str, Any]) -> None:
    """Train in a worker. The first one writes its log where the driver shows it."""
    import torch

    if is_main():
        with Path(told["shared"], LOG).open("a", encoding="utf-8") as log:
            os.dup2(log.fileno(), sys.stdout.fileno())
            os.dup2(log.fileno(), sys.stderr.fileno())
        logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr, force=True)
    os.chdir(told["folder"])
    torch.set_num_threads(told["threads"])
    try:
        told["kind"](**told["settings"]).run()
    except InputError as error:
        write_text(Path(told["shared"], ERROR), str(error))
        raise  # so that Ray ends the others, which may wait for this one
    except SystemExit:  # another process has reported the error
        return
