"""How long a cluster takes to answer texts, by simulation: `python -m benchmarks.simulation`.

Readers cut files into parts; workers answer and write them. Workers die now and then, and their unfinished parts are
repeated. The costs of a row were measured by `benchmarks.scoring`, which also compares the predictions with its
measurements. The table for 10 million and 10 billion texts is in docs/guides/large-data.md.
"""

import heapq
import json
import math
import random
from dataclasses import dataclass
from typing import Any

from modeling_lstm.inference.ray_workers import ROWS
from modeling_lstm.utils.files import read_json
from modeling_lstm.utils.ray_cluster import WORKERS_A_READER

from .accuracy import RESULTS

START = 8.0  # seconds until a cluster of one machine runs
LOSSES = 1.0  # of each worker per hour, in the table: far more than on machines that cannot be preempted


@dataclass
class Costs:
    """
    The costs of a row.

    Args:
        read: Seconds for one core to read it.
        answer: Seconds for one core to answer and write it.
        load: Seconds for a worker to load the model.
        bytes_sent: Bytes from reader to worker.
        bytes_written: Bytes in the output.
    """

    read: float
    answer: float
    load: float
    bytes_sent: float
    bytes_written: float


def simulate(
    costs: Costs,
    rows: int,
    workers: int,
    files: int,
    *,
    checked: bool = True,
    losses_an_hour: float = 0.0,
    restart: float = 15.0,
    seed: int = 0,
) -> float:
    """
    Return the seconds until all rows are answered.

    Args:
        costs: Costs of a row.
        rows: Number of rows in all files.
        workers: Number of cores that answer.
        files: Number of files, of equal length; each is read by one core.
        checked: Whether files are read to their ends first.
        losses_an_hour: How often each worker is lost per hour.
        restart: Seconds until a lost worker is back.
        seed: Seed of the losses.
    """
    draw = random.Random(seed)
    readers = min(files, max(1, math.ceil(workers / WORKERS_A_READER)))
    begun = START + (costs.read * rows / min(files, workers) if checked else 0.0)
    each = math.ceil(rows / files)
    ready: list[tuple[float, int]] = []  # when each part has been read, and its rows
    busy = [begun] * readers
    heapq.heapify(busy)
    for _ in range(files):
        at = heapq.heappop(busy)
        left = each
        while left > 0:
            some = min(ROWS, left)
            at += costs.read * some
            ready.append((at, some))
            left -= some
        heapq.heappush(busy, at)
    ready.sort()
    free = [begun + costs.load] * workers
    heapq.heapify(free)
    end = 0.0
    for at, some in ready:
        seconds = costs.answer * some
        start = max(heapq.heappop(free), at)
        while losses_an_hour and draw.random() < 1 - math.exp(-losses_an_hour * seconds / 3600):
            start += draw.random() * seconds + restart + costs.load  # the part is repeated
        heapq.heappush(free, start + seconds)
        end = max(end, start + seconds)
    return end


def plan(costs: Costs) -> list[dict[str, Any]]:
    """Return for clusters and many texts the hours, with losses and without, and the amounts of data."""
    found = []
    for rows, files, workers in (
        (10_000_000, 100, 2),
        (10_000_000, 100, 16),
        (10_000_000, 100, 64),
        (10_000_000_000, 100_000, 256),
        (10_000_000_000, 100_000, 1_024),
    ):
        hours = simulate(costs, rows, workers, files) / 3600
        found.append(
            {
                "rows": rows,
                "workers": workers,
                "hours": hours,
                "hours_with_losses": simulate(costs, rows, workers, files, losses_an_hour=LOSSES) / 3600,
                "core_hours": hours * workers,
                "mb_a_second": rows * costs.bytes_sent / (hours * 3600) / 1e6,
                "output_gb": rows * costs.bytes_written / 1e9,
            }
        )
    return found


def main() -> None:
    """Print the plan that follows from the measured costs."""
    measured = read_json(RESULTS / "speed" / "scoring.json")
    for one in plan(Costs(**measured["costs"])):
        print(json.dumps(one))


if __name__ == "__main__":
    main()
