"""Defaults that follow from the number of rows."""

from pathlib import Path
from typing import Any

import pytest

from modeling_lstm.runs.record import read_record
from modeling_lstm.training.defaults import (
    PRETRAINED_STEPS,
    TRANSFORMER_DEFAULTS,
    fit_to_rows,
    fit_transformer_to_rows,
    warn_of_few_steps,
)
from modeling_lstm.training.job import TrainingJob
from modeling_lstm.training.trainer_arguments import LstmTrainingArguments
from tests.conftest import opinion_rows, write_csv

NAMES = ("per_device_train_batch_size", "num_train_epochs", "average_epochs")


def fitted(tmp_path: Path, rows: int, **given: Any) -> tuple[float, ...]:
    args = LstmTrainingArguments(output_dir=str(tmp_path), use_cpu=True, **given)
    fit_to_rows(args, rows, given)
    return tuple(getattr(args, name) for name in NAMES)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (20, (32, 300, 0.5)),
        (100, (32, 75, 0.5)),
        (320, (32, 30, 0.5)),
        (1_999, (32, 16, 0.5)),
        (2_000, (64, 30, 0.5)),
        (5_452, (64, 12, 0.5)),  # TREC
        (11_000, (64, 6, 0.5)),
        (19_999, (64, 5, 0.5)),
        (20_000, (64, 5, 0.0)),
        (10**7, (64, 5, 0.0)),
    ],
)
def test_few_rows_are_read_more_often(tmp_path: Path, rows: int, expected: tuple[float, ...]) -> None:
    assert fitted(tmp_path, rows) == expected


def test_what_begins_as_a_language_model_learns_less_long(tmp_path: Path) -> None:
    args = LstmTrainingArguments(output_dir=str(tmp_path), use_cpu=True)
    fit_to_rows(args, 2_500, {}, steps=PRETRAINED_STEPS)
    assert (args.per_device_train_batch_size, args.num_train_epochs, args.average_epochs) == (64, 6, 0.5)


def test_a_transformer_makes_steps_enough_of_few_rows(tmp_path: Path) -> None:
    def epochs(rows: int, **given: Any) -> float:
        settings = {name: value for name, value in TRANSFORMER_DEFAULTS.items() if name != "max_length"} | given
        args = LstmTrainingArguments(output_dir=str(tmp_path), use_cpu=True, **settings)
        fit_transformer_to_rows(args, rows, given)
        assert args.per_device_train_batch_size == given.get("per_device_train_batch_size", 32)
        assert args.average_epochs == 0
        return args.num_train_epochs

    assert [epochs(rows) for rows in (20, 1_920, 5_000, 12_000, 12_800, 10**6)] == [20, 20, 8, 3, 3, 3]
    assert epochs(500, num_train_epochs=3.0) == 3 and epochs(500, max_steps=7) == 3
    assert epochs(1_920, per_device_train_batch_size=16) == 10


def test_what_is_given_stays(tmp_path: Path) -> None:
    assert fitted(tmp_path, 1_000, num_train_epochs=2.0) == (64, 2, 0.0)
    assert fitted(tmp_path, 1_000, per_device_train_batch_size=100) == (100, 30, 0.5)
    assert fitted(tmp_path, 1_000, average_epochs=0.0) == (32, 30, 0.0)
    assert fitted(tmp_path, 1_000, max_steps=7) == (64, 5, 0.0)
    assert fitted(tmp_path, 1_000, frozen_epochs=1) == (32, 30, 0.0)
    assert fitted(tmp_path, 5_452, gradient_accumulation_steps=2) == (64, 23, 0.5)


def test_the_record_tells_what_was_fitted_and_a_transformer_has_its_own(tmp_path: Path, encoder: Path) -> None:
    data = write_csv(tmp_path / "data.csv", opinion_rows(60))
    common: dict[str, Any] = {"dataset": str(data), "use_cpu": True, "disable_tqdm": True, "min_frequency": 1}
    TrainingJob(output_dir=str(tmp_path / "lstm"), embedding_size=4, hidden_size=4, **common).run()
    found = read_record(tmp_path / "lstm")["training"]
    assert [found[name] for name in NAMES] == [32, 150.0, 0.5] and found["steps"] == 300
    assert "embedding_learning_rate" not in found
    TrainingJob(output_dir=str(tmp_path / "bert"), transformer=str(encoder), **common).run()
    found = read_record(tmp_path / "bert")["training"]
    assert found["num_train_epochs"] == 20.0 and found["steps"] == 40 and "average_epochs" not in found
    assert "embedding_learning_rate" not in found


def test_word_vectors_learn_faster_where_texts_are_long_and_labels_many(tmp_path: Path) -> None:
    small: dict[str, Any] = {"embedding_size": 4, "hidden_size": 4, "min_frequency": 1}
    quick: dict[str, Any] = {"use_cpu": True, "disable_tqdm": True, "max_steps": 1}

    def rate(name: str, labels: int = 8, words: int = 50, **settings: Any) -> float | None:
        rows = [(f"{n} " * (words - 1) + f"word{n % labels}", f"label {n % labels}") for n in range(20 * labels)]
        data = write_csv(tmp_path / f"{name}.csv", rows)
        TrainingJob(dataset=str(data), output_dir=str(tmp_path / name), **small, **quick, **settings).run()
        return read_record(tmp_path / name)["training"].get("embedding_learning_rate")

    assert rate("many") == 5 * 2e-3 and rate("slow", learning_rate=1e-4) == 5 * 1e-4
    assert rate("layers", layer_decay=2.6) is None, "the word vectors are the lowest layer"
    assert rate("few", labels=7) is None and rate("short", words=49) is None
    assert rate("bag", model_type="bag-of-words") == 5 * 2e-3 and rate("given", embedding_learning_rate=0.0) == 0


def test_few_steps_that_were_asked_for_are_no_mistake(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for given, told in (({"max_steps": 50}, False), ({"num_train_epochs": 1.0}, True)):
        caplog.clear()
        args = LstmTrainingArguments(output_dir=str(tmp_path), use_cpu=True, **given)
        warn_of_few_steps(args, 100)
        assert ("training steps: with so few rows" in caplog.text) == told


def test_the_score_of_a_label_is_kept_whatever_its_name(tmp_path: Path) -> None:
    names = ("runtime", "requests_per_second", "compile")
    data = write_csv(tmp_path / "data.csv", [(f"about {names[n % 3]}", names[n % 3]) for n in range(60)])
    small: dict[str, Any] = {"embedding_size": 4, "hidden_size": 4, "min_frequency": 1, "num_train_epochs": 1.0}
    own = small | {"metric_for_best_model": "f1_runtime", "use_cpu": True, "disable_tqdm": True}
    TrainingJob(dataset=str(data), output_dir=str(tmp_path / "run"), **own).run()
    scores = read_record(tmp_path / "run")["metrics"]["validation"]
    assert {f"f1_{name}" for name in names} <= scores.keys() and not any(name.startswith("eval") for name in scores)
    assert "runtime" not in scores and "samples_per_second" not in scores and "epoch" not in scores
