"""The plots of a comparison as SVG, readable in black and white: they use markers and names instead of colors."""

from itertools import pairwise
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..utils.figures import MARKERS, escape_text, style, to_svg, use_logarithmic_axis


def find_pareto_front(points: dict[str, tuple[float, float]], greater_is_better: bool = True) -> list[str]:
    """
    Return the systems that no other beats in both cost (lower is better) and score, the cheapest first.

    Args:
        points: The cost and score of each system.
        greater_is_better: Whether a greater score is better.
    """
    front: list[str] = []
    best = float("-inf")
    goodness = {name: score if greater_is_better else -score for name, (_, score) in points.items()}
    for name in sorted(points, key=lambda name: (points[name][0], -goodness[name])):
        if goodness[name] > best:
            front.append(name)
            best = goodness[name]
    return front


@escape_text()
def against_cost(points: dict[str, tuple[float, float]], cost: str, score: str, greater_is_better: bool = True) -> str:
    """Plot the score of each system against its cost (logarithmic axis), with a line through the undominated ones."""
    front = find_pareto_front(points, greater_is_better)
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.subplots()
    axes.plot(*zip(*(points[name] for name in front), strict=True), color="0.6", linestyle="--", linewidth=1, zorder=1)
    for number, (name, (x, y)) in enumerate(points.items()):
        filled = "black" if name in front else "white"
        axes.scatter(
            [x], [y], marker=MARKERS[number % len(MARKERS)], s=60, facecolor=filled, edgecolor="black", zorder=2
        )
    _name_points(axes, points)
    axes.margins(x=0.15, y=0.15)
    use_logarithmic_axis(axes)
    axes.set_xlabel(cost)
    axes.set_ylabel(score)
    axes.set_title("black, on the line: no other is both better and cheaper", fontsize=9)
    axes.grid(True, color="0.9", zorder=0)
    return to_svg(figure)


@escape_text()
def learning_curves(curves: dict[str, list[dict[str, Any]]], score: str, scale: int = 100) -> str:
    """Plot `scale` times the score against the training rows; bars show the standard deviation over the seeds."""
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.subplots()
    for number, (name, points) in enumerate(curves.items()):
        axes.errorbar(
            [point["rows"] for point in points],
            [scale * point["mean"] for point in points],
            yerr=[scale * (point["sd"] or 0.0) for point in points],
            markerfacecolor="white",
            **style(number),
            color=str(0.15 * (number % 5)),
            capsize=3,
            label=name,
        )
    use_logarithmic_axis(axes)
    axes.set_xlabel("training rows")
    axes.set_ylabel(score)
    axes.grid(True, color="0.9")
    axes.legend(fontsize=8, frameon=False)
    return to_svg(figure)


def _name_points(axes: Axes, points: dict[str, tuple[float, float]]) -> None:
    """Write names above the points; if two points are close to each other, the lower one's name goes below it."""
    order = sorted(points.items(), key=lambda item: item[1])
    spread = max(y for _, y in points.values()) - min(y for _, y in points.values())
    pairs = pairwise(point for _, point in order)
    close = [x < 3 * left and abs(y - low) < 0.08 * spread for (left, low), (x, y) in pairs]
    above = [True] * len(order)
    for number, is_close in enumerate(close):
        if is_close:
            if not number or not close[number - 1]:
                above[number] = order[number][1][1] > order[number + 1][1][1]
            above[number + 1] = not above[number]
    for (name, point), is_above in zip(order, above, strict=True):
        offset = (0, 7) if is_above else (0, -14)
        axes.annotate(name, point, xytext=offset, textcoords="offset points", ha="center", fontsize=8)
