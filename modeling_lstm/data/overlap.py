"""Texts of validation and test that are also in train: scores on them tell what was memorized."""

import logging
from collections.abc import Iterator, Mapping

from datasets import Dataset

logger = logging.getLogger(__name__)

BATCH = 10_000


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
    known = set(_keys(splits["train"]))
    counts = {name: sum(key in known for key in _keys(rows)) for name, rows in splits.items() if name != "train"}
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


def _keys(rows: Dataset) -> Iterator[int]:
    """A number for each text: two texts share it if they are the same, otherwise by a chance of 1 in 2^64."""
    for batch in rows.select_columns("text").iter(BATCH):
        for text in batch["text"]:
            yield hash(" ".join(text.split()))
