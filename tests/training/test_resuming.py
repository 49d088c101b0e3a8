"""Resuming goes on only with what a checkpoint was trained with; anything else is refused in one sentence."""

import contextlib
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from transformers import Trainer

from modeling_lstm.cli import main
from modeling_lstm.runs.record import read_record
from modeling_lstm.training import ray_training
from modeling_lstm.training.job import TrainingJob
from modeling_lstm.training.lstm_trainer import LstmTrainer, _explain_damage
from modeling_lstm.utils.errors import InputError
from modeling_lstm.utils.files import claim_folder
from tests.conftest import TRAIN_FLAGS, opinion_rows, write_csv

FLAGS = [*TRAIN_FLAGS, "--embedding_range", "0.5", "--learning_rate", "0.02"]
RESUME = [*FLAGS, "--resume_from_checkpoint", "last", "--num_train_epochs", "2"]
GERMAN = {"negative": "schlecht", "neutral": "mittel", "positive": "gut"}


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of texts and a run of one epoch on it, with its checkpoint."""
    folder = tmp_path_factory.mktemp("begun")
    data = write_csv(folder / "data.csv", opinion_rows(90))
    assert main(["train", "--dataset", str(data), "--output_dir", str(folder / "run"), *FLAGS]) == 0
    return folder


def variant(kind: str) -> list[tuple[str, str]]:
    rows = opinion_rows(90)
    return {
        "labels renamed": [(text, GERMAN[label]) for text, label in rows],
        "names swapped": [
            (text, {"negative": "positive", "positive": "negative"}.get(label, label)) for text, label in rows
        ],
        "a text changed": [("another text", rows[0][1]), *rows[1:]],
        "a label changed": [(rows[0][0], "positive"), *rows[1:]],
        "rows in another order": rows[::-1],
        "a row more": [*rows, rows[0]],
    }[kind]


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("labels renamed", r"another labels \(negative, neutral, positive\).*\(gut, mittel, schlecht\)"),
        ("names swapped", "another train split"),
        ("a text changed", "another (train|validation) split"),
        ("a label changed", "another (train|validation) split"),
        ("rows in another order", "another train split"),
        ("a row more", r"another train split \(81 rows, digest"),
    ],
)
def test_other_data(kind: str, what: str, begun: Path, tmp_path: Path, fails: Callable[..., str]) -> None:
    import re

    folder = shutil.copytree(begun / "run", tmp_path / "run")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    message = fails(
        "train", "--dataset", write_csv(tmp_path / "data.csv", variant(kind)), "--output_dir", folder, *RESUME
    )
    assert re.search(what, message) and "checkpoint-6" in message, message
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_a_regression_of_an_older_checkpoint_goes_on_in_its_units(tmp_path: Path) -> None:
    rows = [(text, 2_000 + len(label)) for text, label in opinion_rows(60)]
    flags = ["--dataset", str(write_csv(tmp_path / "a.csv", rows)), "--problem_type", "regression", *FLAGS]
    for older, expected in ((False, True), (True, False)):
        run = tmp_path / str(older)
        assert main(["train", *flags, "--output_dir", str(run), "--num_train_epochs", "1"]) == 0
        (checkpoint,) = run.glob("checkpoint-*")
        config = json.loads((checkpoint / "config.json").read_text(encoding="utf-8"))
        assert config["target_mean"] > 2_000
        if older:
            del config["target_mean"], config["target_scale"]
        (checkpoint / "config.json").write_text(json.dumps(config), encoding="utf-8")
        more = ["--resume_from_checkpoint", "last", "--num_train_epochs", "2"]
        assert main(["train", *flags, "--output_dir", str(run), *more]) == 0
        config = json.loads((run / "config.json").read_text(encoding="utf-8"))
        assert (config.get("target_mean", 0) > 2_000) is expected


def test_another_tokenizer(begun: Path, tmp_path: Path, fails: Callable[..., str]) -> None:
    folder = shutil.copytree(begun / "run", tmp_path / "run")
    flags = ["--dataset", begun / "data.csv", "--output_dir", folder, *RESUME]
    for other in (["--lowercase", "false"], ["--tokenizer_algorithm", "bpe"], ["--vocab_size", "29999"]):
        message = fails("train", *flags, *other)
        assert "another setting of the tokenizer (tokenizer_algorithm word" in message
    shutil.copytree(folder / "checkpoint-6", tmp_path / "named")
    tokenizer = tmp_path / "named" / "tokenizer.json"
    tokenizer.write_text(tokenizer.read_text(encoding="utf-8").replace('"great"', '"grand"'), encoding="utf-8")
    assert "another tokenizer (" in fails("train", *flags, "--tokenizer", tmp_path / "named")


@pytest.mark.parametrize("algorithm", ["bpe", "wordpiece", "unigram"])
def test_subwords_are_those_of_the_checkpoint(algorithm: str, tmp_path: Path) -> None:
    """Learned twice from the same texts, they have other numbers: the trainers of `tokenizers` break ties at random."""
    rows = [
        (f"{text} {number:03d}{chr(97 + number % 26)}", label) for number, (text, label) in enumerate(opinion_rows(90))
    ]
    data = str(write_csv(tmp_path / "data.csv", rows))
    flags = [*FLAGS, "--tokenizer_algorithm", algorithm, "--vocab_size", "150", "--dataset", data]
    flags += ["--output_dir", str(tmp_path / "run")]
    assert main(["train", *flags]) == 0
    first = (tmp_path / "run" / "checkpoint-6" / "tokenizer.json").read_text(encoding="utf-8")
    (tmp_path / "run" / "run.json").unlink()  # as if it had been stopped
    assert main(["train", *flags, "--num_train_epochs", "3", "--resume_from_checkpoint", "last"]) == 0
    assert json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))["training"]["resumed"]
    assert (tmp_path / "run" / "tokenizer.json").read_text(encoding="utf-8") == first


def test_the_same_again_goes_on(begun: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    folder = shutil.copytree(begun / "run", tmp_path / "run")
    assert main(["train", "--dataset", str(begun / "data.csv"), "--output_dir", str(folder), *RESUME]) == 0
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert record["training"]["resumed"] and record["training"]["steps"] == 12
    assert "checkpoint-6, after 6 of 12 steps." in caplog.text and "follows the schedule" not in caplog.text


def test_another_length_of_an_interrupted_training_is_told(
    begun: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = shutil.copytree(begun / "run", tmp_path / "run")
    state = folder / "checkpoint-6" / "trainer_state.json"
    state.write_text(json.dumps(json.loads(state.read_text(encoding="utf-8")) | {"max_steps": 60}), encoding="utf-8")
    assert main(["train", "--dataset", str(begun / "data.csv"), "--output_dir", str(folder), *RESUME]) == 0
    assert "planned 60 steps. From here on, the learning rate follows the schedule of 12 steps." in caplog.text


def test_a_complete_run_stays_as_it_is(begun: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Its scores on test, too, and even if its best checkpoint, the only one, is not the last. Fewer epochs, too."""
    folder = tmp_path / "run"
    whole = ["train", "--dataset", str(begun / "data.csv"), "--test_share", "0.2", "--output_dir", str(folder), *FLAGS]
    assert main([*whole, "--num_train_epochs", "2", "--save_total_limit", "9"]) == 0
    shutil.rmtree(max(folder.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1])))
    assert any(folder.glob("checkpoint-*"))
    assert main(["evaluate", str(folder), "--split", "test"]) == 0
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert "test" in json.loads(before[folder / "run.json"])["metrics"]
    again = [*whole, "--resume_from_checkpoint", "last", "--num_train_epochs"]
    for epochs in ("2", "1"):
        caplog.clear()
        assert main([*again, epochs]) == 0
        assert "steps and stays as it is" in caplog.text
        assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert main([*again, "3"]) == 0
    assert "test" not in json.loads((folder / "run.json").read_text(encoding="utf-8"))["metrics"]


