"""Several processes in one launch (torchrun): who goes first, who writes, and who tells what went wrong."""

import contextlib
import itertools
import os
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, TypeVar

T = TypeVar("T")

LAUNCH = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE")  # what torchrun tells each process
# torch gives collective calls up after half an hour, and a teacher may label texts for days
_FOREVER = timedelta(days=365)
PATIENCE = 30  # seconds that others wait for rank 0 to fail as they did
_turns, _trials = itertools.count(), itertools.count()


def rank() -> int:
    """The number of this process in its launch, 0 where it is the only one."""
    return _number("RANK", 0)


def count_processes() -> int:
    """How many processes were launched together."""
    return _number("WORLD_SIZE", 1)


def _number(name: str, default: int) -> int:
    value = os.environ.get(name, "")
    return int(value) if value.isdecimal() else default


def is_main() -> bool:
    """Whether this is the process that writes files and talks to the user."""
    return rank() == 0


def leave_launch() -> None:
    """Go on as the only process, for work that is not shared."""
    for name in LAUNCH:
        os.environ.pop(name, None)


def end_launch(status: int) -> None:
    """
    Let go of the other processes when all of them are done, or when this one has failed: a process that ends while
    threads of gloo still run may be aborted (status 134), and torchrun then tells that in place of what went wrong.

    Args:
        status: The exit status. With another one than 0 the process ends here, and waits for no other.
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
    """Whether `accelerate launch` was asked for several processes and started one, as it does on a CPU."""
    by_accelerate = "ACCELERATE_MIXED_PRECISION" in os.environ and "MASTER_PORT" in os.environ
    return by_accelerate and "WORLD_SIZE" not in os.environ


def wait_for_turn() -> None:
    """
    Before this process says what went wrong: where the processes do not know each other yet, rank 0 is first. As it has
    seen the same, it tells that and ends, and the launcher then ends the others; if it does not, they tell.
    """
    if not is_main() and _store() is None:
        time.sleep(PATIENCE)


@contextlib.contextmanager
def run_main_first() -> Iterator[None]:
    """
    Rank 0 goes through the block, then the others do, who find its files and caches there.

    Each waits for the others as long as it takes, and ends if rank 0 fails. No collective call may be made in the
    block.
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
    """What rank 0 builds; the other processes get a copy."""
    if _store() is None:
        return build()
    import torch.distributed

    found: list[Any] = [None]
    with run_main_first():
        if is_main():
            found = [build()]
    torch.distributed.broadcast_object_list(found, src=0)
    return found[0]


@contextlib.contextmanager
def fail_once() -> Iterator[None]:
    """Of several processes the first one that fails raises its error; the others, which miss it, end with status 2."""
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
    except RuntimeError:  # the process that kept the store is gone
        return False


def _store() -> Any:
    """What the processes of a launch share, once they know each other: by torch, which is imported by then."""
    if "torch" not in sys.modules:
        return None
    import torch.distributed

    if not torch.distributed.is_available() or not torch.distributed.is_initialized():
        return None
    return torch.distributed.distributed_c10d._get_default_store()
