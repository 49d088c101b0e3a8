"""Rows that are held out: labels that no split may lack, groups that stay together."""

import numpy as np
import pytest

from modeling_lstm.data.held_out import hold_out, keep_labels


def divide(labels: np.ndarray, groups: np.ndarray | None, shares: dict[str, float], seed: int) -> dict[str, np.ndarray]:
    parts = {"train": np.arange(len(labels))}
    for name, share in shares.items():
        parts[name], parts["train"] = hold_out(name, share, parts["train"], labels, groups, seed)
    keep_labels(parts, labels, groups)
    assert sorted(np.concatenate(list(parts.values())).tolist()) == list(range(len(labels))), "each row is in one split"
    return parts


@pytest.mark.parametrize("seed", range(12))
def test_a_label_with_three_rows_has_one_in_each_split(seed: int) -> None:
    labels = np.zeros(200, int)
    labels[[3, 90, 170]] = 1
    parts = divide(labels, None, {"test": 0.2, "validation": 0.1}, seed)
    assert [int((labels[rows] == 1).sum()) for rows in parts.values()] == [1, 1, 1]
    labels[170] = 0
    parts = divide(labels, None, {"test": 0.2, "validation": 0.1}, seed)
    assert (labels[parts["train"]] == 1).any(), "of two rows, train has one"


@pytest.mark.parametrize(("full", "empty"), [("validation", "test"), ("test", "validation")])
def test_a_row_may_come_from_the_other_split_that_is_held_out(full: str, empty: str) -> None:
    labels = np.zeros(40, int)
    labels[[0, 21, 22]] = 1
    parts = {"train": np.arange(20), full: np.arange(20, 30), empty: np.arange(30, 40)}
    keep_labels(parts, labels, None)
    assert [int((labels[rows] == 1).sum()) for rows in parts.values()] == [1, 1, 1]


@pytest.mark.parametrize("seed", range(12))
def test_labels_of_one_group_come_back_together(seed: int) -> None:
    groups = np.arange(120) // 6
    labels = np.arange(120) % 2
    labels[:2] = 2, 3  # the only rows of two labels, in one group
    parts = divide(labels, groups, {"test": 0.2}, seed)
    assert set(labels[parts["train"]]) == {0, 1, 2, 3}
    assert not set(groups[parts["train"]]) & set(groups[parts["test"]])


def test_a_split_does_not_grow_by_a_group_that_is_larger_than_itself() -> None:
    labels = np.zeros(500, int)
    labels[[0, 1, 2, 480]] = 1
    groups = np.concatenate([np.zeros(400, int), np.arange(1, 101)])  # the first group has three of the four rows
    parts = {"train": np.r_[0:440], "validation": np.arange(440, 480), "test": np.arange(480, 500)}
    keep_labels(parts, labels, groups)
    assert len(parts["validation"]) == 40 and len(parts["train"]) == 440
    labels[430] = 1
    keep_labels(parts, labels, groups)
    assert 430 in parts["validation"] and len(parts["validation"]) == 41, "the smallest group that has the label"
