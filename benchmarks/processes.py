"""Training in one process and in two, by `torchrun` and by Ray: `python -m benchmarks.processes`.

Each way trains the recipe of TweetEval sentiment for some steps with the same global batch, in turns. The record is
`results/speed/processes.json`; `python -m benchmarks.tables` makes the table of docs/guides/processes.md.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from modeling_lstm.utils.files import read_json
from modeling_lstm.utils.markdown import make_table

from .accuracy import COMMAND, required_data
from .measure import ROOT, SPEED, parser, ratio, write

SAMPLES = 8_000  # rows to train on: fewer than available, for a quicker start
ROWS = 64  # in a global batch
STEPS = (100, 500)  # the time before and after the steps is in both and cancels out
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "-m", *COMMAND[2:]]
# For each way: command, number of processes, threads of each, and flags
WAYS: dict[str, tuple[list[str], int, int, list[str]]] = {
    "one process, one core": (COMMAND, 1, 1, []),
    "one process, both cores": (COMMAND, 1, 2, []),
    "`torchrun`, two processes": (TORCHRUN, 2, 1, []),
    "Ray, two workers": (COMMAND, 2, 1, ["--engine", "ray", "--workers", "2"]),
}


def seconds_of(way: str, steps: int, data: Path) -> float:
    """Run a way and return its seconds, start included."""
    command, processes, threads, flags = WAYS[way]
    with tempfile.TemporaryDirectory() as folder:
        given = [*command, "train", "recipes/tweet_eval_sentiment.yaml", "--dataset", str(data), *flags]
        given += ["--max_train_samples", str(SAMPLES), "--max_steps", str(steps), "--output_dir", f"{folder}/run"]
        given += ["--per_device_train_batch_size", str(ROWS // processes), "--disable_tqdm", "true"]
        given += ["--eval_strategy", "no", "--save_strategy", "no", "--load_best_model_at_end", "false"]
        # By default Ray's workers have a low priority and would wait for other processes
        environment = os.environ | {"OMP_NUM_THREADS": str(threads), "RAY_worker_niceness": "0"}
        started = time.perf_counter()
        subprocess.run(given, check=True, cwd=ROOT, env=environment, capture_output=True)
        return time.perf_counter() - started


def processes_table() -> str:
    """Make the table of rows per second, and of the gain by two processes."""
    record = read_json(SPEED / "processes.json")
    found, hardware = record["results"], record["hardware"]
    rows = [
        [
            way,
            f"{statistics.median(found['rows per second'][way]):,.0f}",
            f"**{found['against one core'][way]['median']:.2f}**",
            f"{statistics.median(found['start'][way]):.0f}",
        ]
        for way in WAYS
    ]
    return make_table(["setup", "rows a second", "times one core", "start, seconds"], rows, words=1) + (
        f"\n\nRows a second in training, {ROWS} rows in a batch of all processes together, and what the command needs "
        f"before and after. Measured on: {hardware['processor']}, {hardware['cores']} cores.\n"
    )


def main() -> None:
    """Measure all ways in turns."""
    command = parser(__doc__, "processes")
    command.set_defaults(repeats=3)
    arguments = command.parse_args()
    folder = required_data()
    speeds: dict[str, list[float]] = {way: [] for way in WAYS}
    starts: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(arguments.repeats):
        for way in WAYS:
            few, many = STEPS
            short, long = (seconds_of(way, steps, folder / "tweeteval_sentiment") for steps in STEPS)
            step = (long - short) / (many - few)
            speeds[way].append(round(ROWS / step, 1))
            starts[way].append(round(short - few * step, 1))
            print(way, speeds[way][-1], starts[way][-1], flush=True)
    alone = speeds["one process, one core"]
    gains: dict[str, Any] = {way: ratio(values, alone) for way, values in speeds.items()}
    write(arguments.output, {"rows per second": speeds, "start": starts, "against one core": gains})


if __name__ == "__main__":
    main()
