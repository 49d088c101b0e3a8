"""95% intervals of scores: exact where rows are simply counted, otherwise by bootstrap; never of zero width."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import binomtest, norm

from .metrics import (
    MULTI_LABEL,
    REGRESSION,
    SINGLE_LABEL,
    calibration_groups,
    compute_scores,
    confusion_matrix,
    confusion_scores,
    make_summands,
    score_sums,
)

LEVEL = 0.95
MIN_ROWS = 2  # a single row has no interval
OF_ALL_ROWS = ("accuracy", "macro_precision", "weighted_f1")  # scores that depend on label frequencies

Limits = dict[str, list[float]]


def find_intervals(
    kind: str,
    predictions: np.ndarray,
    references: np.ndarray,
    names: list[str],
    probabilities: np.ndarray | None = None,
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> Limits:
    """
    Find the 95% intervals of the scores from [`metrics.compute_scores`].

    The intervals of `accuracy` and `f1_NAME` are exact ([`exact_intervals`]); all others are percentiles of
    [`bootstrap`] draws. Draws cannot show errors that do not occur in the rows: a label whose three rows are all right
    is right in every draw. Intervals of means over the labels are therefore widened by the uncertainty of such labels
    ([`bound_unseen`]).

    Returns:
        The lower and upper limit of each score. A score is left out if it has no interval: there is only one row, or
        the score is the same in every draw.
    """
    drawn = bootstrap(kind, predictions, references, names, probabilities, resamples=resamples, seed=seed)
    whole = compute_scores(kind, predictions, references, names, probabilities)
    found = find_mean_intervals(kind, [predictions], references, names, drawn, whole)
    return {name: found[name] for name in whole if name in found}


def find_mean_intervals(
    kind: str,
    seeds: list[np.ndarray],
    references: np.ndarray,
    names: list[str],
    drawn: dict[str, np.ndarray],
    whole: dict[str, float],
) -> Limits:
    """
    Find the intervals of a system's mean scores over its seeds. All seeds are right and wrong on much the same rows, so
    the mean is as uncertain as each of them, and its exact limits are the means of theirs.

    Args:
        seeds: The predictions of each seed.
        drawn: The mean of the seeds' [`bootstrap`] draws. Scores not in it only have an interval if it is exact.
        whole: The mean of the seeds' scores.
    """
    exact = average([exact_intervals(kind, one, references, names) for one in seeds])
    return combine(drawn, whole, exact, average([bound_unseen(kind, one, references, len(names)) for one in seeds]))


def average(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the element-wise mean for each name that all parts have."""
    shared = [name for name in parts[0] if all(name in one for one in parts)]
    return {name: np.mean([one[name] for one in parts], axis=0) for name in shared}


def combine(drawn: dict[str, np.ndarray], whole: dict[str, float], exact: Limits, unknown: Limits) -> Limits:
    """
    Combine the draws, the scores on all rows, and the results of [`exact_intervals`] and [`bound_unseen`] into the
    interval of each score.

    The limits of a mean of several parts follow Zou and Donner (2008): the squared distances of the parts' limits add
    up. They never exceed the mean of the parts' limits.
    """
    found = {name: [float(low), float(high)] for name, (low, high) in exact.items()}
    for name in drawn.keys() - exact.keys():
        limits = find_percentiles(drawn[name])
        if name in unknown:
            low, high = limits or [whole[name]] * 2
            down, up, farthest_down, farthest_up, open_above = unknown[name]
            below = min(np.hypot(whole[name] - low, down), farthest_down)
            above = min(np.hypot(high - whole[name], up) + open_above, farthest_up)
            limits = [float(max(whole[name] - below, 0.0)), float(min(whole[name] + above, 1.0))]
        if name == "calibration_error" and limits is not None:  # resampling biases draws upward
            limits = [max(0.0, min(whole[name], 2 * whole[name] - limits[1])), max(limits[1], whole[name])]
        if limits is not None and limits[0] < limits[1]:
            found[name] = limits
    return found


def find_percentiles(values: np.ndarray) -> list[float] | None:
    """Return the percentiles 2.5 and 97.5 (Efron, 1979) of the finite draws; `None` if all are the same."""
    known = values[np.isfinite(values)]
    if len(known) == 0 or np.ptp(known) <= 1e-12 * np.abs(known).max():
        return None
    return [float(value) for value in np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])]


