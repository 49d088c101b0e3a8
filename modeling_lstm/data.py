"""From a Hub id, files or the built-in data set to checked splits with the columns `text` and `label`."""

import itertools
import logging
import warnings
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from datasets import Dataset, DatasetDict, Features, Value

from .classifier import JOINT
from .errors import InputError, listed, require
from .labels import MISSING, LabelReader, ProblemType, label_reader
from .sources import Split, guess_label_column, guess_text_column, joined, open_source, reading, split_subset
from .tables import FileArguments

logger = logging.getLogger(__name__)


@dataclass
class DataArguments(FileArguments):
    """Which texts and labels to use."""

    dataset: str = field(
        metadata={"help": "Hub id (or id:subset), file or folder of CSV, TSV, JSON lines or Parquet, or order-matters."}
    )
    subset: str | None = field(default=None, metadata={"help": "Subset (configuration) of a Hub data set."})
    revision: str | None = field(default=None, metadata={"help": "Branch, tag or commit of a Hub data set."})
    train_dataset: str | None = field(
        default=None,
        metadata={"help": "Take the train split from this data set instead, for example phrases of sentences."},
    )
    text_column: list[str] | None = field(
        default=None, metadata={"help": "Column, or several to be joined, with the text."}
    )
    label_column: list[str] | None = field(
        default=None, metadata={"help": "Column with the label, or one for each label that hold 0 or 1."}
    )
    labels: list[str] | None = field(
        default=None,
        metadata={"help": "Names of the labels, in the order of their numbers. Default: what the data tell."},
    )
    group_column: str | None = field(
        default=None, metadata={"help": "Rows that share this value stay together when validation is cut from train."}
    )
    validation_share: float = field(
        default=0.1, metadata={"help": "Share of train cut off where there is no validation split."}
    )
    test_share: float | None = field(
        default=None, metadata={"help": "Share of train cut off as test, before that, where there is no test split."}
    )
    split_seed: int = field(default=42, metadata={"help": "Seed of these cuts, the same for every training seed."})
    max_train_samples: int | None = field(
        default=None,
        metadata={"help": "Train on so many rows only, drawn by --split_seed with each label's share kept."},
    )
    problem_type: ProblemType | None = field(
        default=None, metadata={"help": "Only needed for regression; else seen from the labels."}
    )
    max_length: int = field(default=512, metadata={"help": "Tokens of a text that are read; the rest is cut off."})
    train_max_length: int | None = field(
        default=None,
        metadata={
            "help": "Tokens of a training text that are read, if fewer than --max_length: an LSTM that learned from "
            "the beginnings of long texts can read all of them."
        },
    )
    max_characters: int = field(
        default=500_000, metadata={"help": "A longer text is an error: usually a quotation mark that is never closed."}
    )

    def __post_init__(self) -> None:
        if self.subset is None:
            self.dataset, self.subset = split_subset(self.dataset)
        if isinstance(self.label_column, str):  # as records of one column say it
            self.label_column = [self.label_column]
        self.delimiter_character()
        if self.labels is not None and len(set(self.labels)) < len(self.labels):
            raise InputError(f"--labels must be different names, found {listed(self.labels)}.")
        for name in ("validation_share", "test_share"):
            share = getattr(self, name)
            if share is not None and not 0.0 < share < 1.0:
                raise InputError(f"--{name} must be between 0 and 1, found {share}.")
        if self.max_train_samples is not None and self.max_train_samples < 2:
            raise InputError(f"--max_train_samples must be at least 2, found {self.max_train_samples}.")
        if self.max_length < 1:
            raise InputError(f"--max_length must be at least 1, found {self.max_length}.")
        if self.train_max_length is not None and not 1 <= self.train_max_length <= self.max_length:
            raise InputError(
                f"--train_max_length must be from 1 to --max_length {self.max_length}, found {self.train_max_length}."
            )


