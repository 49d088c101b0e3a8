"""What version 0.1.0 wrote is read unchanged: run folders, a pushed model, exports, vectors, recipes, comparisons."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import Trainer

from modeling_lstm.cli import main
from modeling_lstm.comparison.tfidf import Tfidf
from modeling_lstm.evaluation.evaluator import evaluate
from modeling_lstm.inference.answering import open_predictor
from modeling_lstm.models.text_classifier import TextClassifier
from modeling_lstm.runs.record import read_record
from modeling_lstm.training.job import TrainingJob
from modeling_lstm.training.lstm_trainer import LstmTrainer
from modeling_lstm.vectors import WordVectors
from tests.models.test_remote_code import run_outside

TEXTS = ["the film was great number 3", "the film was awful number 1", "the film was not okay"]
ANSWERS = [("positive", 0.7541), ("negative", 0.7857), ("positive", 0.5297)]  # as that version gave them


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A copy of what that version wrote, as the working directory."""
    return Path(shutil.copytree(Path(__file__).parent / "fixtures" / "version_0_1_0", tmp_path / "old"))


def close(found: list[dict[str, Any]]) -> bool:
    return [(one["label"], pytest.approx(one["score"], abs=1e-3)) for one in found] == ANSWERS


def test_a_run_answers_as_it_did(old: Path) -> None:
    assert close(open_predictor(str(old / "run"))(TEXTS))


def test_an_exported_model_answers_as_it_did(old: Path) -> None:
    pytest.importorskip("onnxruntime")
    assert close(TextClassifier.from_onnx(old / "exported")(TEXTS))


def test_a_pushed_model_is_opened_by_its_own_code(old: Path) -> None:
    code = (
        "import json, sys\nfrom transformers import pipeline\n"
        "classify = pipeline('text-classification', sys.argv[1], trust_remote_code=True)\n"
        f"print(json.dumps(classify({TEXTS!r})))"
    )
    done = run_outside(code, old / "run", old / "home")
    assert done.returncode == 0, done.stderr
    assert close(json.loads(done.stdout.splitlines()[-1]))


def test_a_run_is_scored_as_it_was(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(old)
    before = read_record(Path("run"))
    result = evaluate("run", split="test", resamples=1000)
    assert result["scores"] == pytest.approx(before["metrics"]["test"], abs=1e-5)
    assert result["confusion"] == before["confusion"]["test"]
    for name, limits in before["intervals"]["test"].items():
        if name == "calibration_error":  # whose lower limit is another one since
            assert result["intervals"][name][0] == pytest.approx(limits[0], abs=0.01)
            limits = [result["intervals"][name][0], limits[1]]
        assert result["intervals"][name] == pytest.approx(limits, abs=1e-5), name
    assert read_record(Path("run")).keys() == before.keys()


@pytest.mark.parametrize("name", ["student", "bag"])
def test_other_runs_are_scored_too(name: str, old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(old)
    before = read_record(Path(name))["metrics"]["validation"]
    assert main(["evaluate", name, "--split", "validation", "--resamples", "100"]) == 0
    after = read_record(Path(name))["metrics"]["validation"]
    assert {metric: before[metric] for metric in after} == pytest.approx(after, abs=1e-5)
    assert main(["card", name, "me/old"]) == 0


def test_a_recipe_trains_the_same_model(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(old)
    # of checkpoints with equal scores the first one was the best then
    monkeypatch.setattr(LstmTrainer, "_determine_best_metric", Trainer._determine_best_metric)
    before = read_record(Path("run"))
    record = TrainingJob.from_yaml("recipe.yaml", output_dir="again").run()
    assert record["data"].pop("digests").keys() == {"train", "validation", "test"}  # which it now says
    for statistics in record["data"]["tokens"].values():
        assert statistics.pop("tokens_at_90_percent") > 0  # this too
    for part in ("data", "tokenizer", "best"):
        assert record[part] == before[part], part  # type: ignore[literal-required]
    model = {name: value for name, value in record["model"].items() if name in before["model"]}
    assert model == before["model"] | {"size_mb": pytest.approx(before["model"]["size_mb"], abs=0.05)}
    ours = record["training"].items() - {
        ("disable_tqdm", True),
        ("bf16", False),
        ("stopped_early", False),
    }  # which it now says
    assert ours == before["training"].items()
    assert record["metrics"]["validation"] == pytest.approx(before["metrics"]["validation"], abs=1e-4)
    assert close(open_predictor("again")(TEXTS))


def test_word_vectors_are_read(old: Path) -> None:
    vectors = WordVectors.from_pretrained(str(old / "vectors"))
    assert len(vectors) == 20 and "film" in vectors
    assert np.isfinite(vectors.vector("film")).all()


def test_a_comparison_goes_on(old: Path, monkeypatch: pytest.MonkeyPatch, forked_costs: None) -> None:
    """Nothing that is finished is trained again; the flag's old spelling still works."""
    monkeypatch.chdir(old)

    def fit(*_: Any) -> Any:
        raise AssertionError("trained again")

    monkeypatch.setattr(Tfidf, "fit", fit)
    before = json.loads(Path("comparison", "comparison.json").read_text(encoding="utf-8"))["systems"]["tfidf"]
    flags = ["--systems", "tfidf", "--seeds", "1", "--trials", "1", "--shares", "1"]
    assert main(["compare", "--dataset", "data", "--output", "comparison", *flags]) == 0
    after = json.loads(Path("comparison", "comparison.json").read_text(encoding="utf-8"))["systems"]["tfidf"]
    assert after.pop("max_length") == 512  # which older versions did not tell
    assert after | {"costs": None} == before | {"costs": None}  # which are measured anew
