"""The transfer text: texts for a teacher to label besides the training texts, without held-out texts."""

import hashlib
import logging
import re
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from typing import Any

import numpy as np
from datasets import Dataset, Features, Value, concatenate_datasets
from datasets.fingerprint import Hasher

from ..data.formats.table import ROWS_AT_ONCE
from ..data.loading import TextData
from ..data.sources import read_texts
from ..data.tokenization import iterate_texts
from ..models.text_classifier import JOINT
from ..utils.errors import as_text, require, require_extra
from .arguments import DistillationArguments
from .augmentation import Neighbors, augment

logger = logging.getLogger(__name__)

VARIANTS = 10  # of each training text, if there is no unlabeled text
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
# Characters in which two texts may differ and still say the same; not those that make up smileys
_SILENT = re.compile(r"[\s\"'`´‘’‚“”„«».,!?…\u200b\ufeff]+")
_FORBIDDEN = ("validation", "test")


def collect_transfer_text(
    data: TextData,
    arguments: DistillationArguments,
    seed: int,
    find_neighbors: Callable[[Dataset], Neighbors] | None = None,
) -> tuple[Dataset, int, dict[str, int]]:
    """
    Collect unlabeled texts in the column `text`: those of `--unlabeled`, and variants of them and the training texts.

    Texts that say the same as another, or as a text of any split, are left out. Two texts say the same if they differ
    only in case, whitespace, quotation marks, commas, periods, exclamation and question marks, so a sentence and its
    tokenized form count as one. If text is split into sentences, a text that says the same as one of validation or test
    is left out as a whole, and so is a sentence that says the same as one of theirs.

    Args:
        data: The task.
        arguments: Where texts come from.
        seed: Seed of random draws.
        find_neighbors: Returns the words that may replace words of texts in variants; without it, none are replaced.

    Returns:
        The texts; how many of them, counted from the first, are original texts; and the numbers of texts found
        (`unlabeled`, `augmented`), of those left out because they are in `validation`, in `test`, in `train` or came
        before (`duplicates`, including empty ones), and of those `kept`.

    Raises:
        InputError: a source cannot be read, or sentencex is not installed.
    """
    counts = {"unlabeled": 0, "duplicates": 0} | {name: 0 for name in (*_FORBIDDEN, "train") if name in data.splits}
    train = data.splits["train"].select_columns("text")
    rows, known = _read_unlabeled(data, arguments, counts)
    known["train"] = _keys(train)
    most = arguments.transfer_rows
    rows = _draw(_distinct(rows, known, counts), most, seed)
    natural = rows.num_rows
    number = arguments.augmentations
    if number is None:
        number = 0 if arguments.unlabeled else VARIANTS
    if number and natural != most:
        found = _join([train, rows])
        neighbors = find_neighbors(found) if find_neighbors and arguments.replaced_words else None
        made = augment(found, number, seed, neighbors, arguments.replaced_words)
        counts["augmented"] = made.num_rows
        made = _distinct(made, known | {"duplicates": _keys(rows)}, counts)
        rows = _join([rows, _draw(made, None if most is None else most - natural, seed)])
    counts["kept"] = rows.num_rows
    tell = logger.info if rows.num_rows else logger.warning
    tell("Unlabeled texts: %s", ", ".join(f"{count:,} {name}" for name, count in counts.items()))
    return rows, natural, counts


def _read_unlabeled(
    data: TextData, arguments: DistillationArguments, counts: dict[str, int]
) -> tuple[Dataset, dict[str, np.ndarray]]:
    """Return the texts of `--unlabeled`, or their sentences, and keys of validation and test. Count those left out."""
    known = {name: _keys(data.splits[name]) for name in _FORBIDDEN if name in data.splits}
    parts = [data.splits["train"].select([])]
    for source in arguments.unlabeled:
        rows = read_texts(
            source,
            arguments.unlabeled_split,
            arguments.unlabeled_column,
            flags=("unlabeled_split", "unlabeled_column"),
            arguments=data.files,
        )
        if data.has_pairs and arguments.teachers:
            _check_pairs(rows, source, data, arguments)
        if arguments.sentences:
            rows = _sentences(_without(rows, known, counts), arguments.language)
        parts.append(rows)
        counts["unlabeled"] += rows.num_rows
    if arguments.sentences:
        for name in known:
            cut = _sentences(data.splits[name].select_columns("text"), arguments.language)
            known[name] = np.union1d(known[name], _keys(cut))
    return _join(parts), known


