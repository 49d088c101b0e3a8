"""Measure the costs of trained systems (latency, throughput, memory), each in a separate process."""

import contextlib
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from ..utils.errors import InputError, require

ROUNDS = 3
SINGLE = 100  # texts predicted one by one in a round
SECONDS = 3.0  # time limit for the batches of the slowest system in a round; the others predict the same texts
BATCH = 32


@contextlib.contextmanager
def use_threads(number: int | None) -> Iterator[None]:
    """Let torch compute with this number of threads, by default with as many as before."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(number or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def check_processes() -> None:
    """Raise [`InputError`] unless processes can be started. They import the script that calls this."""
    process = multiprocessing.get_context("spawn").Process(target=_nothing)
    process.start()
    process.join()
    require(
        process.exitcode == 0,
        "The processes that measure costs import this script, and cannot do so: its error is above. Put what it runs "
        "under if __name__ == '__main__':",
    )


def _nothing() -> None:
    """What a process does that is only started."""


def measure(systems: dict[str, tuple[Any, Path]], texts: list[str], labels: int, threads: int) -> dict[str, Any]:
    """
    Measure all systems in turn, in three rounds, so that a slow moment of the machine affects all of them alike. Each
    round uses new texts if there are enough, because some systems cache the words that they have seen.

    Args:
        systems: For each name, the system and its trained folder.
        texts: Texts to predict, not sorted by length. The slowest system determines how many are used.
        labels: Number of labels.
        threads: Number of threads for each system.

    Returns:
        For each name, `p50_ms` and `p95_ms` (for a single text), `texts_per_second` (batches of 32; the median round),
        `load_seconds`, and `memory_mb` (what loading and predicting add to the peak resident set of a process in which
        this package and its libraries are already loaded; `None` where the system does not tell it).
    """
    context = multiprocessing.get_context("spawn")
    workers = {}
    try:
        for name, (system, folder) in systems.items():
            here, there = context.Pipe()
            process = context.Process(target=_work, args=(there, system, folder, labels, threads), daemon=True)
            process.start()
            there.close()
            workers[name] = (here, process)
        for name, (here, _process) in workers.items():
            _answer(here, name)  # its libraries are loaded; all processes import in parallel
        for name, (here, _process) in workers.items():
            # Not an argument of the process: start() hangs if the process dies before reading a long argument
            here.send(texts)
            _answer(here, name)  # one loads at a time
        manages = []
        for name, (here, _process) in workers.items():
            here.send(None)
            manages.append(_answer(here, name)["batches"])
        rounds: dict[str, list[dict[str, Any]]] = {name: [] for name in workers}
        for _ in range(ROUNDS):
            for name, (here, _process) in workers.items():
                here.send(min(manages))
                rounds[name].append(_answer(here, name))
        return {name: _summary(found) for name, found in rounds.items()}
    except BaseException:
        for _here, process in workers.values():
            process.kill()  # a closed pipe would raise a second, misleading error there
        raise
    finally:
        for here, process in workers.values():
            here.close()
            process.join(timeout=10)
            if process.is_alive():
                process.kill()


def _answer(here: Connection, name: str) -> dict[str, Any]:
    try:
        return here.recv()
    except (EOFError, ConnectionResetError) as error:
        raise InputError(
            f"The process that measures {name!r} died: its error is above. All runs are kept: run the command again."
        ) from error


def _summary(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    single = np.concatenate([one["milliseconds"] for one in rounds])
    return {
        "p50_ms": round(float(np.quantile(single, 0.5)), 3),
        "p95_ms": round(float(np.quantile(single, 0.95)), 3),
        "texts_per_second": round(float(np.median([one["texts_per_second"] for one in rounds])), 1),
        "load_seconds": rounds[0]["load_seconds"],
        "memory_mb": max((one["memory_mb"] for one in rounds if one["memory_mb"] is not None), default=None),
    }


def _work(there: Connection, system: Any, folder: Path, labels: int, threads: int) -> None:
    os.environ["RAYON_NUM_THREADS"] = str(threads)  # for tokenizers
    import torch
    import transformers  # noqa: F401

    torch.set_num_threads(threads)
    if torch.cuda.is_available():
        torch.cuda.init()  # not part of the cost of any system
    system.prepare()
    there.send({})
    texts = there.recv()
    memory = _memory()
    started = time.perf_counter()
    predict = system.load(folder, labels)
    predict(texts[:1])
    load = time.perf_counter() - started
    there.send({})
    parts = [texts[number :: ROUNDS + 1] for number in range(ROUNDS + 1)]
    are_enough = len(parts[-1]) >= SINGLE + 4 * BATCH
    parts = parts if are_enough else [texts] * len(parts)
    rounds = iter(parts[1:])
    while True:
        try:
            number = there.recv()
        except EOFError:
            return
        if number is None:
            there.send({"batches": len([predict(batch) for batch in _while_there_is_time(_in_batches(parts[0]))])})
            continue
        part = next(rounds)
        single = [_time(predict, [text]) for text in part[: min(SINGLE, number * BATCH)]]
        batches = _in_batches(part[SINGLE:] if are_enough else part)
        spent = [(_time(predict, batch), len(batch)) for batch in batches[:number]]
        rate = sum(rows for _, rows in spent) / sum(seconds for seconds, _ in spent)
        found = {"milliseconds": [1000 * seconds for seconds in single], "texts_per_second": rate}
        peak = _memory(peak=True)
        added = None if peak is None or memory is None else round((peak - memory) / 1e6)
        there.send(found | {"load_seconds": round(load, 3), "memory_mb": added})


def _in_batches(texts: list[str]) -> list[list[str]]:
    return [texts[begin : begin + BATCH] for begin in range(0, len(texts), BATCH)]


def _time(predict: Callable[[list[str]], Any], texts: list[str]) -> float:
    started = time.perf_counter()
    predict(texts)
    return time.perf_counter() - started


def _while_there_is_time(items: list[Any]) -> Any:
    end = time.perf_counter() + SECONDS
    for number, item in enumerate(items):
        if number > 0 and time.perf_counter() > end:
            return
        yield item


def _memory(peak: bool = False) -> int | None:
    """
    Return the bytes of this process's resident set, or its peak since the last call; `None` if the system does not tell
    them, as any but Linux.
    """
    name = "VmHWM" if peak else "VmRSS"
    try:
        lines = Path("/proc/self/status").read_text("utf-8").splitlines()
        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # reset the peak
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(name)), None)
