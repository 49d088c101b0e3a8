"""Read text for language modeling from one or more sources, and hold out a part of it."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset, DatasetDict, concatenate_datasets

from ..utils.errors import InputError, require
from .arguments import DataArguments, FileArguments, split_subset
from .corpus_arguments import CorpusArguments
from .loading import load_data
from .overlap import fingerprints, is_known
from .sources import locate_source, open_dataset, read_texts

logger = logging.getLogger(__name__)


@dataclass
class Corpus:
    """
    Texts to learn from, and texts that are held out.

    Args:
        splits: Rows with the column `text`: train, validation and perhaps test.
        excluded: How many texts were left out of train because they are held out elsewhere.
    """

    splits: DatasetDict
    excluded: int

    def describe(self) -> dict[str, Any]:
        """Return the number of rows of each split, and of texts left out of train."""
        counts = {name: {"rows": rows.num_rows} for name, rows in self.splits.items()}
        return {"counts": counts, "excluded": self.excluded}


def load_corpus(arguments: CorpusArguments) -> Corpus:
    """
    Read the texts of one or more sources, in the given order.

    Raises:
        InputError: a source cannot be read, or there is too little text.
    """
    _check_repeats(arguments)
    train = _read_all(arguments, arguments.dataset, arguments.split)
    read = {name: _read_held_out(arguments, name) for name in ("validation", "test")}
    splits = {name: rows for name, rows in read.items() if rows is not None}
    excluded = 0
    if arguments.exclude:
        held_out = (rows for source in arguments.exclude for rows in _held_out(source, arguments))
        train, excluded = _leave_out(train, held_out)
    if "validation" not in splits:
        require(train.num_rows >= 2, "There is only one text: name others to hold out with --validation_dataset.")
        numbers = Dataset.from_dict({"row": range(train.num_rows)})
        parts = numbers.train_test_split(test_size=arguments.validation_share, seed=arguments.split_seed)
        train, splits["validation"] = (train.select(np.sort(parts[one]["row"][:])) for one in ("train", "test"))
    if arguments.max_train_samples is not None and arguments.max_train_samples < train.num_rows:
        drawn = np.random.default_rng(arguments.split_seed).permutation(train.num_rows)
        train = train.select(np.sort(drawn[: arguments.max_train_samples]))
    return Corpus(DatasetDict({"train": train, **splits}), excluded)


def load_corpus_split(arguments: CorpusArguments, split: str) -> Corpus:
    """
    Read one split of a corpus, as it was when the language model was trained.

    Raises:
        InputError: there is no such split.
    """
    rows = None if split == "train" else _read_held_out(arguments, split)  # a train split may not be what was learned
    if rows is not None:
        return Corpus(DatasetDict({split: rows}), 0)
    parts = ("train", "validation")
    require(split in parts, f"The text has no {split} split: name another with --split {' or --split '.join(parts)}.")
    found = load_corpus(arguments)
    return Corpus(DatasetDict({split: found.splits[split]}), found.excluded)


def load_other_corpus(arguments: CorpusArguments, split: str) -> Corpus:
    """
    Read one whole split of a text that the language model was not trained on. If the source has only one split, read
    that one.

    Raises:
        InputError: there is no such split.
    """
    (source,) = arguments.dataset
    names = _split_names(source, arguments)
    require(
        split in names or len(names) == 1,
        f"{source!r} has no {split} split, but {', '.join(names)}: name one with --split.",
    )
    own = split if split in names else names[0]
    return Corpus(DatasetDict({split: read_texts(source, own, arguments.columns(), arguments=arguments)}), 0)


def _check_repeats(arguments: CorpusArguments) -> None:
    """Raise if two sources are the same, or have a file in common."""
    known: dict[str | Path, str] = {}
    for source in arguments.dataset if len(arguments.dataset) > 1 else ():
        files = {_source_key(source), *_learned_files(source, arguments)}
        if first := next((known[file] for file in files if file in known), None):
            is_same = _source_key(first) == _source_key(source)
            what = f"{first!r} twice" if is_same else f"{first!r} and {source!r}, which have files in common"
            raise InputError(f"--dataset names {what}: texts would be held out and learned. Name each file once.")
        known |= dict.fromkeys(files, source)


def _learned_files(source: str, arguments: CorpusArguments) -> set[str | Path]:
    return _files(source, _own_split(_split_names(source, arguments), arguments.split), arguments)


def _files(source: str, split: str, arguments: CorpusArguments) -> set[str | Path]:
    """Return the files of a split, whatever they are called, or else the names of the source and the split."""
    found = open_dataset(*split_subset(source), arguments=arguments).get(split)
    return {path.resolve() for path in getattr(found, "files", ())} or {f"{_source_key(source)}:{split}"}


def _leave_out(train: Dataset, held_out: Iterable[Dataset]) -> tuple[Dataset, int]:
    known = is_known(train, fingerprints(*held_out))
    if not known.any():
        return train, 0
    logger.info("Left out %d texts that are held out elsewhere", known.sum())
    require(not known.all(), "--exclude holds out all texts of --dataset: nothing is left to learn from.")
    return train.select(np.flatnonzero(~known)), int(known.sum())


def _read_all(arguments: CorpusArguments, sources: list[str], split: str) -> Dataset:
    parts = []
    for source in sources:
        own = _own_split(_split_names(source, arguments), split)
        parts.append(read_texts(source, own, arguments.columns(), arguments=arguments))
    return concatenate_datasets(parts) if len(parts) > 1 else parts[0]


def _own_split(names: list[str], split: str) -> str:
    """Return the split to read of a source: if it has a single one of another name, that one is used for train."""
    return names[0] if split == "train" and len(names) == 1 else split


def _read_held_out(arguments: CorpusArguments, split: str) -> Dataset | None:
    """Read a split that the sources, or the dataset named for validation, already have; `None` if there is none."""
    if split == "validation" and arguments.validation_dataset is not None:
        source, own = _source_and_split(arguments.validation_dataset, arguments)
        learned = set().union(*(_learned_files(one, arguments) for one in arguments.dataset))
        require(
            not learned & _files(source, own, arguments),
            f"--validation_dataset {source!r} is text to learn from, too: leave it out, and a share of the texts is "
            "held out (--validation_share).",
        )
        return read_texts(source, own, arguments.columns(), arguments=arguments)
    names = {source: _split_names(source, arguments) for source in arguments.dataset}
    sources = [one for one in names if split in names[one] and split != _own_split(names[one], arguments.split)]
    return _read_all(arguments, sources, split) if sources else None


def _source_key(source: str) -> str | Path:
    """Return what two names of one file have in common."""
    return Path(source).resolve() if locate_source(source) == "local" else source


def _split_names(source: str, arguments: FileArguments) -> list[str]:
    return list(open_dataset(*split_subset(source), arguments=arguments))


def _source_and_split(source: str, arguments: CorpusArguments) -> tuple[str, str]:
    """Return a source and the name of its validation split, or else of its only split."""
    names = _split_names(source, arguments)
    require(
        "validation" in names or len(names) == 1,
        f"--validation_dataset {source!r} has no validation split, but {', '.join(names)}: name a file.",
    )
    return source, "validation" if "validation" in names else names[0]


def _held_out(source: str, arguments: CorpusArguments) -> list[Dataset]:
    """
    Return what a dataset holds out: all splits but train and the one to learn from and, if it has no validation split,
    the rows that training would hold out. Another dataset with a single split is held out whole.
    """
    name, subset = split_subset(source)
    names = _split_names(source, arguments)
    is_learned = _source_key(source) in map(_source_key, arguments.dataset)
    has_more = "validation" not in names or arguments.exclude_test_share is not None
    if "train" in names and has_more and (len(names) > 1 or is_learned):
        theirs = DataArguments(
            dataset=name,
            subset=subset,
            text_column=arguments.columns(),
            label_column=arguments.label_column,
            group_column=arguments.group_column,
            problem_type=arguments.problem_type,
            validation_share=arguments.exclude_validation_share,
            test_share=arguments.exclude_test_share,
            split_seed=arguments.split_seed,
            **vars(arguments.of_files()),
        )
        try:
            return [rows for split, rows in load_data(theirs).splits.items() if split != "train"]
        except InputError as error:
            require(len(names) > 1, f"--exclude {source!r} cannot be split as train would split it: {error}")
            logger.warning("No validation split of %s is left out, since no rows can be held out: %s", source, error)
    own = _own_split(names, arguments.split) if is_learned else "train"
    chosen = [one for one in names if one not in ("train", own)] or ([] if is_learned else names)
    require(bool(chosen), f"--exclude {source!r} has no split to leave out: all of it is to be learned.")
    return [read_texts(source, one, arguments.columns(), arguments=arguments) for one in chosen]
