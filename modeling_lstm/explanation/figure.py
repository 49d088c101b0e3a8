"""The figure of an explanation: contributions, the answer after each word, gates and memory."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..utils.figures import escape_text, shorten, style
from .explainer import Explanation, Reading


@escape_text()
def draw(explanations: list[Explanation]) -> Figure:
    """Draw explanations side by side, one per column. The figure is readable without colors."""
    words = [max(8, len(one.words)) for one in explanations]
    figure = Figure(figsize=(min(60.0, 2.0 + 0.42 * sum(words)), 9.5), layout="constrained")
    columns = figure.subplots(4, len(explanations), squeeze=False, sharex="col", sharey="row", width_ratios=words)
    for column, one in enumerate(explanations):
        top, course, gates, memory = columns[:, column]
        top.set_title(f"{one.verdict()}\nup: for {one.contributions.name}", fontsize=10)
        _contributions(top, one)
        _course(course, one)
        _gates(gates, one.readings)
        _memory(memory, one.readings)
        positions = range(len(one.words))
        memory.set_xticks(positions, [shorten(word) for word in one.words], rotation=60, ha="right")
        for axes in (top, course, gates, memory):
            axes.grid(True, axis="x", color="0.92")
            axes.spines[["top", "right"]].set_visible(False)
            axes.set_ylabel(axes.get_ylabel() if column == 0 else "", fontsize=9)
            if column == len(explanations) - 1 and axes.get_legend_handles_labels()[0]:
                axes.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def _contributions(axes: Axes, one: Explanation) -> None:
    positions = np.arange(len(one.words))
    found = one.contributions
    colors = ["#2166ac" if value >= 0 else "#b2182b" for value in found.integrated_gradients]
    axes.bar(positions - 0.2, found.integrated_gradients, width=0.4, color=colors)
    axes.bar(positions + 0.2, found.leave_one_out, width=0.4, color="white", edgecolor="black")
    axes.axhline(0.0, color="black", linewidth=0.8)
    axes.set_ylabel(f"contribution to the\n{found.unit}")
    axes.plot([], [], linestyle="", marker="s", color="0.35", label="integrated\ngradients")
    axes.plot([], [], linestyle="", marker="s", markerfacecolor="white", color="black", label="leaving the\nword out")


def _course(axes: Axes, one: Explanation) -> None:
    for number, label in enumerate(one.labels):
        shown = f"\u200b{label}" if label.startswith("_") else label  # which Matplotlib leaves out of legends
        axes.plot(one.probabilities[:, number], color="black", markersize=4, label=shown, **style(number))
    axes.set_ylabel("answer, had the text\nended here")


def _gates(axes: Axes, readings: list[Reading]) -> None:
    last = [one for one in readings if one.layer == readings[-1].layer]
    for one in last:
        for number, (name, values) in enumerate(one.gates.items()):
            color = "black" if one.direction == "forward" else "0.6"
            label = name + (f", {one.direction}" if len(last) > 1 else "")
            axes.plot(values, color=color, markersize=4, label=label, **style(number))
    axes.set_ylim(0, 1)
    axes.set_ylabel("gates, mean over the\nunits of the last layer")


def _memory(axes: Axes, readings: list[Reading]) -> None:
    last = [one for one in readings if one.layer == readings[-1].layer]
    width = 0.8 / len(last)
    for number, one in enumerate(last):
        positions = np.arange(len(one.memory_change)) + (number - (len(last) - 1) / 2) * width
        filled = "black" if one.direction == "forward" else "white"
        axes.bar(positions, one.memory_change, width=width, color=filled, edgecolor="black", label=one.direction)
    axes.set_ylabel("change of the memory")
