"""Answering many texts: one process, and workers of Ray: `python -m benchmarks.scoring`.

An LSTM of the default sizes answers tweets in ten CSV files. Measured are rows per second with one and two workers, the
start, the memory with 100,000 and 1,000,000 rows, and the costs of reading, answering and writing a part, from which
`benchmarks.simulation` predicts larger clusters. The answers are compared row by row. The record is
`results/speed/scoring.json`.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from modeling_lstm.runs.environment import describe_environment
from modeling_lstm.utils.files import write_json

from .accuracy import COMMAND, RESULTS, required_data
from .simulation import Costs, simulate

FILES = 10
ROWS = 200_000
LARGE = (100_000, 1_000_000)


def make_files(folder: Path, rows: int) -> None:
    """Write tweets, repeated as often as needed, to files with equal numbers of rows."""
    data = required_data()
    tables = [pq.read_table(path) for path in sorted((data / "tweeteval_sentiment").glob("*.parquet"))]
    texts = [text for table in tables for text in table["text"].to_pylist()]
    folder.mkdir(parents=True)
    each = rows // FILES
    for number in range(FILES):
        ids = list(range(number * each, (number + 1) * each))
        table = pa.table({"id": ids, "text": [texts[one % len(texts)] for one in ids]})
        pa_csv.write_csv(table, folder / f"{number:02d}.csv")


def run(given: list[str], threads: str | None = "1") -> tuple[float, float]:
    """Run a command; return its seconds and the peak memory in MB of it and its children together."""
    names = ("OMP_NUM_THREADS", "RAYON_NUM_THREADS")  # for torch and for tokenizers
    environment = {name: value for name, value in os.environ.items() if name not in names}
    environment |= dict.fromkeys(names, threads) if threads else {}
    peak, stopped = [0.0], threading.Event()

    def watch() -> None:
        while not stopped.wait(0.2):
            peak[0] = max(peak[0], memory_of_group(process.pid))

    started = time.perf_counter()
    process = subprocess.Popen([*COMMAND, *given], start_new_session=True, stdout=subprocess.DEVNULL, env=environment)
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    status = process.wait()
    seconds = time.perf_counter() - started
    stopped.set()
    watcher.join()
    assert status == 0, f"{given} failed"
    return seconds, peak[0]


def memory_of_group(root: int) -> float:
    """Return the MB of a process and its descendants; memory that several share is divided among them."""
    parents: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(path.parent.name)] = int(fields[1])
    members, total = {root}, 0.0
    while new := {child for child, parent in parents.items() if parent in members} - members:
        members |= new
    for member in members:
        try:
            text = Path(f"/proc/{member}/smaps_rollup").read_text(encoding="utf-8")
        except OSError:
            continue
        total += next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")) / 1024
    return total


def compare_answers(alone: Path, together: Path) -> dict[str, Any]:
    """Compare Ray's answers with those of one process: one answer for each row, same labels, distance of scores."""
    table = ds.dataset(str(together), format="parquet", partitioning="hive").to_table()
    table = table.sort_by([("file", "ascending"), ("row", "ascending")])
    mine = pq.read_table(alone)
    distance = np.abs(mine["score"].to_numpy() - table["score"].to_numpy()).max()
    is_same = all(mine[name].to_pylist() == table[name].to_pylist() for name in ("text", "label"))
    return {"same_labels": is_same, "largest_difference": float(distance)}