def _check_pairs(rows: Dataset, source: str, data: TextData, arguments: DistillationArguments) -> None:
    """Raise if unlabeled texts are no pairs like those of the task."""
    columns = as_text(data.text_column)
    require(
        not arguments.sentences,
        f"--sentences cannot be used with several text columns ({columns}), which are read together: leave it out.",
    )
    least = len(data.text_column) - 1
    for batch in rows.iter(ROWS_AT_ONCE):
        alone = next((text for text in batch["text"] if text.count(JOINT) < least), None)
        require(
            alone is None,
            f"The task reads the texts of {columns} together; {str(alone)[:80]!r} of {source!r} is alone: name as many "
            f"columns with --unlabeled_column, or put {JOINT.strip()} between the texts.",
        )


def collect_with_train(data: TextData, arguments: DistillationArguments, seed: int) -> Dataset:
    """Return the training texts and those of `--unlabeled`, without held-out texts, in the column `text`."""
    rows, _, _ = collect_transfer_text(data, replace(arguments, augmentations=0), seed)
    return _join([data.splits["train"], rows])


def _draw(rows: Dataset, number: int | None, seed: int) -> Dataset:
    """Draw `number` of the rows, in their order, if there are more."""
    if number is None or rows.num_rows <= number:
        return rows
    return rows.select(np.sort(np.random.default_rng(seed).choice(rows.num_rows, number, replace=False)))


def _join(parts: list[Dataset]) -> Dataset:
    """Concatenate the texts of all parts."""
    features = Features({"text": Value("string")})
    return concatenate_datasets([part.select_columns("text").cast(features) for part in parts])


def _distinct(rows: Dataset, known: dict[str, np.ndarray], counts: dict[str, int]) -> Dataset:
    """Return the texts without duplicates, empty texts and known texts. Count those left out."""
    keys = _keys(rows)
    kept = np.zeros(len(keys), dtype=bool)
    kept[np.unique(keys, return_index=True)[1]] = True
    kept &= keys != _EMPTY
    counts["duplicates"] += int((~kept).sum())
    _leave_out(known, keys, kept, counts)
    return rows.select(np.flatnonzero(kept))


def _without(rows: Dataset, known: dict[str, np.ndarray], counts: dict[str, int]) -> Dataset:
    """Return the texts that are in none of the known splits. Count the others."""
    keys = _keys(rows)
    kept = np.ones(len(keys), dtype=bool)
    _leave_out(known, keys, kept, counts)
    return rows.select(np.flatnonzero(kept))


def _leave_out(known: dict[str, np.ndarray], keys: np.ndarray, kept: np.ndarray, counts: dict[str, int]) -> None:
    """Mark texts of the known splits as not kept, and count them."""
    for name, forbidden in known.items():
        is_known = kept & np.isin(keys, forbidden)
        counts[name] += int(is_known.sum())
        kept &= ~is_known


def _sentences(rows: Dataset, language: str) -> Dataset:
    """Split texts into sentences, one a row. Line break tags end a sentence."""
    with require_extra("distill", "sentencex, which splits text into sentences, is not installed"):
        import sentencex
    is_code = re.fullmatch(r"[a-z]{2,3}(-[a-zA-Z]+)?", language) is not None
    require(is_code, f"--language must be a code such as en or pt-BR, found {language!r}.")

    def cut(batch: dict[str, list[Any]]) -> dict[str, list[str]]:
        texts = (_BREAK.sub("\n", text) for text in batch["text"])
        found = (line.strip() for text in texts for line in sentencex.segment(language, text))
        return {"text": [sentence for sentence in found if sentence]}

    fingerprint = Hasher.hash((rows._fingerprint, "sentences", language, version("sentencex")))
    return rows.map(cut, batched=True, new_fingerprint=fingerprint, desc="Splitting sentences")


def _keys(rows: Dataset) -> np.ndarray:
    """Return a number for each text, the same for texts that say the same."""
    return np.fromiter((_key(text) for texts in iterate_texts(rows) for text in texts), np.uint64, rows.num_rows)


def _key(text: str) -> int:
    folded = unicodedata.normalize("NFKC", text).casefold()
    said = _SILENT.sub("", folded) or "".join(folded.split())  # "!!!" alone is not an empty text
    return int.from_bytes(hashlib.blake2b(said.encode("utf-8"), digest_size=8).digest())


_EMPTY = np.uint64(_key(""))
