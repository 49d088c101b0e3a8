"""`compare` on texts with several labels and on numbers: what differs from texts with one label."""

import itertools
import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sk
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multiclass import OneVsRestClassifier

from modeling_lstm.cli import main
from modeling_lstm.comparison import CompareArguments, ComparisonTask, Predict, System, compare
from modeling_lstm.comparison.experiment import Experiment, Run
from modeling_lstm.comparison.known_systems import open_system
from modeling_lstm.comparison.neural import NeuralSystem
from modeling_lstm.data.arguments import DataArguments
from modeling_lstm.evaluation.metrics import MULTI_LABEL, REGRESSION, choose_labels
from modeling_lstm.utils.errors import InputError
from tests.conftest import TRAIN_FLAGS, opinion_rows, write_csv

ARGUMENTS = CompareArguments(output_dir="out")
LABELS = ("funny", "sad", "long")
TINY = "embedding_size: 8\nhidden_size: 8\nmin_frequency: 1\nword_dropout: 0\nembedding_dropout: 0\n"
TINY += "classifier_dropout: 0\nembedding_range: 0.5\nlearning_rate: 0.02\nnum_train_epochs: 8\n"
TINY += "per_device_train_batch_size: 16\ndataset: not/read\n"


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Costs made up, and no more steps than asked for."""
    made_up = {"p50_ms": 1.0, "p95_ms": 2.0, "texts_per_second": 100.0, "load_seconds": 0.1, "memory_mb": 10}
    module = sys.modules["modeling_lstm.comparison.comparing"]
    monkeypatch.setattr(module, "measure", lambda systems, *_: {name: dict(made_up) for name in systems})
    monkeypatch.setattr(module, "check_processes", lambda: None)
    monkeypatch.setattr(NeuralSystem, "min_steps", 0)


def rows_with_labels(number: int) -> list[tuple[str, list[int]]]:
    """Texts that name the labels that they have; every eighth has none, and some say no."""
    every = itertools.product([0, 1], repeat=len(LABELS))
    rows = []
    for n, held in zip(range(number), itertools.cycle(every), strict=False):
        words = " ".join(label for label, one in zip(LABELS, held, strict=True) if one)
        rows.append((f"film {n % 7} {'is not' if n % 3 else 'is'} {words}", list(held)))
    return rows


def columns(path: Path, number: int = 120) -> Path:
    """A file with a column for each label."""
    return write_csv(path, [(text, *held) for text, held in rows_with_labels(number)], ("text", *LABELS))


def numbers(path: Path, number: int = 120) -> Path:
    """A file in which a text's number is the sum of what its words count."""
    worth = {"one": 1.0, "two": 2.0, "half": 0.5, "not": -3.0}
    rows = []
    for n, words in zip(range(number), itertools.cycle(itertools.product(worth, repeat=2)), strict=False):
        rows.append((f"{words[0]} and {words[1]} {n % 5}", 100 + sum(worth[word] for word in words)))
    return write_csv(path, rows)


def arguments(folder: Path, **changes: Any) -> CompareArguments:
    usual = {"output_dir": str(folder), "seeds": 1, "resamples": 100, "threads": 1, "shares": [1.0]}
    return CompareArguments(**usual | changes)


def found_in(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "comparison.json").read_text("utf-8"))


def predicted(folder: Path, system: str, seed: int = 0) -> np.ndarray:
    """What a system that learned from all rows says of the test texts."""
    for path in (folder / "runs" / system).glob(f"*/rows-86/seed-{seed}/predictions.npz"):
        with np.load(path) as kept:
            if "test" in kept:  # else it is a trial
                return kept["test"]
    raise FileNotFoundError(folder)


