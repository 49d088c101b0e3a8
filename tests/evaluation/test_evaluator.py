"""`evaluate`: scores, intervals, plots, and what happens to a damaged run."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from datasets import Dataset
from safetensors.torch import load_file, save_file
from sklearn import metrics as sk
from transformers import (
    AutoTokenizer,
    BartConfig,
    BartForSequenceClassification,
    BertForSequenceClassification,
    pipeline,
)

from modeling_lstm import LstmConfig, LstmModel, LstmTokenizer
from modeling_lstm.cli import main
from modeling_lstm.evaluation import plots
from modeling_lstm.evaluation.arguments import EvaluationArguments
from modeling_lstm.evaluation.evaluator import check_data_are_there, evaluate
from modeling_lstm.evaluation.intervals import find_intervals
from modeling_lstm.evaluation.metrics import (
    TextClassificationMetric,
    calibration_bins,
    calibration_error,
    compute_scores,
    confusion_matrix,
    confusion_scores,
    decide,
)
from modeling_lstm.tasks.text_classification import TextClassification
from modeling_lstm.utils.errors import InputError
from modeling_lstm.utils.figures import save
from tests.conftest import TRAIN_FLAGS, opinion_rows, write_csv

RNG = np.random.default_rng(0)


def test_evaluate_writes_scores_and_plots(
    run_copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    assert main(["evaluate", str(run_copy), "--split", "test"]) == 0
    assert "accuracy" in capsys.readouterr().out
    assert not list(here.iterdir()), "nothing beside the run"
    folder = run_copy / "evaluation" / "test"
    result = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
    record = json.loads((run_copy / "run.json").read_text(encoding="utf-8"))
    assert result["rows"] == 33 and result["scores"]["accuracy"] > 0.9
    assert record["metrics"]["test"] == result["scores"] and record["intervals"]["test"] == result["intervals"]
    assert np.trace(result["confusion"]) / 33 == pytest.approx(result["scores"]["accuracy"])
    assert np.sum(result["confusion"], axis=1).tolist() == [11, 11, 11]
    for name in ("confusion_matrix.png", "calibration.png"):
        assert (folder / name).read_bytes().startswith(b"\x89PNG")


def test_two_evaluations_at_once_keep_both_scores(run_copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = sys.modules["modeling_lstm.evaluation.evaluator"]
    load_for_inference = module.load_for_inference

    def load_while_another_ends(*given: Any, **named: Any) -> Any:
        monkeypatch.setattr(module, "load_for_inference", load_for_inference)
        evaluate(str(run_copy), EvaluationArguments(split="validation", resamples=100))
        return load_for_inference(*given, **named)

    monkeypatch.setattr(module, "load_for_inference", load_while_another_ends)
    evaluate(str(run_copy), EvaluationArguments(split="test", resamples=100))
    record = json.loads((run_copy / "run.json").read_text(encoding="utf-8"))
    assert set(record["intervals"]) == {"validation", "test"}


def test_evaluation_does_not_depend_on_the_batch_size(run_copy: Path) -> None:
    found = []
    for size in ("1", "7", "128"):
        assert main(["evaluate", str(run_copy), "--batch_size", size]) == 0
        path = run_copy / "evaluation" / "test" / "evaluation.json"
        found.append(json.loads(path.read_text(encoding="utf-8"))["scores"])
    for other in found[1:]:
        assert other == pytest.approx(found[0], abs=1e-6)


def test_evaluate_on_other_data_leaves_the_record_alone(run_copy: Path, tmp_path: Path) -> None:
    before = (run_copy / "run.json").read_bytes()
    path = write_csv(tmp_path / "other" / "test.csv", opinion_rows(12))
    assert main(["evaluate", str(run_copy), "--dataset", str(path.parent)]) == 0
    assert (run_copy / "run.json").read_bytes() == before
    assert not (run_copy / "evaluation" / "test").exists()
    found = list((run_copy / "evaluation").glob("*-test/evaluation.json"))
    assert len(found) == 1 and json.loads(found[0].read_text(encoding="utf-8"))["rows"] == 12
    rows = [(label, text) for text, label in opinion_rows(12)]
    path = write_csv(tmp_path / "renamed" / "test.csv", rows, ("mood", "words"))
    flags = ["--dataset", str(path.parent), "--text_column", "words", "--label_column", "mood"]
    assert main(["evaluate", str(run_copy), *flags]) == 0


def test_numbers_are_the_labels_of_a_model_without_names(encoder: Path, tmp_path: Path) -> None:
    """Such as one that a plain `Trainer` has saved."""
    model = BertForSequenceClassification.from_pretrained(encoder, num_labels=3)
    model.save_pretrained(tmp_path / "plain")
    AutoTokenizer.from_pretrained(encoder).save_pretrained(tmp_path / "plain")
    texts, scores = [text for text, _ in opinion_rows(30)], []
    for name in ("{}", "LABEL_{}"):
        rows = [(text, name.format(n % 3)) for n, text in enumerate(texts)]
        path = write_csv(tmp_path / "rows.csv", rows)
        scores.append(evaluate(str(tmp_path / "plain"), dataset=str(path))["scores"])
    predicted = [int(one["label"][-1]) for one in pipeline("text-classification", str(tmp_path / "plain"))(texts)]
    right = [one == n % 3 for n, one in enumerate(predicted)]
    assert scores[0] == scores[1] and scores[0]["accuracy"] == pytest.approx(np.mean(right))


def test_all_rows_of_other_data_are_scored(tmp_path: Path) -> None:
    """Even if the run was trained on some of its rows only."""
    own, run = write_csv(tmp_path / "own.csv", opinion_rows(60)), tmp_path / "run"
    flags = ["--max_train_samples", "30", *TRAIN_FLAGS]
    assert main(["train", "--dataset", str(own), "--output_dir", str(run), *flags]) == 0
    other = write_csv(tmp_path / "other" / "train.csv", opinion_rows(45))
    assert evaluate(run, dataset=str(other.parent), split="train")["rows"] == 45
    assert evaluate(run, split="train")["rows"] == 30


def test_each_data_set_has_a_folder_of_its_own(run_copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["один.csv", "два.csv", "x/d.csv", "x/x/d.csv", "../d.csv", "🙂.csv", f"{'n' * 200}/d.csv", "plain"]
    (tmp_path / "x").mkdir()
    monkeypatch.chdir(tmp_path / "x")
    folders = []
    for number, name in enumerate(names, start=3):
        write_csv(Path(name, "test.csv") if name == "plain" else Path(name), opinion_rows(number))
        folders.append(Path(evaluate(run_copy, dataset=name)["folder"]))
    rows = [json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))["rows"] for folder in folders]
    assert rows == list(range(3, 3 + len(names)))
    assert folders[0].name.startswith("один-csv-") and folders[-1].name == "plain-test"


def test_the_columns_of_the_training_are_read_of_other_data(tmp_path: Path, fails: Callable[..., str]) -> None:
    rows = [(number, "the same", text, label, label[0]) for number, (text, label) in enumerate(opinion_rows(60))]
    names = ("id", "text", "summary", "sentiment", "label")
    own, run = write_csv(tmp_path / "own.csv", rows, names), tmp_path / "run"
    columns = ["--text_column", "text", "summary", "--label_column", "sentiment"]
    assert main(["train", "--dataset", str(own), "--output_dir", str(run), *columns, *TRAIN_FLAGS]) == 0
    other = write_csv(tmp_path / "other.csv", rows[:20], ("id", "Text", "SUMMARY", "Sentiment", "label"))
    named = evaluate(run, dataset=str(other), text_column=["text", "summary"], label_column="sentiment")
    found = evaluate(run, dataset=str(other))
    assert found["scores"] == named["scores"] and found["tokens"] == named["tokens"] and found["rows"] == 20
    elsewhere = write_csv(tmp_path / "elsewhere.csv", opinion_rows(9), ("words", "mood"))
    assert evaluate(run, dataset=str(elsewhere), text_column=["words"], label_column="mood")["rows"] == 9
    assert "of which the train split (elsewhere.csv) has none: name" in fails("evaluate", run, "--dataset", elsewhere)
    half = write_csv(tmp_path / "half.csv", opinion_rows(9), ("summary", "sentiment"))
    message = fails("evaluate", run, "--dataset", half)
    assert "reads the columns text, summary, of which the train split (half.csv) has only summary: name" in message


def test_rows_that_changed_since_the_training_are_refused(tmp_path: Path, fails: Callable[..., str]) -> None:
    """A file in another order is cut in another way: rows of train would be among those of test."""
    rows = opinion_rows(120)
    path, run = tmp_path / "a.csv", tmp_path / "run"
    write_csv(path, rows)
    flags = ["--dataset", str(path), "--test_share", "0.2", *TRAIN_FLAGS, "--output_dir", str(run)]
    assert main(["train", *flags]) == 0 and main(["evaluate", str(run)]) == 0
    before = (run / "run.json").read_bytes()
    for changed in (sorted(rows), [*rows, ("one more", rows[0][1])], [(rows[0][0], rows[1][1]), *rows[1:]]):
        write_csv(path, changed)
        found = [split for split in ("test", "validation") if main(["evaluate", str(run), "--split", split]) != 0]
        assert found, changed
        assert "have changed since the run was trained" in fails("evaluate", run, "--split", found[0])
    write_csv(path, sorted(rows))
    told = fails("compare", "--dataset", path, "--test_share", "0.2", "--systems", run, "--output_dir", tmp_path / "c")
    assert "the data have other rows now" in told
    write_csv(path, rows)
    assert main(["evaluate", str(run)]) == 0
    assert json.loads(before)["metrics"] == json.loads((run / "run.json").read_bytes())["metrics"]


def test_labels_without_rows_are_told(run_copy: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = [row for row in opinion_rows(30) if row[1] != opinion_rows(1)[0][1]]
    path = write_csv(tmp_path / "other.csv", rows)
    assert main(["evaluate", str(run_copy), "--dataset", str(path)]) == 0
    assert f"No row has the label {opinion_rows(1)[0][1]}: it counts as 0 in the macro scores." in caplog.text


def test_evaluate_refuses_what_it_cannot_use(run_copy: Path, tmp_path: Path, fails: Callable[..., str]) -> None:
    assert "no train2 split; it has" in fails("evaluate", run_copy, "--split", "train2")
    assert "There is no run folder" in fails("evaluate", tmp_path / "nowhere")
    path = write_csv(tmp_path / "other" / "test.csv", [("a", "unheard of")] * 9)
    assert "unheard of; known are negative, neutral, positive" in fails("evaluate", run_copy, "--dataset", path.parent)
    lists = tmp_path / "lists.jsonl"
    lists.write_text('{"text": "a", "labels": ["negative", "positive"]}\n' * 9, encoding="utf-8")
    told = fails("evaluate", run_copy, "--dataset", lists)
    assert "multi_label_classification, but the run was trained for single_label_classification: name the col" in told
    assert "--resamples must be at least 100, found 3." in fails("evaluate", run_copy, "--resamples", "3")
    assert "--batch_size must be at least 1, found -5." in fails("evaluate", run_copy, "--batch_size", "-5")
    told = fails("evaluate", run_copy, "--text_column", "text")
    assert "--text_column is for another dataset: name it with --dataset." in told


def test_data_that_are_recorded_by_a_path_from_elsewhere(
    run_copy: Path, tmp_path: Path, data_folder: Path, monkeypatch: pytest.MonkeyPatch, fails: Callable[..., str]
) -> None:
    record = json.loads((run_copy / "run.json").read_text(encoding="utf-8"))
    record["data"]["dataset"] = data_folder.name
    (run_copy / "run.json").write_text(json.dumps(record), encoding="utf-8")
    monkeypatch.chdir(data_folder.parent)
    assert evaluate(str(run_copy))["rows"] == 33
    monkeypatch.chdir(tmp_path)
    message = fails("evaluate", run_copy)
    assert f"The run's dataset is recorded as '{data_folder.name}', which does not exist relative to" in message
    assert "with --dataset PATH. They then count as another dataset: all rows of a single file" in message
    assert evaluate(str(run_copy), dataset=str(data_folder))["rows"] == 33
    record["data"]["dataset"] = "monday:rows.csv"
    (run_copy / "run.json").write_text(json.dumps(record), encoding="utf-8")
    assert "recorded as 'monday:rows.csv', which does not exist relative to" in fails("evaluate", run_copy)
    record["data"] |= {"dataset": ["me/tweets", "gone.csv"], "source": ["hub", "local"]}
    with pytest.raises(InputError, match="recorded as 'gone.csv', which does not exist relative to"):
        check_data_are_there(record)
    record["data"]["source"] = ["hub", "hub"]
    check_data_are_there(record)
    record["data"] |= {"dataset": str(tmp_path / "gone.csv"), "source": "local"}
    (run_copy / "run.json").write_text(json.dumps(record), encoding="utf-8")
    assert "gone.csv', which does not exist any more: restore it, or name the data with --dataset" in fails(
        "evaluate", run_copy
    )


@pytest.mark.parametrize("command", ["evaluate", "predict"])
@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("model.safetensors", b"short", "damaged: model.safetensors is truncated"),
        ("model.safetensors", None, "damaged: model.safetensors is missing"),
        ("model.safetensors", "half", "damaged: model.safetensors is truncated"),
        ("tokenizer.json", None, "damaged: tokenizer.json is missing"),
        ("tokenizer.json", b'{"model": ', "damaged: tokenizer.json is not valid JSON"),
        ("config.json", b"{", "damaged: config.json is not valid JSON"),
        ("config.json", b"[]", "damaged: config.json holds no JSON object"),
        ("config.json", b'{"model_type": "lstm", "pooling": "sum"}', "cannot be loaded"),
        ("config.json", b'{"model_type": "unheard-of"}', "cannot be loaded"),
        ("tokenizer.json", b"{}", "cannot be loaded"),
        ("tokenizer.json", ("great", 5_000), "The tokenizer has 5001 tokens, but the model has vectors for only"),
    ],
)
def test_a_damaged_run(
    run_copy: Path, fails: Callable[..., str], command: str, name: str, content: Any, message: str
) -> None:
    path = run_copy / name
    if content is None:
        path.unlink()
    elif isinstance(content, tuple):
        whole = json.loads(path.read_text(encoding="utf-8"))
        whole["model"]["vocab"][content[0]] = content[1]
        path.write_text(json.dumps(whole), encoding="utf-8")
    else:
        path.write_bytes(path.read_bytes()[:-100] if isinstance(content, str) else content)
    assert message in fails(command, run_copy, *(["a text"] if command == "predict" else []))


@pytest.mark.parametrize(
    ("name", "value"), [("id2label", {"0": "b", "1": "a", "2": "c"}), ("problem_type", "multi_label_classification")]
)
def test_labels_of_another_configuration(run_copy: Path, fails: Callable[..., str], name: str, value: Any) -> None:
    config = json.loads((run_copy / "config.json").read_text(encoding="utf-8"))
    (run_copy / "config.json").write_text(json.dumps(config | {name: value}), encoding="utf-8")
    message = fails("evaluate", run_copy)
    assert f"has {name} " in message and "in config.json, and" in message and "make both say the same" in message


@pytest.mark.parametrize("limit", [0, -1, "x"])
def test_a_limit_that_is_none(run_copy: Path, fails: Callable[..., str], limit: int | str) -> None:
    path = run_copy / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | {"model_max_length": limit}), encoding="utf-8")
    told = f"model_max_length in tokenizer_config.json must be a number of at least 1, found {limit!r}: correct it."
    assert told in fails("predict", run_copy, "a text")


def test_a_broken_or_missing_record(run_copy: Path, fails: Callable[..., str]) -> None:
    record = json.loads((run_copy / "run.json").read_text(encoding="utf-8"))
    for name, value in (("data", None), ("task", [])):
        (run_copy / "run.json").write_text(json.dumps(record | {name: value}), encoding="utf-8")
        assert f"is damaged: {name} in run.json must be a JSON object" in fails("evaluate", run_copy)
    (run_copy / "run.json").write_text("{", encoding="utf-8")
    assert "run.json is not valid JSON" in fails("evaluate", run_copy)
    (run_copy / "run.json").unlink()
    assert "has no run.json, which modeling-lstm train writes at the end of training" in fails("evaluate", run_copy)
    (run_copy / "config.json").unlink()  # what is written with it, when a training ends
    assert "has no run.json: its training did not finish; resume it" in fails("evaluate", run_copy)


def test_a_classifier_without_a_record_is_scored_on_data_that_are_named(
    run_copy: Path, data_folder: Path, fails: Callable[..., str]
) -> None:
    data = str(data_folder / "test.csv")
    expected = evaluate(str(run_copy), dataset=data)
    (run_copy / "run.json").unlink()
    assert "name the data to score it on with --dataset" in fails("evaluate", run_copy)
    found = evaluate(str(run_copy), dataset=data)
    assert found["scores"] == expected["scores"] and found["intervals"] == expected["intervals"]


def test_a_tokenizer_larger_than_the_vocabulary(run_copy: Path, fails: Callable[..., str]) -> None:
    path = run_copy / "tokenizer.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    vocabulary = content["model"]["vocab"]
    size = len(vocabulary)
    vocabulary["more"] = size
    path.write_text(json.dumps(content), encoding="utf-8")
    message = fails("predict", run_copy, "more")
    assert f"The tokenizer has {size + 1} tokens, but the model has vectors for only {size}" in message


def test_a_classifier_that_returns_more_than_logits_is_scored() -> None:
    """As BART does, with the hidden states of its encoder."""
    tokenizer = LstmTokenizer.train(["a good film"] * 3, min_frequency=1)
    sizes = {"d_model": 8, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2}
    sizes |= {"decoder_attention_heads": 2, "encoder_ffn_dim": 8, "decoder_ffn_dim": 8, "vocab_size": 9}
    ids = {"pad_token_id": 0, "eos_token_id": 2, "bos_token_id": 1, "decoder_start_token_id": 2}
    model = BartForSequenceClassification(BartConfig(num_labels=2, **sizes, **ids)).eval()
    rows = Dataset.from_dict({"input_ids": [[3, 4, 2], [4, 2]], "labels": [0, 1], "length": [3, 2]})
    found, references = TextClassification("single_label_classification", ["a", "b"]).predict(model, tokenizer, rows, 2)
    assert found.shape == (2, 2) and references.tolist() == [0, 1]


def test_a_base_model_is_told(tmp_path: Path, fails: Callable[..., str]) -> None:
    words = LstmTokenizer.from_words(["good"])
    LstmModel(LstmConfig(vocab_size=len(words), embedding_size=4, hidden_size=4)).save_pretrained(tmp_path)
    words.save_pretrained(tmp_path)
    assert "is a base model (LstmModel), which has no head for a task" in fails("predict", tmp_path, "good")


def test_weights_that_are_missing_or_not_finite(run_copy: Path, fails: Callable[..., str]) -> None:
    path = run_copy / "model.safetensors"
    weights = load_file(path)
    save_file({name: weight for name, weight in weights.items() if "rnn" not in name}, path, {"format": "pt"})
    assert "damaged: its weights lack lstm.encoder.rnn" in fails("predict", run_copy, "a text")
    weights["classifier.bias"] += float("nan")
    save_file(weights, path, {"format": "pt"})
    assert "damaged: its weights classifier.bias are not finite" in fails("evaluate", run_copy)
    (run_copy / "run.json").write_text("{}", encoding="utf-8")
    assert "damaged: run.json lacks data, metrics, task" in fails("evaluate", run_copy)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("names", "shown", "turn"),
    [
        (["$5_{-$10", "日本", "a\tb"], ["$5_{-$10", "label 1", "a\ufffdb"], 0),  # no mathematics, and no boxes
        ([f"cat {n}" for n in range(6)], [f"cat {n}" for n in range(6)], 0),
        (["entertainment and science", "x" * 40], ["entertainment and science", "x" * 29 + "…"], 45),
    ],
)
def test_the_names_beside_a_confusion_matrix(
    names: list[str], shown: list[str], turn: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures = []
    monkeypatch.setattr(plots, "save", lambda figure, *file: (figures.append(figure), save(figure, *file)))
    plots.plot_confusion(np.eye(len(names), dtype=int), names, tmp_path / "a.png")
    labels = figures[0].axes[0].get_xticklabels()
    assert [label.get_text() for label in labels] == shown and labels[0].get_rotation() == turn
    assert (tmp_path / "a.png").stat().st_size


def test_scores_agree_with_scikit_learn() -> None:
    references, predictions = RNG.integers(0, 3, 200), RNG.integers(0, 3, 200)
    found = TextClassificationMetric().compute(
        predictions=predictions, references=references, label_names=["a", "b", "c"]
    )
    assert found["accuracy"] == sk.accuracy_score(references, predictions)
    assert found["macro_recall"] == pytest.approx(sk.balanced_accuracy_score(references, predictions))
    assert found["macro_f1"] == pytest.approx(sk.f1_score(references, predictions, average="macro"))
    assert found["f1_b"] == pytest.approx(sk.f1_score(references, predictions, average=None)[1])


def test_multi_label_and_regression_scores() -> None:
    references, predictions = RNG.integers(0, 2, (50, 3)), RNG.integers(0, 2, (50, 3))
    metric = TextClassificationMetric("multi_label_classification")
    found = metric.compute(predictions=predictions, references=references, label_names=["a", "b", "c"])
    assert found["micro_f1"] == pytest.approx(sk.f1_score(references, predictions, average="micro"))
    assert found["accuracy"] == pytest.approx((references == predictions).all(axis=1).mean())
    one = metric.compute(predictions=[[1], [1], [0]], references=[[1], [0], [1]], label_names=["x"])
    assert one["f1_x"] == one["micro_f1"] == pytest.approx(0.5)
    numbers, guesses = RNG.normal(size=40), RNG.normal(size=40)
    found = TextClassificationMetric("regression").compute(predictions=guesses, references=numbers)
    assert found["mean_squared_error"] == pytest.approx(sk.mean_squared_error(numbers, guesses))
    assert found["pearson"] == pytest.approx(np.corrcoef(numbers, guesses)[0, 1])


def test_labels_are_counted_where_none_is_named() -> None:
    """Though the last one is in no row, and no text has any."""
    several = TextClassificationMetric("multi_label_classification")
    for references in ([[1, 0, 1], [0, 1, 1]], [[0, 0, 0], [0, 0, 0]]):
        found = several.compute(predictions=references, references=references)
        assert [name for name in found if name.startswith("f1_")] == ["f1_0", "f1_1", "f1_2"]
    probabilities = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1]])
    found = TextClassificationMetric().compute(predictions=[0, 1], references=[0, 1], probabilities=probabilities)
    assert found["f1_2"] == 0 and found["log_loss"] == pytest.approx(-np.log([0.7, 0.8]).mean())
    with pytest.raises(ValueError, match="no rows to score"):
        compute_scores("regression", np.zeros(0), np.zeros(0))


def test_a_confident_mistake_costs_what_the_loss_says() -> None:
    logits, labels = np.array([[0.0, 25.0], [30.0, 0.0]], dtype=np.float32), np.array([0, 0])
    predictions, references, probabilities = decide("single_label_classification", logits, labels)
    found = compute_scores("single_label_classification", predictions, references, ["a", "b"], probabilities)
    assert found["log_loss"] == pytest.approx(12.5)


def test_equal_numbers_have_no_correlation() -> None:
    """Though their standard deviation is not quite zero in float32."""
    equal = np.full(10, 5.1, dtype=np.float32)
    assert equal.std() > 0 and compute_scores("regression", equal, np.arange(10.0))["pearson"] == 0.0


def test_an_unknown_problem_type_is_refused() -> None:
    with pytest.raises(ValueError, match="found 'ranking'"):
        TextClassificationMetric("ranking")


def test_calibration() -> None:
    """Rows of confidence 0.8, of which 80% are right, are calibrated; if all are right, the error is 0.2."""
    probabilities = np.tile([0.8, 0.2], (100, 1))
    references = np.repeat([0, 1], [80, 20])
    assert calibration_error(probabilities, references) == pytest.approx(0.0)
    assert calibration_error(probabilities, np.zeros(100, dtype=int)) == pytest.approx(0.2)
    assert calibration_bins(probabilities, references) == [(pytest.approx(0.8), pytest.approx(0.8), 100)]


def test_intervals_hold_the_score_and_narrow_with_rows() -> None:
    widths = []
    for rows in (100, 10_000):
        references = RNG.integers(0, 2, rows)
        predictions = np.where(RNG.random(rows) < 0.8, references, 1 - references)
        low, high = find_intervals("single_label_classification", predictions, references, ["a", "b"], resamples=200)[
            "accuracy"
        ]
        assert low <= compute_scores("single_label_classification", predictions, references)["accuracy"] <= high
        widths.append(high - low)
    # the normal approximation: 2 * 1.96 * sqrt(0.8 * 0.2 / rows)
    assert widths == pytest.approx([0.157, 0.0157], rel=0.25)


def test_confusion_matrix_has_true_labels_in_rows() -> None:
    assert confusion_matrix(np.array([1, 1, 0]), np.array([0, 1, 0]), 2).tolist() == [[1, 1], [0, 1]]


def test_scores_from_confusion_matrices_are_those_of_scikit_learn() -> None:
    """Of several at once, also where a label is in no row or in no prediction."""
    rng = np.random.default_rng(0)
    names = ["a", "b", "c", "d"]
    drawn = [(rng.integers(3, size=40), rng.integers(1, 4, size=40)) for _ in range(20)]
    matrices = np.stack([confusion_matrix(predictions, references, 4) for predictions, references in drawn])
    found = confusion_scores(matrices, names)
    for number, (predictions, references) in enumerate(drawn):
        options: dict = {"labels": range(4), "zero_division": 0.0}
        precision, recall, f1, rows = sk.precision_recall_fscore_support(references, predictions, **options)
        expected = {
            "accuracy": sk.accuracy_score(references, predictions),
            "macro_f1": f1.mean(),
            "macro_recall": recall.mean(),
            "macro_precision": precision.mean(),
            "weighted_f1": np.average(f1, weights=rows),
            "f1_c": f1[2],
            "f1_d": 0.0,
        }
        assert {name: found[name][number] for name in expected} == pytest.approx(expected)


def test_a_file_is_scored_whole(tmp_path: Path, data_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Not only the share of it that the run's own settings would cut off its training data."""
    flags = ["--test_share", "0.2", "--group_column", "text"]
    run = tmp_path / "run"
    assert (
        main(["train", "--dataset", str(data_folder / "train.csv"), "--output_dir", str(run), *flags, *TRAIN_FLAGS])
        == 0
    )
    other = write_csv(tmp_path / "other.csv", opinion_rows(100))
    for split in ("test", "validation", "train"):
        assert evaluate(str(run), EvaluationArguments(dataset=str(other), split=split))["rows"] == 100
    assert evaluate(str(run), EvaluationArguments(split="test"))["rows"] < 90
    semicolons = tmp_path / "semicolons.csv"
    semicolons.write_bytes(other.read_bytes().replace(b",", b";"))
    assert evaluate(str(run), EvaluationArguments(dataset=str(semicolons)))["rows"] == 100