@dataclass
class TextData:
    """Checked splits with the columns `text` (string) and `label`, what the labels mean, and how files were read."""

    splits: DatasetDict
    label_names: list[str]
    problem_type: ProblemType
    text_column: list[str]
    label_column: list[str]
    files: FileArguments = field(default_factory=FileArguments)

    def counts(self) -> dict[str, dict[str, int]]:
        """Rows of each split, in all and, for single labels, of each label."""
        counts = {}
        for split, rows in self.splits.items():
            counts[split] = {"rows": rows.num_rows}
            if self.problem_type == "single_label_classification":
                per_label = np.bincount(np.asarray(rows["label"][:]), minlength=len(self.label_names))
                counts[split] |= dict(zip(self.label_names, per_label.tolist(), strict=True))
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
    Read, check and bring into one form the splits train, validation and (where there is one) test.

    Args:
        arguments: What to read.
        only: Read just this split (for evaluation).
        label_names: The labels of a trained model, in its order; other labels are then an error.
        is_other: Whether these are other data than a model was trained on. Then nothing is cut off train; and if they
            have a single split, as a file does, that one is read whole in place of `only`.
        separator: What stands between the texts of several columns.

    Raises:
        InputError: anything that cannot be used, in one sentence.
    """
    sources = _open(arguments)
    if is_other and only is not None and only not in sources and len(sources) == 1:
        sources = {only: next(iter(sources.values()))}
    shares = {"test": arguments.test_share, "validation": arguments.validation_share}
    cut = {name: share for name, share in shares.items() if name not in sources and share and not is_other}
    needed = "train" if only is None or only in cut else only
    require(needed in sources, f"The data set has no {needed} split; it has {listed(sources)}.")
    if only is not None:
        sources = {needed: sources[needed]}
    first = sources.get("train") or next(iter(sources.values()))
    asked = arguments.label_column or []
    text_column = arguments.text_column or [
        guess_text_column({n: kind for n, kind in first.text_columns().items() if n not in asked}, first.columns)
    ]
    label_column = arguments.label_column or [guess_label_column(first.columns, text_column)]
    both = [column for column in label_column if column in text_column]
    require(not both, f"The column {listed(both)!r} cannot be both text and label.")
    logger.info("Text from %s, label from %s", listed(text_column), listed(label_column))
    raw = DatasetDict()
    for name, split in sources.items():
        group = [arguments.group_column] if name == "train" and arguments.group_column is not None and cut else []
        columns = list(dict.fromkeys([*text_column, *label_column, *group]))
        _check_columns(split, name, [column for column in columns if name != "test" or column not in label_column])
        if any(split.find(column) is None for column in label_column) and "train" in sources:
            logger.warning("The %s has no labels (column %s): left out.", split.origin, listed(label_column))
            continue
        _check_columns(split, name, columns)
        with reading(arguments.dataset):
            raw[name] = split.read(columns)
        require(raw[name].num_rows > 0, f"The {name} split has no rows.")
        _check_texts(raw[name], name, text_column, arguments.max_characters)
    logger.info("Read %s", "; ".join(f"the {sources[n].origin}: {rows.num_rows:,} rows" for n, rows in raw.items()))
    raw = _drop_unlabelled_test(raw, label_column)
    names = label_names or arguments.labels
    labels = label_reader(raw, label_column, arguments.problem_type, names, asked=arguments.labels)
    splits = DatasetDict(
        {name: _standard_form(rows, name, text_column, labels, separator) for name, rows in raw.items()}
    )
    if cut and "train" in raw:
        whole, groups = splits["train"], _groups(arguments, raw["train"])
        parts = {"train": np.arange(whole.num_rows)}
        for name, share in cut.items():
            parts[name], parts["train"] = _cut(name, share, whole, parts["train"], labels.kind, groups, arguments)
        if labels.kind == "single_label_classification":
            _keep_labels(parts, np.asarray(whole["label"][:]), groups)
        for name, rows in parts.items():
            require(len(rows) > 0, f"Every label has too few train rows to cut a {name} split from them.")
            splits[name] = whole.select(rows)
    if "train" in splits and arguments.max_train_samples is not None:
        splits["train"] = draw_rows(splits["train"], arguments.max_train_samples, arguments.split_seed, labels.kind)
    if only is not None:
        splits = DatasetDict({only: splits[only]})
    elif labels.kind != "regression":
        _check_labels(splits["train"], labels)
    return TextData(splits, labels.names, labels.kind, text_column, label_column, arguments.of_files())


def _check_labels(train: Dataset, labels: LabelReader) -> None:
    """Raise for training rows of a single label, and name labels that have none."""
    if labels.kind == "single_label_classification":
        seen = {labels.names[number] for number in set(train["label"][:])}
        require(
            len(seen) > 1, f"The train split has only one label, {listed(seen)!r}: a classifier needs at least two."
        )
    else:
        counts = np.sum(train["label"][:], axis=0)
        seen = {name for name, count in zip(labels.names, counts, strict=True) if count}
    missing = [name for name in labels.names if name not in seen]
    if missing:
        logger.warning("No training row has the label %s: it cannot be learned.", listed(missing))


def _open(arguments: DataArguments) -> dict[str, Split]:
    """The splits train, validation and test, as far as the data set has them."""
    found = open_source(arguments.dataset, arguments.subset, arguments.revision, arguments)
    splits: dict[str, Split] = {name: found[name] for name in ("validation", "train", "test") if name in found}
    require(
        len(splits) > 0,
        f"{arguments.dataset!r} has none of the splits train, validation and test; it has {listed(found)}.",
    )
    if arguments.train_dataset is not None:
        other = open_source(*split_subset(arguments.train_dataset), arguments=arguments)
        require("train" in other, f"{arguments.train_dataset!r} has no train split; it has {listed(other)}.")
        splits["train"] = other["train"]
    return splits


def _check_columns(split: Split, name: str, columns: list[str]) -> None:
    for column in columns:
        require(
            split.find(column) is not None,
            f"The {name} split has no column {column!r}; its columns are {listed(split.columns)}.",
        )


def _check_texts(rows: Dataset, split: str, columns: list[str], max_characters: int) -> None:
    for column in columns:
        number = 0
        for batch in rows.select_columns(column).iter(10_000):
            for text in batch[column]:
                number += 1
                if text is None:
                    raise InputError(f"The text in row {number} of the {split} split is missing (column {column!r}).")
                if not isinstance(text, str):
                    found = getattr(rows.features[column], "dtype", rows.features[column])
                    raise InputError(f"The column {column!r} of the {split} split must hold text, found {found}.")
                if len(text) > max_characters:
                    raise InputError(
                        f"The text in row {number} of the {split} split has {len(text):,} characters, more than "
                        f"--max_characters {max_characters}: a quotation mark that is never closed? "
                        "Mend the row or raise the limit."
                    )


def _drop_unlabelled_test(raw: DatasetDict, columns: list[str]) -> DatasetDict:
    """Leave out a test split whose labels are withheld (all -1 or missing), as on GLUE."""
    if "test" in raw and "train" in raw:
        withheld = (-1, "-1", *MISSING)
        test, train = (itertools.chain(*(raw[name][column] for column in columns)) for name in ("test", "train"))
        if all(value in withheld for value in test) and not any(value in withheld for value in train):
            logger.warning("The test split has no labels: left out.")
            raw = DatasetDict({name: rows for name, rows in raw.items() if name != "test"})
    return raw


def _standard_form(rows: Dataset, split: str, text_column: list[str], labels: LabelReader, separator: str) -> Dataset:
    labels.check(rows, split)
    features = tuple(rows.features[column] for column in labels.columns)

    def convert(batch: dict[str, list[Any]]) -> dict[str, list[Any]]:
        texts = zip(*(batch[column] for column in text_column), strict=True)
        values = zip(*(batch[column] for column in labels.columns), strict=True)
        return {
            "text": [joined(parts, separator) for parts in texts],
            "label": [labels.read(value, features) for value in values],
        }

    form = Features({"text": Value("string"), "label": labels.feature})
    return rows.map(convert, batched=True, remove_columns=rows.column_names, features=form, desc=f"Reading {split}")


def _groups(arguments: DataArguments, rows: Dataset) -> np.ndarray | None:
    """A number for each row's group; a row whose group is missing is a group of its own."""
    if arguments.group_column is None:
        return None
    values = rows[arguments.group_column][:]
    alone = [value in MISSING or value != value for value in values]  # NaN differs from itself
    if any(alone):
        logger.warning("%d rows have no %s: each is a group of its own.", sum(alone), arguments.group_column)
    numbers: dict[Any, int] = {}
    for row, value in enumerate(values):
        numbers.setdefault((row, None) if alone[row] else value, len(numbers))
    return np.array([numbers[(row, None) if alone[row] else value] for row, value in enumerate(values)])


