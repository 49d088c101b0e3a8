"""Whether a difference between systems is more than chance: paired bootstrap, corrected for several comparisons."""

import itertools
from typing import Any

import numpy as np

from ..metrics import confusion_matrix, confusion_scores


def resampled(
    predictions: dict[str, list[np.ndarray]],
    references: np.ndarray,
    label_names: list[str],
    metrics: tuple[str, ...],
    *,
    resamples: int = 2_000,
    seed: int = 0,
) -> dict[str, dict[str, np.ndarray]]:
    """
    Scores of each system, the mean over its seeds, on rows drawn with replacement (Efron, 1979), the same rows for all.

    Args:
        predictions: For each system the label numbers of each seed, of shape `(rows,)`.
        references: The true label numbers.
        metrics: Names of [`metrics.confusion_scores`].

        resamples: How often to draw.
        seed: Seed of the draws.

    Returns:
        For each system and metric an array of shape `(resamples,)`.
    """
    rng = np.random.default_rng(seed)
    whole = np.bincount(references, minlength=len(label_names))
    found = {name: {metric: np.zeros(resamples) for metric in metrics} for name in predictions}
    for number in range(resamples):
        weights = np.bincount(rng.integers(len(references), size=len(references)), minlength=len(references))
        for name, seeds in predictions.items():
            matrices = [confusion_matrix(one, references, len(label_names), weights) for one in seeds]
            scores = confusion_scores(np.stack(matrices), label_names, drawn_from=whole)
            for metric in metrics:
                found[name][metric][number] = scores[metric].mean()
    return found


def enough(resamples: int, systems: int) -> int:
    """So many resamples, or as many as Holm's correction for every two systems needs to find anything below 5 %."""
    return max(resamples, 400 * systems * (systems - 1) // 2)


def interval(values: np.ndarray) -> list[float]:
    """95 % percentile interval."""
    return [float(value) for value in np.quantile(values, [0.025, 0.975])]


def paired(drawn: dict[str, np.ndarray], scores: dict[str, float]) -> list[dict[str, Any]]:
    """
    Every two systems: their difference, its 95 % interval, and the two-sided p-value of there being none, alone and
    with Holm's correction (1979) for the number of pairs.

    Args:
        drawn: For each system its score on the same resamples.
        scores: For each system its score on all rows.
    """
    found: list[dict[str, Any]] = []
    for first, second in itertools.combinations(drawn, 2):
        differences = drawn[first] - drawn[second]
        # ties count on both sides, and one more resample, so that p is never 0
        tail = min((differences <= 0).sum(), (differences >= 0).sum())
        found.append(
            {
                "first": first,
                "second": second,
                "difference": scores[first] - scores[second],
                "interval": interval(differences),
                "p": float(min(1.0, 2 * (tail + 1) / (len(differences) + 1))),
            }
        )
    corrected = holm([one["p"] for one in found])
    return [one | {"p_corrected": value} for one, value in zip(found, corrected, strict=True)]


def holm(values: list[float]) -> list[float]:
    """Holm's step-down correction: the smallest p-value times their number, the next times one less, never falling."""
    corrected = [0.0] * len(values)
    highest = 0.0
    for rank, number in enumerate(np.argsort(values, kind="stable")):
        highest = max(highest, min(1.0, (len(values) - rank) * values[number]))
        corrected[number] = highest
    return corrected
