"""Texts of validation and test that are also in train: scores on them tell what was memorized."""

import hashlib
import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from datasets import Dataset

from .tokenization import iterate_texts

logger = logging.getLogger(__name__)


def fingerprints(*splits: Dataset) -> np.ndarray:
    """
    A number for each text, by which it is known again, but for white space; each once, ascending, uint64. Two different
    texts share one by a chance of 1 in 2^64.
    """
    return np.unique(np.concatenate([_numbers(rows) for rows in splits]))


def save_fingerprints(rows: Dataset, path: Path) -> None:
    """Write what [`is_known`] needs to know of the texts."""
    np.save(path, fingerprints(rows))


def is_known(rows: Dataset, known: np.ndarray) -> np.ndarray:
    """Of each text whether it is among those that [`fingerprints`] tells of."""
    return np.isin(_numbers(rows), known)


def count_known(rows: Dataset, known: np.ndarray) -> int:
    """How many texts are among those that [`fingerprints`] tells of."""
    return int(is_known(rows, known).sum())


def count_overlap(splits: Mapping[str, Dataset]) -> dict[str, int]:
    """
    For each split beside train the number of its rows whose text is also in train, but for white space.

    Args:
        splits: Rows with the column `text`.

    Returns:
        Splits with such rows, none if there is no train split; a text that stands twice in a split counts twice.
    """
    if "train" not in splits:
        return {}
    known = fingerprints(splits["train"])
    counts = {name: count_known(rows, known) for name, rows in splits.items() if name != "train"}
    return {name: count for name, count in counts.items() if count}


def report_overlap(splits: Mapping[str, Dataset]) -> dict[str, int]:
    """[`count_overlap`], with a line in the log for each split that it names."""
    found = count_overlap(splits)
    for name, count in found.items():
        logger.warning("%s", describe_overlap(name, count, splits[name].num_rows))
    return found


def describe_overlap(split: str, count: int, rows: int) -> str:
    """What is to be said of a split."""
    return f"{count:,} of the {rows:,} {split} texts {'is' if count == 1 else 'are'} also in train."


def _numbers(rows: Dataset) -> np.ndarray:
    """The number of each text, in their order."""
    texts = (text for batch in iterate_texts(rows) for text in batch)
    cleaned = (" ".join(text.split()).encode("utf-8", "surrogatepass") for text in texts)
    return np.frombuffer(b"".join(hashlib.blake2b(one, digest_size=8).digest() for one in cleaned), dtype="<u8")