def test_several_labels_from_columns_to_the_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "tiny.yaml").write_text(TINY, encoding="utf-8")
    flags = ["--dataset", str(columns(tmp_path / "mine.csv")), "--label_column", *LABELS, "--metric", "macro_f1"]
    flags += ["--systems", "tfidf", "fasttext", str(tmp_path / "tiny.yaml"), "--seeds", "2", "--trials", "2"]
    flags += ["--shares", "0.3", "--resamples", "100", "--threads", "1", "--output_dir", str(tmp_path / "out")]
    assert main(["compare", *flags]) == 0
    shown = capsys.readouterr().out
    found = found_in(tmp_path / "out")
    assert found["task"] == {"metric": "macro_f1", "problem_type": MULTI_LABEL, "label_names": list(LABELS)} | {
        "not_in_test": []
    }
    for name, system in found["systems"].items():
        assert system["scores"].keys() == {"macro_f1", "accuracy", "micro_f1"}
        low, high = system["scores"]["macro_f1"]["interval"]
        assert system["scores"]["macro_f1"]["mean"] > 0.5 and low <= system["scores"]["macro_f1"]["mean"] <= high, name
        assert [point["rows"] for point in system["curve"]] == [26]
        assert system["shuffled"].keys() == {"in_order", "macro_f1", "changed"}
    assert found["systems"]["tfidf"]["scores"]["macro_f1"]["mean"] == 1.0
    assert len(found["pairs"]) == 3
    assert "24 test rows (--test_share 0.2), 3 labels. Macro f1 on test, the mean" in shown
    assert "calibration" not in shown and "A mean over labels leaves out labels that no row of the part has." in shown
    assert "Macro f1 in percent." in shown and (tmp_path / "out/report.html").is_file()
    references = Experiment(tmp_path / "out", data(tmp_path), "macro_f1").task.labels("test")
    expected = sk.f1_score(references, predicted(tmp_path / "out", "tiny", 1) > 0.5, average="macro")
    assert found["systems"]["tiny"]["scores"]["macro_f1"]["values"][1] == pytest.approx(expected)


def data(folder: Path) -> DataArguments:
    return DataArguments(dataset=str(columns(folder / "mine.csv")), label_column=list(LABELS))


def test_a_label_that_no_test_row_has_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for split in ("train", "validation", "test"):
        rows = [(text, *held) for text, held in rows_with_labels(48) if split != "test" or not held[1]]
        write_csv(tmp_path / "data" / f"{split}.csv", rows, ("text", *LABELS))
    data = DataArguments(dataset=str(tmp_path / "data"), label_column=list(LABELS))
    compare("tfidf", data, arguments(tmp_path / "out", metric="macro_f1", trials=1))
    told = "No test row has the label sad: it counts as 0 in the macro scores."
    assert told in (tmp_path / "out" / "comparison.md").read_text("utf-8")
    flags = ["--dataset", str(tmp_path / "data"), "--label_column", *LABELS, "--output_dir", str(tmp_path / "run")]
    assert main(["train", *flags, *TRAIN_FLAGS]) == 0
    caplog.clear()
    assert main(["evaluate", str(tmp_path / "run"), "--split", "test"]) == 0
    assert "No row has the label sad: it counts as 0 in the macro scores." in caplog.text


def test_columns_vectors_and_sets_of_labels_are_the_same_task(tmp_path: Path) -> None:
    found = []
    forms: dict[str, Callable[[list[int]], Any]] = {
        "vectors": list,
        "sets": lambda held: [label for label, one in zip(LABELS, held, strict=True) if one],
    }
    for name, form in forms.items():
        lines = [json.dumps({"text": text, "label": form(held)}) for text, held in rows_with_labels(120)]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines), encoding="utf-8")
        settings = DataArguments(dataset=str(tmp_path / f"{name}.jsonl"), labels=list(LABELS))
        found.append(compare(["tfidf"], settings, arguments(tmp_path / name, trials=1)))
    found.append(compare(["tfidf"], data(tmp_path), arguments(tmp_path / "columns", trials=1)))
    assert found[0]["task"] == found[1]["task"] == found[2]["task"] and found[0]["task"]["metric"] == "accuracy"
    systems = [one["systems"]["tfidf"]["scores"] for one in found]
    assert systems[0] == systems[1] == systems[2]


