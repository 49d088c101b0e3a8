"""The result of a comparison, `comparison.json`, and what it says about the systems."""

import shlex
from pathlib import Path
from typing import Any

import numpy as np

from ..evaluation.metrics import greater_is_better
from ..runs.record import read_record, split_settings
from ..tasks.base import TEXT_CLASSIFICATION, task_name
from ..utils.display import name_hardware
from ..utils.errors import as_text, require
from ..utils.files import read_json

RESULT = "comparison.json"
ALPHA = 0.05  # differences with a smaller p-value are significant


def read_comparison(folder: Path) -> dict[str, Any]:
    """
    Read the `comparison.json` of a comparison.

    Raises:
        InputError: the file is missing or damaged.
    """
    path = folder / RESULT
    require(
        path.is_file(),
        f"{str(folder)!r} has no {RESULT}: make it with modeling-lstm compare --output_dir {shlex.quote(str(folder))}.",
    )
    return read_json(path)


def rank_systems(comparison: dict[str, Any]) -> list[str]:
    """Return the names of the systems, the best by the metric first."""
    metric = comparison["task"]["metric"]
    sign = -1 if greater_is_better(metric) else 1
    return sorted(comparison["systems"], key=lambda name: sign * comparison["systems"][name]["scores"][metric]["mean"])


def is_significant(comparison: dict[str, Any], first: str, second: str) -> bool:
    """
    Whether two systems differ significantly.

    Raises:
        KeyError: they were not tested against each other.
    """
    tested = {frozenset((pair["first"], pair["second"])): pair["p_corrected"] for pair in comparison["pairs"]}
    return first != second and tested[frozenset((first, second))] < ALPHA


def summarize(scores: list[float]) -> dict[str, Any]:
    """Return the mean and standard deviation of scores over the seeds; `None` if a score is not finite."""
    if not np.isfinite(scores).all():
        return {"mean": None, "sd": None, "values": [None] * len(scores)}
    sd = float(np.std(scores, ddof=1)) if len(scores) > 1 else None
    return {"mean": float(np.mean(scores)), "sd": sd, "values": scores}


def mean_minutes(seconds: list[float]) -> float | None:
    """Return the mean of the seconds of training runs in minutes, `None` if there are none."""
    return round(float(np.mean(seconds)) / 60, 2) if seconds else None


def name_source(data: dict[str, Any]) -> str:
    """Return the name of a dataset with its subset, as on the command line."""
    return data["dataset"] + (f":{data['subset']}" if data.get("subset") else "")


def compared_systems(run: Path, folder: Path) -> dict[str, Any]:
    """
    Return what the record and the model card of a run say about a comparison on the same data (`compared`).

    Args:
        run: The run folder.
        folder: The folder of the comparison.

    Raises:
        InputError: the run and the comparison use different data, or are not of classifiers.
    """
    record, comparison = read_record(run), read_comparison(folder)
    require(
        task_name(record) == TEXT_CLASSIFICATION and "metric" in comparison["task"],
        "Only the card of a classifier can show a comparison, and only one with other classifiers.",
    )
    metric = comparison["task"]["metric"]
    settings = [split_settings(one["data"]) for one in (record, comparison)]
    for what, ours, theirs in (
        ("data", *(name_source(one) for one in settings)),
        ("labels", record["task"]["label_names"], comparison["task"]["label_names"]),
    ):
        require(ours == theirs, f"The run's {what} are {ours}, those of the comparison in {str(folder)!r} {theirs}.")
    known, theirs = record["data"].get("digests", {}), comparison["data"].get("digests", {})
    counts = [one["data"]["counts"] for one in (record, comparison)]
    other = [
        split
        for split in counts[1]
        if counts[0].get(split) != counts[1][split]
        or (split in known and known[split] != theirs.get(split, known[split]))  # older versions recorded none
    ]
    require(
        not other,
        f"The run has other rows of {as_text(other)} than the comparison in {str(folder)!r}: compare it on the data, "
        "and with the splits, that it was trained with.",
    )
    compared = {}
    for name in rank_systems(comparison):
        system = comparison["systems"][name]
        score = system["scores"][metric]
        costs = {key: system["costs"][key] for key in ("p50_ms", "texts_per_second")}
        size = {key: system["model"][key] for key in ("parameters", "size_mb")}
        compared[name] = {key: score[key] for key in ("mean", "sd", "interval")} | size | costs
    rows = comparison["data"]["counts"]["test"]["rows"]
    facts = {
        "metric": metric,
        "rows": rows,
        "threads": comparison["threads"],
        "processor": name_hardware(comparison["hardware"]),
    }
    return facts | {"systems": compared}
