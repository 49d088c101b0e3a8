"""Where a translator looked for each word: in the terminal, as a figure, as HTML or as JSON."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from ..inference.translator import Alignment
from ..utils.errors import require_extra
from ..utils.figures import escape_text
from ..utils.templates import render_template

SHOWN = 0.05  # smaller weights are left blank in the terminal
UNLIMITED = 100_000  # characters per line, so that tables are never compressed
BLANK = "\u2581"  # marks a preceding space in a token


def show_alignments(alignments: list[Alignment]) -> None:
    """Print alignments one by one, with a row for each token of the translation and a column for each of the text."""
    with require_extra("explain", "Tables in the terminal need rich"):
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text
    console = Console(highlight=False, soft_wrap=True)
    for one in alignments:
        console.print(Text(one.text))
        console.print(Text(one.translation, style="bold"))
        table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
        table.add_column("")
        for token in one.source:
            table.add_column(Text(readable(token)), justify="right", no_wrap=True)
        for token, weights in zip(one.target, one.weights, strict=True):
            table.add_row(Text(readable(token)), *(Text(_cell(float(w)), style=_grey(float(w))) for w in weights))
        unlimited = console.options.update(max_width=UNLIMITED)
        console.width = max(console.width, console.measure(table, options=unlimited).maximum)
        console.print(table)
        console.print()


def _cell(weight: float) -> str:
    return f"{weight:.2f}" if weight >= SHOWN else ""


def _grey(weight: float) -> str:
    """Return the style of a cell: the greater the weight, the darker, with a readable number on it."""
    level = round(255 * (1 - 0.8 * weight))
    return f"{'white' if level < 128 else 'black'} on rgb({level},{level},{level})" if weight >= SHOWN else ""


def readable(token: str) -> str:
    """Return a token without its space mark."""
    return token.replace(BLANK, "") or "\u2423"


@escape_text()
def draw_alignments(alignments: list[Alignment]) -> Figure:
    """Draw a heat map of each alignment, one below the other."""
    heights = [1.6 + 0.32 * len(one.target) for one in alignments]
    width = 2.5 + 0.5 * max(len(one.source) for one in alignments)
    figure = Figure(figsize=(min(60.0, width), min(120.0, sum(heights))), layout="constrained")
    rows = figure.subplots(len(alignments), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axes, one in zip(rows, alignments, strict=True):
        image = axes.imshow(one.weights, cmap="Greys", vmin=0.0, vmax=1.0, aspect="auto")
        axes.set_xticks(range(len(one.source)), [readable(token) for token in one.source], rotation=60, ha="right")
        axes.set_yticks(range(len(one.target)), [readable(token) for token in one.target])
        axes.set_title(f"{one.text}\n{one.translation}", fontsize=10)
        figure.colorbar(image, ax=axes, label="weight")
    return figure


def make_alignment_page(alignments: list[Alignment]) -> str:
    """Make a self-contained HTML page without scripts."""
    shown = [{"text": one.text, "translation": one.translation, "table": alignment_table(one)} for one in alignments]
    return render_template(Path(__file__).with_name("alignment.html"), alignments=shown)


def alignment_table(alignment: Alignment) -> str:
    """Make an HTML table of the weights; greater weights are darker."""
    rows = list(zip(map(readable, alignment.target), alignment.weights.tolist(), strict=True))
    template = Path(__file__).with_name("alignment_table.html")
    return render_template(template, source=list(map(readable, alignment.source)), rows=rows)


def alignment_json(alignment: Alignment) -> str:
    """Return the alignment as JSON, with the weights as lists."""

    def plain(value: Any) -> Any:
        return value.tolist()

    return json.dumps(asdict(alignment), default=plain, ensure_ascii=False, indent=2)
