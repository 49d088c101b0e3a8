"""What training in bf16 costs in accuracy and saves in time: `python -m benchmarks.bf16`, on SST-2, three seeds.

Missing runs are trained.
"""

import json
import statistics
import subprocess
from pathlib import Path
from typing import Any

from modeling_lstm.runs.record import read_record

from .accuracy import COMMAND, SEEDS, local_flags, required_data, train_run
from .measure import parser, write


def score_run(run: Path, seed: int, flags: list[str]) -> dict[str, Any]:
    """Return the accuracy in percent and the seconds of training of a run; train and evaluate it first if needed."""
    train_run("sst2", run, seed, [*local_flags("sst2"), *flags])
    if "test" not in read_record(run)["metrics"]:
        subprocess.run([*COMMAND, "evaluate", str(run), "--split", "test", "--resamples", "100"], check=True)
    record = read_record(run)
    found = {split: 100 * record["metrics"][split]["accuracy"] for split in ("validation", "test")}
    return found | {"seconds": record["seconds"]["training"], "threads": record["hardware"]["threads"]}


def main() -> None:
    """Train in both precisions."""
    command = parser(__doc__, "bf16")
    command.add_argument("--runs", type=Path, default=Path("runs/results"))
    arguments = command.parse_args()
    required_data()
    found: dict[str, Any] = {"fp32": [], "bf16": []}
    for seed in range(SEEDS):
        for name, is_bf16 in (("fp32", "false"), ("bf16", "true")):
            run = arguments.runs / f"sst2-{name}" / f"seed-{seed}"
            found[name].append(score_run(run, seed, ["--bf16", is_bf16]))
            print(name, json.dumps(found[name][-1]), flush=True)
    mean = {
        name: {split: round(statistics.mean(one[split] for one in runs), 2) for split in ("validation", "test")}
        for name, runs in found.items()
    }
    write(arguments.output, {"runs": found, "mean": mean})


if __name__ == "__main__":
    main()
