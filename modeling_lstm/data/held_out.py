"""Hold out rows of train as other splits, and draw rows from it."""

import logging
import warnings
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
from datasets import Dataset

from ..utils.errors import explain_errors, require
from .arguments import DataArguments, ProblemType
from .labels.names import is_missing

logger = logging.getLogger(__name__)


def number_groups(arguments: DataArguments, rows: Dataset) -> np.ndarray | None:
    """Number the group of each row; a row without a group is a group of its own. `None` without a group column."""
    if arguments.group_column is None:
        return None
    with explain_errors(f"The column {arguments.group_column!r} could not be read"):  # a date beyond the year 9999
        values = rows[arguments.group_column][:]
    found = next((value for value in values if isinstance(value, (list, dict))), None)
    require(
        found is None,
        f"--group_column {arguments.group_column} must hold plain values, found {str(found)[:60]}.",
    )
    alone = [is_missing(value) or value != value for value in values]  # NaN differs from itself
    if any(alone):
        logger.warning("%d rows have no %s: each is a group of its own.", sum(alone), arguments.group_column)
    numbers: dict[Any, int] = {}
    for row, value in enumerate(values):
        numbers.setdefault((row, None) if alone[row] else value, len(numbers))
    return np.array([numbers[(row, None) if alone[row] else value] for row, value in enumerate(values)])


def single_labels(rows: Dataset, kind: ProblemType) -> np.ndarray | None:
    """Return the label of each row, by which rows are held out and drawn; `None` unless each row has exactly one."""
    return np.asarray(rows["label"][:]) if kind == "single_label_classification" else None


