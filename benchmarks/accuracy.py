"""Train every published recipe with three seeds and evaluate on test: `python -m benchmarks.accuracy [RECIPE ...]`.

Finished runs are skipped, so the command may be stopped and started again. What is kept of a run is its `run.json`,
under `results/RECIPE/seed-N.json`; `python -m benchmarks.tables` makes the tables of README.md from these.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from modeling_lstm.runs import write_json

RESULTS = Path("results")
# Where a recipe's data lie in a folder of local copies (MODELING_LSTM_DATA); else they come from the Hub
LOCAL = {
    "tweet_eval_sentiment": {"dataset": "tweeteval_sentiment"},
    "sst2": {"dataset": "sst2", "train_dataset": "sst2_phrases"},
    "trec": {"dataset": "trec", "label_column": "label"},
    "imdb": {"dataset": "imdb"},
}


def train_and_evaluate(recipe: str, seed: int, runs: Path) -> None:
    """One run: resumed where it was cut off, skipped where it is done."""
    kept = RESULTS / recipe / f"seed-{seed}.json"
    if kept.exists():
        print(f"{kept}: done before")
        return
    folder = runs / recipe / f"seed-{seed}"
    command = [sys.executable, "-m", "modeling_lstm.cli"]
    if not (folder / "run.json").exists():
        flags = ["--output_dir", str(folder), "--seed", str(seed), "--disable_tqdm", "true"]
        data = Path(os.environ.get("MODELING_LSTM_DATA", "../shared/data"))
        if data.is_dir():
            for flag, value in LOCAL[recipe].items():
                flags += [f"--{flag}", value if flag == "label_column" else str(data / value)]
        if any(folder.glob("checkpoint-*")):
            flags += ["--resume_from_checkpoint", "last"]
        subprocess.run([*command, "train", f"recipes/{recipe}.yaml", *flags], check=True)
    subprocess.run([*command, "evaluate", str(folder), "--split", "test"], check=True)
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    kept.parent.mkdir(parents=True, exist_ok=True)
    write_json(kept, portable(record))


def portable(record: dict[str, Any]) -> dict[str, Any]:
    """The record with paths outside the repository cut down to their last part."""
    text = json.dumps(record)
    outside = {word for word in _strings(record) if word.startswith(("/", "..")) and Path(word).exists()}
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
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--runs", type=Path, default=Path("runs/results"))
    arguments = parser.parse_args()
    for recipe in arguments.recipes:
        for seed in range(arguments.seeds):
            train_and_evaluate(recipe, seed, arguments.runs)


if __name__ == "__main__":
    main()