@pytest.mark.parametrize(
    ("flag", "then", "now"),
    [
        ("classifier_dropout", "0.0", "0.25"),
        ("hidden_size", "8", "32"),
        ("cell_type", "lstm", "gru"),
        ("model_type", "lstm", "bag-of-words"),
    ],
)
def test_another_model(flag: str, then: str, now: str, begun: Path, tmp_path: Path, fails: Callable[..., str]) -> None:
    folder = shutil.copytree(begun / "run", tmp_path / "run")
    told = fails("train", "--dataset", begun / "data.csv", "--output_dir", folder, *RESUME, f"--{flag}", now)
    assert f"was trained with another {flag} ({then}) than the current one (" in told


@pytest.mark.parametrize(
    ("flag", "then", "now"),
    [
        ("optim", "adamw_torch_fused", "sgd"),
        ("learning_rate", "0.02", "0.01"),
        ("embedding_learning_rate", "None", "0.0"),
        ("weight_decay", "0.01", "0.1"),
        ("seed", "42", "7"),
        ("max_length", "512", "5"),
        ("train_max_length", "None", "5"),
        ("metric_for_best_model", "accuracy", "loss"),
        ("layer_decay", "1.0", "2.6"),
        ("train_sampling_strategy", "group_by_length", "random"),
        ("data_seed", "None", "3"),
        ("adam_beta1", "0.9", "0.8"),
        ("warmup_steps", "0.1", "0.5"),
        ("center_embeddings", "True", "False"),
        ("class_weights", "None", "balanced"),
        ("dataloader_drop_last", "False", "True"),
        ("neftune_noise_alpha", "None", "5.0"),
    ],
)
def test_another_setting(
    flag: str, then: str, now: str, begun: Path, tmp_path: Path, fails: Callable[..., str]
) -> None:
    folder = shutil.copytree(begun / "run", tmp_path / "run")
    told = fails("train", "--dataset", begun / "data.csv", "--output_dir", folder, *RESUME, f"--{flag}", now)
    assert f"was trained with another --{flag} ({then}) than the current one ({now})" in told


