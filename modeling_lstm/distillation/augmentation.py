"""Variants of texts for a teacher to label: masked and replaced words, and pieces of texts."""

import re
from collections.abc import Mapping

import numpy as np
from datasets import Dataset
from datasets.fingerprint import Hasher

from ..models.tokenization_lstm import SEPARATOR

MASK = "[MASK]"  # what a masked word becomes, for teacher and student alike
MASK_SHARE = 0.1  # p_mask of Tang et al. (2019)
PIECE_SHARE = 0.25  # p_ng
LONGEST_PIECE = 5  # words
_WORD = re.compile(r"(\W*)(\w+)(\W*)")


Neighbors = Mapping[str, list[str]]
"""For a word those that may take its place."""


def make_variants(
    text: str, number: int, rng: np.random.Generator, neighbors: Neighbors | None = None, replaced: float = 0.0
) -> list[str]:
    """
    Variants of a text: each word is masked with probability 0.1, but not what separates two texts, and with probability
    0.25 only a piece of one to five words is kept, of each of the two (Tang et al., 2019, section 3). Those that are as
    the text are left out, and those that occur twice.

    Args:
        text: Words with blanks between.
        number: How many to try.
        rng: Where chance comes from.
        neighbors: For a word those that may take its place; for its lower-case form where it is not there itself.
        replaced: With which probability one of them does (Jiao et al., 2020, algorithm 1).
    """
    words = np.array(text.split(), dtype=object)
    found: dict[str, None] = {}
    if len(words) == 0:
        return []
    for _ in range(number):
        draws = rng.random(len(words))
        variant = np.where((draws < MASK_SHARE) & (words != SEPARATOR), MASK, words)
        if neighbors:
            for place in np.flatnonzero((draws >= MASK_SHARE) & (draws < MASK_SHARE + replaced)):
                variant[place] = _replace(words[place], neighbors, rng)
        if rng.random() < PIECE_SHARE:
            parts = np.split(variant, np.flatnonzero(words == SEPARATOR))
            variant = np.concatenate([_piece(part, rng) for part in parts])
        found[" ".join(variant)] = None
    return [variant for variant in found if variant != " ".join(words)]


def _piece(words: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Some words that follow on each other, behind the separator where the first one is that."""
    first = int(len(words) > 0 and words[0] == SEPARATOR)
    if len(words) == first:
        return words
    length = int(rng.integers(1, min(LONGEST_PIECE, len(words) - first) + 1))
    begin = int(rng.integers(first, len(words) - length + 1))
    return np.concatenate([words[:first], words[begin : begin + length]])


def split_word(word: str) -> tuple[str, str, str]:
    """A word and the punctuation before and after it; what is no word is all punctuation."""
    found = _WORD.fullmatch(word)
    return (found[1], found[2], found[3]) if found else (word, "", "")


def _replace(word: str, neighbors: Neighbors, rng: np.random.Generator) -> str:
    """One of a word's neighbors with the punctuation around it, or the word where it has none."""
    before, core, after = split_word(word)
    choices = neighbors.get(core) or neighbors.get(core.lower())
    if word == SEPARATOR or not choices:
        return word
    return before + choices[rng.integers(len(choices))] + after


def augment(
    rows: Dataset, number: int, seed: int, neighbors: Neighbors | None = None, replaced: float = 0.0
) -> Dataset:
    """The variants of all texts, in the column `text`, by [`make_variants`]; with the same arguments the same."""

    def vary(batch: dict[str, list[str]], numbers: list[int]) -> dict[str, list[str]]:
        made = [
            variant
            for text, at in zip(batch["text"], numbers, strict=True)
            for variant in make_variants(text, number, np.random.default_rng((seed, at)), neighbors, replaced)
        ]
        return {"text": made}

    rows = rows.select_columns("text")
    settings = (number, seed, MASK_SHARE, PIECE_SHARE, LONGEST_PIECE, *((replaced, neighbors) if neighbors else ()))
    fingerprint = Hasher.hash((rows._fingerprint, "augmented, also pairs", *settings))
    return rows.map(vary, batched=True, with_indices=True, new_fingerprint=fingerprint, desc="Making variants of texts")
