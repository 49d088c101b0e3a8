"""Cutting a split from train, and drawing rows from it."""

import logging
import warnings
from fractions import Fraction
from typing import Any

import numpy as np
from datasets import Dataset

from ..utils.errors import require
from .arguments import DataArguments, ProblemType
from .label_names import is_missing

logger = logging.getLogger(__name__)


def number_groups(arguments: DataArguments, rows: Dataset) -> np.ndarray | None:
    """A number for each row's group; a row whose group is missing is a group of its own."""
    if arguments.group_column is None:
        return None
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
    """The label of each row, by which rows are cut and drawn; `None` if a row has not a single one."""
    return np.asarray(rows["label"][:]) if kind == "single_label_classification" else None


def cut_split(
    name: str,
    share: float,
    kept: np.ndarray,
    labels: np.ndarray | None,
    groups: np.ndarray | None,
    seed: int,
    group_name: str | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """
    Divide the row numbers `kept` into those cut off and the rest, by label and where asked for by group; the same for
    every training seed.

    Args:
        name: What the rows that are cut off are for.
        share: How many of them.
        kept: The numbers of the rows that are left.
        labels: The label of each row, if it has a single one.
        groups: The group of each row, which stays together.
        seed: Seed of the cut.
        group_name: What the groups are told apart by, for an error.
    """
    from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

    labels = None if labels is None else labels[kept]
    groups = None if groups is None else groups[kept]
    fraction = Fraction(share).limit_denominator(20) if share >= 0.05 else Fraction(1, round(1 / share))
    folds, chosen = fraction.denominator, fraction.numerator
    if labels is not None and 2 * np.bincount(labels).max() < folds:
        labels = None  # by label so small a share cannot be cut
    # what is dealt out to the folds: rows, or groups; and with labels no more folds than rows of the commonest label
    dealt = [len(kept) if groups is None else len(set(groups))] + (
        [] if labels is None else [np.bincount(labels).max()]
    )
    if min(dealt) < folds:
        apart = "" if groups is None else f" with {dealt[0]} different values of {group_name}"
        require(
            min(dealt) >= 2 and len(kept) >= 10,
            f"The train split has {len(kept)} rows{apart}, too few to cut a {name} split from it.",
        )
        folds = int(min(dealt))
        chosen = min(folds - 1, max(1, round(folds * share)))
    options = {"n_splits": folds, "shuffle": True, "random_state": seed}
    cutter: Any
    if labels is None:
        cutter = KFold(**options) if groups is None else GroupKFold(**options)
    else:
        cutter = StratifiedKFold(**options) if groups is None else StratifiedGroupKFold(**options)
    with warnings.catch_warnings():  # of labels with fewer rows than folds: they cannot be in every fold
        warnings.simplefilter("ignore", UserWarning)
        parts = [part for _, part in cutter.split(np.zeros(len(kept)), labels, groups)]
    off = np.sort(np.concatenate(parts[:chosen] if groups is None else _nearest(parts, share * len(kept))))
    logger.info("Cut %d of %d train rows off for %s", len(off), len(kept), name)
    return kept[off], np.delete(kept, off)


def _nearest(folds: list[np.ndarray], rows: float) -> list[np.ndarray]:
    """Folds, not all, that have about so many rows together: one group can be larger than that."""
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
    Give a row of each label that has none in train back to train, from validation before test, with the row's group.
    Validation and test then get one of each label that they lack, and of which train has three or more.

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
    for name in ("validation", "test"):
        for label in np.setdiff1d(labels, labels[parts[name]]) if name in parts else ():
            rows = parts["train"]
            having = rows[labels[rows] == label]
            goes = groups[rows] == groups[having[0]]
            if len(having) > 2 and len(np.unique(labels[rows[~goes]])) == len(np.unique(labels[rows])):
                parts[name] = np.sort(np.concatenate([parts[name], rows[goes]]))
                parts["train"] = rows[~goes]


def draw_rows(rows: Dataset, number: int, seed: int, labels: np.ndarray | None = None) -> Dataset:
    """
    So many rows in their order, drawn at random. Single labels keep their shares where that can be; the row of a label
    that has no other is drawn first.
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