def test_texts_that_are_also_in_train_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = opinion_rows(60)
    write_csv(tmp_path / "data" / "train.csv", rows)
    write_csv(tmp_path / "data" / "validation.csv", [("never seen", "positive")])
    write_csv(tmp_path / "data" / "test.csv", [*rows[:4], ("never seen", "negative")])
    run = tmp_path / "run"
    assert main(["train", "--dataset", str(tmp_path / "data"), "--output_dir", str(run), *TRAIN_FLAGS]) == 0
    said = "4 of the 5 test texts are also in train."
    assert said in caplog.text and "validation texts" not in caplog.text
    assert json.loads((run / "run.json").read_text(encoding="utf-8"))["data"]["overlap"] == {"test": 4}
    caplog.clear()
    evaluate(str(run), EvaluationArguments())
    assert said in caplog.text
    caplog.clear()
    evaluate(str(run), EvaluationArguments(dataset=str(tmp_path / "data")))
    assert said not in caplog.text
    told = "is the dataset the run was trained on: leave out --dataset to score only its test split (--split test)."
    assert told in caplog.text


@pytest.mark.parametrize("split", ["test", "train"])
def test_training_rows_are_warned_of(
    run_copy: Path, data_folder: Path, tmp_path: Path, split: str, caplog: pytest.LogCaptureFixture
) -> None:
    told = "The run was trained on exactly these rows"
    copied = shutil.copy(data_folder / "train.csv", tmp_path / "copied.csv")
    for path in (data_folder / "train.csv", copied):
        caplog.clear()
        evaluate(run_copy, dataset=str(path), split=split)
        assert caplog.text.count(told) == 1 and "is the dataset the run was trained on" not in caplog.text
    caplog.clear()
    evaluate(run_copy, dataset=str(write_csv(tmp_path / "fewer.csv", opinion_rows(89))), split=split)
    assert told not in caplog.text
    evaluate(run_copy, dataset=str(data_folder), split=split)
    assert told not in caplog.text and "is the dataset the run was trained on" in caplog.text
