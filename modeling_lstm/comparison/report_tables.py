"""The tables in the report of a comparison, each with a note on how to read it."""

from typing import Any

from ..evaluation.metrics import SINGLE_LABEL, format_score, greater_is_better, is_proportion
from ..utils.display import count_threads, format_count, format_millions, format_p
from ..utils.errors import as_text
from .kinds import KINDS, Kind
from .neural import MIN_STEPS
from .report_page import ReportTable
from .result import ALPHA, rank_systems


def make_tables(comparison: dict[str, Any]) -> list[ReportTable]:
    """Make the tables of a comparison."""
    tables = [_scores(comparison), _costs(comparison)]
    if comparison["pairs"]:
        tables.append(_pairs(comparison))
    tables.append(_slices(comparison))
    if any(one["curve"] for one in comparison["systems"].values()):
        tables.append(_curves(comparison))
    tables.append(_settings(comparison))
    return tables


def _scores(comparison: dict[str, Any]) -> ReportTable:
    metric, kind = comparison["task"]["metric"], _kind(comparison)
    others = [one for one in kind.shown if one != metric]
    rows = []
    for name in rank_systems(comparison):
        scores = comparison["systems"][name]["scores"]
        cells = [name, format_spread(metric, scores[metric]), _limits(metric, scores[metric]["interval"])]
        cells += [
            format_spread(one, scores[one]) if is_proportion(one) else format_score(one, scores[one]["mean"])
            for one in others
        ]
        rows.append([*cells, str(len(scores[metric]["values"]))])
    heads = ["system", title_of(metric), "95% interval", *(title_of(one) for one in others)]
    note = "Percent, mean" if is_proportion(metric) else "Mean"
    note += f" ± standard deviation over the seeds{'' if greater_is_better(metric) else '; less is better'}. "
    if _is_exact(comparison):
        note += f"The interval covers the choice of the test rows: {kind.interval_note}."
    else:
        note += "The interval is a bootstrap over the test rows; it is too narrow where a system makes no errors."
    if "calibration_error" in others:
        note += " Calibration error: how far confidence and accuracy are apart on average; 0 is perfect."
    return ReportTable("Scores", note, [*heads, "seeds"], rows)


def _costs(comparison: dict[str, Any]) -> ReportTable:
    rows = []
    for name in rank_systems(comparison):
        system = comparison["systems"][name]
        costs, minutes = system["costs"], system["minutes"]
        rows.append(
            [
                name,
                format_millions(system["model"]["parameters"]),
                f"{system['model']['size_mb']:.1f}",
                "" if minutes is None else f"{minutes:.1f}",
                f"{costs['p50_ms']:.2f}",
                f"{costs['p95_ms']:.2f}",
                f"{costs['texts_per_second']:,.0f}",
                f"{costs['load_seconds']:.1f}",
                format_count(costs["memory_mb"]),
            ]
        )
    heads = ["system", "parameters", "MB on disk", "minutes of training", "ms for one text, p50", "p95"]
    note = (
        f"Measured in turns in the same minutes, {count_threads(comparison['threads'])} each, from the text to its "
        "answer; batches of 32. Memory is what it adds to a process that has this package and its libraries loaded."
    )
    if other := {number for system in comparison["systems"].values() for number in system["threads"]} - {
        comparison["threads"]
    }:
        note += f" Training had {' or '.join(map(str, sorted(other)))} of the threads."
    return ReportTable("Costs", note, [*heads, "texts per second", "seconds to load", "MB of memory"], rows)


def _pairs(comparison: dict[str, Any]) -> ReportTable:
    metric = comparison["task"]["metric"]
    rows = [
        [
            f"{pair['first']} - {pair['second']}",
            format_score(metric, pair["difference"], "+"),
            _limits(metric, pair["interval"], "+"),
            format_p(pair["p"]),
            format_p(pair["p_corrected"]),
            "yes" if pair["p_corrected"] < ALPHA else "no",
        ]
        for pair in sorted(comparison["pairs"], key=lambda pair: -abs(pair["difference"]))
    ]
    note = (
        "p: two-sided p-value of a randomization test, which exchanges the predictions of both systems on random rows; "
        "corrected for the number of pairs by Holm's method. It covers the choice of the test rows, not of the seeds."
    )
    if metric != "accuracy":
        note += " The interval is by bootstrap, and too narrow where few predictions differ; the test is not."
    if not _is_exact(comparison):
        note = (
            "Paired bootstrap over the test rows; corrected for the number of pairs by Holm's method. It covers the "
            "choice of the test rows, not of the seeds, and is unreliable where fewer than ten predictions differ."
        )
    heads = ["pair", "difference", "95% interval", "p", "p, corrected", "significant"]
    return ReportTable(f"Differences in {title_of(metric)}", note, heads, rows)


