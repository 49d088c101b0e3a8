"""Find texts that occur twice: in a held-out split and in train (memorized), or in train with different labels."""

import hashlib
import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from datasets import ClassLabel, Dataset

from ..models.tokenization_lstm import JOINT
from ..utils.errors import InputError
from .tokenization import iterate_texts

logger = logging.getLogger(__name__)


def fingerprints(*splits: Dataset) -> np.ndarray:
    """
    Return fingerprints of the texts, ignoring differences in white space: unique, ascending, uint64. Two different
    texts share one with a probability of 1 in 2^64.
    """
    return np.unique(np.concatenate([_numbers(rows) for rows in splits]))


def save_fingerprints(rows: Dataset, path: Path) -> None:
    """Save the [`fingerprints`] of the texts for [`is_known`]."""
    np.save(path, fingerprints(rows))


def load_fingerprints(path: Path) -> np.ndarray | None:
    """
    Load what [`save_fingerprints`] saved, but not the fingerprint of the empty text, which nobody memorizes; `None` if
    there is no such file.

    Raises:
        InputError: the file is damaged.
    """
    try:
        if not path.is_file():
            return None
        return np.setdiff1d(np.load(path, allow_pickle=False), fingerprints(Dataset.from_dict({"text": [""]})))
    except (ValueError, OSError, EOFError) as error:
        raise InputError(
            f"{str(path)!r} is damaged: {error}. It lists the texts that the language model was trained on: copy it "
            "again from where the model was made."
        ) from error


def is_known(rows: Dataset, known: np.ndarray) -> np.ndarray:
    """Return for each text whether its fingerprint is among those in `known`."""
    return np.isin(_numbers(rows), known)


def count_known(rows: Dataset, known: np.ndarray) -> int:
    """Count the texts whose fingerprint is among those in `known`."""
    return int(is_known(rows, known).sum())


def count_read(rows: Dataset, known: np.ndarray) -> int:
    """Count the rows of which [`count_known`] knows the text or, if it is several joined ones, any of these."""
    found = is_known(rows, known)
    parts = [
        (number, part)
        for number, text in enumerate(rows["text"][:])
        if JOINT in text
        for part in text.split(JOINT)
        if part.strip()
    ]
    if parts:
        numbers, texts = zip(*parts, strict=True)
        found[np.array(numbers)[is_known(Dataset.from_dict({"text": texts}), known)]] = True
    return int(found.sum())


def count_overlap(splits: Mapping[str, Dataset]) -> dict[str, int]:
    """
    Count, for each split besides train, the rows whose text is also in train, ignoring white space.

    Args:
        splits: Rows with the column `text`.

    Returns:
        The number of such rows, for splits that have any. A text that occurs twice in a split counts twice. Without a
        train split, the result is empty.
    """
    return _count_overlap(splits, fingerprints(splits["train"])) if "train" in splits else {}


def report_overlap(splits: Mapping[str, Dataset]) -> dict[str, int]:
    """Return [`count_overlap`]. Log a warning for each split in it, and for training texts with different labels."""
    train = splits["train"]
    numbers = _numbers(train)
    found = _count_overlap(splits, np.unique(numbers))
    for name, count in found.items():
        logger.warning("%s", describe_overlap(name, count, splits[name].num_rows))
    has_single_labels = isinstance(train.features.get("label"), ClassLabel)
    if has_single_labels and (indices := _find_contradictions(numbers, np.asarray(train["label"][:]))):
        which = f"{len(indices):,} training text{' has' if len(indices) == 1 else 's have'}"
        text = train[indices[0]]["text"][:60]
        logger.warning("%s different labels in different rows; the first is %r.", which, text)
    return found


def describe_overlap(split: str, count: int, rows: int) -> str:
    """Describe the overlap of a split with train in one sentence."""
    return f"{count:,} of the {rows:,} {split} texts {'is' if count == 1 else 'are'} also in train."


def _count_overlap(splits: Mapping[str, Dataset], known: np.ndarray) -> dict[str, int]:
    counts = {name: count_known(rows, known) for name, rows in splits.items() if name != "train"}
    return {name: count for name, count in counts.items() if count}


def _find_contradictions(numbers: np.ndarray, labels: np.ndarray) -> list[int]:
    """Return the first row of each text that has different labels in different rows."""
    order = np.argsort(numbers, kind="stable")
    begins = np.flatnonzero(np.diff(numbers[order], prepend=~numbers[order[:1]]))
    if len(begins) == len(order):
        return []  # each text occurs once
    lowest, highest = (extreme.reduceat(labels[order], begins) for extreme in (np.minimum, np.maximum))
    return sorted(order[begins[lowest < highest]].tolist())


def _numbers(rows: Dataset) -> np.ndarray:
    """Return the fingerprint of each text, in order."""
    texts = (text for batch in iterate_texts(rows) for text in batch)
    cleaned = (" ".join(text.split()).encode("utf-8", "surrogatepass") for text in texts)
    return np.frombuffer(b"".join(hashlib.blake2b(one, digest_size=8).digest() for one in cleaned), dtype="<u8")
