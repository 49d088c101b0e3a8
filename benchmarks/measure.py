"""Tools of the speed benchmarks: ways that take turns in one process, and a record with machine and load."""

import argparse
import gc
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch

from modeling_lstm.runs.environment import describe_environment
from modeling_lstm.utils.files import write_json

from .accuracy import RESULTS

ROOT = RESULTS.parent
QUICK = 0.1  # seconds
BURST = 0.05  # seconds for which a quick way runs before it is timed
PAUSE = 0.05  # seconds in which the idle threads of one library stop spinning before another is timed
SPEED = RESULTS / "speed"
# Quantiles of the tokens per text, in steps of 5%: train splits of TweetEval sentiment and IMDB
LENGTHS = {
    "tweets": (3, 12, 14, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 26, 27, 28, 29, 31, 33, 60),
    "reviews": (20, 82, 115, 132, 143, 150, 158, 169, 179, 190, 204, 221, 237, 261, 294, 330, 376, 432, 525, 678, 1795),
}


def take_turns(ways: Mapping[str, Callable[[], Any]], repeats: int) -> dict[str, list[float]]:
    """
    Time each way `repeats` times, after one round to warm up, and return the seconds.

    A round runs each way once, in turn. A quick way first runs untimed for a moment, so that caches and threads are as
    warm as in a busy service.
    """
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    best: dict[str, float] = {}
    gc.collect()
    gc.disable()
    for turn in range(repeats + 1):
        for name, run in ways.items():
            time.sleep(PAUSE)
            begun = time.perf_counter()
            while best.get(name, QUICK) < QUICK and time.perf_counter() - begun < BURST:
                run()
            started = time.perf_counter()
            run()
            took = time.perf_counter() - started
            best[name] = min(best.get(name, took), took)
            if turn > 0:
                seconds[name].append(took)
    gc.enable()
    return seconds


def answer_in_turns(
    ways: Mapping[str, Callable[[str], Any]], texts: Iterable[str], warm: int
) -> dict[str, list[float]]:
    """
    Time each way on each text but the first `warm`, and return the seconds.

    The ways take turns on each text, which is new to all of them: caches of words help as much as they do in a service.
    Before a way is timed, the threads of the others come to rest, and it answers the text before once more.
    """
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    before = ""
    for number, text in enumerate(texts):
        for name, way in ways.items():
            if number >= warm:
                time.sleep(PAUSE)
                way(before)
            started = time.perf_counter()
            way(text)
            if number >= warm:
                seconds[name].append(time.perf_counter() - started)
        before = text
    return seconds


def quartiles(values: list[float]) -> tuple[float, float, float]:
    """Return lower quartile, median and upper quartile; of fewer than four values, the lowest, median and highest."""
    if len(values) < 4:
        return min(values), statistics.median(values), max(values)
    low, middle, high = statistics.quantiles(values, n=4)
    return low, middle, high


def summary(seconds: Iterable[float]) -> dict[str, Any]:
    """Return median and quartiles in milliseconds, as [`quartiles`]."""
    low, middle, high = quartiles([1000 * one for one in seconds])
    return {"median": round(middle, 3), "quartiles": [round(low, 3), round(high, 3)]}


def ratio(slow: list[float], fast: list[float]) -> dict[str, Any]:
    """Return how many times as fast `fast` is as `slow`: median and quartiles over the rounds, as [`quartiles`]."""
    low, middle, high = quartiles([one / other for one, other in zip(slow, fast, strict=True)])
    return {"median": round(middle, 2), "quartiles": [round(low, 2), round(high, 2)]}


def process(program: str) -> tuple[float, int]:
    """Run a Python program; return its seconds, the start of Python included, and its peak memory in MB."""
    peak = "from benchmarks.memory import peak_megabytes\nprint(peak_megabytes())"
    started = time.perf_counter()
    out = subprocess.run(
        [sys.executable, "-c", f"{program}\n{peak}"], check=True, capture_output=True, text=True, cwd=ROOT
    ).stdout
    return time.perf_counter() - started, round(float(out.split()[-1]))


def drawn_lengths(
    kind: str, rows: int, longest: int, *, sorted_batches: bool = False, position: float = 0.5, seed: int = 0
) -> torch.Tensor:
    """
    Draw the lengths of a batch of texts as in real data, with at most `longest` tokens.

    Args:
        sorted_batches: Take one of 50 batches that are sorted by length, as `Trainer` groups them.
        position: Which of the 50 batches, from 0 for the shortest texts to 1 for the longest.
    """
    quantiles = torch.tensor(LENGTHS[kind], dtype=torch.float64)
    drawn = torch.rand(rows * (50 if sorted_batches else 1), generator=torch.Generator().manual_seed(seed)) * 20
    low = drawn.long().clamp(max=19)
    lengths = quantiles[low] + (drawn - low) * (quantiles[low + 1] - quantiles[low])
    lengths = lengths.round().long().clamp(1, longest)
    if sorted_batches:
        begin = round(49 * position) * rows
        lengths = lengths.sort().values[begin : begin + rows]
        lengths = lengths[torch.randperm(rows, generator=torch.Generator().manual_seed(seed))]
    return lengths


def parser(about: str | None, name: str) -> argparse.ArgumentParser:
    """Make the parser of a benchmark."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--output", type=Path, default=SPEED / f"{name}.json")
    parser.add_argument("--repeats", type=int, default=7)
    return parser


def write(path: Path, found: Any) -> None:
    """Write a record with machine, versions, threads, and the load before the measurement."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, {"load": LOAD, "results": found} | describe_environment())


LOAD = os.getloadavg()  # at the start of the benchmark