def test_tfidf_has_a_logistic_regression_for_each_label(tmp_path: Path) -> None:
    study = Experiment(tmp_path / "out", data(tmp_path))
    found = study.run(Run(open_system("tfidf", ARGUMENTS), 0, study.rows, 0)).probabilities["test"]
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"(?u)\w+(?:['’]\w+)*|[^\w\s]", sublinear_tf=True)
    classifier = OneVsRestClassifier(LogisticRegression(C=10.0, max_iter=10_000, tol=1e-6))
    classifier.fit(vectorizer.fit_transform(study.task.texts("train")), study.task.labels("train"))
    expected = classifier.predict_proba(vectorizer.transform(study.texts["test"]))
    assert found == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("system", ["tfidf", "fasttext"])
def test_labels_that_no_row_has_or_that_each_has(system: str, tmp_path: Path) -> None:
    rows = [(text, *held[:2], 0, 1) for text, held in rows_with_labels(120)]
    path = write_csv(tmp_path / "mine.csv", rows, ("text", "funny", "sad", "never", "always"))
    settings = DataArguments(dataset=str(path), label_column=["funny", "sad", "never", "always"])
    study = Experiment(tmp_path / "out", settings)
    found = study.run(Run(open_system(system, ARGUMENTS), 1, study.rows, 0))
    assert (found.probabilities["test"][:, 2] < 0.001).all() and (found.probabilities["test"][:, 3] > 0.9).all()
    assert found.record["metrics"]["test"]["f1_never"] == 0.0 and found.record["metrics"]["test"]["f1_always"] == 1.0
    assert study.shares([0.02, 0.5]) == [43]  # a label that train lacks need not be in a part of it


def test_rows_without_labels_teach_fasttext_too(tmp_path: Path) -> None:
    rows = [("red", 1, 0), ("red blue", 1, 1), *[("grey", 0, 0)] * 6] * 15
    path = write_csv(tmp_path / "mine.csv", rows, ("text", "red", "blue"))
    study = Experiment(tmp_path / "out", DataArguments(dataset=str(path), label_column=["red", "blue"]))
    system = open_system("fasttext", ARGUMENTS)
    folder = study.run(Run(system, 1, study.rows, 0)).folder
    found = system.load(folder, 2)(["red", "red blue", "grey"])
    assert choose_labels(MULTI_LABEL, found).tolist() == [[1, 0], [1, 1], [0, 0]]
    assert found.min() >= 0.0 and found.max() <= 1.0


