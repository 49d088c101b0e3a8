"""The report of a comparison, made from `comparison.json`: Markdown, plots, and a self-contained HTML file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..data.overlap import describe_overlap
from ..evaluation.metrics import REGRESSION, SINGLE_LABEL, format_score, greater_is_better, is_share
from ..runs.record import RECORD, read_record
from ..utils.display import count_threads, format_millions
from ..utils.errors import as_list, require
from ..utils.files import read_json, write_json, write_text
from ..utils.markdown import make_table
from ..utils.templates import render_template
from .kinds import KINDS, Kind
from .neural import FEWEST_STEPS
from .report_plots import against_cost, find_front, learning_curves

RESULT = "comparison.json"
ALPHA = 0.05


@dataclass
class ReportTable:
    """A table with a title and a note on how to read it. Columns after the first `words` columns contain numbers."""

    title: str
    note: str
    heads: list[str]
    rows: list[list[str]]
    words: int = 1

    def to_markdown(self) -> str:
        """Return the title, table and note as Markdown."""
        heads, *rows = ([cell.replace("|", "\\|") for cell in row] for row in (self.heads, *self.rows))
        return f"## {self.title}\n\n{make_table(heads, rows, words=self.words)}\n\n{self.note}\n"


def read_comparison(folder: Path) -> dict[str, Any]:
    """
    Read the `comparison.json` of a comparison.

    Raises:
        InputError: the file is missing or damaged.
    """
    path = folder / RESULT
    require(
        path.is_file(), f"{str(folder)!r} has no {RESULT}: make it with modeling-lstm compare --output_dir {folder}."
    )
    return read_json(path)


def write_report(folder: Path) -> None:
    """Write `comparison.md`, the plots and `report.html` beside `comparison.json`."""
    comparison = read_comparison(folder)
    title = f"Comparison on {_source(comparison['data'])}"
    render_report(
        folder, title, _summary(comparison), _tables(comparison), _pictures(comparison), comparison["command"]
    )


def render_report(
    folder: Path,
    title: str,
    summary: list[str],
    tables: list[ReportTable],
    pictures: dict[str, tuple[str, str]],
    command: str | None,
) -> None:
    """
    Write a report as Markdown, plots and one HTML file.

    Args:
        folder: The output folder.
        title: The title of the report.
        summary: The paragraphs at the start of the report.
        tables: The tables. In the HTML file, the first two come before the plots.
        pictures: For each file name (without its suffix), a caption and the plot as SVG.
        command: The command as it was typed.
    """
    lines = [f"# {title}\n", *(f"{line}\n" for line in summary), *(one.to_markdown() for one in tables)]
    lines += [f"## {caption}\n\n![{caption}]({name}.svg)\n" for name, (caption, _) in pictures.items()]
    for name, (_, svg) in pictures.items():
        write_text(folder / f"{name}.svg", svg)
    write_text(folder / "comparison.md", "\n".join(lines))
    content = {"title": title, "summary": summary, "tables": tables, "command": command}
    html = render_template(Path(__file__).with_name("report.html"), pictures=pictures.values(), **content)
    write_text(folder / "report.html", html)


def add_to_run(run: Path, folder: Path) -> None:
    """
    Add the result of a comparison to the `run.json` of a run on the same data, so that its model card includes it.

    Raises:
        InputError: the run and the comparison use different data.
    """
    record, comparison = read_record(run), read_comparison(folder)
    metric = comparison["task"]["metric"]
    for what, ours, theirs in (
        ("data", _source(record["data"]), _source(comparison["data"])),
        ("labels", record["task"]["label_names"], comparison["task"]["label_names"]),
    ):
        require(ours == theirs, f"The run's {what} are {ours}, those of the comparison in {str(folder)!r} {theirs}.")
    known, theirs = record["data"].get("digests", {}), comparison["data"].get("digests", {})
    counts = [one["data"]["counts"] for one in (record, comparison)]
    other = [
        split
        for split in counts[1]
        if counts[0].get(split) != counts[1][split] or known.get(split) != theirs.get(split, known.get(split))
    ]
    require(
        not other,
        f"The run has other rows of {as_list(other)} than the comparison in {str(folder)!r}: compare it on the data, "
        "and with the cuts, that it was trained with.",
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
        "processor": comparison["hardware"]["processor"],
    }
    write_json(run / RECORD, record | {"compared": facts | {"systems": compared}})


def rank_systems(comparison: dict[str, Any]) -> list[str]:
    """Return the names of the systems, the best by the metric first."""
    metric = comparison["task"]["metric"]
    sign = -1 if greater_is_better(metric) else 1
    return sorted(comparison["systems"], key=lambda name: sign * comparison["systems"][name]["scores"][metric]["mean"])


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
    cut = f" (--test_share {share})" if share else ""
    labels = (
        ""
        if comparison["task"].get("problem_type") == REGRESSION
        else f", {len(comparison['task']['label_names'])} labels"
    )
    lines = [
        f"{rows} rows{cut}{labels}. {_capital(metric)} on test{_direction(metric)}, the mean of each "
        f"system's seeds; {chosen}. {hardware['processor']}, {count_threads(comparison['threads'])}."
    ]
    if lacking := [name for name in comparison["task"]["label_names"] if counts["test"].get(name) == 0]:
        lines.append(f"No test row has the label {as_list(lacking)}: it counts as 0 in the macro scores.")
    if also := comparison["data"].get("also_in_train"):
        lines.append(" ".join(describe_overlap(split, number, counts[split]["rows"]) for split, number in also.items()))
    equal = [name for name in order[1:] if not is_clear(comparison, best, name)]
    verdict = f"Best: {best} with {format_spread(metric, systems[best]['scores'][metric])}."
    if equal:
        verdict += f" These rows do not distinguish it from: {', '.join(equal)}."
    elif len(order) > 1:
        verdict += " The difference to every other is more than chance."
    lines.append(verdict)
    front = find_front(_points(comparison, "p50_ms"), greater_is_better(metric))
    lines.append(f"Best trade-offs, from the fastest to the most accurate: {', '.join(front)}.")
    return lines


def _source(data: dict[str, Any]) -> str:
    return data["dataset"] + (f":{data['subset']}" if data.get("subset") else "")


def is_clear(comparison: dict[str, Any], first: str, second: str) -> bool:
    """Whether two systems differ significantly."""
    for pair in comparison["pairs"]:
        if {pair["first"], pair["second"]} == {first, second}:
            return pair["p_corrected"] < ALPHA
    return False


def _tables(comparison: dict[str, Any]) -> list[ReportTable]:
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
            format_spread(one, scores[one]) if is_share(one) else format_score(one, scores[one]["mean"])
            for one in others
        ]
        rows.append([*cells, str(len(scores[metric]["values"]))])
    heads = ["system", _title(metric), "95 % interval", *(_title(one) for one in others)]
    note = "Percent, mean" if is_share(metric) else "Mean"
    note += f" ± standard deviation over the seeds{'' if greater_is_better(metric) else '; less is better'}. "
    if _is_exact(comparison):
        note += f"The interval is that of other test rows: {kind.interval_note}."
    else:
        note += "The interval is by bootstrap over the test rows, and knows nothing of errors where these hold none."
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
                f"{costs['memory_mb']:,}",
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
            _p(pair["p"]),
            _p(pair["p_corrected"]),
            "yes" if pair["p_corrected"] < ALPHA else "no",
        ]
        for pair in sorted(comparison["pairs"], key=lambda pair: -abs(pair["difference"]))
    ]
    note = (
        "p: how often two systems that are equally good would differ this much, by exchanging their answers to rows at "
        "random; corrected for the number of pairs by Holm's method. It speaks of other rows, not of other seeds."
    )
    if metric != "accuracy":
        note += " The interval is by bootstrap, and too narrow where few answers differ; the test is not."
    if not _is_exact(comparison):
        note = (
            "Paired bootstrap over the test rows, the same rows for both; corrected for the number of pairs by Holm's "
            "method. It speaks of other rows, not of other seeds, and is too sure where fewer than ten answers differ."
        )
    heads = ["pair", "difference", "95 % interval", "p", "p, corrected", "more than chance"]
    return ReportTable(f"Differences in {_title(metric)}", note, heads, rows)


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
    heads += ["words in disorder", kind.change_title]
    loses = "loses" if greater_is_better(metric) else "adds to it"
    note = (
        f"{_capital(metric)}{' in percent' if is_share(metric) else _direction(metric)}.{kind.slice_note} "
        "Negation and contrast: rows with such an English word (not, never, n't; but, although). "
        f"Words in disorder: the words of {_name_order(comparison)} in a random order, what that {loses}, and "
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
        "Learning curves", f"{_capital(metric)} on test{_direction(metric)} by training rows.", heads, rows
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
        note += f" Those of lstm, gru and bag-of-words begin with the word vectors {chosen['embeddings']}."
    if chosen["bf16"]:
        note += " Networks were trained in bf16, but for those of recipes and run folders."
    if chosen.get("transformer_overrides"):
        note += f" The Transformers' configuration was changed: {chosen['transformer_overrides']}."
    if any("hidden_size" in one["model"] for one in comparison["systems"].values()):
        note += (
            f" Networks read the first {comparison['data']['max_length']:,} tokens of a text, Transformers the first "
            f"{chosen['transformer_max_length']:,}, the others all of it. Where rows are few, networks have more "
            f"epochs than their settings say: at least {FEWEST_STEPS} steps. Recipes and run folders keep their own."
        )
    return ReportTable(
        "Settings", note, ["system", "settings", f"validation, {_title(metric)}", "chosen"], rows, words=2
    )


def _pictures(comparison: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Return the caption and SVG of each plot, by name."""
    score = comparison["task"]["metric"]
    is_greater, title = greater_is_better(score), _capital(score)
    metric = f"{_title(score)}, test{', percent' if is_share(score) else _direction(score)}"
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
            learning_curves(curves, metric, 100 if is_share(score) else 1),
        )
    return pictures


def _points(comparison: dict[str, Any], cost: str) -> dict[str, tuple[float, float]]:
    metric = comparison["task"]["metric"]
    scale = 100 if is_share(metric) else 1
    return {
        name: (max((system["costs"] | system["model"])[cost], 0.001), scale * system["scores"][metric]["mean"])
        for name, system in comparison["systems"].items()
    }


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


def _direction(metric: str) -> str:
    """Return the remark for metrics where less is better."""
    return "" if greater_is_better(metric) else " (less is better)"


def _is_exact(comparison: dict[str, Any]) -> bool:
    """Whether tests and intervals are exact where possible. Comparisons of older versions use only the bootstrap."""
    return comparison.get("test") == "randomization"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _title(metric: str) -> str:
    return metric.replace("_", " ")


def _capital(metric: str) -> str:
    title = _title(metric)
    return title[:1].upper() + title[1:]


def _name_order(comparison: dict[str, Any]) -> str:
    rows = comparison["shuffled"]
    return "each test text" if rows == comparison["data"]["counts"]["test"]["rows"] else f"{rows:,} test texts"
