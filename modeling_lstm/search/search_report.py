"""The report of a search: one HTML file with the trials and Optuna's plots."""

import warnings
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from ..utils.display import format_number
from ..utils.figures import MARKERS, escape_text, to_svg, use_logarithmic_axis
from ..utils.files import write_text
from ..utils.templates import render_template
from .studies import score_of

MAX_SHOWN = 50  # maximum number of trials in the table
MIN_FOR_IMPORTANCE = 4


def write_search_report(folder: Path, found: dict[str, Any], study: Any) -> None:
    """Write `report.html`, a self-contained page without scripts."""
    html = render_template(
        Path(__file__).with_name("report.html"),
        found=found,
        score=format_number(score_of(found["best"])),
        rows=_rows(found),
        pictures=_pictures(found, study),
        counts={state: sum(one["state"] == state for one in found["trials"]) for state in ("complete", "pruned")}
        | {"failed": sum("error" in one for one in found["trials"])},
    )
    write_text(folder / "report.html", html)


def _rows(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of the table of trials, the best first."""
    done = sorted(
        (one for one in found["trials"] if one["value"] is not None), key=lambda one: one["value"], reverse=True
    )
    rows = []
    for one in done[:MAX_SHOWN]:
        settings = ", ".join(f"{name} {_short(value)}" for name, value in one["settings"].items())
        score = format_number(score_of(one))
        rows.append(one | {"score": score if one["state"] == "complete" else f"{score} (pruned)", "text": settings})
    return rows


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _pictures(found: dict[str, Any], study: Any) -> list[tuple[str, str]]:
    """Return the captions and the plots as SVG."""
    import matplotlib.pyplot as plt
    import optuna.visualization.matplotlib as plots

    done = [one for one in found["trials"] if one["state"] == "complete"]
    made = [
        ("Course of the search", plots.plot_optimization_history),
        ("Epochs of the trials", plots.plot_intermediate_values),
    ]
    if len(done) >= MIN_FOR_IMPORTANCE:
        made.append(("Which settings mattered", plots.plot_param_importances))
        made.append(("Settings and score", plots.plot_parallel_coordinate))
    pictures = []
    for caption, plot in made:
        with warnings.catch_warnings(), escape_text():
            warnings.simplefilter("ignore")  # Optuna warns that the interface is experimental
            figure: Any = plot(study).figure
            figure.set_size_inches(8, 5)
            pictures.append((caption, to_svg(figure)))
            plt.close(figure)
    return [*pictures, ("Score and size", _against_size(done))]


@escape_text()
def _against_size(done: list[dict[str, Any]]) -> str:
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.subplots()
    kinds = sorted({_kind(one["settings"]) for one in done})
    for number, kind in enumerate(kinds):
        own = [one for one in done if _kind(one["settings"]) == kind]
        sizes, scores = [one["parameters"] for one in own], [score_of(one) for one in own]
        marker = MARKERS[number % len(MARKERS)]
        axes.scatter(sizes, scores, marker=marker, facecolor="white", edgecolor="black", label=kind)
    axes.set_xlabel("parameters")
    axes.set_ylabel(done[0]["metric"].replace("_", " "))
    use_logarithmic_axis(axes)
    axes.legend(frameon=False)
    return to_svg(figure)


def _kind(settings: dict[str, Any]) -> str:
    return str(settings.get("transformer") or settings.get("model_type") or settings["cell_type"])
