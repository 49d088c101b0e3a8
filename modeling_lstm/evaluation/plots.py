"""Plots of an evaluation: confusion matrix and calibration."""

from itertools import pairwise
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from ..utils.figures import can_draw, escape_text, save, shorten
from .metrics import calibration_bins, calibration_error

MAX_NAME_LENGTH = 30
GAP = 6.0  # minimum distance between neighboring names, in dots; names that are closer are rotated


@escape_text()
def plot_confusion(confusion: np.ndarray, names: list[str], path: Path) -> None:
    """
    Plot a confusion matrix with counts, shaded by the share of the true label. Names that the font cannot display are
    replaced by the number of the label.
    """
    names = [shorten(name, MAX_NAME_LENGTH) for name in names]
    names = [name if can_draw(name) else f"label {number}" for number, name in enumerate(names)]
    size = min(24.0, max(3.6, 0.55 * len(names) + 0.08 * max(map(len, names)) + 1.6))
    figure = Figure(figsize=(size, size), layout="constrained")
    axes = figure.subplots()
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0)
    for row, column in np.ndindex(*confusion.shape) if len(names) <= 40 else ():
        color = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, f"{confusion[row, column]:,}", ha="center", va="center", color=color, fontsize=9)
    ticks = range(len(names))
    axes.set_xticks(ticks, names)
    axes.set_yticks(ticks, names)
    axes.set_xlabel("predicted label")
    axes.set_ylabel("true label")
    figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in axes.get_xticklabels()]
    if any(right.x0 - left.x1 < GAP for left, right in pairwise(boxes)):
        axes.set_xticks(ticks, names, rotation=45, ha="right")
    save(figure, path, "png")


@escape_text()
def plot_calibration(probabilities: np.ndarray, references: np.ndarray, path: Path) -> None:
    """Plot accuracy against confidence, and the number of rows below."""
    bins = calibration_bins(probabilities, references)
    sure, right, rows = (np.array(values) for values in zip(*bins, strict=True))
    figure = Figure(figsize=(4.4, 5.0), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    upper.plot([0, 1], [0, 1], linestyle="--", color="grey", label="perfect")
    error = calibration_error(probabilities, references)
    upper.plot(sure, right, marker="o", color="black", label=f"model (calibration error {error:.3f})")
    upper.set_ylabel("accuracy")
    upper.set_ylim(0, 1.02)
    upper.legend(loc="upper left", fontsize=8)
    lower.bar(sure, rows, width=0.03, color="grey")
    lower.set_xlabel("confidence (largest probability)")
    lower.set_ylabel("rows")
    lower.set_xlim(0, 1.02)
    save(figure, path, "png")
