"""The report of a comparison, made from `comparison.json`: what it shows, its tables and its plots."""

from pathlib import Path
from typing import Any

from ..data.overlap import describe_overlap
from ..evaluation.metrics import REGRESSION, greater_is_better, is_proportion
from ..utils.display import count_threads, name_hardware
from ..utils.errors import as_text
from .report_page import render_report
from .report_plots import against_cost, find_pareto_front, learning_curves
from .report_tables import capital_of, format_spread, make_tables, name_direction, title_of
from .result import is_significant, name_source, rank_systems, read_comparison


def write_report(folder: Path) -> None:
    """Write `comparison.md`, the plots and `report.html` beside `comparison.json`."""
    comparison = read_comparison(folder)
    title = f"Comparison on {name_source(comparison['data'])}"
    render_report(
        folder, title, _summary(comparison), make_tables(comparison), _pictures(comparison), comparison["command"]
    )


def _summary(comparison: dict[str, Any]) -> list[str]:
    """Summarize the result in a few sentences."""
    metric, systems = comparison["task"]["metric"], comparison["systems"]
    order = rank_systems(comparison)
    best = order[0]
    counts = comparison["data"]["counts"]
    rows = ", ".join(f"{counts[split]['rows']:,} {split}" for split in ("train", "validation", "test"))
    hardware = comparison["hardware"]
    chosen = "settings were chosen on validation" if comparison["settings"]["trials"] > 1 else "settings were not tuned"
    share = comparison["data"]["test_share"]
    held_out = f" (--test_share {share})" if share else ""
    labels = (
        ""
        if comparison["task"].get("problem_type") == REGRESSION
        else f", {len(comparison['task']['label_names'])} labels"
    )
    lines = [
        f"{rows} rows{held_out}{labels}. {capital_of(metric)} on test{name_direction(metric)}, the mean of each "
        f"system's seeds; {chosen}. {name_hardware(hardware)}, {count_threads(comparison['threads'])}."
    ]
    if lacking := comparison["task"]["not_in_test"]:
        lines.append(f"No test row has the label {as_text(lacking)}: it counts as 0 in the macro scores.")
    if also := comparison["data"].get("also_in_train"):
        lines.append(" ".join(describe_overlap(split, number, counts[split]["rows"]) for split, number in also.items()))
    equal = [name for name in order[1:] if not is_significant(comparison, best, name)]
    verdict = f"Best: {best} with {format_spread(metric, systems[best]['scores'][metric])}."
    if equal:
        verdict += f" Not significantly different: {', '.join(equal)}."
    elif len(order) > 1:
        verdict += " Its difference from every other system is significant."
    lines.append(verdict)
    front = find_pareto_front(_points(comparison, "p50_ms"), greater_is_better(metric))
    lines.append(f"Best trade-offs, from the fastest to the most accurate: {', '.join(front)}.")
    return lines


def _pictures(comparison: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Return the caption and SVG of each plot, by name."""
    score = comparison["task"]["metric"]
    is_greater, title = greater_is_better(score), capital_of(score)
    metric = f"{title_of(score)}, test{', percent' if is_proportion(score) else name_direction(score)}"
    pictures = {
        "milliseconds": (
            f"{title} against milliseconds",
            against_cost(_points(comparison, "p50_ms"), "milliseconds for one text (median)", metric, is_greater),
        ),
        "megabytes": (
            f"{title} against megabytes",
            against_cost(_points(comparison, "size_mb"), "megabytes on disk", metric, is_greater),
        ),
    }
    whole = comparison["data"]["counts"]["train"]["rows"]
    curves = {
        name: [*system["curve"], {"rows": whole} | system["scores"][score]]
        for name, system in comparison["systems"].items()
        if system["curve"]
    }
    if curves:
        pictures["learning_curves"] = (
            "Learning curves",
            learning_curves(curves, metric, 100 if is_proportion(score) else 1),
        )
    return pictures


def _points(comparison: dict[str, Any], cost: str) -> dict[str, tuple[float, float]]:
    metric = comparison["task"]["metric"]
    scale = 100 if is_proportion(metric) else 1
    return {
        name: (max((system["costs"] | system["model"])[cost], 0.001), scale * system["scores"][metric]["mean"])
        for name, system in comparison["systems"].items()
    }
