"""Significance of the differences between systems: a randomization test, corrected for multiple comparisons."""

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.stats import binom

from .intervals import difference_interval, drawn_difference_interval
from .metrics import SINGLE_LABEL, make_summands, score_sums

MAX_ENUMERATED = 12  # maximum number of differing rows for which all (at most 4,096) exchanges are tried
MIN_P_VALUE = 1e-12  # smaller p-values are not distinguished
CELLS = 4_000_000  # numbers in memory at once


def compare_pairs(
    answers: dict[str, list[np.ndarray]],
    references: np.ndarray,
    label_names: list[str],
    metric: str,
    scores: dict[str, float],
    drawn: dict[str, np.ndarray],
    *,
    kind: str = SINGLE_LABEL,
    resamples: int = 2_000,
) -> list[dict[str, Any]]:
    """
    Compare all pairs of systems: the difference of each pair, its 95% interval, and the two-sided p-value of no
    difference, with and without Holm's correction (1979) for the number of pairs.

    If two systems are equally good, exchanging their answers to a row (for all seeds together) does not matter. The
    p-value is the share of random exchanges after which the systems differ at least as much (Noreen, 1989; Yeh, 2000).
    For accuracy it is exact, and for two systems with one seed each it equals that of McNemar's exact test. For other
    metrics it is exact if at most twelve rows differ; otherwise exchanges are sampled.

    Args:
        answers: For each system, its predictions for each seed, as [`metrics.compute_scores`] takes them.
        references: The true labels or numbers.
        label_names: The labels.
        metric: A metric of [`metrics.score_sums`].
        scores: For each system, its score on all rows, the mean over its seeds.
        drawn: For each system, its score on the same [`intervals.bootstrap`] draws; not used for accuracy.
        kind: The problem type.
        resamples: Minimum number of exchanges to sample; more are used if there are many pairs.

    Returns:
        For each pair, `first`, `second`, `difference`, `interval` (`None` if the draws do not determine one), `p` and
        `p_corrected`.
    """
    found: list[dict[str, Any]] = []
    exchanges = enough_resamples(resamples, len(answers))
    for first, second in itertools.combinations(answers, 2):
        pair = [np.stack(answers[name]) for name in (first, second)]
        if metric == "accuracy":
            right = [(one == references).reshape(*one.shape[:2], -1).all(axis=2) for one in pair]
            limits: list[float] | None = difference_interval(right[0].mean(axis=0) - right[1].mean(axis=0))
            # Integers, so that equal sums compare as equal
            counts = right[0].sum(axis=0) * len(pair[1]) - right[1].sum(axis=0) * len(pair[0])
            p = sign_test(counts)
        else:
            both = [drawn.get(name, np.empty(0)) for name in (first, second)]
            limits = drawn_difference_interval(*both)
            p = randomization_test(pair[0], pair[1], references, label_names, metric, exchanges, kind)
        difference = scores[first] - scores[second]
        found.append({"first": first, "second": second, "difference": difference, "interval": limits, "p": p})
    corrected = correct_by_holm([one["p"] for one in found])
    return [one | {"p_corrected": value} for one, value in zip(found, corrected, strict=True)]


