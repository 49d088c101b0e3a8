"""Variants of texts for a teacher to label: masked and replaced words, and pieces of texts."""

import re
from collections.abc import Mapping

import numpy as np
from datasets import Dataset
from datasets.fingerprint import Hasher
from transformers import PreTrainedTokenizerBase

from ..models.tokenization_lstm import JOINT, MASK, SEPARATOR

MASK_SHARE = 0.1  # p_mask of Tang et al. (2019)
PIECE_SHARE = 0.25  # p_ng
MAX_PIECE_LENGTH = 5  # words
_WORD = re.compile(r"(\W*)(\w+)(\W*)")

Neighbors = Mapping[str, list[str]]
"""For each word, the words that may replace it."""


def mask_of(tokenizer: PreTrainedTokenizerBase) -> str:
    """Return what a masked word is for a model with this tokenizer: its mask token or, without one, an unknown word."""
    return tokenizer.mask_token or tokenizer.unk_token or ""


def make_variants(
    text: str, number: int, rng: np.random.Generator, neighbors: Neighbors | None = None, replaced: float = 0.0
) -> list[str]:
    """
    Return variants of a text. Each word is masked with probability 0.1, except the separator of two texts. With
    probability 0.25, only a piece of one to five words is kept, of each of the two texts (Tang et al., 2019, section
    3). Duplicates, and variants equal to the text, are left out.

    Args:
        text: Words separated by spaces, or several such texts joined by `" [SEP] "`, of which some may be empty.
        number: How many variants to try.
        rng: The random number generator.
        neighbors: For each word, the words that may replace it; a word that is missing is looked up in lower case.
        replaced: Probability that a word is replaced (Jiao et al., 2020, algorithm 1).
    """
    texts = [one.split() for one in text.split(JOINT)]
    words = np.array([word for one in texts for word in (SEPARATOR, *one)][1:], dtype=object)
    joints = np.cumsum([len(one) + 1 for one in texts])[:-1] - 1
    found: dict[str, None] = {}
    if len(words) == 0:
        return []
    for _ in range(number):
        draws = rng.random(len(words))
        variant = np.where((draws < MASK_SHARE) & (words != SEPARATOR), MASK, words)
        if neighbors:
            for position in np.flatnonzero((draws >= MASK_SHARE) & (draws < MASK_SHARE + replaced)):
                variant[position] = _replace(words[position], neighbors, rng)
        parts = np.split(variant, joints)
        if rng.random() < PIECE_SHARE:
            parts = [_piece(part, rng) for part in parts]
        found[JOINT.join(" ".join(part[place > 0 :]) for place, part in enumerate(parts))] = None
    return [variant for variant in found if variant != JOINT.join(map(" ".join, texts))]


def _piece(words: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return some consecutive words, after the separator if that is the first word."""
    first = int(len(words) > 0 and words[0] == SEPARATOR)
    if len(words) == first:
        return words
    length = int(rng.integers(1, min(MAX_PIECE_LENGTH, len(words) - first) + 1))
    begin = int(rng.integers(first, len(words) - length + 1))
    return np.concatenate([words[:first], words[begin : begin + length]])


def split_word(word: str) -> tuple[str, str, str]:
    """Split a word into punctuation before it, the word, and punctuation after it. Without a word, all is before it."""
    found = _WORD.fullmatch(word)
    return (found[1], found[2], found[3]) if found else (word, "", "")


def _replace(word: str, neighbors: Neighbors, rng: np.random.Generator) -> str:
    """Return one of a word's neighbors with the word's punctuation, or the word if it has no neighbors."""
    before, core, after = split_word(word)
    choices = neighbors.get(core) or neighbors.get(core.lower())
    if word == SEPARATOR or not choices:
        return word
    return before + choices[rng.integers(len(choices))] + after


def augment(
    rows: Dataset, number: int, seed: int, neighbors: Neighbors | None = None, replaced: float = 0.0
) -> Dataset:
    """Return the variants of all texts by [`make_variants`] in a column `text`. Equal arguments give equal variants."""

    def vary(batch: dict[str, list[str]], numbers: list[int]) -> dict[str, list[str]]:
        made = [
            variant
            for text, at in zip(batch["text"], numbers, strict=True)
            for variant in make_variants(text, number, np.random.default_rng((seed, at)), neighbors, replaced)
        ]
        return {"text": made}

    rows = rows.select_columns("text")
    settings = (number, seed, MASK_SHARE, PIECE_SHARE, MAX_PIECE_LENGTH, *((replaced, neighbors) if neighbors else ()))
    fingerprint = Hasher.hash((rows._fingerprint, "augmented, also empty sides", *settings))
    return rows.map(vary, batched=True, with_indices=True, new_fingerprint=fingerprint, desc="Making variants of texts")
