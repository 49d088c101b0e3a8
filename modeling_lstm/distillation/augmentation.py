"""Variants of texts for a teacher to label: masked words, pieces of texts (Tang et al., 2019, section 3)."""

import numpy as np
from datasets import Dataset
from datasets.fingerprint import Hasher

from ..models.tokenization_lstm import SEPARATOR

MASK = "[MASK]"  # what a masked word becomes, for teacher and student alike
MASK_SHARE = 0.1  # p_mask of the paper
PIECE_SHARE = 0.25  # p_ng
LONGEST_PIECE = 5  # words


def make_variants(text: str, number: int, rng: np.random.Generator) -> list[str]:
    """
    Variants of a text: each word is masked with probability 0.1, but not what separates two texts, and with probability
    0.25 only a piece of one to five words is kept. Those that are as the text are left out, and those that occur twice.

    Args:
        text: Words with blanks between.
        number: How many to try.
        rng: Where chance comes from.
    """
    words = np.array(text.split(), dtype=object)
    found: dict[str, None] = {}
    if len(words) == 0:
        return []
    for _ in range(number):
        variant = np.where((rng.random(len(words)) < MASK_SHARE) & (words != SEPARATOR), MASK, words)
        if rng.random() < PIECE_SHARE:
            length = int(rng.integers(1, min(LONGEST_PIECE, len(words)) + 1))
            begin = int(rng.integers(0, len(words) - length + 1))
            variant = variant[begin : begin + length]
        found[" ".join(variant)] = None
    return [variant for variant in found if variant != " ".join(words)]


def augment(rows: Dataset, number: int, seed: int) -> Dataset:
    """The variants of all texts, in the column `text`; the same for the same texts, number and seed."""

    def vary(batch: dict[str, list[str]], numbers: list[int]) -> dict[str, list[str]]:
        made = [
            variant
            for text, at in zip(batch["text"], numbers, strict=True)
            for variant in make_variants(text, number, np.random.default_rng((seed, at)))
        ]
        return {"text": made}

    rows = rows.select_columns("text")
    fingerprint = Hasher.hash((rows._fingerprint, "augmented", number, seed, MASK_SHARE, PIECE_SHARE, LONGEST_PIECE))
    return rows.map(vary, batched=True, with_indices=True, new_fingerprint=fingerprint, desc="Making variants of texts")