def enough_resamples(resamples: int, systems: int) -> int:
    """Return `resamples`, or the number that is needed for p-values below 5% after Holm's correction, if greater."""
    return max(resamples, 400 * systems * (systems - 1) // 2)


def sign_test(differences: np.ndarray) -> float:
    """
    Return the exact two-sided p-value of the sum of integers, of shape `(rows,)`, if the sign of each is random.

    If all integers are -1, 0 or 1, this is McNemar's exact test.
    """
    lowest, chances = 0, np.ones(1)  # probabilities of the sums, from the lowest sum
    sizes = np.abs(differences[differences != 0])
    for size, rows in zip(*(some.tolist() for some in np.unique(sizes, return_counts=True)), strict=True):
        positive = np.arange(rows + 1)
        chance = binom.pmf(positive, rows, 0.5)
        kept = chance > MIN_P_VALUE**2
        positive, chance = positive[kept], chance[kept]
        steps = np.zeros(2 * size * (len(positive) - 1) + 1)
        steps[:: 2 * size] = chance
        lowest += size * int(2 * positive[0] - rows)
        chances = np.convolve(chances, steps)
    sums = lowest + np.arange(len(chances))
    return float(np.clip(chances[np.abs(sums) >= abs(int(differences.sum()))].sum(), MIN_P_VALUE, 1.0))


def randomization_test(
    first: np.ndarray,
    second: np.ndarray,
    references: np.ndarray,
    label_names: list[str],
    metric: str,
    exchanges: int,
    kind: str = SINGLE_LABEL,
) -> float:
    """
    Return the two-sided p-value of a difference in a score, by exchanging the answers of two systems on random rows.

    Args:
        first: The answers of the first system, of shape `(seeds, rows)` or `(seeds, rows, labels)`. If the systems have
            different numbers of seeds, their seeds are repeated.
        second: The answers of the second system.
        references: The true labels or numbers.
        label_names: The labels.
        metric: A metric of [`metrics.score_sums`].
        exchanges: Number of exchanges to sample, if there are too many to try all.
        kind: The problem type.
    """
    seeds = math.lcm(len(first), len(second))
    first, second = (np.concatenate([one] * (seeds // len(one))) for one in (first, second))
    if metric == "pearson":  # which does not depend on their units either
        first, second, (references,) = map(_standardize, (first, second, references[None]))
    differ = (first != second).reshape(*first.shape[:2], -1).any(axis=(0, 2))
    # Rows with the same label and the same answers are of one kind; only the number exchanged of each kind matters
    rows = np.concatenate([references[None], first, second])[:, differ]
    kinds, sizes = (rows, np.ones(rows.shape[1], dtype=int))
    is_exact = rows.shape[1] <= MAX_ENUMERATED
    if not is_exact:
        kinds, sizes = np.unique(rows, axis=1, return_counts=True)
    how: dict[str, Any] = {"labels": len(label_names), "origin": float(references.mean())}
    pairs = []
    for seed in range(seeds):
        before = [make_summands(kind, one[seed], references, **how).sum(axis=0) for one in (first, second)]
        gained, lost = (make_summands(kind, kinds[1 + seed + shift], kinds[0], **how) for shift in (seeds, 0))
        pairs.append((*before, gained - lost))

    def difference(exchanged: np.ndarray) -> np.ndarray:
        """Return the differences after exchanging these numbers of rows of each kind, `(exchanges, kinds)`."""
        found = np.zeros(len(exchanged))
        for one, other, change in pairs:
            moved = exchanged @ change
            scores = [score_sums(kind, sums, label_names)[metric] for sums in (one + moved, other - moved)]
            found += (scores[0] - scores[1]) / seeds
        return found

    # Allow for rounding errors of exchanges that change nothing
    largest = max(abs(float(score_sums(kind, sums, label_names)[metric])) for pair in pairs for sums in pair[:2])
    observed = abs(difference(np.zeros((1, len(sizes)), dtype=int))[0]) - 1e-9 * largest
    at_once = max(1, CELLS // max(len(sizes), len(pairs[0][0])))
    if is_exact:
        return _try_all_exchanges(difference, len(sizes), observed, at_once)
    return _draw_exchanges(difference, sizes, observed, exchanges, at_once)


def _standardize(numbers: np.ndarray) -> np.ndarray:
    """Bring the numbers of each seed, `(seeds, rows)`, to a mean of 0 and a standard deviation of 1."""
    deviation = numbers.std(axis=1, keepdims=True)
    return (numbers - numbers.mean(axis=1, keepdims=True)) / np.where(deviation > 0, deviation, 1.0)


def _try_all_exchanges(
    difference: Callable[[np.ndarray], np.ndarray], rows: int, observed: float, at_once: int
) -> float:
    """Return the share of all exchanges of `rows` rows after which the difference is at least the observed one."""
    every = (np.arange(2**rows)[:, None] >> np.arange(rows)) & 1
    parts = np.array_split(every, math.ceil(len(every) / at_once))
    return float(np.mean(np.concatenate([np.abs(difference(part)) >= observed for part in parts])))


def _draw_exchanges(
    difference: Callable[[np.ndarray], np.ndarray], sizes: np.ndarray, observed: float, exchanges: int, at_once: int
) -> float:
    """Like [`_try_all_exchanges`], for random exchanges from kinds of rows of these sizes, and for no exchange."""
    rng = np.random.default_rng(0)
    larger = 0
    for begin in range(0, exchanges, at_once):
        drawn = rng.binomial(sizes, 0.5, size=(min(at_once, exchanges - begin), len(sizes)))
        larger += int((np.abs(difference(drawn)) >= observed).sum())
    return (larger + 1) / (exchanges + 1)


def correct_by_holm(values: list[float]) -> list[float]:
    """
    Apply Holm's step-down correction: multiply the smallest p-value by the number of p-values, the next by one less,
    and so on. Corrected values never decrease.
    """
    corrected = [0.0] * len(values)
    highest = 0.0
    for rank, number in enumerate(np.argsort(values, kind="stable")):
        highest = max(highest, min(1.0, (len(values) - rank) * values[number]))
        corrected[number] = highest
    return corrected
