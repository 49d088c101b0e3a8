"""BLEU and chrF by sacrebleu, with intervals and tests of differences."""

import logging
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import numpy as np

from ..utils.errors import require_extra

MAX_DRAWN = 25_000_000  # maximum number of rows drawn in total, as sacrebleu keeps the counts of all in memory
MIN_RESAMPLES = 100
ROUNDING = 1e-9  # tolerance for the rounding of a score


# The first words of Unicode's names of letters in scripts without spaces between words
CHINESE = ("CJK",)
UNSPACED = (*CHINESE, "HIRAGANA", "KATAKANA", "BOPOMOFO", "THAI", "LAO", "KHMER", "MYANMAR", "JAVANESE", "BALINESE")
LOOKED_AT = 1_000  # number of references whose script is looked at


def count_unspaced(texts: Iterable[str], scripts: tuple[str, ...] = UNSPACED) -> int:
    """Count the letters of scripts without spaces between words."""
    return sum(unicodedata.name(one, "").startswith(scripts) for text in texts for one in text if one > "\u0dff")


def choose_tokenizer(references: Iterable[str]) -> str:
    """
    Return sacrebleu's tokenizer for BLEU: the usual `13a`, but `zh` if most letters of the references are Chinese, or
    `char` if most are of another script without spaces. By `13a`, a whole sentence of these would be one word.
    """
    texts = list(islice(references, LOOKED_AT))
    letters = sum(map(str.isalpha, "".join(texts)))
    if 2 * count_unspaced(texts) <= letters:
        return "13a"
    return "zh" if count_unspaced(texts, CHINESE) > 0.9 * letters else "char"


def make_metrics(references: Iterable[str] = ()) -> dict[str, Any]:
    """
    Make the metrics BLEU (Papineni et al., 2002) and chrF (Popović, 2015), from 0 to 100, of sacrebleu (Post, 2018).

    Args:
        references: The reference translations, whose script decides how BLEU splits them into words.

    Raises:
        InputError: sacrebleu is not installed.
    """
    with require_extra("translation", "Scoring translations needs sacrebleu"):
        from sacrebleu.metrics.bleu import BLEU
        from sacrebleu.metrics.chrf import CHRF
    return {"bleu": BLEU(tokenize=choose_tokenizer(references)), "chrf": CHRF()}


def score_translations(
    translations: Sequence[str], references: Sequence[str], like: Sequence[str] | None = None
) -> dict[str, float]:
    """Compute BLEU and chrF over all rows. BLEU splits them into words as it would split `like`, if that is given."""
    metrics = make_metrics(references if like is None else like)
    return {name: _clamp(metric.corpus_score(translations, [references]).score) for name, metric in metrics.items()}


def score_systems(
    systems: dict[str, Sequence[str]], references: Sequence[str], resamples: int = 1000
) -> dict[str, dict[str, dict[str, Any]]]:
    """
    Score systems on the same rows, with bootstrap intervals (Koehn, 2004). All others are compared with the first
    system by approximate randomization (Riezler and Maxwell, 2005), which exchanges their translations at random.

    Args:
        systems: The translations of each system.
        references: The reference translations.
        resamples: Number of bootstrap samples and exchanges; reduced (at most to 100) if there are many rows.

    Returns:
        For each system and metric, `score`; and, if there are at least two rows and not too many for the memory,
        `interval` (95%) and `p` of the difference from the first system.
    """
    metrics = make_metrics(references)
    from sacrebleu.significance import PairedTest

    logging.getLogger("sacrebleu").setLevel(logging.WARNING)  # it logs each step
    rows = len(references)
    number = min(resamples, max(MIN_RESAMPLES, MAX_DRAWN // max(1, rows)))
    if rows < 2 or rows * number > MAX_DRAWN:
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
        first, *others = (_row_statistics(metrics[metric], one, references) for one in systems.values())
        for name, one in zip(systems, results, strict=True):
            interval = [_clamp(one.mean - one.ci), _clamp(one.mean + one.ci)]
            found[name][metric] = {"score": _clamp(one.score), "interval": interval}
        for name, other in zip(list(systems)[1:], others, strict=True):
            found[name][metric]["p"] = _exchange(metrics[metric], first, other, number)
    return found


def _row_statistics(metric: Any, translations: Sequence[str], references: Sequence[str]) -> np.ndarray:
    """Return the counts of each row, `(rows, counts)`, whose sums determine a score."""
    return np.asarray(metric._extract_corpus_statistics(translations, [references]), dtype=np.float64)


def _exchange(metric: Any, first: np.ndarray, second: np.ndarray, number: int) -> float:
    """
    Return the two-sided p-value of a difference: the share of exchanges after which it is at least as large. sacrebleu
    counts only larger ones, and would always call two systems that differ in a single row significantly different.
    """
    random, changes = np.random.default_rng(0), second - first
    ours, theirs = first.sum(axis=0), second.sum(axis=0)

    def difference(moved: np.ndarray) -> float:
        both = (ours + moved, theirs - moved)
        one, other = (metric._compute_score_from_stats(counts.tolist()).score for counts in both)
        return abs(one - other)

    least = difference(np.zeros(changes.shape[1])) - ROUNDING
    drawn = (random.integers(2, size=len(first)) @ changes for _ in range(number))
    return (1 + sum(difference(moved) >= least for moved in drawn)) / (1 + number)


def _clamp(score: float) -> float:
    """Clamp a score to the range from 0 to 100, which rounding errors may exceed."""
    return min(100.0, max(0.0, float(score)))


def signatures(translations: Sequence[str], references: Sequence[str]) -> dict[str, str]:
    """Return sacrebleu's signature of each metric, needed to compare scores with published ones."""
    found = {}
    for name, metric in make_metrics(references).items():
        metric.corpus_score(translations[:1], [references[:1]])  # sets the number of references
        found[name] = metric.get_signature().format()
    return found
