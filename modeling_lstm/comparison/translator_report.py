"""The report of `compare --task translation`, made from `comparison.json`."""

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from ..data.overlap import describe_overlap
from ..utils.display import count_threads, format_count, format_millions, format_p, name_hardware
from ..utils.errors import as_text
from ..utils.figures import escape_text, style, to_svg
from .report_page import ReportTable, render_report


def write_translators_report(folder: Path, found: dict[str, Any]) -> None:
    """Write `comparison.md`, the plot and `report.html`."""
    task, data, hardware = found["task"], found["data"], found["hardware"]
    summary = [
        f"{data['rows']:,} texts of {data['split']}, from {task['source']} to {task['target']}. "
        f"{name_hardware(hardware)}, {count_threads(found['threads'])}.",
        f"sacrebleu: BLEU {found['signatures']['bleu']}; chrF {found['signatures']['chrf']}.",
    ]
    if found["learned_from_other_rows"]:
        names = as_text(found["learned_from_other_rows"])
        summary.append(f"{names}: trained on other data or other splits, which may include these texts.")
    if also := data.get("also_in_train"):
        summary.append(describe_overlap(data["split"], also, data["rows"]))
    tables = [scores_table(found), costs_table(found), lengths_table(found)]
    pictures = {"by_length": ("BLEU by the length of the text", _lengths_plot(found))}
    title = f"Translations of {data['dataset']}"
    render_report(folder, title, summary, tables, pictures, found["command"])


def scores_table(found: dict[str, Any]) -> ReportTable:
    """Make the table of BLEU and chrF, with intervals and tests of differences."""
    rows = []
    for name, system in found["systems"].items():
        cells = [name]
        for metric in ("bleu", "chrf"):
            one = system["scores"][metric]
            spread = "" if one["sd"] is None else f" ± {one['sd']:.1f}"
            limits = "{:.1f} to {:.1f}".format(*one["interval"]) if "interval" in one else ""
            cells += [f"{one['mean']:.1f}{spread}", limits, format_p(one["p"]) if "p" in one else ""]
        rows.append([*cells, str(len(system["scores"]["bleu"]["values"]))])
    heads = ["system", *("BLEU", "95% interval", "p"), *("chrF", "95% interval", "p"), "seeds"]
    first = next(iter(found["systems"]))
    way = found.get("p_by", "a one-sided paired bootstrap")
    note = (
        "Mean ± standard deviation over the seeds. Intervals: bootstrap over the texts, first run of each system. p: "
        f"difference from {first}, first runs, by {way}, corrected by Holm's method."
    )
    return ReportTable("Scores", note, heads, rows)


def costs_table(found: dict[str, Any]) -> ReportTable:
    """Make the table of size, time and memory."""
    rows = []
    for name, system in found["systems"].items():
        model, costs = system["model"], system["costs"]
        minutes = "" if system["minutes"] is None else f"{system['minutes']:.0f}"
        cells = [name, format_millions(model["parameters"]), f"{model['size_mb']:.1f}", str(model.get("num_beams", ""))]
        cells += [f"{system['epochs']:g}" if system["epochs"] else "", minutes]
        times = [f"{costs['p50_ms']:.1f}", f"{costs['texts_per_second']:,.0f}"]
        rows.append([*cells, *times, format_count(costs["memory_mb"])])
    heads = ["system", "parameters", "MB", "beams", "epochs", "minutes to train", "ms for one text", "texts a second"]
    note = "Times from text to text: of one alone (median), and in batches of 32; each system in a process of its own."
    return ReportTable("Costs", note, [*heads, "MB in use"], rows)


def lengths_table(found: dict[str, Any]) -> ReportTable:
    """Make the table of BLEU and chrF by the length of the text."""
    heads = ["system", *(f"{name} words ({rows:,})" for name, rows in found["lengths"].items())]
    rows = [
        [name, *(f"{one['bleu']:.1f} / {one['chrf']:.1f}" for one in system["by_length"].values())]
        for name, system in found["systems"].items()
    ]
    return ReportTable("By length of the text", "BLEU / chrF; in brackets the number of texts.", heads, rows)


@escape_text()
def _lengths_plot(found: dict[str, Any]) -> str:
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.subplots()
    for number, (name, system) in enumerate(found["systems"].items()):
        values = [one["bleu"] for one in system["by_length"].values()]
        axes.plot(list(found["lengths"]), values, color="black", label=name, **style(number))
    axes.set_xlabel("words of the text")
    axes.set_ylabel("BLEU")
    axes.legend(frameon=False)
    axes.grid(True, color="0.9")
    return to_svg(figure)