def test_numbers_from_the_command_line_to_the_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By the error, of which less is better, each choice is the smallest."""
    (tmp_path / "words.yaml").write_text(TINY + "model_type: bag-of-words\n", encoding="utf-8")
    flags = ["--dataset", str(numbers(tmp_path / "mine.csv")), "--problem_type", "regression", "--seeds", "2"]
    flags += ["--systems", str(tmp_path / "words.yaml"), "tfidf", "--shares", "0.02", "0.3", "--resamples", "100"]
    assert main(["compare", *flags, "--output_dir", str(tmp_path / "out"), "--threads", "1"]) == 0
    shown = capsys.readouterr().out
    found = found_in(tmp_path / "out")
    assert found["task"] == {"metric": "mean_squared_error", "problem_type": REGRESSION, "label_names": ["label"]} | {
        "not_in_test": []
    }
    system = found["systems"]["tfidf"]
    tried = {one["validation"]: one["settings"] for one in system["tried"]}
    assert len(tried) == 3 and tried[min(tried)] == system["settings"]
    assert system["scores"].keys() == {"mean_squared_error", "mean_absolute_error", "r2", "pearson"}
    error = system["scores"]["mean_squared_error"]
    assert error["mean"] < found["systems"]["words"]["scores"]["mean_squared_error"]["mean"] / 2
    assert error["interval"][0] < error["mean"] < error["interval"][1]
    assert [point["rows"] for point in system["curve"]] == [2, 26]  # any rows will do
    (pair,) = found["pairs"]
    assert pair["difference"] > 0 and pair["p"] < 0.05 and pair["interval"][0] > 0
    assert "24 test rows (--test_share 0.2). Mean squared error on test (less is better), the mean" in shown
    assert f"Best: tfidf with {error['mean']:.4g}. Its difference from every other system is significant." in shown
    scores_table = shown[shown.index("## Scores") :]
    assert scores_table.index("| tfidf |") < scores_table.index("| words |")
    assert "mean change of predictions" in shown and "calibration" not in shown and "ercent" not in shown
    assert predicted(tmp_path / "out", "tfidf").shape == (24, 1)


def test_tfidf_has_a_ridge_regression_for_numbers(tmp_path: Path) -> None:
    settings = DataArguments(dataset=str(numbers(tmp_path / "mine.csv")), problem_type="regression")
    study = Experiment(tmp_path / "out", settings)
    outcome = study.run(Run(open_system("tfidf", ARGUMENTS), 1, study.rows, 0))
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"(?u)\w+(?:['’]\w+)*|[^\w\s]", sublinear_tf=True)
    ridge = Ridge(alpha=1.0).fit(vectorizer.fit_transform(study.task.texts("train")), study.task.labels("train"))
    expected = ridge.predict(vectorizer.transform(study.texts["test"]))
    assert outcome.probabilities["test"][:, 0] == pytest.approx(expected, abs=1e-3)
    error = sk.mean_squared_error(study.task.labels("test"), expected)
    assert outcome.record["metrics"]["test"]["mean_squared_error"] == pytest.approx(error, rel=1e-3)


def test_fasttext_does_not_learn_numbers(
    tmp_path: Path, fails: Callable[..., str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Asked for by name it is refused, as one of the usual systems left out."""
    flags = ["compare", "--dataset", str(numbers(tmp_path / "mine.csv")), "--problem_type", "regression"]
    flags += ["--output_dir", str(tmp_path / "out"), "--trials", "1", "--shares", "1", "--resamples", "100"]
    told = fails(*flags, "--systems", "tfidf", "fasttext")
    assert "The system 'fasttext' cannot learn this task, regression: leave it out of --systems." in told
    module = sys.modules["modeling_lstm.comparison.comparing"]
    monkeypatch.setattr(module, "DEFAULT_SYSTEMS", ("tfidf", "fasttext"))
    monkeypatch.setitem(sys.modules, "fasttext", None)  # nor need it be there
    with caplog.at_level(logging.INFO):
        assert main(flags) == 0
    assert "The system 'fasttext' cannot learn this task, regression: it is left out." in caplog.text
    assert list(found_in(tmp_path / "out")["systems"]) == ["tfidf"]


def test_a_finished_run_of_numbers(tmp_path: Path, fails: Callable[..., str]) -> None:
    """It is compared on numbers and tells of it in its card; on labels it is refused."""
    path, run = numbers(tmp_path / "mine.csv"), tmp_path / "run"
    flags = ["--dataset", str(path), "--test_share", "0.2", "--problem_type", "regression"]
    assert main(["train", *flags, *TRAIN_FLAGS, "--output_dir", str(run)]) == 0
    compared = ["--systems", "tfidf", f"mine={run}", "--trials", "1", "--shares", "1", "--resamples", "100"]
    assert main(["compare", *flags, *compared, "--output_dir", str(tmp_path / "out")]) == 0
    assert main(["card", str(run), "me/numbers", "--comparison", str(tmp_path / "out")]) == 0
    card = (run / "README.md").read_text("utf-8")
    errors = {name: one["scores"]["mean_squared_error"] for name, one in found_in(tmp_path / "out")["systems"].items()}
    assert "| system | mean squared error | parameters |" in card
    assert f"| `mine` | {errors['mine']['mean']:.4g} (" in card and errors["tfidf"]["mean"] < errors["mine"]["mean"]
    flags = ["compare", "--dataset", str(path), "--systems", str(run), "--output_dir", str(tmp_path / "other")]
    told = fails(*flags)
    assert "was trained for regression, this comparison is for single_label_classification" in told