def _slices(comparison: dict[str, Any]) -> ReportTable:
    parts, kind = comparison["slices"], _kind(comparison)
    metric = kind.part_metric(comparison["task"]["metric"])
    rows = []
    for name in rank_systems(comparison):
        system = comparison["systems"][name]
        means = [system["scores"][metric]["mean"], *(system["slices"][part]["mean"] for part in parts)]
        mixed = system["shuffled"][metric]["mean"]
        lost = format_score(metric, mixed - system["shuffled"]["in_order"]["mean"], "+")
        cells = ["" if mean is None else format_score(metric, mean) for mean in means]
        cells += [
            f"{format_score(metric, mixed)} ({lost})",
            format_spread(kind.change, system["shuffled"][kind.change]),
        ]
        rows.append([name, *cells])
    heads = ["system", "all", *(f"{part} ({rows:,} rows)" for part, rows in parts.items())]
    heads += ["words shuffled", kind.change_title]
    loses = "loses" if greater_is_better(metric) else "adds to the error"
    note = (
        f"{capital_of(metric)}{' in percent' if is_proportion(metric) else name_direction(metric)}.{kind.slice_note} "
        "Negation and contrast: rows with such an English word (not, never, n't; but, although). "
        f"Words shuffled: the words of {_name_order(comparison)} in a random order, what that {loses}, and "
        f"{kind.change_note}; models that ignore word order are unaffected, unless other words of a long text are then "
        "read."
    )
    return ReportTable("Where they differ", note, heads, rows)


def _curves(comparison: dict[str, Any]) -> ReportTable:
    numbers = sorted({point["rows"] for one in comparison["systems"].values() for point in one["curve"]})
    metric = comparison["task"]["metric"]
    rows = []
    for name in rank_systems(comparison):
        points = {point["rows"]: point for point in comparison["systems"][name]["curve"]}
        cells = [format_spread(metric, points[number]) if number in points else "" for number in numbers]
        rows.append([name, *cells, format_spread(metric, comparison["systems"][name]["scores"][metric])])
    heads = ["system", *(f"{number:,} rows" for number in [*numbers, comparison["data"]["counts"]["train"]["rows"]])]
    return ReportTable(
        "Learning curves", f"{capital_of(metric)} on test{name_direction(metric)} by training rows.", heads, rows
    )


def _settings(comparison: dict[str, Any]) -> ReportTable:
    metric = comparison["task"]["metric"]
    rows = []
    for name in rank_systems(comparison):
        system = comparison["systems"][name]
        for one in system["tried"] or [{"settings": system["settings"], "rows": None, "validation": None}]:
            chosen = "yes" if one["settings"] == system["settings"] else ""
            shown = ", ".join(f"{key} {value}" for key, value in one["settings"].items()) or "defaults"
            if one["rows"] is None:
                score = ""
            else:
                score = "failed" if one["validation"] is None else format_score(metric, one["validation"])
            rows.append([name, shown, score, chosen])
    chosen = comparison["settings"]
    if chosen["trials"] > 1:
        note = f"Each tried on at most {chosen['trial_rows']:,} training rows with one seed."
    else:
        note = "No settings were tuned: each system uses its first ones."
    if chosen["embeddings"]:
        note += f" Those of lstm, gru and bag-of-words start from the word vectors {chosen['embeddings']}."
    if chosen["bf16"]:
        note += " Networks were trained in bf16, except those of recipes and run folders."
    if chosen.get("transformer_overrides"):
        note += f" The Transformers' configuration was changed: {chosen['transformer_overrides']}."
    if any("hidden_size" in one["model"] for one in comparison["systems"].values()):
        note += (
            f" {_lengths(comparison)}, the others all of it. Where rows are few, networks have more "
            f"epochs than their settings say: at least {MIN_STEPS} steps. Recipes and run folders keep their own."
        )
    return ReportTable(
        "Settings", note, ["system", "settings", f"validation, {title_of(metric)}", "chosen"], rows, words=2
    )


def _lengths(comparison: dict[str, Any]) -> str:
    """Say how many tokens of a text each network reads."""
    known: dict[int, list[str]] = {}
    for name, system in comparison["systems"].items():
        if "hidden_size" in system["model"]:
            known.setdefault(system["max_length"], []).append(name)
    parts = [f"{as_text(names)} the first {length:,}" for length, names in sorted(known.items(), reverse=True)]
    return f"Tokens of a text that are read: {'; '.join(parts)}"


def format_spread(metric: str, scores: dict[str, Any]) -> str:
    """Format a mean and, for several seeds, its standard deviation."""
    mean = format_score(metric, scores["mean"])
    return mean if scores["sd"] is None else f"{mean} ± {format_score(metric, scores['sd'])}"


def _limits(metric: str, interval: list[float] | None, sign: str = "") -> str:
    """Format an interval, if there is one."""
    return "" if interval is None else " to ".join(format_score(metric, limit, sign) for limit in interval)


def _kind(comparison: dict[str, Any]) -> Kind:
    """Return the kind of task. Comparisons of older versions, which do not record it, are single-label."""
    return KINDS[comparison["task"].get("problem_type", SINGLE_LABEL)]


def name_direction(metric: str) -> str:
    """Return the remark for metrics where less is better."""
    return "" if greater_is_better(metric) else " (less is better)"


def _is_exact(comparison: dict[str, Any]) -> bool:
    """Whether tests and intervals are exact where possible. Comparisons of older versions use only the bootstrap."""
    return comparison.get("test") == "randomization"


def title_of(metric: str) -> str:
    """Return the name of a metric in words."""
    return metric.replace("_", " ")


def capital_of(metric: str) -> str:
    """Return the name of a metric in words, for the start of a sentence."""
    title = title_of(metric)
    return title[:1].upper() + title[1:]


def _name_order(comparison: dict[str, Any]) -> str:
    rows = comparison["shuffled"]
    return "each test text" if rows == comparison["data"]["counts"]["test"]["rows"] else f"{rows:,} test texts"
