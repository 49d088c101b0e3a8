"""Whether a difference between systems is more than chance: a randomization test, corrected for several comparisons."""

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.stats import binom

from .intervals import difference_interval, drawn_difference_interval
from .metrics import SINGLE_LABEL, make_summands, score_sums

MOST_ENUMERATED = 12  # rows that differ, of which every one of the 4,096 exchanges is tried
SMALLEST = 1e-12  # p-values below are not told apart
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
    Every two systems: their difference, its 95 % interval, and the two-sided p-value of there being none, alone and
    with Holm's correction (1979) for the number of pairs.

    If two systems are equally good, exchanging their answers to a row (those of all seeds together) changes nothing:
    the p-value is the share of such random exchanges after which they differ at least as much (Noreen, 1989; Yeh,
    2000). For accuracy it is exact, and of two systems with one seed each it is that of McNemar's exact test. For other
    scores it is exact where at most twelve rows differ; else exchanges are drawn.

    Args:
        answers: For each system what it says in each seed, as [`metrics.compute_scores`] takes it.
        references: What is true.
        label_names: The labels.
        metric: A name of [`metrics.score_sums`].
        scores: For each system its score on all rows, the mean over its seeds.
        drawn: For each system that score on the same [`intervals.bootstrap`] draws; for accuracy not read.
        kind: The problem type.
        resamples: How often to draw exchanges, at least; more where there are many pairs.

    Returns:
        For each pair `first`, `second`, `difference`, `interval` (`None` where the draws show no difference), `p` and
        `p_corrected`.
    """
    found: list[dict[str, Any]] = []
    exchanges = enough_resamples(resamples, len(answers))
    for first, second in itertools.combinations(answers, 2):
        pair = [np.stack(answers[name]) for name in (first, second)]
        if metric == "accuracy":
            right = [(one == references).reshape(*one.shape[:2], -1).all(axis=2) for one in pair]
            limits: list[float] | None = difference_interval(right[0].mean(axis=0) - right[1].mean(axis=0))
            # whole numbers, for equal sums to be equal
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
    """So many resamples, or as many as Holm's correction for every two systems needs to find anything below 5 %."""
    return max(resamples, 400 * systems * (systems - 1) // 2)


def sign_test(differences: np.ndarray) -> float:
    """
    The exact two-sided p-value of a sum of whole numbers, of shape `(rows,)`, if the sign of each is chance.

    Where all are -1, 0 or 1 it is McNemar's exact test.
    """
    lowest, chances = 0, np.ones(1)  # chances of the sums from the lowest
    sizes = np.abs(differences[differences != 0])
    for size, rows in zip(*(some.tolist() for some in np.unique(sizes, return_counts=True)), strict=True):
        positive = np.arange(rows + 1)
        chance = binom.pmf(positive, rows, 0.5)
        kept = chance > SMALLEST**2
        positive, chance = positive[kept], chance[kept]
        steps = np.zeros(2 * size * (len(positive) - 1) + 1)
        steps[:: 2 * size] = chance
        lowest += size * int(2 * positive[0] - rows)
        chances = np.convolve(chances, steps)
    sums = lowest + np.arange(len(chances))
    return float(np.clip(chances[np.abs(sums) >= abs(int(differences.sum()))].sum(), SMALLEST, 1.0))


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
    The two-sided p-value of a difference in a score, by exchanging the answers of two systems on random rows.

    Args:
        first: Answers by seed, of shape `(seeds, rows)` or `(seeds, rows, labels)`. The system with fewer seeds has
            them repeated.
        second: Those of the other system.
        references: The true ones.
        label_names: The labels.
        metric: A name of [`metrics.score_sums`].
        exchanges: How often to draw the rows, where they are too many to try all.
        kind: The problem type.
    """
    seeds = math.lcm(len(first), len(second))
    first, second = (np.concatenate([one] * (seeds // len(one))) for one in (first, second))
    differ = (first != second).reshape(*first.shape[:2], -1).any(axis=(0, 2))
    # rows with the same label and the same answers are of one kind; it matters only how many of each are exchanged
    rows = np.concatenate([references[None], first, second])[:, differ]
    kinds, sizes = (rows, np.ones(rows.shape[1], dtype=int))
    is_exact = rows.shape[1] <= MOST_ENUMERATED
    if not is_exact:
        kinds, sizes = np.unique(rows, axis=1, return_counts=True)
    how: dict[str, Any] = {"labels": len(label_names), "origin": float(references.mean())}
    pairs = []
    for seed in range(seeds):
        before = [make_summands(kind, one[seed], references, **how).sum(axis=0) for one in (first, second)]
        gained, lost = (make_summands(kind, kinds[1 + seed + shift], kinds[0], **how) for shift in (seeds, 0))
        pairs.append((*before, gained - lost))

    def difference(exchanged: np.ndarray) -> np.ndarray:
        """Of how many rows of each kind are exchanged, `(exchanges, kinds)`, how much the two differ."""
        found = np.zeros(len(exchanged))
        for one, other, change in pairs:
            moved = exchanged @ change
            scores = [score_sums(kind, sums, label_names)[metric] for sums in (one + moved, other - moved)]
            found += (scores[0] - scores[1]) / seeds
        return found

    # less what rounding may take away from an exchange that changes nothing
    largest = max(abs(float(score_sums(kind, sums, label_names)[metric])) for pair in pairs for sums in pair[:2])
    observed = abs(difference(np.zeros((1, len(sizes)), dtype=int))[0]) - 1e-9 * largest
    at_once = max(1, CELLS // max(len(sizes), len(pairs[0][0])))
    if is_exact:
        return _try_all_exchanges(difference, len(sizes), observed, at_once)
    return _draw_exchanges(difference, sizes, observed, exchanges, at_once)


def _try_all_exchanges(
    difference: Callable[[np.ndarray], np.ndarray], rows: int, observed: float, at_once: int
) -> float:
    """The share of all exchanges of so many rows after which the difference is at least the observed one."""
    every = (np.arange(2**rows)[:, None] >> np.arange(rows)) & 1
    parts = np.array_split(every, math.ceil(len(every) / at_once))
    return float(np.mean(np.concatenate([np.abs(difference(part)) >= observed for part in parts])))


def _draw_exchanges(
    difference: Callable[[np.ndarray], np.ndarray], sizes: np.ndarray, observed: float, exchanges: int, at_once: int
) -> float:
    """As [`_try_all_exchanges`], of exchanges that are drawn from kinds of rows of these sizes, and of none at all."""
    rng = np.random.default_rng(0)
    larger = 0
    for begin in range(0, exchanges, at_once):
        drawn = rng.binomial(sizes, 0.5, size=(min(at_once, exchanges - begin), len(sizes)))
        larger += int((np.abs(difference(drawn)) >= observed).sum())
    return (larger + 1) / (exchanges + 1)


def correct_by_holm(values: list[float]) -> list[float]:
    """Holm's step-down correction: the smallest p-value times their number, the next times one less, never falling."""
    corrected = [0.0] * len(values)
    highest = 0.0
    for rank, number in enumerate(np.argsort(values, kind="stable")):
        highest = max(highest, min(1.0, (len(values) - rank) * values[number]))
        corrected[number] = highest
    return corrected