def test_scores_and_weights_that_the_task_has_not(tmp_path: Path, fails: Callable[..., str]) -> None:
    flags = ["compare", "--dataset", str(numbers(tmp_path / "n.csv")), "--problem_type", "regression"]
    flags += ["--output_dir", str(tmp_path / "n"), "--systems", "tfidf"]
    told = "Unknown metric 'macro_f1' for --metric: choose one of mean_squared_error, mean_absolute_error, r2, pearson"
    assert told in fails(*flags, "--metric", "macro_f1")
    assert "--class_weights balanced needs single labels" in fails(*flags, "--class_weights", "balanced")
    flags = ["compare", "--dataset", str(columns(tmp_path / "c.csv")), "--label_column", *LABELS]
    flags += ["--output_dir", str(tmp_path / "c"), "--systems", "tfidf", "--metric", "weighted_f1"]
    assert "choose one of accuracy, macro_f1, micro_f1, f1_funny, f1_sad, f1_long." in fails(*flags)


class Gives(System):
    """Predicts the same for every text."""

    name = "gives"

    def __init__(self, row: list[float]):
        self.row = row

    def fit(self, task: ComparisonTask, settings: dict[str, Any], seed: int, folder: Path) -> dict[str, Any]:
        return {}

    def load(self, folder: Path, labels: int) -> Predict:
        return lambda texts: np.tile(np.array(self.row, dtype=np.float32), (len(texts), 1))


def test_predictions_of_each_kind_are_checked(tmp_path: Path) -> None:
    several = data(tmp_path)
    number = DataArguments(dataset=str(numbers(tmp_path / "numbers.csv")), problem_type="regression")
    one = DataArguments(dataset=str(write_csv(tmp_path / "one.csv", opinion_rows(60))))
    for settings, row, told in (
        (several, [0.5, 1.2, 0.1], r"a probability from 0 to 1 for each label, of shape \(24, 3\); found \(24, 3\) "),
        (one, [1.5, -0.5, 0.0], r"probabilities from 0 to 1 of shape .* whose rows sum to 1"),
        (several, [0.5, 0.5], r"of shape \(24, 3\); found \(24, 2\)\."),
        (several, [0.5, 0.5, np.nan], "a probability from 0 to 1 for each label"),
        (number, [np.inf], r"finite numbers of shape \(24, 1\); found \(24, 1\) from inf to inf\."),
        (number, [1.0, 2.0], r"finite numbers of shape \(24, 1\); found \(24, 2\)\."),
    ):
        study = Experiment(tmp_path / Path(settings.dataset).stem, settings)
        with pytest.raises(InputError, match=told):
            study.run(Run(Gives(row), 0, study.rows, 0), ["test"])
    found = compare([Gives([0.9, 0.8, 0.1])], several, arguments(tmp_path / "out"))["systems"]["gives"]
    assert found["scores"]["accuracy"]["mean"] == pytest.approx(1 / 8, abs=0.1)
    assert found["shuffled"]["changed"]["mean"] == 0.0


def test_damaged_files_are_named(tmp_path: Path) -> None:
    given = (data(tmp_path), arguments(tmp_path / "out"))
    compare([Gives([0.9, 0.8, 0.1])], *given)
    for name in ("predictions.npz", "run.json", "costs.json", "system.json"):
        path = next((tmp_path / "out").rglob(name))
        whole = path.read_bytes()
        path.write_bytes(whole[:20])
        with pytest.raises(InputError, match=f"{name}' is damaged .*: remove it and run the command again"):
            compare([Gives([0.9, 0.8, 0.1])], *given)
        path.unlink()
        compare([Gives([0.9, 0.8, 0.1])], *given)
        path.write_bytes(whole)


def test_parts_that_say_nothing_of_a_score_are_left_empty(tmp_path: Path) -> None:
    settings = DataArguments(dataset=str(numbers(tmp_path / "mine.csv")), problem_type="regression")
    found = compare([Gives([1.0])], settings, arguments(tmp_path / "out", metric="pearson"))
    assert found["systems"]["gives"]["scores"]["pearson"] == {"mean": 0.0, "sd": None, "values": [0.0]} | {
        "interval": None
    }
    assert all(one["mean"] is None for one in found["systems"]["gives"]["slices"].values())
    table = (tmp_path / "out/comparison.md").read_text("utf-8")
    assert "Infinity" not in (tmp_path / "out/comparison.json").read_text("utf-8") and "nan" not in table.lower()
