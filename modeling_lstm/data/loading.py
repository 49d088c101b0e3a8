"""Load a dataset from the Hub, from files or built in, as checked splits with the columns `text` and `label`."""

import itertools
import logging
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from datasets import Dataset, DatasetDict, Features, Value

from ..models.text_classifier import JOINT
from ..utils.errors import InputError, as_text, require
from .arguments import DataArguments, FileArguments, ProblemType, SourceArguments, SplitArguments, split_subset
from .columns import guess_label_column, guess_text_column
from .formats.table import ROWS_AT_ONCE, normalize_name
from .held_out import draw_rows, number_groups, single_labels, split_off
from .labels.known_readers import make_label_reader
from .labels.label_reader import LabelReader
from .labels.names import is_missing
from .sources import explain_read_failures, locate_source, open_dataset
from .splits import FileSplit, Split

logger = logging.getLogger(__name__)


@dataclass
class TextData:
    """Checked splits with the columns `text` (string) and `label`, what the labels mean, and how files were read."""

    splits: DatasetDict
    label_names: list[str]
    problem_type: ProblemType
    text_column: list[str]
    label_column: list[str]
    files: FileArguments = field(default_factory=FileArguments)

    def describe(self) -> dict[str, Any]:
        """
        Return what `run.json` records about the data besides the settings: columns, rows, and the separator between
        texts.
        """
        found: dict[str, Any] = {"text_column": self.text_column, "label_column": self.label_column}
        return found | {"counts": self.counts()} | ({"separator": JOINT} if self.has_pairs else {})

    @property
    def has_pairs(self) -> bool:
        """Whether each text is made of several columns."""
        return len(self.text_column) > 1

    def counts(self) -> dict[str, dict[str, int]]:
        """Count the rows of each split, in total and, for single labels, for each label."""
        counts = {}
        for split, rows in self.splits.items():
            counts[split] = {"rows": rows.num_rows}
            if self.problem_type == "single_label_classification":
                per_label = np.bincount(np.asarray(rows["label"][:]), minlength=len(self.label_names))
                labels = dict(zip(self.label_names, per_label.tolist(), strict=True))
                counts[split] |= labels | counts[split]  # a label may be named "rows", too
        return counts


def load_data(
    arguments: DataArguments,
    only: str | None = None,
    label_names: list[str] | None = None,
    *,
    is_other: bool = False,
    separator: str = JOINT,
) -> TextData:
    """
    Read the splits train, validation and (if there is one) test, check them, and convert them to one form.

    Args:
        arguments: What to read.
        only: Read just this split (for evaluation).
        label_names: The labels of a trained model, in its order; other labels are then an error.
        is_other: Whether these are not the data that a model was trained on. If so, nothing is held out of train; and
            if there is a single split, as in a file, all of it is read in place of `only`.
        separator: What joins the texts of several columns.

    Raises:
        InputError: the data cannot be used; the message says why in one sentence.
    """
    sources, shares = choose_splits(arguments, only, is_other)
    text_column, label_column = _choose_columns(arguments, sources)
    raw = _read_splits(arguments, sources, text_column, label_column, has_groups=bool(shares))
    shares = share_of_unlabeled(arguments, sources, raw, is_other) | shares
    if shares and arguments.group_column is not None and "train" in sources:
        sources["train"].require([arguments.group_column])
    if only is None:
        _warn_of_unused(arguments, raw, shares)
    names = label_names or arguments.labels
    labels = make_label_reader(raw, label_column, arguments.problem_type, names, asked=arguments.labels)
    for name, rows in raw.items():
        labels.check(rows, name, sources[name].locate)
    splits = DatasetDict(
        {name: _standard_form(rows, name, text_column, labels, separator) for name, rows in raw.items()}
    )
    if shares and "train" in raw:
        train = splits["train"]
        known, groups = single_labels(train, labels.kind), number_groups(arguments, raw["train"])
        splits |= split_off(train, shares, arguments.split_seed, known, groups, arguments.group_column)
    if "train" in splits and arguments.max_train_samples is not None:
        train, number = splits["train"], arguments.max_train_samples
        splits["train"] = draw_rows(train, number, arguments.split_seed, single_labels(train, labels.kind))
    if only is not None:
        splits = DatasetDict({only: splits[only]})
    elif labels.kind != "regression":
        _check_labels(splits, labels)
    return TextData(DatasetDict(splits), labels.names, labels.kind, text_column, label_column, arguments.of_files())


