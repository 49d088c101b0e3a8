"""Texts of other splits that are also in train are counted and told."""

import logging
import sys
from pathlib import Path

import numpy as np
import pytest
from datasets import ClassLabel, Dataset, DatasetDict

from modeling_lstm.comparison import CompareArguments, compare
from modeling_lstm.data.arguments import DataArguments
from modeling_lstm.data.overlap import _find_contradictions, _numbers, count_overlap, report_overlap
from tests.comparison.test_comparing import WordList
from tests.conftest import opinion_rows, write_csv


def splits(**texts: list[str]) -> DatasetDict:
    return DatasetDict({name: Dataset.from_dict({"text": some}) for name, some in texts.items()})


def test_texts_are_counted_but_for_white_space() -> None:
    found = count_overlap(
        splits(
            train=["a film", "the book ", "the book", "", "Ünïcode"],
            validation=["A film", "new"],
            test=["a  film", "a film\n", "the book", "b", "Ünïcode", ""],
        )
    )
    assert found == {"test": 5}
    assert count_overlap(splits(train=["a"], test=["b"])) == {} == count_overlap(splits(test=["a", "a"]))


def test_rows_that_were_chosen_are_what_counts() -> None:
    whole = splits(train=["a", "b", "c"], test=["c", "d"])
    whole["train"] = whole["train"].select([0, 1])
    assert count_overlap(whole) == {}


def test_the_log_names_their_number(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        found = report_overlap(splits(train=["a"], validation=["a"] + ["b"] * 1_999, test=["a", "a", "b"]))
    assert found == {"validation": 1, "test": 2}
    assert [record.getMessage() for record in caplog.records] == [
        "1 of the 2,000 validation texts is also in train.",
        "2 of the 3 test texts are also in train.",
    ]


def test_training_texts_with_different_labels_are_told(caplog: pytest.LogCaptureFixture) -> None:
    texts = ["new", "good film", "a", "good  film ", "a", "good film", "", "b", ""]
    train = Dataset.from_dict({"text": texts, "label": [0, 1, 0, 2, 0, 1, 3, 0, 0]})
    train = train.cast_column("label", ClassLabel(names=["a", "b", "c", "d"]))
    assert _find_contradictions(_numbers(train), np.array(train["label"])) == [1, 6]
    with caplog.at_level(logging.WARNING):
        report_overlap({"train": train})
        report_overlap({"train": train.select(range(6))})
        report_overlap({"train": train.select([0, 2, 4, 7])})
        report_overlap({"train": train.select([])})
        report_overlap({"train": Dataset.from_dict({"text": ["a", "a"], "label": [0.5, 1.0]})})  # ratings differ
        report_overlap({"train": Dataset.from_dict({"text": ["a", "a"], "label": [[0, 1], [1, 0]]})})
    assert [record.getMessage() for record in caplog.records] == [
        "2 training texts have different labels in different rows; the first is 'good film'.",
        "1 training text has different labels in different rows; the first is 'good film'.",
    ]


def test_a_comparison_tells_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    costs = {"p50_ms": 1.0, "p95_ms": 2.0, "texts_per_second": 100.0, "load_seconds": 0.1, "memory_mb": 10}
    module = sys.modules["modeling_lstm.comparison.comparing"]
    monkeypatch.setattr(module, "measure", lambda systems, *_: dict.fromkeys(systems, costs))
    train = [(f"{text} at {n}", label) for n, (text, label) in enumerate(opinion_rows(60))]
    for split, rows in (("train", train), ("validation", opinion_rows(12)), ("test", [*opinion_rows(9), *train[:3]])):
        write_csv(tmp_path / "data" / f"{split}.csv", rows)
    arguments = CompareArguments(output_dir=str(tmp_path / "out"), seeds=1, shares=[1.0], trials=1, threads=1)
    found = compare([WordList()], DataArguments(dataset=str(tmp_path / "data")), arguments)
    assert found["data"]["also_in_train"] == {"test": 3}
    for name in ("comparison.md", "report.html"):
        assert "3 of the 12 test texts are also in train." in (tmp_path / "out" / name).read_text("utf-8")