def bootstrap(
    kind: str,
    predictions: np.ndarray,
    references: np.ndarray,
    names: list[str],
    probabilities: np.ndarray | None = None,
    *,
    resamples: int,
    seed: int,
) -> dict[str, np.ndarray]:
    """
    Compute each score on rows drawn with replacement (Efron, 1979). The same seed draws the same rows for every system.

    Most scores use draws from all rows: averages over rows (accuracy, log loss, calibration error, regression scores),
    all multi-label scores, and macro precision and weighted F1, which depend on label frequencies. F1 of a label, macro
    F1 and macro recall use draws within each label, which keep the number of its rows (Davison and Hinkley, 1997,
    section 3.2); otherwise a rare label would be missing from many draws. Multi-label rows cannot be drawn within
    labels: there, a label that is missing from a draw is left out of its scores.

    Returns:
        For each score, an array of shape `(resamples,)`, `nan` where the score is undefined. Empty if there are fewer
        than two rows.
    """
    if len(references) < MIN_ROWS:
        return {}
    rng = np.random.default_rng(seed)
    rows = len(references)
    whole = (rng.integers(rows, size=rows) for _ in range(resamples))
    if kind != SINGLE_LABEL:
        counts = (np.bincount(chosen, minlength=rows) for chosen in whole)
        return score_drawn_rows(kind, predictions, references, counts, names)
    within = _within_labels(references, np.random.default_rng([seed, 1]))
    drawn = list(_score_classes(predictions, references, names, probabilities, whole, within))
    return {name: np.array([one[name] for one in drawn]) for name in drawn[0]}


