"""Fine-tuning a Transformer, the baseline, by the same command and to the same kind of run folder."""

import functools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModel, AutoTokenizer, BertForSequenceClassification

from modeling_lstm.cli import main
from modeling_lstm.inference.answering import open_predictor
from modeling_lstm.inference.prediction import predict
from modeling_lstm.runs.record import read_record
from modeling_lstm.runs.run_folders import load_run
from modeling_lstm.training.job import TrainingJob
from modeling_lstm.training.regression_head import ScaledHead, scale_head
from tests.conftest import opinion_rows, write_csv


@pytest.fixture(scope="module")
def tuned(encoder: Path, data_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tuned") / "run"
    flags = ["--dataset", str(data_folder), "--transformer", str(encoder), "--output_dir", str(folder)]
    flags += ["--learning_rate", "0.005", "--num_train_epochs", "12", "--per_device_train_batch_size", "16"]
    assert main(["train", *flags, "--max_length", "32", "--use_cpu", "true", "--disable_tqdm", "true"]) == 0
    return folder


@pytest.mark.numeric
def test_it_learns_and_serves_like_any_run(tuned: Path, encoder: Path) -> None:
    assert main(["evaluate", str(tuned), "--resamples", "100"]) == 0
    record = read_record(tuned)
    assert record["metrics"]["test"]["accuracy"] > 0.9
    model, tokenizer = load_run(str(tuned))
    assert type(model).__name__ == "BertForSequenceClassification"
    found = record["model"]
    assert found["parameters"] == model.num_parameters() and found["transformer"] == str(encoder)
    texts = [text for text, _ in opinion_rows(9)]
    with torch.no_grad():
        expected = model(**tokenizer(texts, padding=True, return_tensors="pt")).logits.softmax(-1).numpy()
    assert abs(open_predictor(str(tuned)).scores(texts, batch_size=4) - expected).max() < 1e-5
    assert main(["card", str(tuned), "me/baseline"]) == 0
    card = (tuned / "README.md").read_text("utf-8")
    assert f"A Transformer (hidden size 16; {model.num_parameters():,} parameters" in card
    assert "```python\nfrom transformers import pipeline" in card and "trust_remote_code" not in card
    assert "and from the data of the model that it started from" in card


@pytest.mark.numeric
@pytest.mark.parametrize("is_joined", [False, True])
def test_the_texts_of_a_pair_are_told_apart_by_token_types(encoder: Path, tmp_path: Path, *, is_joined: bool) -> None:
    """As `run_glue.py` of transformers does; in training, evaluation and answers alike."""
    pairs = [(first, second, "ab"[n % 2]) for n, (first, second) in enumerate(opinion_rows(40))]
    names: tuple[str, ...] = ("first", "second", "label")
    if is_joined:
        pairs, names = [(f"{first} [SEP] {second}", label) for first, second, label in pairs], ("text", "label")
    data = write_csv(tmp_path / "pairs.csv", pairs, names)
    flags = ["--dataset", str(data), "--transformer", str(encoder), "--output_dir", str(tmp_path / "run")]
    flags += [] if is_joined else ["--text_column", "first", "second"]
    flags += ["--learning_rate", "0.005", "--max_steps", "4", "--use_cpu", "true", "--disable_tqdm", "true"]
    seen = []
    with pytest.MonkeyPatch.context() as context:
        forward = BertForSequenceClassification.forward

        def watched(self: Any, **inputs: Any) -> Any:
            seen.append(inputs.get("token_type_ids"))
            return forward(self, **inputs)

        context.setattr(BertForSequenceClassification, "forward", functools.wraps(forward)(watched))
        assert main(["train", *flags]) == 0
        assert main(["evaluate", str(tmp_path / "run"), "--split", "validation", "--resamples", "100"]) == 0
    assert seen and all(types is not None and types.max() == 1 for types in seen)
    model, tokenizer = load_run(str(tmp_path / "run"))
    texts = [("the film was good", "bad"), ("the film", "was number 1")]
    with torch.no_grad():
        inputs = tokenizer(*map(list, zip(*texts, strict=True)), padding=True, return_tensors="pt")
        expected = model(**inputs).logits.softmax(-1).numpy()
    found = open_predictor(str(tmp_path / "run")).scores([" [SEP] ".join(one) for one in texts])
    assert inputs["token_type_ids"].max() == 1 and abs(found - expected).max() < 1e-5


@pytest.mark.parametrize(("mean", "scale"), [(0, 1.0), (2_000, 128.0), (-5, 2**-10)])
def test_numbers_are_learned_whatever_their_unit(encoder: Path, tmp_path: Path, mean: float, scale: float) -> None:
    numbers = {"negative": -1.0, "neutral": 0.0, "positive": 1.0}
    rows = [(text, mean + scale * numbers[label]) for text, label in opinion_rows(90)]
    data = write_csv(tmp_path / "data.csv", rows)
    settings: dict[str, Any] = {"dataset": str(data), "problem_type": "regression", "transformer": str(encoder)}
    settings |= {"learning_rate": 0.005, "use_cpu": True, "disable_tqdm": True, "bf16": False, "max_steps": 60}
    settings |= {"save_strategy": "steps", "eval_strategy": "steps", "save_steps": 20, "eval_steps": 20}
    whole = TrainingJob(**settings, save_total_limit=9, output_dir=str(tmp_path / "whole")).run()
    assert whole["metrics"]["validation"]["r2"] > 0.6
    for step in (20, 40):
        folder = tmp_path / "again" / f"checkpoint-{step}"
        shutil.copytree(tmp_path / "whole" / folder.name, folder)
        state = (folder / "trainer_state.json").read_text("utf-8")
        (folder / "trainer_state.json").write_text(state.replace("/whole/", "/again/"), encoding="utf-8")
    TrainingJob(**settings, output_dir=str(tmp_path / "again"), resume_from_checkpoint="last").run()
    weights = [load_file(tmp_path / name / "model.safetensors") for name in ("whole", "again")]
    assert all(torch.equal(value, weights[1][name]) for name, value in weights[0].items()), "exactly, once resumed"
    texts = ["the film was great", "the film was awful"]
    model, tokenizer = load_run(str(tmp_path / "whole"))
    assert type(model.classifier) is torch.nn.Linear
    with torch.no_grad():
        expected = model(**tokenizer(texts, padding=True, return_tensors="pt")).logits.flatten().tolist()
    assert [row["score"] for row in predict(str(tmp_path / "whole"), texts)] == pytest.approx(expected, rel=1e-5)


def test_a_head_that_was_learned_before_goes_on_in_its_unit() -> None:
    torch.manual_seed(0)
    head, inputs = torch.nn.Linear(4, 1), torch.randn(3, 4)
    model, state = torch.nn.Sequential(head), {name: one.clone() for name, one in head.state_dict().items()}
    expected = model(inputs)
    scale_head(model, 50.0, 9.0)
    assert isinstance(model[0], ScaledHead) and model[0].unit == 8.0
    torch.testing.assert_close(model(inputs), expected)
    assert all(torch.equal(one, state[name]) for name, one in model[0].state_dict().items())
    model.load_state_dict({f"0.{name}": 2 * one for name, one in state.items()})
    torch.testing.assert_close(model(inputs), 2 * expected)


def test_numbers_far_from_zero_are_told_if_the_head_has_no_bias(caplog: pytest.LogCaptureFixture) -> None:
    for mean, is_told in ((-5.0, False), (2_000.0, True)):
        caplog.clear()
        scale_head(torch.nn.Sequential(torch.nn.Linear(4, 1, bias=False)), mean, 1.0)
        assert ("which this Transformer learns badly" in caplog.text) is is_told


def test_single_texts_have_no_token_types(tuned: Path) -> None:
    assert "token_type_ids" not in load_run(str(tuned))[1].model_input_names


def test_its_own_defaults_hold_only_where_nothing_is_said(encoder: Path) -> None:
    given = {"dataset": "x", "output_dir": "y"}
    job = TrainingJob(**given, transformer=encoder, num_train_epochs=1)
    assert job.training.learning_rate == 5e-5 and job.training.num_train_epochs == 1 and job.data.max_length == 256
    assert TrainingJob(**given).training.learning_rate == 2e-3


def test_its_configuration_can_be_changed(
    fails: Callable[..., str], encoder: Path, data_folder: Path, tmp_path: Path
) -> None:
    flags = ["--dataset", str(data_folder), "--transformer", str(encoder), "--output_dir", str(tmp_path / "run")]
    flags += ["--use_cpu", "true", "--max_steps", "1", "--disable_tqdm", "true", "--config_overrides"]
    overrides = "attention_probs_dropout_prob=0,hidden_dropout_prob=0.25"
    assert "settings of the Transformer's config.json; found 'dropout=0'" in fails("train", *flags, "dropout=0")
    assert "takes NAME=VALUE" in fails("train", *flags, "0") and not (tmp_path / "run").exists()
    alone = ["--dataset", "x", "--output_dir", "y", "--config_overrides", overrides]
    assert "--config_overrides is for a Transformer" in fails("train", *alone)
    assert main(["train", *flags, overrides]) == 0
    config = load_run(str(tmp_path / "run"))[0].config
    assert config.attention_probs_dropout_prob == 0 and config.hidden_dropout_prob == 0.25
    assert config.label2id == {"negative": 0, "neutral": 1, "positive": 2}
    assert read_record(tmp_path / "run")["model"]["config_overrides"] == overrides


@pytest.mark.numeric
@pytest.mark.parametrize("weights", [[], ["--class_weights", "balanced"]])
def test_accumulated_gradients_are_a_mean(encoder: Path, data_folder: Path, tmp_path: Path, weights: list[str]) -> None:
    """Two batches of 8 in one step train as one of 16 does."""
    losses = []
    for name, size, steps in (("one", "16", "1"), ("two", "8", "2")):
        flags = ["--dataset", str(data_folder), "--transformer", str(encoder), "--output_dir", str(tmp_path / name)]
        flags += ["--per_device_train_batch_size", size, "--gradient_accumulation_steps", steps, "--max_steps", "1"]
        flags += ["--train_sampling_strategy", "sequential", "--use_cpu", "true", "--learning_rate", "0.5"]
        flags += ["--optim", "sgd", "--max_grad_norm", "0", "--lr_scheduler_type", "constant", "--warmup_steps", "0"]
        assert main(["train", *flags, *weights]) == 0
        losses.append(read_record(tmp_path / name)["metrics"]["validation"]["loss"])
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_class_weights_turn_it_toward_rare_labels(encoder: Path, tmp_path: Path) -> None:
    """Of two labels with the same texts, the rare one is found only where it counts more."""
    rows = [("the film was number 1", "common" if n % 5 else "rare") for n in range(60)]
    data = write_csv(tmp_path / "data" / "train.csv", rows).parent
    sure = {}
    for weights in ([], ["--class_weights", "balanced"]):
        flags = ["--dataset", str(data), "--transformer", str(encoder), "--output_dir", str(tmp_path / "run")]
        flags += ["--learning_rate", "0.005", "--num_train_epochs", "8", "--use_cpu", "true", "--overwrite"]
        assert main(["train", *flags, *weights, "--disable_tqdm", "true"]) == 0
        sure[len(weights)] = open_predictor(str(tmp_path / "run")).scores(["the film was number 1"])[0, 1]
    assert sure[0] == pytest.approx(0.2, abs=0.06) and sure[2] > sure[0] + 0.1


def test_a_job_may_run_again(encoder: Path, data_folder: Path, tmp_path: Path) -> None:
    job = TrainingJob(dataset=data_folder, transformer=encoder, output_dir=tmp_path / "run", use_cpu=True)
    for _ in range(2):
        assert job.runner().trainer().model.config.model_type == "bert"


def test_what_does_not_go_together(fails: Callable[..., str], encoder: Path, data_folder: Path, tmp_path: Path) -> None:
    flags = ["train", "--dataset", str(data_folder), "--output_dir", str(tmp_path / "run")]
    assert "leave it out with --transformer" in fails(*flags, "--transformer", str(encoder), "--embeddings", "x")
    assert "has its own tokenizer" in fails(*flags, "--transformer", str(encoder), "--tokenizer", "x")
    for layers in (["--frozen_epochs", "1"], ["--layer_decay", "2.6"]):
        for model in (["--transformer", str(encoder)], ["--model_type", "bag-of-words"]):
            assert f"{' '.join(layers)} is for the layers of an LSTM or a GRU" in fails(*flags, *model, *layers)
    assert "There is no Transformer '/no/such' that can be fine-tuned" in fails(*flags, "--transformer", "/no/such")
    (tmp_path / "empty").mkdir()
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / "empty" / name).write_bytes((encoder / name).read_bytes())
    assert "that can be fine-tuned" in fails(*flags, "--transformer", str(tmp_path / "empty"))
    assert not (tmp_path / "run").exists()


def test_weights_in_half_precision_are_trained_in_fp32(encoder: Path, data_folder: Path, tmp_path: Path) -> None:
    model = AutoModel.from_pretrained(encoder, dtype=torch.bfloat16)
    model.save_pretrained(tmp_path / "half")
    AutoTokenizer.from_pretrained(encoder).save_pretrained(tmp_path / "half")
    job = TrainingJob(dataset=data_folder, transformer=tmp_path / "half", output_dir=tmp_path / "run", use_cpu=True)
    assert {one.dtype for one in job.runner().trainer().model.parameters()} == {torch.float32}


def test_settings_of_another_kind_of_model_are_told(
    encoder: Path, data_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shared: dict[str, Any] = {"dataset": data_folder, "output_dir": tmp_path / "run", "use_cpu": True}
    TrainingJob(**shared, transformer=encoder, hidden_size=100, class_weights="balanced").runner().prepare()
    assert "--hidden_size has no effect on" in caplog.text and "class_weights" not in caplog.text
    TrainingJob(**shared, model_type="bag-of-words", pooling="max", hidden_size=9).runner().prepare()
    assert "--pooling has no effect on bag-of-words" in caplog.text