def hold_out(
    name: str,
    share: float,
    kept: np.ndarray,
    labels: np.ndarray | None,
    groups: np.ndarray | None,
    seed: int,
    group_name: str | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """
    Divide the row numbers `kept` into those that are held out and the rest, stratified by label and, if requested, by
    group. The training seed has no influence.

    Args:
        name: The split to make.
        share: The share of the rows to hold out.
        kept: The numbers of the rows to divide.
        labels: The label of each row, if each has exactly one.
        groups: The group of each row; the rows of a group stay together.
        seed: Seed of the choice.
        group_name: What defines the groups, for the error.
    """
    from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

    labels = None if labels is None else labels[kept]
    groups = None if groups is None else groups[kept]
    fraction = Fraction(share).limit_denominator(20) if share >= 0.05 else Fraction(1, round(1 / share))
    folds, chosen = fraction.denominator, fraction.numerator
    if labels is not None and 2 * np.bincount(labels).max() < folds:
        labels = None  # the share is too small to stratify by label
    # there must be as many rows or groups as folds and, with labels, as many rows of the most common label
    dealt = [len(kept) if groups is None else len(set(groups))] + (
        [] if labels is None else [np.bincount(labels).max()]
    )
    if min(dealt) < folds:
        apart = "" if groups is None else f" with {dealt[0]} different values of {group_name}"
        require(
            min(dealt) >= 2 and len(kept) >= 10,
            f"The train split has {len(kept)} rows{apart}, too few to hold some of them out for {name}: 10 rows"
            f"{' and 2 different values' * bool(apart)} are needed. Name the rows for {name} in a file of their own.",
        )
        folds = int(min(dealt))
        chosen = min(folds - 1, max(1, round(folds * share)))
    options = {"n_splits": folds, "shuffle": True, "random_state": seed}
    cutter: Any
    if labels is None:
        cutter = KFold(**options) if groups is None else GroupKFold(**options)
    else:
        cutter = StratifiedKFold(**options) if groups is None else StratifiedGroupKFold(**options)
    with warnings.catch_warnings():  # about labels with fewer rows than folds, which cannot be in every fold
        warnings.simplefilter("ignore", UserWarning)
        parts = [part for _, part in cutter.split(np.zeros(len(kept)), labels, groups)]
    off = np.sort(np.concatenate(parts[:chosen] if groups is None else _nearest(parts, share * len(kept))))
    logger.info("Held out %d of %d train rows for %s", len(off), len(kept), name)
    return kept[off], np.delete(kept, off)


def split_off(
    train: Dataset,
    shares: Mapping[str, float],
    seed: int,
    labels: np.ndarray | None = None,
    groups: np.ndarray | None = None,
    group_name: str | None = None,
) -> dict[str, Dataset]:
    """
    Return train without the rows that are held out, and the splits made of these; see [`hold_out`].

    Args:
        train: The rows.
        shares: The share of each split to make.
        seed: Seed of the choice.
        labels, groups, group_name: As for [`hold_out`].
    """
    parts = {"train": np.arange(train.num_rows)}
    for name, share in shares.items():
        parts[name], parts["train"] = hold_out(name, share, parts["train"], labels, groups, seed, group_name)
    if labels is not None:
        keep_labels(parts, labels, groups)
    for name, rows in parts.items():
        few = "Every label has too few train rows"
        if groups is not None:
            few = f"Rows with the same {group_name} stay together, and every label has too few values of it"
        require(len(rows) > 0, f"{few} to hold some of them out for {name}.")
    return {name: train.select(rows) for name, rows in parts.items()}


def _nearest(folds: list[np.ndarray], rows: float) -> list[np.ndarray]:
    """Choose folds, but not all, with about this many rows in total. A single group can be larger than that."""
    chosen: list[np.ndarray] = []
    total = 0
    for fold in sorted(folds, key=len)[:-1]:
        if chosen and abs(total + len(fold) - rows) >= abs(total - rows):
            break
        chosen.append(fold)
        total += len(fold)
    return chosen


def keep_labels(parts: dict[str, np.ndarray], labels: np.ndarray, groups: np.ndarray | None) -> None:
    """
    Move a row of each label that train lacks back to train, from validation before test, with the row's group.
    Validation and test then get a row of each label that they lack, if there are at least three, with its group. A
    group that is larger than the whole split stays in train.

    Args:
        parts: The numbers of the rows of each split.
        labels: The label of each row of all splits.
        groups: The group of each row, if groups stay together.
    """
    groups = np.arange(len(labels)) if groups is None else groups
    for label in np.setdiff1d(labels, labels[parts["train"]]):
        if label in labels[parts["train"]]:  # it came with the group of another label
            continue
        name = next(name for name in ("validation", "test") if name in parts and label in labels[parts[name]])
        rows = parts[name]
        stays = groups[rows] == groups[rows[labels[rows] == label][0]]
        parts["train"] = np.sort(np.concatenate([parts["train"], rows[stays]]))
        parts[name] = rows[~stays]
    for name, other in (("validation", "test"), ("test", "validation")):
        for label in np.setdiff1d(labels, labels[parts[name]]) if name in parts else ():
            for source in ("train", other) if np.count_nonzero(labels == label) > 2 else ():
                if source in parts and _give(parts, source, name, labels, groups, label):
                    break


def _give(
    parts: dict[str, np.ndarray], source: str, name: str, labels: np.ndarray, groups: np.ndarray, label: int
) -> bool:
    """
    Move a row of a label, with its group, from one split to another. Return `False` if the first would then lack a
    label, or the group is larger than the second.
    """
    rows = parts[source]
    having = groups[rows[labels[rows] == label]]
    if len(having) < 2:
        return False
    sizes = np.bincount(groups[rows])
    goes = groups[rows] == having[np.argmin(sizes[having])]
    stays = len(np.unique(labels[rows[~goes]])) == len(np.unique(labels[rows]))
    if not stays or np.count_nonzero(goes) > len(parts[name]):
        return False
    parts[name] = np.sort(np.concatenate([parts[name], rows[goes]]))
    parts[source] = rows[~goes]
    return True


def draw_rows(rows: Dataset, number: int, seed: int, labels: np.ndarray | None = None) -> Dataset:
    """
    Draw this many rows at random, and keep their order. Single labels keep their shares where possible; the only row of
    a label is drawn first.
    """
    from sklearn.model_selection import train_test_split

    if number >= rows.num_rows:
        return rows
    known = np.zeros(rows.num_rows, int) if labels is None else labels
    counts = np.bincount(known)
    is_alone = counts[known] == 1
    if number < np.count_nonzero(counts):
        is_alone[:] = False
    first, others = np.flatnonzero(is_alone), np.flatnonzero(~is_alone)
    number -= len(first)
    strata: Any = None if labels is None else labels[others]
    if strata is not None and (min(number, len(others) - number) < len(set(strata)) or counts[strata].min() < 2):
        strata = None
    chosen, _ = train_test_split(others, train_size=number, random_state=seed, stratify=strata)
    return rows.select(np.sort(np.concatenate([first, chosen])))
