"""`order-matters` is what it says: words give nothing away."""

from collections import Counter

import pytest
from datasets import DatasetDict

from modeling_lstm.data.order_matters import ADJECTIVES, FRAMES, LABELS, PHRASES, UNFULFILLED, load_order_matters


@pytest.fixture(scope="module")
def data() -> DatasetDict:
    return load_order_matters()


def words(text: str) -> tuple[str, ...]:
    return tuple(sorted(text.lower().split()))


def rows(data: DatasetDict, split: str) -> list[tuple[str, int]]:
    return list(zip(data[split]["text"], data[split]["label"], strict=True))


def test_sizes_and_reproducibility(data: DatasetDict) -> None:
    assert {name: split.num_rows for name, split in data.items()} == {
        "train": 16_800,
        "validation": 1_500,
        "test": 1_800,
    }
    assert data["train"].features["label"].names == list(LABELS)
    assert data["test"]["text"][:] == load_order_matters()["test"]["text"][:]
    assert set(data["test"]["family"]) == {*FRAMES, UNFULFILLED}


def test_every_multiset_of_words_occurs_equally_often_under_each_label(data: DatasetDict) -> None:
    for split in data:
        counts: dict[tuple[str, ...], Counter[int]] = {}
        for text, label in rows(data, split):
            counts.setdefault(words(text), Counter())[label] += 1
        assert all(count[0] == count[1] == count[2] > 0 for count in counts.values())


def test_the_best_answer_from_words_alone_is_right_once_in_three(data: DatasetDict) -> None:
    """Even an oracle that knows the labels of each multiset can give it but one answer."""
    best: dict[tuple[str, ...], Counter[int]] = {}
    for text, label in rows(data, "test"):
        best.setdefault(words(text), Counter())[label] += 1
    right = sum(count.most_common(1)[0][1] for count in best.values())
    assert right / data["test"].num_rows == 1 / 3


def test_no_sentence_stands_in_two_splits_or_twice(data: DatasetDict) -> None:
    texts = [text for split in data for text in data[split]["text"]]
    assert len(set(texts)) == len(texts)


def test_pairs_of_opinions_in_test_are_not_seen_in_training(data: DatasetDict) -> None:
    opinions = {label: ADJECTIVES[label] + PHRASES[label] for label in LABELS}

    def pairs(split: str) -> set[tuple[str, str]]:
        found = set()
        for text in data[split]["text"]:
            padded = f" {text} "
            here = {label: [word for word in opinions[label] if f" {word} " in padded] for label in LABELS}
            found |= {(bad, good) for bad in here["negative"] for good in here["positive"]}
        return found

    seen = pairs("train")
    assert len(seen) > 200
    for split in ("validation", "test"):
        assert pairs(split) and not pairs(split) & seen


def test_every_opinion_is_seen_in_training(data: DatasetDict) -> None:
    text = " ".join(data["train"]["text"])
    for known in (ADJECTIVES, PHRASES):
        assert all(f" {word} " in f" {text} " for opinions in known.values() for word in opinions)