def _cut(
    name: str,
    share: float,
    rows: Dataset,
    kept: np.ndarray,
    kind: ProblemType,
    groups: np.ndarray | None,
    arguments: DataArguments,
) -> tuple[np.ndarray, np.ndarray]:
    """
    Divide the row numbers `kept` into those cut off and the rest, by label and where asked for by group; the same for
    every training seed.
    """
    from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

    labels = np.asarray(rows["label"][:])[kept] if kind == "single_label_classification" else None
    groups = None if groups is None else groups[kept]
    fraction = Fraction(share).limit_denominator(20) or Fraction(1, 20)
    folds, chosen = fraction.denominator, fraction.numerator
    # what is dealt out to the folds: rows, or groups; and with labels no more folds than rows of the commonest label
    dealt = [len(kept) if groups is None else len(set(groups))] + (
        [] if labels is None else [np.bincount(labels).max()]
    )
    if min(dealt) < folds:
        apart = "" if groups is None else f" with {dealt[0]} different values of {arguments.group_column}"
        require(
            min(dealt) >= 2 and len(kept) >= 10,
            f"The train split has {len(kept)} rows{apart}, too few to cut a {name} split from it.",
        )
        folds = int(min(dealt))
        chosen = min(folds - 1, max(1, round(folds * share)))
    options = {"n_splits": folds, "shuffle": True, "random_state": arguments.split_seed}
    cutter: Any
    if labels is None:
        cutter = KFold(**options) if groups is None else GroupKFold(**options)
    else:
        cutter = StratifiedKFold(**options) if groups is None else StratifiedGroupKFold(**options)
    with warnings.catch_warnings():  # of labels with fewer rows than folds: they cannot be in every fold
        warnings.simplefilter("ignore", UserWarning)
        parts = [part for _, part in cutter.split(np.zeros(len(kept)), labels, groups)]
    off = np.sort(np.concatenate(parts[:chosen]))
    logger.info("Cut %d of %d train rows off for %s", len(off), len(kept), name)
    return kept[off], np.delete(kept, off)


