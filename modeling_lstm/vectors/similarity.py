"""Compare two collections of word vectors: on which words they agree, and on which they do not."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..utils.errors import InputError, as_text, require
from .directions import to_directions
from .word_matching import find_whole_words
from .word_sources import WordSource, open_vectors
from .word_vectors import WordVectors

COMPARED = 2_000  # most frequent shared words, on which agreement is measured
NEIGHBORS = 25
BLOCK = 1 << 24  # cosines held in memory at once


@dataclass
class WordComparison:
    """A word's nearest neighbors in both collections, and the share of its [`NEIGHBORS`] nearest that both have."""

    word: str
    first: list[str]
    second: list[str]
    agreement: float


@dataclass
class Comparison:
    """
    What [`compare_vectors`] finds.

    Args:
        shared: Number of words that both have. Neighbors are searched among these.
        compared: How many of them were compared, the first in the order of the first collection. Word vectors usually
            have their most frequent words first, subwords not.
        agreement: Mean share of nearest neighbors that both have, over these words.
        chance: The same share for two unrelated collections.
        words: The words asked for.
        most_different: The words that agree least.
    """

    shared: int
    compared: int
    agreement: float
    chance: float
    words: list[WordComparison]
    most_different: list[WordComparison]


def load_vectors(source: Any) -> WordVectors:
    """
    Load all words of anything that `--embeddings` accepts into memory.

    Raises:
        InputError: there is nothing of that name, or it cannot be read.
    """
    opened = open_vectors(source)
    if isinstance(opened, WordSource):
        return opened.read()
    words = find_whole_words(opened.tokenizer)
    kept = [number for number, word in enumerate(words) if word is not None]
    return WordVectors([str(words[number]) for number in kept], opened.vectors[kept])


def compare_vectors(
    first: WordVectors, second: WordVectors, words: list[str] | None = None, number: int = 5
) -> Comparison:
    """
    Compare the nearest neighbors of words in two collections.

    Args:
        first, second: The collections. Words are compared in the order of the first.
        words: Words to show in any case.
        number: Number of neighbors to show for each word, and of the most different words to show.

    Raises:
        InputError: they share too few words, or one of `words` is not in both.
    """
    shared = [word for word in first.words if word in second]
    require(1 <= number <= NEIGHBORS, f"--number must be from 1 to {NEIGHBORS}, found {number}.")
    least = 2 * NEIGHBORS + 1
    require(
        len(shared) >= least, f"Too few words are in both to be compared: {len(shared)}; at least {least} are needed."
    )
    missing = [word for word in words or [] if word not in first or word not in second]
    if missing:
        raise InputError(f"Not in both collections: {as_text(missing)}.")
    tables = [_directions(vectors, shared) for vectors in (first, second)]
    indices = {word: index for index, word in enumerate(shared)}
    common = np.arange(min(COMPARED, len(shared)))
    near = [find_nearest(table, common, NEIGHBORS) for table in tables]
    agreement = np.array([len(set(a) & set(b)) / NEIGHBORS for a, b in zip(*near, strict=True)])

    def describe(index: int) -> WordComparison:
        one, other = (find_nearest(table, np.array([index]), NEIGHBORS)[0] for table in tables)
        same = len(set(one) & set(other)) / NEIGHBORS
        return WordComparison(
            shared[index], [shared[n] for n in one[:number]], [shared[n] for n in other[:number]], same
        )

    return Comparison(
        shared=len(shared),
        compared=len(common),
        agreement=float(agreement.mean()),
        chance=NEIGHBORS / (len(shared) - 1),
        words=[describe(indices[word]) for word in words or []],
        most_different=[describe(index) for index in np.argsort(agreement, kind="stable")[:number]],
    )


def _directions(vectors: WordVectors, words: list[str]) -> np.ndarray:
    return to_directions(np.stack([vectors.vector(word) for word in words]))  # type: ignore[misc]


def find_nearest(table: np.ndarray, indices: np.ndarray, number: int) -> np.ndarray:
    """
    Find the nearest rows of a table to some of its rows, closest first, without these themselves.

    Args:
        table: Vectors of length 1, `(rows, dimension)`.
        indices: The indices of the rows whose neighbors are asked for, `(asked,)`.
        number: The number of neighbors, less than the number of rows.

    Returns:
        Indices of rows, `(asked, number)`.
    """
    found = []
    size = max(1, BLOCK // len(table))
    for start in range(0, len(indices), size):
        block = indices[start : start + size]
        rows = np.arange(len(block))[:, None]
        cosines = table[block] @ table.T
        cosines[rows[:, 0], block] = -np.inf
        best = np.argpartition(-cosines, number, axis=1)[:, :number]
        found.append(best[rows, np.argsort(-cosines[rows, best], axis=1, kind="stable")])
    return np.concatenate(found)
