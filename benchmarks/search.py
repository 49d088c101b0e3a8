"""The search for settings against random search and the shipped recipes: `python -m benchmarks.search [NAME ...]`.

For each dataset there are 30 trials by Optuna's sampler, random search for as many minutes, and then three runs with
the best settings, evaluated on test once. The record goes to `results/search/NAME.json`; an interrupted search is
resumed. `python -m benchmarks.tables` makes the table of docs/guides/search.md.
"""

import argparse
import subprocess
from pathlib import Path
from typing import Any

import yaml

from modeling_lstm.utils.files import read_json, write_json

from .accuracy import COMMAND, RESULTS, SEEDS, portable, records_of, required_data, spread

TRIALS = 30
# For each recipe: its path in the folder of local copies, the score, and flags for cheap trials
SEARCHES: dict[str, tuple[str, str, list[str]]] = {
    "trec": ("trec", "accuracy", ["--label_column", "label", "--epochs", "4"]),
    "tweet_eval_sentiment": (
        "tweeteval_sentiment",
        "macro_recall",
        ["--class_weights", "balanced", "--max_train_samples", "4000", "--epochs", "3"],
    ),
}


def search(name: str, sampler: str, folder: Path, more: list[str]) -> dict[str, Any]:
    """Do one search: resume it if it was interrupted, skip it if it is finished."""
    local, metric, flags = SEARCHES[name]
    data = required_data()
    output = folder / sampler
    if not (output / "search.json").exists():
        given = ["--dataset", str(data / local), "--metric", metric, *flags, *more, "--sampler", sampler]
        subprocess.run([*COMMAND, "search", *given, "--output_dir", str(output)], check=True)
    return read_json(output / "search.json")


def describe(found: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a search that is kept in the record."""
    trials = found["trials"]
    states = [one["state"] for one in trials]
    return {
        "trials": len(trials),
        "pruned": states.count("pruned"),
        "failed": states.count("fail"),
        "minutes": round(sum(one.get("seconds", 0) for one in trials) / 60, 1),
        "best": abs(found["best"]["value"]),
        "settings": found["best"]["settings"],
        "parameters": found["best"]["parameters"],
    }


def train_best(name: str, folder: Path) -> list[dict[str, Any]]:
    """Train with the best settings on all rows, and return the records."""
    _, metric, _ = SEARCHES[name]
    recipe = yaml.safe_load((folder / "tpe" / "best.yaml").read_text(encoding="utf-8"))
    recipe.pop("max_train_samples", None)
    whole = folder / "whole.yaml"
    whole.write_text(yaml.safe_dump(recipe), encoding="utf-8")
    records = []
    for seed in range(SEEDS):
        run = folder / f"seed-{seed}"
        if not (run / "run.json").exists():
            more = ["--seed", str(seed), "--output_dir", str(run), "--overwrite", "--disable_tqdm", "true"]
            subprocess.run([*COMMAND, "train", str(whole), *more], check=True)
        record = read_json(run / "run.json")
        if "test" not in record["metrics"]:
            subprocess.run([*COMMAND, "evaluate", str(run), "--split", "test"], check=True)
            record = read_json(run / "run.json")
        records.append({split: record["metrics"][split][metric] for split in ("validation", "test")})
    return records


def main() -> None:
    """Search on the named datasets, or on all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(SEARCHES), help=f"Of: {', '.join(SEARCHES)}")
    parser.add_argument("--runs", type=Path, default=Path("runs/search"))
    arguments = parser.parse_args()
    for name in arguments.names:
        folder = arguments.runs / name
        folder.mkdir(parents=True, exist_ok=True)
        guided = search(name, "tpe", folder, ["--trials", str(TRIALS)])
        minutes = describe(guided)["minutes"]
        drawn = search(name, "random", folder, ["--trials", "1000", "--minutes", str(minutes), "--pruning", "false"])
        metric = SEARCHES[name][1]
        shipped = [
            {split: one["metrics"][split][metric] for split in ("validation", "test")} for one in records_of(name)
        ]
        found = {
            "metric": metric,
            "searches": {"tpe": describe(guided), "random": describe(drawn)},
            "shipped": summarize(shipped),
            "found": summarize(train_best(name, folder)),
            "hardware": guided["hardware"],
        }
        write_json(RESULTS / "search" / f"{name}.json", portable(found))


def summarize(records: list[dict[str, float]]) -> dict[str, Any]:
    """Return mean and spread over the seeds, for validation and test."""
    found = {}
    for split in ("validation", "test"):
        values = [one[split] for one in records]
        found[split] = {"mean": sum(values) / len(values), "sd": spread(values), "values": values}
    return found


if __name__ == "__main__":
    main()
