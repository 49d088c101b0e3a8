"""Several processes in one launch (torchrun): who goes first, who writes, and who reports errors."""

import contextlib
import itertools
import os
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, TypeVar

T = TypeVar("T")

LAUNCH = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE")  # set by torchrun for each process
# torch gives up collective calls after half an hour, but a teacher may label texts for days
_FOREVER = timedelta(days=365)
PATIENCE = 30  # seconds that others wait for rank 0 to fail as they did
_turns, _trials = itertools.count(), itertools.count()


def rank() -> int:
    """Return the rank of this process in its launch; 0 if it is the only one."""
    return _number("RANK", 0)


def count_processes() -> int:
    """Return how many processes were launched together."""
    return _number("WORLD_SIZE", 1)


def count_processes_here() -> int:
    """Return how many of them run on this machine."""
    return _number("LOCAL_WORLD_SIZE", count_processes())


def has_several_machines() -> bool:
    """Whether the processes of this launch run on several machines."""
    return count_processes_here() < count_processes()


def _number(name: str, default: int) -> int:
    value = os.environ.get(name, "")
    return int(value) if value.isdecimal() else default


def is_main() -> bool:
    """Whether this is the process that writes files and talks to the user."""
    return rank() == 0


def leave_launch() -> None:
    """Continue as the only process, for work that is not shared."""
    for name in LAUNCH:
        os.environ.pop(name, None)


def end_launch(status: int) -> None:
    """
    Leave the process group when all processes are done, or when this one has failed. A process that ends while gloo
    threads still run may be aborted (status 134), and torchrun would then report that instead of the actual error.

    Args:
        status: The exit status. Unless it is 0, the process ends here and does not wait for others.
    """
    if _store() is None:
        return
    if status != 0:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    import torch.distributed

    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


def is_single_despite_launch() -> bool:
    """Return whether `accelerate launch` was asked for several processes but started one, as it does on a CPU."""
    by_accelerate = "ACCELERATE_MIXED_PRECISION" in os.environ and "MASTER_PORT" in os.environ
    return by_accelerate and "WORLD_SIZE" not in os.environ


def wait_for_turn() -> None:
    """
    Wait before this process reports an error, so that rank 0 reports first if the processes do not know each other yet.
    If rank 0 saw the same error, it reports it and ends, and the launcher ends the others; if not, the others report
    it.
    """
    if not is_main() and _store() is None:
        time.sleep(PATIENCE)


@contextlib.contextmanager
def run_main_first() -> Iterator[None]:
    """
    Run the block on rank 0, then on the others, which find its files and caches.

    Processes wait for each other as long as it takes; if rank 0 fails, the others end. The block must not make
    collective calls.
    """
    store, turn = _store(), f"modeling_lstm/turn-{next(_turns)}"
    if store is None:
        yield
    elif is_main():
        outcome = "failed"
        try:
            yield
            outcome = "done"
        finally:
            store.set(turn, outcome)
        store.wait([f"{turn}-{number}" for number in range(1, count_processes())], _FOREVER)
    else:
        store.wait([turn], _FOREVER)
        if store.get(turn) != b"done":
            raise SystemExit(2)
        yield
        store.set(f"{turn}-{rank()}", "done")


def run_on_main(build: Callable[[], T]) -> T:
    """Return what rank 0 builds; the other processes get a copy."""
    if _store() is None:
        return build()
    import torch.distributed

    found: list[Any] = [None]
    with run_main_first():
        if is_main():
            found = [build()]
    torch.distributed.broadcast_object_list(found, src=0)
    return found[0]


def gather(value: T) -> list[T]:
    """Return the value of each process, by rank."""
    if _store() is None:
        return [value]
    import torch.distributed

    found: list[Any] = [None] * count_processes()
    torch.distributed.all_gather_object(found, value)
    return found


@contextlib.contextmanager
def fail_once() -> Iterator[None]:
    """Raise the error of the first process that fails. Others that fail end with status 2."""
    key = f"modeling_lstm/failures-{next(_trials)}"
    try:
        yield
    except Exception as error:
        if not _is_first_to_fail(key):
            raise SystemExit(2) from error
        raise


def _is_first_to_fail(key: str) -> bool:
    store = _store()
    if store is None:
        return True
    try:
        return store.add(key, 1) == 1
    except RuntimeError:  # the process that hosts the store is gone
        return False


def _store() -> Any:
    """Return the store that the processes of a launch share through torch; `None` until they know each other."""
    if "torch" not in sys.modules:
        return None
    import torch.distributed

    if not torch.distributed.is_available() or not torch.distributed.is_initialized():
        return None
    return torch.distributed.distributed_c10d._get_default_store()
