"""Bootstrap intervals of scores."""

import numpy as np

from .errors import require
from .metrics import scores


def bootstrap_intervals(
    kind: str,
    predictions: np.ndarray,
    references: np.ndarray,
    names: list[str],
    probabilities: np.ndarray | None = None,
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, list[float]]:
    """95 % percentile bootstrap intervals (Efron, 1979) of each score, over rows drawn with replacement."""
    drawn = bootstrap(kind, predictions, references, names, probabilities, resamples=resamples, seed=seed)
    return {name: np.quantile(values, [0.025, 0.975]).tolist() for name, values in drawn.items()}


def bootstrap(
    kind: str,
    predictions: np.ndarray,
    references: np.ndarray,
    names: list[str],
    probabilities: np.ndarray | None = None,
    *,
    resamples: int,
    seed: int,
) -> dict[str, list[float]]:
    """Each score on rows drawn with replacement, the same rows for the same seed."""
    require(resamples >= 100, f"--resamples must be at least 100 for a 95 % interval, found {resamples}.")
    rng = np.random.default_rng(seed)
    whole = np.bincount(references, minlength=len(names)) if kind == "single_label_classification" else None
    drawn: dict[str, list[float]] = {}
    for _ in range(resamples):
        rows = rng.integers(len(references), size=len(references))
        sure = None if probabilities is None else probabilities[rows]
        found = scores(kind, predictions[rows], references[rows], names, sure, drawn_from=whole)
        for name, value in found.items():
            drawn.setdefault(name, []).append(value)
    return drawn
