"""The plots of a comparison, as SVG that can be read in black and white: markers and names, not colours."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..figures import MARKERS, logarithmic, plain, style, svg


def undominated(points: dict[str, tuple[float, float]]) -> list[str]:
    """
    The systems that no other beats in both cost (lower is better) and score (higher is better), the cheapest first.

    Args:
        points: Cost and score of each.
    """
    front: list[str] = []
    best = float("-inf")
    for name, (_, score) in sorted(points.items(), key=lambda item: (item[1][0], -item[1][1])):
        if score > best:
            front.append(name)
            best = score
    return front


def against_cost(points: dict[str, tuple[float, float]], cost: str, score: str) -> str:
    """A point for each system, cost on a logarithmic axis, with a line through the undominated ones."""
    with plain():
        return svg(_against_cost(points, cost, score))


def _against_cost(points: dict[str, tuple[float, float]], cost: str, score: str) -> Figure:
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.subplots()
    front = undominated(points)
    axes.plot(*zip(*(points[name] for name in front), strict=True), color="0.6", linestyle="--", linewidth=1, zorder=1)
    for number, (name, (x, y)) in enumerate(points.items()):
        filled = "black" if name in front else "white"
        axes.scatter(
            [x], [y], marker=MARKERS[number % len(MARKERS)], s=60, facecolor=filled, edgecolor="black", zorder=2
        )
    _name_points(axes, points)
    axes.margins(x=0.15, y=0.15)
    logarithmic(axes)
    axes.set_xlabel(cost)
    axes.set_ylabel(score)
    axes.set_title("black, on the line: no other is both better and cheaper", fontsize=9)
    axes.grid(True, color="0.9", zorder=0)
    return figure


def learning_curves(curves: dict[str, list[dict[str, Any]]], score: str) -> str:
    """Score against training rows, with the standard deviation over the seeds as bars."""
    with plain():
        return svg(_learning_curves(curves, score))


def _learning_curves(curves: dict[str, list[dict[str, Any]]], score: str) -> Figure:
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.subplots()
    for number, (name, points) in enumerate(curves.items()):
        axes.errorbar(
            [point["rows"] for point in points],
            [100 * point["mean"] for point in points],
            yerr=[100 * (point["sd"] or 0.0) for point in points],
            markerfacecolor="white",
            **style(number),
            color=str(0.15 * (number % 5)),
            capsize=3,
            label=name,
        )
    logarithmic(axes)
    axes.set_xlabel("training rows")
    axes.set_ylabel(score)
    axes.grid(True, color="0.9")
    axes.legend(fontsize=8, frameon=False)
    return figure


def _name_points(axes: Axes, points: dict[str, tuple[float, float]]) -> None:
    """Names beside the points, one above its point and the next below where they are close to each other."""
    place = -1.0
    spread = max(y for _, y in points.values()) - min(y for _, y in points.values())
    before: tuple[float, float] | None = None
    for name, (x, y) in sorted(points.items(), key=lambda item: item[1]):
        is_close = before is not None and x < 3 * before[0] and abs(y - before[1]) < 0.08 * spread
        place = -place if is_close else 1.0
        offset = (0, 7) if place > 0 else (0, -14)
        axes.annotate(name, (x, y), xytext=offset, textcoords="offset points", ha="center", fontsize=8)
        before = (x, y)