def measure_costs(files: Path, model: Path) -> Costs:
    """Measure the seconds to read, answer and write a part, and its bytes: medians over several parts."""
    import pickle

    from modeling_lstm.inference import ray_workers
    from modeling_lstm.inference.arguments import PredictionArguments
    from modeling_lstm.inference.input_files import list_files, open_filesystem

    with tempfile.TemporaryDirectory() as folder:
        source, path = open_filesystem(str(files), "--input")
        arguments = PredictionArguments(input=path, output=folder)
        plan = ray_workers.Plan(str(model), arguments, source, source, folder, {}, 1)
        started = time.perf_counter()
        answering = ray_workers.AnsweringWorker(plan)
        load = time.perf_counter() - started
        reading, answered, parts = [], [], []
        for file in list_files(source, path, path)[:4]:
            batch = {"file": [pickle.dumps(file)], "done": [pickle.dumps(set())]}
            read = ray_workers.read_parts(batch, plan)
            while True:
                started = time.perf_counter()
                part = next(read)
                if int(part["part"][0]) < 0:
                    break
                reading.append((time.perf_counter() - started) / int(part["rows"][0]))
                started = time.perf_counter()
                assert answering(part)["error"][0] == ""
                answered.append((time.perf_counter() - started) / int(part["rows"][0]))
                parts.append(len(part["texts"][0]) / int(part["rows"][0]))
        written = sum(one.stat().st_size for one in Path(folder).rglob("*.parquet"))
        rows = sum(pq.read_metadata(one).num_rows for one in Path(folder).rglob("*.parquet"))
    median = statistics.median
    return Costs(median(reading), median(answered), load, median(parts), written / rows)


def main() -> None:
    """Measure, predict the same by simulation, and write both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, default=Path("runs/scoring"))
    arguments = parser.parse_args()
    os.environ.setdefault("RAY_worker_niceness", "0")  # the priority of a single process
    os.environ |= {"OMP_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1"}  # for the measurements in this process
    data = required_data()
    model = arguments.runs / "model"
    if not (model / "run.json").exists():
        more = ["--max_steps", "20", "--output_dir", str(model), "--disable_tqdm", "true"]
        subprocess.run([*COMMAND, "train", "--dataset", str(data / "tweeteval_sentiment"), *more], check=True)
    folder = arguments.runs / "work"
    shutil.rmtree(folder, ignore_errors=True)
    make_files(folder / "files", ROWS)
    found: dict[str, Any] = {"rows": ROWS, "files": FILES}
    costs = measure_costs(folder / "files", model)
    whole = folder / "whole.csv"
    lines = [path.read_text(encoding="utf-8").split("\n", 1) for path in sorted((folder / "files").glob("*.csv"))]
    whole.write_text(lines[0][0] + "\n" + "".join(rest for _, rest in lines), encoding="utf-8")
    alone = ["predict", str(model), "--input", str(whole), "--output", str(folder / "whole.parquet")]
    for name, threads in (("one_core", "1"), ("one_process", None)):
        took, memory = run(alone, threads)
        found[name] = {"seconds": took, "mb": memory}
    for workers in (1, 2):
        output = folder / f"ray-{workers}"
        given = [
            "predict",
            str(model),
            "--input",
            str(folder / "files"),
            "--output_dir",
            str(output),
            "--engine",
            "ray",
        ]
        took, memory = run([*given, "--workers", str(workers)])
        found[f"ray_{workers}"] = {"seconds": took, "mb": memory, "foretold": simulate(costs, ROWS, workers, FILES)}
        found[f"ray_{workers}"] |= compare_answers(folder / "whole.parquet", output)
    found["memory"] = {}
    for rows in LARGE:
        shutil.rmtree(folder / "large", ignore_errors=True)
        make_files(folder / "large", rows)
        output = folder / f"large-{rows}"
        given = [
            "predict",
            str(model),
            "--input",
            str(folder / "large"),
            "--output_dir",
            str(output),
            "--engine",
            "ray",
        ]
        took, memory = run([*given, "--workers", "2"])
        foretold = simulate(costs, rows, 2, FILES)
        found["memory"][str(rows)] = {"seconds": took, "mb": memory, "foretold": foretold}
    shutil.rmtree(folder)
    write_json(RESULTS / "speed" / "scoring.json", found | {"costs": vars(costs)} | describe_environment())
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
