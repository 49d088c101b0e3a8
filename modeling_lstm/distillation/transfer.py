"""The transfer text: what a teacher is asked about beside the training texts, without what must not be learned."""

import hashlib
import re
from typing import Any

import numpy as np
from datasets import Dataset, concatenate_datasets
from datasets.fingerprint import Hasher

from ..data import TextData
from ..errors import InputError, listed, require
from ..preprocessing import texts_of
from ..sources import guess_text_column, read_source, split_subset, string_columns
from .arguments import DistillationArguments
from .augmentation import augmented

VARIANTS = 10  # of each training text where there is no text without labels
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)


def transfer_text(data: TextData, arguments: DistillationArguments, seed: int) -> tuple[Dataset, int, dict[str, int]]:
    """
    The texts without labels, in the column `text`: those of `--unlabeled`, and variants of the training texts.

    Texts that say the same as another, or as a text of any split, are left out. Two texts say the same if they differ
    only in upper case, blanks and punctuation: then a sentence and its tokenized form count as one.

    Args:
        data: The task.
        arguments: Where texts come from.
        seed: Seed of what is drawn.

    Returns:
        The texts, how many of them are texts as they were found (the first ones), and the numbers of texts found
        (`unlabeled`, `augmented`), of those left out because they are in `validation`, in `test`, in `train` or came
        before (`duplicates`), and of those `kept`.

    Raises:
        InputError: a source cannot be read, or sentencex is not installed.
    """
    number = arguments.augmentations
    if number is None:
        number = 0 if arguments.unlabeled else VARIANTS
    parts = [_unlabeled(source, arguments) for source in arguments.unlabeled]
    counts = {"unlabeled": sum(part.num_rows for part in parts)}
    if number:
        parts.append(augmented(data.splits["train"], number, seed))
        counts["augmented"] = parts[-1].num_rows
    if not parts:
        return data.splits["train"].select_columns("text").select([]), 0, counts | {"kept": 0}
    rows = concatenate_datasets(parts)
    keys = _keys(rows)
    first = np.zeros(len(keys), dtype=bool)
    first[np.unique(keys, return_index=True)[1]] = True
    kept = first & (keys != _EMPTY)
    counts["duplicates"] = int((~kept).sum())
    for split in ("validation", "test", "train"):
        if split in data.splits:
            known = np.isin(keys, _keys(data.splits[split]))
            counts[split] = int((known & kept).sum())
            kept &= ~known
    chosen = np.flatnonzero(kept)
    if arguments.transfer_rows is not None and len(chosen) > arguments.transfer_rows:
        drawn = np.random.default_rng(seed).choice(len(chosen), arguments.transfer_rows, replace=False)
        chosen = chosen[np.sort(drawn)]
    return rows.select(chosen), int((chosen < counts["unlabeled"]).sum()), counts | {"kept": len(chosen)}


def _unlabeled(source: str, arguments: DistillationArguments) -> Dataset:
    splits = read_source(*split_subset(source))
    split = arguments.unlabeled_split
    require(
        split in splits, f"{source!r} has no split {split!r}; it has {listed(splits)}: name one with --unlabeled_split."
    )
    rows = splits[split]
    strings = string_columns(rows)
    column = arguments.unlabeled_column or guess_text_column(strings, rows.column_names)
    require(
        column in strings,
        f"{source!r} has no column {column!r} with texts; those with texts are {listed(strings)}: name one with "
        "--unlabeled_column.",
    )
    rows = rows.select_columns(column)
    rows = rows if column == "text" else rows.rename_column(column, "text")
    if arguments.sentences:
        return _sentences(rows, arguments.language)
    return rows.filter(lambda texts: [text is not None for text in texts], input_columns="text", batched=True)


def _sentences(rows: Dataset, language: str) -> Dataset:
    """A row for each sentence; tags of line breaks end one."""
    try:
        import sentencex
    except ImportError as error:
        raise InputError(
            "sentencex, which cuts sentences, is not installed: pip install 'modeling-lstm[distill]'"
        ) from error

    def cut(batch: dict[str, list[Any]]) -> dict[str, list[str]]:
        texts = (_BREAK.sub("\n", text) for text in batch["text"] if text is not None)
        found = (line.strip() for text in texts for line in sentencex.segment(language, text))
        return {"text": [sentence for sentence in found if sentence]}

    fingerprint = Hasher.hash((rows._fingerprint, "sentences", language, _version()))
    return rows.map(cut, batched=True, new_fingerprint=fingerprint, desc="Cutting sentences")


def _version() -> str:
    from importlib.metadata import version

    return version("sentencex")


def _keys(rows: Dataset) -> np.ndarray:
    """What the texts say, as numbers: two texts have the same if they have the same letters and digits."""
    return np.fromiter((_key(text) for texts in texts_of(rows) for text in texts), np.uint64, rows.num_rows)


def _key(text: str) -> int:
    said = re.sub(r"[\W_]+", "", text.casefold()) or "".join(text.split())  # signs alone are told apart by the signs
    return int.from_bytes(hashlib.blake2b(said.encode("utf-8"), digest_size=8).digest())


_EMPTY = np.uint64(_key(""))
