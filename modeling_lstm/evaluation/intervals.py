"""95 % intervals of scores: exact where rows are simply counted, by bootstrap elsewhere, never of no width."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import binomtest, norm

from ..utils.errors import require
from .metrics import (
    MULTI_LABEL,
    SINGLE_LABEL,
    calibration_groups,
    compute_scores,
    confusion_matrix,
    confusion_scores,
    make_summands,
    score_sums,
)

LEVEL = 0.95
FEWEST_ROWS = 2  # of one row nothing can be said
OF_ALL_ROWS = ("accuracy", "macro_precision", "weighted_f1")  # depend on how common each label is

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
    95 % intervals of the scores that [`metrics.compute_scores`] gives.

    `accuracy` and `f1_NAME` have exact ones ([`exact_intervals`]); all others are percentiles of [`bootstrap`] draws.
    Draws of the rows cannot show an error that these rows do not hold: a label of which all three rows are right is
    right in every draw. Means over the labels are therefore widened by what is unknown of such labels
    ([`bound_unseen`]).

    Returns:
        For each score its lower and upper limit. A score is left out where nothing can be said of it: there is one row
        only, or it is the same in every draw.
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
    The intervals of the mean over the seeds of a system. All seeds are right and wrong on much the same rows: so the
    mean is as uncertain as each of them, and its exact limits are the means of theirs.

    Args:
        seeds: The predictions of each.
        drawn: Mean of their [`bootstrap`] draws; what it lacks has an interval only where that is exact.
        whole: Mean of their scores.
    """
    exact = average([exact_intervals(kind, one, references, names) for one in seeds])
    return combine(drawn, whole, exact, average([bound_unseen(kind, one, references, len(names)) for one in seeds]))