def choose_splits(
    arguments: SplitArguments, only: str | None, is_other: bool
) -> tuple[dict[str, Split], dict[str, float]]:
    """Return the splits to read, and the shares of train to hold out for others."""
    sources = _open(arguments)
    if is_other and only is not None and only not in sources and len(sources) == 1:
        sources = {only: next(iter(sources.values()))}
    wanted = {"test": arguments.test_share, "validation": arguments.validation_share}
    shares = {name: share for name, share in wanted.items() if name not in sources and share and not is_other}
    needed = "train" if only is None or only in shares else only
    if needed == "train":
        _require_train(sources, arguments.dataset, "dataset")
    # a test split may turn out to have no labels, and another is then held out
    is_in_doubt = arguments.test_share is not None and not is_other and {"train", "test"} <= sources.keys()
    more = " Hold out one with --test_share 0.2 when you train." if needed == "test" else ""
    more = " Name another with --split." if is_other else more
    require(needed in sources, f"The dataset has no {needed} split; it has {as_text([*sources, *shares])}.{more}")
    return (sources if only is None or is_in_doubt else {needed: sources[needed]}), shares


def share_of_unlabeled(
    arguments: SplitArguments, sources: Mapping[str, Split], read: Mapping[str, Any], is_other: bool
) -> dict[str, float]:
    """Return the share of train to hold out for test if the data have a test split, but left out for want of labels."""
    is_without = "test" in sources and "test" not in read and not is_other
    return {"test": arguments.test_share} if is_without and arguments.test_share is not None else {}


def _require_train(splits: Mapping[str, Split], source: str, flag: str) -> None:
    """Raise if a source, named with a flag, has no train split, and say how to name the rows to train on."""
    is_here = locate_source(split_subset(source)[0]) == "local"
    files = [str(path) for split in splits.values() if is_here and isinstance(split, FileSplit) for path in split.files]
    remedy = "name one that has, with --train_dataset"
    if files:
        remedy = "rename the file with the training rows so that its name has the word train, as in train.csv"
    if len(files) == 1:
        remedy += f", or train on the rows of this one with --{flag} {shlex.quote(files[0])}"
    found = as_text(f"the {split.origin}" if files else name for name, split in splits.items())
    require("train" in splits, f"{source!r} has no train split; it has {found}: {remedy}.")


def _warn_of_unused(arguments: DataArguments, sources: Mapping[str, Any], shares: dict[str, float]) -> None:
    """Warn about settings for holding out rows that have no effect, since the data have these splits."""
    unused = {"test_share": "test" in sources, "group_column": not shares}
    for name, is_unused in unused.items():
        if is_unused and getattr(arguments, name) is not None:
            logger.warning("--%s has no effect: the data have the splits %s.", name, as_text(sources))


def _choose_columns(arguments: DataArguments, sources: dict[str, Split]) -> tuple[list[str], list[str]]:
    """Return the columns with text and label: those that the user named, or else guessed from their names."""
    first = sources.get("train") or next(iter(sources.values()))
    asked = set(map(normalize_name, arguments.label_column or []))
    text_column = arguments.text_column
    if not text_column:
        texts = {name: kind for name, kind in first.text_columns().items() if normalize_name(name) not in asked}
        text_column = [guess_text_column(texts, first.columns, needs_label=not asked)]
    label_column = arguments.label_column or [guess_label_column(first.columns, text_column)]
    both = [column for column in label_column if column in text_column]
    require(not both, f"The column {as_text(both)!r} cannot be both text and label.")
    logger.info("Text columns: %s; label columns: %s", as_text(text_column), as_text(label_column))
    return text_column, label_column


def _read_splits(
    arguments: DataArguments,
    sources: dict[str, Split],
    text_column: list[str],
    label_column: list[str],
    *,
    has_groups: bool,
) -> DatasetDict:
    """Read and check the columns needed from each split; a test split without labels is left out."""
    raw = DatasetDict()
    for name, split in sources.items():
        group = [arguments.group_column] if name == "train" and arguments.group_column is not None else []
        if not has_groups:  # it is used only if test turns out to have no labels
            group = [column for column in group if split.find(column) is not None]
        columns = list(dict.fromkeys([*text_column, *label_column, *group]))
        split.require(column for column in columns if name != "test" or column not in label_column)
        if any(split.find(column) is None for column in label_column) and "train" in sources:
            logger.warning("The %s has no labels (column %s): left out.", split.origin, as_text(label_column))
            continue
        with explain_read_failures(arguments.dataset):
            raw[name] = split.read(columns)
        require(raw[name].num_rows > 0, f"The {name} split has no rows.")
        check_texts(raw[name], split, text_column, arguments.max_characters)
    logger.info("Read %s", "; ".join(f"the {sources[n].origin}: {rows.num_rows:,} rows" for n, rows in raw.items()))
    return _drop_unlabeled_test(raw, label_column, arguments.problem_type)