def test_another_shape_of_the_schedule(begun: Path, tmp_path: Path, fails: Callable[..., str]) -> None:
    flags = ["train", "--dataset", str(begun / "data.csv"), "--output_dir", str(tmp_path / "run"), *FLAGS]
    flags += ["--lr_scheduler_type", "cosine_with_restarts"]
    assert main([*flags, "--lr_scheduler_kwargs", '{"num_cycles": 3}']) == 0
    more = ["--resume_from_checkpoint", "last", "--num_train_epochs", "2"]
    told = fails(*flags, *more)
    assert "was trained with another --lr_scheduler_kwargs ({'num_cycles': 3}) than the current one (None)" in told


def test_steps_between_evaluations_are_those_of_now(begun: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(begun / "run", tmp_path / "run")
    flags = ["train", "--dataset", str(begun / "data.csv"), "--output_dir", str(folder), *RESUME]
    assert main([*flags, "--eval_strategy", "steps", "--save_strategy", "steps", "--eval_steps", "2"]) == 0
    assert [one["step"] for one in read_record(folder)["history"]] == [6, 8, 10, 12]


def test_the_last_checkpoint_stays_beside_the_best(begun: Path, tmp_path: Path) -> None:
    """Without it, a run that fails while its result is written would be trained again from the best one."""
    flags = ["train", "--dataset", str(begun / "data.csv"), "--output_dir", str(tmp_path / "run"), *TRAIN_FLAGS]
    flags += ["--learning_rate", "1e-12", "--num_train_epochs", "3", "--metric_for_best_model", "accuracy"]
    assert main(flags) == 0
    found = {path.name for path in (tmp_path / "run").glob("checkpoint-*")}
    assert "checkpoint-18" in found and len(found) == 2


def test_another_batch(begun: Path, tmp_path: Path, fails: Callable[..., str]) -> None:
    """A step may take its rows in smaller batches, but must have as many."""
    folder = shutil.copytree(begun / "run", tmp_path / "run")
    flags = ["train", "--dataset", str(begun / "data.csv"), "--output_dir", str(folder), *RESUME]
    flags += ["--per_device_train_batch_size", "8"]
    assert "another number of rows in a step (16) than the current one (8)" in fails(*flags)
    assert main([*flags, "--gradient_accumulation_steps", "2"]) == 0


def test_a_checkpoint_that_another_training_saves_is_left_alone(
    begun: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, fails: Callable[..., str]
) -> None:
    folder = shutil.copytree(begun / "run", tmp_path / "run")
    half = folder / "checkpoint-12"
    half.mkdir()
    with claim_folder(folder):
        (own,) = folder.glob(".*-claim")
    other = own.with_name(own.name.replace(str(os.getpid()), str(os.getppid())))  # of a process that runs
    other.touch()
    flags = ["train", "--dataset", begun / "data.csv", "--output_dir", folder, *RESUME]
    assert "Another process is writing" in fails(*flags)
    assert half.is_dir() and "removed" not in caplog.text
    other.unlink()
    assert main([str(one) for one in flags]) == 0
    assert f"{half} was not saved completely: removed" in caplog.text


def test_the_best_checkpoint_is_found_where_the_run_lies_now(
    begun: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: Callable[..., str]
) -> None:
    """After the folder was moved, and from another working directory."""
    flags = ["--dataset", str(begun / "data.csv"), *FLAGS, "--num_train_epochs", "3", "--learning_rate", "1e-5"]
    flags += ["--save_total_limit", "9"]
    # of checkpoints with equal scores the first one is the best
    monkeypatch.setattr(LstmTrainer, "_determine_best_metric", Trainer._determine_best_metric)
    (tmp_path / "old").mkdir()
    monkeypatch.chdir(tmp_path / "old")
    assert main(["train", *flags, "--output_dir", "run"]) == 0
    before = json.loads(Path("run", "run.json").read_text(encoding="utf-8"))
    assert before["best"]["step"] == 6 and Path("run", "checkpoint-18").is_dir()
    moved = shutil.move("run", tmp_path / "moved")
    monkeypatch.chdir(tmp_path)
    again = ["train", *flags, "--output_dir", moved, "--resume_from_checkpoint", "last"]
    assert main([str(one) for one in again]) == 0
    record = json.loads((moved / "run.json").read_text(encoding="utf-8"))
    assert record["best"] == before["best"] and record["metrics"] == before["metrics"]
    kept = (moved / "model.safetensors").read_bytes()
    assert kept == (moved / "checkpoint-6" / "model.safetensors").read_bytes()
    assert kept != (moved / "checkpoint-18" / "model.safetensors").read_bytes()
    shutil.rmtree(moved / "checkpoint-6")
    told = fails(*again)
    assert "The best checkpoint before" in told and f"put it back as '{moved / 'checkpoint-6'}'" in told


def test_a_checkpoint_that_tells_nothing_goes_on_with_a_warning(
    begun: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, fails: Callable[..., str]
) -> None:
    """As those of earlier versions, unless its optimizer does not fit."""
    folder = shutil.copytree(begun / "run", tmp_path / "run")
    (folder / "checkpoint-6" / "trained_with.json").unlink()
    command = ["train", "--dataset", str(begun / "data.csv"), "--output_dir", str(folder), *RESUME]
    told = fails(*command, "--embedding_learning_rate", "0.001")
    assert f"The checkpoint '{folder / 'checkpoint-6'}' belongs to another model or vocabulary" in told
    assert main(command) == 0
    assert "does not record what it was trained on" in caplog.text


@pytest.mark.parametrize("content", ["{", "[]", "\udcff"])
def test_a_damaged_record_of_a_checkpoint(content: str, begun: Path, tmp_path: Path, fails: Callable[..., str]) -> None:
    folder = shutil.copytree(begun / "run", tmp_path / "run")
    (folder / "checkpoint-6" / "trained_with.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    flags = ["--dataset", begun / "data.csv", "--output_dir", folder, *RESUME]
    assert "checkpoint-6' is damaged: trained_with.json" in fails("train", *flags)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("optimizer.pt", 100),
        ("scheduler.pt", b"text"),
        ("rng_state.pth", 100),
        ("model.safetensors", 1_000),
        ("trainer_state.json", 100),
        ("trainer_state.json", b"[]"),
        ("trainer_state.json", b"{}"),
    ],
)
def test_a_damaged_checkpoint(
    name: str, content: int | bytes, begun: Path, tmp_path: Path, fails: Callable[..., str]
) -> None:
    folder = shutil.copytree(begun / "run", tmp_path / "run")
    path = folder / "checkpoint-6" / name
    path.write_bytes(path.read_bytes()[:content] if isinstance(content, int) else content)
    told = fails("train", "--dataset", begun / "data.csv", "--output_dir", folder, *RESUME)
    if name == "trainer_state.json":
        assert "is not empty: it has no complete checkpoint (checkpoint-6), replace it with --overwrite" in told
    else:
        assert f"The checkpoint '{folder / 'checkpoint-6'}' cannot be read. Remove it to resume from an earlier" in told


