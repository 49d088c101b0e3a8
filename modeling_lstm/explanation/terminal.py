"""An explanation in the terminal: colored words and a table. Terminals without colors show the words uncolored."""

from typing import Any

import numpy as np

from ..utils.display import to_one_line
from ..utils.errors import require_extra
from .explainer import Explanation

BAR = 10
WIDTH = 110  # minimum width of the table; a narrower terminal wraps it
LABELS = 4


def show(explanations: list[Explanation]) -> None:
    """Print explanations one by one."""
    with require_extra("explain", "Tables in the terminal need rich"):
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text
    console = Console(highlight=False, soft_wrap=True)
    console.width = max(console.width, WIDTH)
    for one in explanations:
        console.print(Text(one.verdict(decimals=4), style="bold"))
        console.print(_add_color(one, Text()))
        table = Table(box=None, pad_edge=False)
        table.add_column("word", no_wrap=True, overflow="ellipsis", min_width=min(24, max(map(len, one.words))))
        found = one.contributions
        is_number = one.problem_type == "regression"
        of, sign = ("", "Number") if is_number else (f" of {found.label}", "p")
        shown = _choose_labels(one)
        course = ["number"] if is_number else [f"p({one.labels[number]})" for number in shown]
        what = "number" if is_number else found.label
        heads = [f"to {what}", "", "left out", *course]
        forward = [reading for reading in one.readings if reading.direction == "forward"][-1]
        for head in [*heads, *forward.gates, "memory"]:
            table.add_column(Text(to_one_line(head)), justify="left" if head == "" else "right", no_wrap=True)
        most = max(np.abs(found.integrated_gradients).max(), 1e-9)
        for row, word in enumerate(one.words):
            value = float(found.integrated_gradients[row])
            cells: list[Any] = [Text(word), f"{value:+.2f}", _bar(value / most), f"{found.leave_one_out[row]:+.2f}"]
            cells += [f"{probability:.2f}" for probability in np.asarray(one.probabilities[row])[shown]]
            cells += [f"{gate[row]:.2f}" for gate in (*forward.gates.values(), forward.memory_change)]
            table.add_row(*cells)
        console.print(table)
        console.print(
            f"Contributions to the {found.unit}{of}, {found.baseline:+.2f} for zero vectors in place of the "
            f"words and {found.score:+.2f} for this text: by integrated gradients (completeness error "
            f"{100 * found.completeness_error:.1f}%), and by leaving the word out. {sign}: what the answer would be "
            "had the text ended there. Gates: means over the units, read forward. Memory: its change.",
            markup=False,
        )
        for warning in one.warnings:
            console.print(Text(f"Warning: {warning}", style="bold"))
        console.print()


def _choose_labels(one: Explanation) -> list[int]:
    """Return the numbers of the labels to show, in their order: the explained one and the most probable ones."""
    by_probability = np.argsort(-np.asarray(one.probabilities[-1]), kind="stable").tolist()
    explained = [number for number, name in enumerate(one.labels) if name == one.contributions.label]
    return sorted(list(dict.fromkeys([*explained, *by_probability]))[:LABELS])


def _add_color(one: Explanation, text: Any) -> Any:
    values = one.contributions.integrated_gradients
    most = max(np.abs(values).max(), 1e-9)
    for word, value in zip(one.words, values, strict=True):
        share = abs(value) / most
        weight = "bold " if share > 0.5 else ""
        style = f"{weight}{'blue' if value > 0 else 'red'}" if share > 0.15 else "default"
        text.append(word, style=style)
        text.append(" ")
    return text


def _bar(share: float) -> str:
    filled = round(abs(share) * BAR)
    return (("+" if share >= 0 else "-") * filled).ljust(BAR)