def average(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The mean of the arrays, or lists of numbers, of each name that all have."""
    shared = [name for name in parts[0] if all(name in one for one in parts)]
    return {name: np.mean([one[name] for one in parts], axis=0) for name in shared}


def combine(drawn: dict[str, np.ndarray], whole: dict[str, float], exact: Limits, unknown: Limits) -> Limits:
    """
    The interval of each score, from the draws, its value on all rows, and what [`exact_intervals`] and
    [`bound_unseen`] give.

    The limits of a mean of parts with limits of their own are found as by Zou and Donner (2008): the squared distances
    of the limits add up. They are not farther away than the means of the limits of the parts.
    """
    found = {name: [float(low), float(high)] for name, (low, high) in exact.items()}
    for name in drawn.keys() - exact.keys():
        limits = find_percentiles(drawn[name])
        if name in unknown:
            low, high = limits or [whole[name]] * 2
            down, up, farthest_down, farthest_up = unknown[name]
            below = min(np.hypot(whole[name] - low, down), farthest_down)
            above = min(np.hypot(high - whole[name], up), farthest_up)
            limits = [float(max(whole[name] - below, 0.0)), float(min(whole[name] + above, 1.0))]
        if name == "calibration_error" and limits is not None:  # draws lie too high, as drawing adds to the distances
            limits = [max(0.0, min(whole[name], 2 * whole[name] - limits[1])), max(limits[1], whole[name])]
        if limits is not None and limits[0] < limits[1]:
            found[name] = limits
    return found


def find_percentiles(values: np.ndarray) -> list[float] | None:
    """The percentiles 2.5 and 97.5 (Efron, 1979), without draws that have no value; `None` if they are all the same."""
    known = values[np.isfinite(values)]
    if len(known) == 0 or np.ptp(known) < 1e-12:
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
    Each score on rows drawn with replacement (Efron, 1979); the same seed draws the same rows, for pairs of systems.

    Most scores are of rows drawn from all: averages over rows (accuracy, log loss, calibration error, those of
    regression), everything multi-label, and macro precision and weighted F1, which depend on how common each label is.
    F1 of a label, macro F1 and macro recall are of draws within each label, which keep the number of its rows (Davison
    and Hinkley, 1997, section 3.2): else a rare label is missing from many draws. Of several labels at once that cannot
    be had: there a label that a draw lacks is left out of it.

    Returns:
        For each score an array of shape `(resamples,)`, `nan` where it is undefined; empty if there are fewer than two
        rows.
    """
    require(resamples >= 100, f"--resamples must be at least 100 for a 95 % interval, found {resamples}.")
    if len(references) < FEWEST_ROWS:
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
    """Row numbers drawn with replacement, of each label as many as it has; without end."""
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
    """Scores of single labels on draws from all rows and within labels."""
    rows, labels = len(references), len(names)
    cells = references * labels + predictions
    if probabilities is not None:
        smallest = np.finfo(probabilities.dtype).eps  # as scikit-learn does
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
    The scores of each draw, of shape `(draws,)`; `nan` where its rows do not define one. A label that only other rows
    have is left out of the mean over several labels.

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
    Intervals that need no draws and hold the true value in at least 95 % of samples, however few rows there are.

    The number of rows that are right is binomial, so `accuracy` has the interval of Clopper and Pearson (1934). So is,
    of the rows that have a label or get it, the number of those that do both: with their share J, F1 is
    2J / (1 + J), and so are its limits. A label that no row has or gets has no interval, a regression has none at all.
    """
    rows = len(references)
    if kind == "regression" or rows < FEWEST_ROWS:
        return {}
    several = kind == "multi_label_classification"
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
    The 95 % interval of the mean of what two systems differ by on each row, of shape `(rows,)`, from -1 to 1.

    It is the adjusted interval of Bonett and Price (2012): as if there were two more rows, on each of which another
    system alone is right. So it agrees with McNemar's exact test where few rows differ, and has a width where none
    does.
    """
    rows, total = len(differences) + 2, float(differences.sum())
    variance = (float(np.square(differences).sum()) + 2 - total**2 / rows) / rows**2
    far = float(norm.ppf((1 + LEVEL) / 2)) * math.sqrt(variance)
    return [max(-1.0, total / rows - far), min(1.0, total / rows + far)]


def drawn_difference_interval(first: np.ndarray, second: np.ndarray) -> list[float] | None:
    """
    The 95 % interval of the difference of two systems on the same [`bootstrap`] draws, of shape `(resamples,)`; `None`
    where one of them is the same in every draw: they say nothing of how it would do on other rows.
    """
    if find_percentiles(first) is None or find_percentiles(second) is None:
        return None
    return find_percentiles(first - second)


def bound_unseen(kind: str, predictions: np.ndarray, references: np.ndarray, labels: int) -> Limits:
    """
    How far the means over labels may be below and above their value for what no draw of the rows can show: labels whose
    recall or precision is 0 or 1, and so in every draw. The distances of their exact limits count, with the label's
    weight in the mean; a label that no row has counts as 0 there, whatever is predicted. One error changes the F1 of
    two labels, so in a mean of F1 their squares count twice.

    Returns:
        For each mean four distances: below and above for such labels, and the means of those of all labels.
    """
    if kind == "regression" or len(references) < FEWEST_ROWS:
        return {}
    right, true, found = _counts(kind, predictions, references, labels)
    is_certain = {"recall": _is_certain(right, true), "precision": _is_certain(right, found)}
    is_certain["f1"] = is_certain["recall"] | is_certain["precision"]
    rows = {"recall": true, "precision": found, "f1": true + found - right}
    equal, shares = np.full(labels, 1 / labels), true / len(references)
    means = {f"macro_{score}": (score, equal) for score in rows} | {"weighted_f1": ("f1", shares)}
    distances = {}
    for name, (score, weights) in means.items():
        squares, farthest = np.zeros(2), np.zeros(2)
        for label in np.flatnonzero(true > 0):
            share = right[label] / max(rows[score][label], 1)
            limits = find_proportion_interval(right[label], rows[score][label])
            value, low, high = (_f1(one) if score == "f1" else one for one in (share, *limits))
            distance = weights[label] * np.array([value - low, high - value])
            farthest += distance
            if is_certain[score][label]:
                squares += np.square(distance) * (2 if score == "f1" else 1)
        if name == "weighted_f1":  # the weights of the labels are uncertain too
            farthest[:] = math.inf
        distances[name] = [*np.sqrt(squares), *farthest]
    return distances


def _is_certain(right: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """For which labels none or all of so many rows are right."""
    return (rows > 0) & ((right == 0) | (right == rows))


def find_proportion_interval(successes: int, trials: int) -> tuple[float, float]:
    """The interval of Clopper and Pearson (1934) of a proportion; from 0 to 1 without trials."""
    if trials == 0:
        return 0.0, 1.0
    found = binomtest(int(successes), int(trials)).proportion_ci(LEVEL, method="exact")
    return float(found.low), float(found.high)


def _f1(share: float) -> float:
    """F1 from the share that has and gets a label of the rows that have or get it."""
    return 2 * share / (1 + share)


def _counts(
    kind: str, predictions: np.ndarray, references: np.ndarray, labels: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each label the rows that have and get it, that have it, and that get it, of shape `(labels,)`."""
    if kind == "multi_label_classification":
        return tuple(counted.sum(axis=0) for counted in (predictions * references, references, predictions))
    confusion = confusion_matrix(predictions, references, labels)
    return np.diagonal(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