def _check_labels(splits: DatasetDict, labels: LabelReader) -> None:
    """Raise if all training rows have the same single label; warn about labels that train or validation lacks."""
    train = splits["train"]
    if labels.kind == "single_label_classification":
        seen = {labels.names[number] for number in set(train["label"][:])}
        require(
            len(seen) > 1, f"The train split has only one label, {as_text(seen)!r}: a classifier needs at least two."
        )
    else:
        counts = np.sum(train["label"][:], axis=0)
        seen = {name for name, count in zip(labels.names, counts, strict=True) if count}
    missing = [name for name in labels.names if name not in seen]
    if missing:
        logger.warning("No training row has the label %s: it cannot be learned.", as_text(missing))
    if labels.kind == "single_label_classification" and "validation" in splits:
        held_out = {labels.names[number] for number in set(splits["validation"]["label"][:])}
        if missing := [name for name in labels.names if name in seen - held_out]:
            logger.warning("No validation row has the label %s: it counts as 0 in macro scores.", as_text(missing))


def _open(arguments: SourceArguments) -> dict[str, Split]:
    """Open those of the splits train, validation and test that the dataset has."""
    found = open_dataset(arguments.dataset, arguments.subset, arguments.revision, arguments)
    splits: dict[str, Split] = {name: found[name] for name in ("validation", "train", "test") if name in found}
    require(
        len(splits) > 0,
        f"{arguments.dataset!r} has none of the splits train, validation and test; it has {as_text(found)}.",
    )
    if unused := [name for name in found if name not in splits]:
        logger.info("Not used: the splits %s of %s", as_text(unused), arguments.dataset)
    if arguments.train_dataset is not None:
        other = open_dataset(*split_subset(arguments.train_dataset), arguments=arguments)
        _require_train(other, arguments.train_dataset, "train_dataset")
        require(
            splits.keys() != {"train"},
            f"--train_dataset {arguments.train_dataset!r} replaces the train split of {arguments.dataset!r}, which has "
            "no other split, so none of its rows would be used. If they are for validation or test, put both files "
            "into a folder, with names such as train.csv and test.csv, and name it with --dataset; otherwise leave "
            "--train_dataset out.",
        )
        if unused := [name for name in other if name != "train"]:
            logger.info("Not used: the splits %s of %s", as_text(unused), arguments.train_dataset)
        splits["train"] = other["train"]
    return splits


def check_texts(rows: Dataset, split: Split, columns: list[str], max_characters: int) -> None:
    """Raise [`InputError`] for a text that is missing, is not a string or is too long."""
    for column in columns:
        number = 0
        for batch in rows.select_columns(column).iter(ROWS_AT_ONCE):
            for text in batch[column]:
                number += 1
                if text is None:
                    missing = sum(one is None for one in rows[column])
                    raise InputError(
                        f"The text in {split.locate(number)} is missing (column {column!r}), {missing:,} of "
                        f"{rows.num_rows:,} in all: fill them in, or leave these rows out."
                    )
                if not isinstance(text, str):
                    found = getattr(rows.features[column], "dtype", rows.features[column])
                    raise InputError(f"The column {column!r} of the {split.origin} must hold text, found {found}.")
                if len(text) > max_characters:
                    raise InputError(
                        f"The text in {split.locate(number)} has {len(text):,} characters, more than "
                        f"--max_characters {max_characters}: a quotation mark that is never closed? "
                        "Fix the row or raise the limit."
                    )


def _drop_unlabeled_test(raw: DatasetDict, columns: list[str], kind: ProblemType | None) -> DatasetDict:
    """
    Leave out a test split whose labels are withheld, as in GLUE: all are missing or -1, and no label of train is. For a
    regression, -1 may be a target: it is kept, with a warning.
    """

    def labels(name: str) -> Iterator[Any]:
        return itertools.chain(*(raw[name][column] for column in columns))

    if "test" in raw and "train" in raw:
        if all(map(_is_withheld, labels("test"))) and not any(map(_is_withheld, labels("train"))):
            if kind == "regression" and not all(map(is_missing, labels("test"))):
                logger.warning(
                    "All targets of the test split are -1, which often means that they are withheld. If so, its scores "
                    "mean nothing."
                )
                return raw
            logger.warning("The test split has no labels: left out.")
            raw = DatasetDict({name: rows for name, rows in raw.items() if name != "test"})
    return raw


def _is_withheld(value: Any) -> bool:
    return is_missing(value) or value in (-1, "-1", "-1.0", [-1])


def _standard_form(rows: Dataset, split: str, text_column: list[str], labels: LabelReader, separator: str) -> Dataset:
    features = tuple(rows.features[column] for column in labels.columns)

    def convert(batch: dict[str, list[Any]]) -> dict[str, list[Any]]:
        texts = zip(*(batch[column] for column in text_column), strict=True)
        values = zip(*(batch[column] for column in labels.columns), strict=True)
        return {
            "text": [separator.join(parts) for parts in texts],
            "label": [labels.read(value, features) for value in values],
        }

    form = Features({"text": Value("string"), "label": labels.feature})
    return rows.map(convert, batched=True, remove_columns=rows.column_names, features=form, desc=f"Reading {split}")