def _keep_labels(parts: dict[str, np.ndarray], labels: np.ndarray, groups: np.ndarray | None) -> None:
    """
    Give a row of each label that has none in train back to train, from validation before test, with the row's group.

    Args:
        parts: The numbers of the rows of each split.
        labels: The label of each row before the cuts.
        groups: The group of each row, if it is to stay together.
    """
    groups = np.arange(len(labels)) if groups is None else groups
    for label in np.setdiff1d(labels, labels[parts["train"]]):
        name = next(name for name in ("validation", "test") if name in parts and label in labels[parts[name]])
        rows = parts[name]
        stays = groups[rows] == groups[rows[labels[rows] == label][0]]
        parts["train"] = np.sort(np.concatenate([parts["train"], rows[stays]]))
        parts[name] = rows[~stays]


def draw_rows(rows: Dataset, number: int, seed: int, kind: ProblemType) -> Dataset:
    """So many rows in their order, drawn at random; single labels keep their shares where they have rows enough."""
    from sklearn.model_selection import train_test_split

    if number >= rows.num_rows:
        return rows
    labels = np.asarray(rows["label"][:]) if kind == "single_label_classification" else None
    if labels is not None:
        counts = np.unique(labels, return_counts=True)[1]
        if min(number, rows.num_rows - number) < len(counts) or counts.min() < 2:
            labels = None
    chosen, _ = train_test_split(np.arange(rows.num_rows), train_size=number, random_state=seed, stratify=labels)
    return rows.select(np.sort(chosen))