@pytest.mark.parametrize(
    "error", [MemoryError("out of memory"), OSError(28, "No space left"), RuntimeError("NCCL error")]
)
def test_other_errors_are_not_taken_for_damage(error: Exception) -> None:
    with pytest.raises(type(error), match=re.escape(str(error))), _explain_damage("checkpoint-6"):
        raise error


def test_another_teacher(begun: Path, trained: Path, tmp_path: Path, fails: Callable[..., str]) -> None:
    data = ["--dataset", begun / "data.csv", "--augmentations", "1", "--logits_cache", tmp_path]
    flags = [*data, "--output_dir", tmp_path / "student"]
    given = ["distill", "--teacher", begun / "run", *flags, *FLAGS]
    assert main([str(one) for one in given]) == 0
    assert "another teacher" in fails("distill", "--teacher", trained, *flags, *RESUME)
    told = fails(*given, "--teacher_bf16", "true", "--resume_from_checkpoint", "last")
    assert "resume with the data and settings of that training, with --teacher_bf16 false, or" in told
    moved = shutil.copytree(begun / "run", tmp_path / "moved")
    assert main([str(one) for one in ["distill", "--teacher", moved, *flags, *RESUME]]) == 0


@pytest.mark.parametrize("is_whole", [True, False])
def test_losses_of_workers_count_anew_after_a_checkpoint(
    is_whole: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkpoint that was not saved to the end does not count."""
    begun: list[Any] = []

    def fit(cluster: Any, kind: Any, settings: dict[str, Any], shared: Path) -> str:
        begun.append(settings.get("resume_from_checkpoint"))
        if len(begun) == 2:
            (tmp_path / "run" / "checkpoint-6").mkdir(parents=True)
            if is_whole:
                (tmp_path / "run" / "checkpoint-6" / "trainer_state.json").write_text(
                    '{"global_step": 6}', encoding="utf-8"
                )
        return "A worker was killed"

    monkeypatch.setattr(ray_training, "_fit", fit)
    monkeypatch.setattr(ray_training, "open_cluster", lambda _: contextlib.nullcontext())
    job = TrainingJob(dataset="reviews.csv", output_dir=str(tmp_path / "run"), engine="ray", workers=2)
    with pytest.raises(InputError, match="lost workers 4 times in a row; .*: A worker was killed"):
        ray_training.train_by_ray(job, lambda _: None)
    assert begun == [None, None, "last", "last", "last"][: 5 if is_whole else 4]