def _within_labels(references: np.ndarray, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield endless draws of row numbers with replacement, with as many rows of each label as there are."""
    by_label = np.argsort(references, kind="stable")
    counts = np.bincount(references)
    size = counts[references[by_label]]
    first = (np.cumsum(counts) - counts)[references[by_label]]
    while True:
        yield by_label[first + (rng.random(len(size)) * size).astype(int)]


def _score_classes(
    predictions: np.ndarray,
    references: np.ndarray,
    names: list[str],
    probabilities: np.ndarray | None,
    whole: Iterator[np.ndarray],
    within: Iterator[np.ndarray],
) -> Iterator[dict[str, float]]:
    """Compute single-label scores on draws from all rows and within labels."""
    rows, labels = len(references), len(names)
    cells = references * labels + predictions
    if probabilities is not None:
        smallest = np.finfo(probabilities.dtype).eps  # as in scikit-learn
        losses = -np.log(np.clip(probabilities[np.arange(rows), references].astype(float), smallest, 1 - smallest))
        confidence, groups = calibration_groups(probabilities)
        excess = confidence - (probabilities.argmax(axis=1) == references)
    for chosen, by_label in zip(whole, within, strict=False):
        confusions = [np.bincount(cells[some], minlength=labels * labels) for some in (chosen, by_label)]
        both = confusion_scores(np.stack(confusions).reshape(2, labels, labels), names)
        found = {name: float(values[0 if name in OF_ALL_ROWS else 1]) for name, values in both.items()}
        if probabilities is not None:
            found["log_loss"] = float(losses[chosen].mean())
            found["calibration_error"] = float(np.abs(np.bincount(groups[chosen], excess[chosen])).sum() / rows)
        yield found


def score_drawn_rows(
    kind: str, predictions: np.ndarray, references: np.ndarray, draws: Iterable[np.ndarray], names: list[str]
) -> dict[str, np.ndarray]:
    """
    Compute the scores of each draw, of shape `(draws,)`, `nan` where undefined. For multi-label tasks, a label that
    only occurs in rows outside the draw is left out of the mean.

    Args:
        draws: For each draw how often each row is in it, of shape `(rows,)`.
    """
    summands = make_summands(kind, predictions, references, len(names), origin=float(references.mean()))
    sums = np.stack([counts @ summands for counts in draws])
    found = score_sums(kind, sums, names, undefined=math.nan)
    if kind != MULTI_LABEL:
        return found
    true = sums[:, 2 * len(names) : 3 * len(names)]
    f1 = np.stack([found[f"f1_{name}"] for name in names], axis=1)
    f1[references.any(axis=0) & (true == 0)] = math.nan
    found |= {f"f1_{name}": f1[:, number] for number, name in enumerate(names)}
    with np.errstate(invalid="ignore"):
        return found | {"macro_f1": np.nansum(f1, axis=1) / np.isfinite(f1).sum(axis=1)}


def exact_intervals(kind: str, predictions: np.ndarray, references: np.ndarray, names: list[str]) -> Limits:
    """
    Find the intervals that need no draws. They contain the true value in at least 95% of samples, for any number of
    rows.

    The number of correct rows is binomial, so `accuracy` has the interval of Clopper and Pearson (1934). The same holds
    for F1: among the rows that have a label or are predicted to have it, the number for which both are true is
    binomial. With J as their share, F1 is 2J / (1 + J), and its limits follow from those of J. A label that no row has
    or is predicted to have has no interval; neither has a regression.
    """
    rows = len(references)
    if kind == REGRESSION or rows < MIN_ROWS:
        return {}
    several = kind == MULTI_LABEL
    is_right = (predictions == references).all(axis=1) if several else predictions == references
    right, true, found = _counts(kind, predictions, references, len(names))
    limits = {"accuracy": list(find_proportion_interval(int(is_right.sum()), rows))}
    for number, name in enumerate(names):
        if true[number] + found[number] > 0:
            either = true[number] + found[number] - right[number]
            limits[f"f1_{name}"] = [_f1(limit) for limit in find_proportion_interval(right[number], either)]
    return limits


def difference_interval(differences: np.ndarray) -> list[float]:
    """
    Find the 95% interval of the mean difference of two systems, given the difference on each row (from -1 to 1), of
    shape `(rows,)`.

    It is the adjusted interval of Bonett and Price (2012), which adds two rows: on each, only one of the systems is
    right. It therefore agrees with McNemar's exact test if few rows differ, and has a width even if none does.
    """
    rows, total = len(differences) + 2, float(differences.sum())
    variance = (float(np.square(differences).sum()) + 2 - total**2 / rows) / rows**2
    far = float(norm.ppf((1 + LEVEL) / 2)) * math.sqrt(variance)
    return [max(-1.0, total / rows - far), min(1.0, total / rows + far)]


def drawn_difference_interval(first: np.ndarray, second: np.ndarray) -> list[float] | None:
    """
    Find the 95% interval of the difference of two systems on the same [`bootstrap`] draws, of shape `(resamples,)`.
    Returns `None` if a system's score is the same in every draw, as the draws then show nothing about other rows.
    """
    if find_percentiles(first) is None or find_percentiles(second) is None:
        return None
    return find_percentiles(first - second)


def bound_unseen(kind: str, predictions: np.ndarray, references: np.ndarray, labels: int) -> Limits:
    """
    Bound how far the means over labels may be below and above their value because of errors that no draw can show:
    those of labels whose recall or precision is 0 or 1, and therefore the same in every draw. Each bound combines the
    distances to these labels' exact limits, weighted as in the mean. A label that no row has counts as 0 in the mean
    whatever is predicted. One error changes the F1 of two labels, so in means of F1 the squared distances count twice.

    Returns:
        For each mean five distances: the bounds below and above; the mean distances to the limits of all labels; and
        how much higher the mean may be because of labels that are never predicted, whose precision counts as 0 but may
        be anything.
    """
    if kind == REGRESSION or len(references) < MIN_ROWS:
        return {}
    right, true, found = _counts(kind, predictions, references, labels)
    is_certain = {"recall": _is_certain(right, true), "precision": _is_certain(right, found)}
    is_certain["f1"] = is_certain["recall"] | is_certain["precision"]
    rows = {"recall": true, "precision": found, "f1": true + found - right}
    equal, shares = np.full(labels, 1 / labels), true / len(references)
    means = {f"macro_{score}": (score, equal) for score in rows} | {"weighted_f1": ("f1", shares)}
    distances = {}
    for name, (score, weights) in means.items():
        squares, farthest, open_above = np.zeros(2), np.zeros(2), 0.0
        for label in np.flatnonzero(true > 0):
            share = right[label] / max(rows[score][label], 1)
            limits = find_proportion_interval(right[label], rows[score][label])
            value, low, high = (_f1(one) if score == "f1" else one for one in (share, *limits))
            distance = weights[label] * np.array([value - low, high - value])
            farthest += distance
            open_above += distance[1] if rows[score][label] == 0 else 0.0
            if is_certain[score][label]:
                squares += np.square(distance) * (2 if score == "f1" else 1)
        if name == "weighted_f1":  # the weights of the labels are uncertain too
            farthest[:] = math.inf
        distances[name] = [*np.sqrt(squares), *farthest, open_above]
    return distances


def _is_certain(right: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return for each label whether none or all of its rows are right."""
    return (rows > 0) & ((right == 0) | (right == rows))


def find_proportion_interval(successes: int, trials: int) -> tuple[float, float]:
    """Return the interval of Clopper and Pearson (1934) for a proportion; from 0 to 1 without trials."""
    if trials == 0:
        return 0.0, 1.0
    found = binomtest(int(successes), int(trials)).proportion_ci(LEVEL, method="exact")
    return float(found.low), float(found.high)


def _f1(share: float) -> float:
    """Compute F1 from the share of rows with a label both true and predicted, among those with either."""
    return 2 * share / (1 + share)


def _counts(
    kind: str, predictions: np.ndarray, references: np.ndarray, labels: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Count the rows of each label: true positives, true labels and predicted labels, each of shape `(labels,)`."""
    if kind == MULTI_LABEL:
        return tuple(counted.sum(axis=0) for counted in (predictions * references, references, predictions))
    confusion = confusion_matrix(predictions, references, labels)
    return np.diagonal(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
