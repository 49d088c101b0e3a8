"""BLEU and chrF by sacrebleu, with intervals and the test of a difference by bootstrap."""

import logging
from collections.abc import Sequence
from typing import Any

from ..utils.errors import InputError

MOST_DRAWN = 25_000_000  # rows that are drawn in all: sacrebleu holds the counts of all of them in memory
FEWEST_RESAMPLES = 100
SAME = 1e-9  # a difference that is none


def make_metrics() -> dict[str, Any]:
    """
    BLEU (Papineni et al., 2002) and chrF (Popović, 2015) as sacrebleu computes them (Post, 2018), from 0 to 100.

    Raises:
        InputError: sacrebleu is not installed.
    """
    try:
        from sacrebleu.metrics.bleu import BLEU
        from sacrebleu.metrics.chrf import CHRF
    except ImportError as error:
        raise InputError("Translations are scored by sacrebleu: pip install 'modeling-lstm[translation]'.") from error
    return {"bleu": BLEU(), "chrf": CHRF()}


def score_translations(translations: Sequence[str], references: Sequence[str]) -> dict[str, float]:
    """BLEU and chrF of all rows."""
    metrics = make_metrics()
    return {name: _bounded(metric.corpus_score(translations, [references]).score) for name, metric in metrics.items()}


def score_systems(
    systems: dict[str, Sequence[str]], references: Sequence[str], resamples: int = 1000
) -> dict[str, dict[str, dict[str, Any]]]:
    """
    Scores of systems on the same rows; each but the first is compared with the first, by paired bootstrap (Koehn,
    2004).

    Args:
        systems: The translations of each.
        references: What they should be.
        resamples: Draws of the rows with replacement; fewer are made of more than 25,000 rows.

    Returns:
        For each system and metric `score`, `interval` (95 %, if there are two rows or more and not too many for the
        memory), and `p` of the difference from the first one.
    """
    from sacrebleu.significance import PairedTest

    logging.getLogger("sacrebleu").setLevel(logging.WARNING)  # it tells each step
    rows = len(references)
    number = min(resamples, max(FEWEST_RESAMPLES, MOST_DRAWN // max(1, rows)))
    metrics = make_metrics()
    if rows < 2 or rows * number > MOST_DRAWN:
        return {
            name: {metric: {"score": score} for metric, score in score_translations(one, references).items()}
            for name, one in systems.items()
        }
    test = PairedTest(list(systems.items()), metrics, [references], test_type="bs", n_samples=number)
    columns: dict[str, Any] = dict(
        zip(metrics, [found for name, found in test()[1].items() if name != "System"], strict=True)
    )
    found: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in systems}
    for metric, results in columns.items():
        for name, one in zip(systems, results, strict=True):
            interval = [_bounded(one.mean - one.ci), _bounded(one.mean + one.ci)]
            found[name][metric] = {"score": _bounded(one.score), "interval": interval}
            if one.p_value is not None:
                # sacrebleu's test takes no difference for a sure one
                is_same = abs(one.score - results[0].score) < SAME
                found[name][metric]["p"] = 1.0 if is_same else float(one.p_value)
    return found


def _bounded(score: float) -> float:
    """A score from 0 to 100, which rounding may leave."""
    return min(100.0, max(0.0, float(score)))


def signatures(translations: Sequence[str], references: Sequence[str]) -> dict[str, str]:
    """How sacrebleu computed each score, in its own words: needed to compare with other people's."""
    found = {}
    for name, metric in make_metrics().items():
        metric.corpus_score(translations[:1], [references[:1]])  # the number of references is known then
        found[name] = metric.get_signature().format()
    return found
