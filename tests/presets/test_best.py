"""`train --preset best`: what its stages are, that each is done once, and what it refuses."""

import json
import logging
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import ElectraConfig, ElectraModel

import modeling_lstm
from modeling_lstm import WordVectors
from modeling_lstm.cli import main
from modeling_lstm.presets.best import BestJob
from modeling_lstm.runs.record import read_record
from modeling_lstm.training.defaults import fit_epochs
from modeling_lstm.training.job import TrainingJob
from modeling_lstm.utils.errors import InputError
from tests.conftest import TRAIN_FLAGS, WORDS, write_csv

SMALL: dict[str, Any] = {"hidden_size": 8, "num_train_epochs": 1, "disable_tqdm": True, "use_cpu": True}
FLAGS = "--hidden_size 8 --num_train_epochs 1 --disable_tqdm true --use_cpu true".split()


@pytest.fixture(autouse=True)
def _own_logits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modeling_lstm.distillation.teacher.HF_HOME", str(tmp_path / "hf"))


@pytest.fixture
def more_text(tmp_path: Path) -> Path:
    """Text without labels."""
    lines = [f"a film of number {n} was {word}" for n in range(40) for some in WORDS.values() for word in some]
    path = tmp_path / "more.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def best(data: Path, folder: Path, **settings: Any) -> BestJob:
    return BestJob(**{"dataset": str(data), "output_dir": str(folder)} | SMALL | settings)


def test_a_preset_does_not_resume_with_vectors_in_memory(data_folder: Path, tmp_path: Path) -> None:
    vectors = WordVectors(["good"], np.ones((1, 4), np.float32))
    with pytest.raises(InputError, match="cannot tell whether word vectors in memory are those of before"):
        best(data_folder, tmp_path / "run", embeddings=vectors, resume_from_checkpoint="last")


def test_a_comma_would_separate_the_names_of_teachers(data_folder: Path, encoder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has a comma, which separates the names of teachers"):
        best(data_folder, tmp_path / "a,b", teacher=str(encoder)).plan()


def test_a_transformer_is_fine_tuned_and_distilled_once(
    encoder: Path, data_folder: Path, more_text: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = tmp_path / "run"
    flags = ["train", "--preset", "best", "--dataset", str(data_folder), "--output_dir", str(run), *FLAGS]
    flags += ["--teacher", str(encoder), "--unlabeled", str(more_text), "--augmentations", "1", "--class_weights"]
    flags += ["balanced"]
    with caplog.at_level(logging.INFO):
        assert main(flags) == 0
    assert "Stage 1 of 2: fine-tune" in caplog.text and "Stage 2 of 2: train an LSTM on the answers" in caplog.text
    teacher = read_record(tmp_path / "run-teacher")
    assert teacher["model"]["transformer"] == str(encoder) and "--class_weights balanced" in teacher["command"]
    record = read_record(run)
    assert record["distillation"]["teachers"][0]["name"] == f"{run}-teacher"
    assert record["distillation"]["transfer"]["unlabeled"] == 360
    assert record["model"]["hidden_size"] == 8 and record["model"]["embedding_size"] == 16  # the Transformer's
    assert record["command"].startswith("modeling-lstm distill ") and "--teacher" in record["command"]

    caplog.clear()
    written = [(folder / "run.json").stat().st_mtime_ns for folder in (run, tmp_path / "run-teacher")]
    with caplog.at_level(logging.INFO):
        assert main([*flags, "--resume_from_checkpoint", "last"]) == 0
    assert caplog.text.count(": done before") == 2
    assert written == [(folder / "run.json").stat().st_mtime_ns for folder in (run, tmp_path / "run-teacher")]


def test_what_was_killed_goes_on_after_the_last_stage_that_was_done(
    encoder: Path, data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, Any] = {"teacher": str(encoder), "augmentations": 0}

    def dies(self: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("modeling_lstm.distillation.student_job.DistillationJob.run", dies)
        with pytest.raises(KeyboardInterrupt):
            best(data_folder, tmp_path / "run", **given).run()
    teacher = tmp_path / "run-teacher" / "run.json"
    written = teacher.stat().st_mtime_ns
    with pytest.raises(InputError, match="run-teacher' is not empty: resume with --resume_from_checkpoint last"):
        best(data_folder, tmp_path / "run", **given).run()
    with pytest.raises(InputError, match="another command, '--seed 42', and now it is '--seed 7'"):
        best(data_folder, tmp_path / "run", resume_from_checkpoint="last", seed=7, **given).run()
    shuffled = dict(reversed(given.items())) | {"disable_tqdm": True}  # the order of the flags does not matter
    record = best(data_folder, tmp_path / "run", resume_from_checkpoint="last", **shuffled).run()
    assert "distillation" in record and teacher.stat().st_mtime_ns == written
    kept = teacher.parent.rename(tmp_path / "kept")
    assert best(data_folder, tmp_path / "run", resume_from_checkpoint="last", **given).run() == record
    assert not teacher.exists(), "nothing needs the teacher any more"
    kept.rename(teacher.parent)
    replaced = best(data_folder, tmp_path / "run", overwrite=True, seed=7, **given).run()
    assert replaced["training"]["seed"] == 7 and teacher.stat().st_mtime_ns > written


def test_what_replaces_a_run_and_was_killed_leaves_no_old_stage(
    encoder: Path, data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, Any] = {"teacher": str(encoder), "augmentations": 0}
    best(data_folder, tmp_path / "run", **given).run()
    student = tmp_path / "run" / "run.json"
    before = student.read_bytes()

    def dies(self: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(TrainingJob, "run", dies)
        with pytest.raises(KeyboardInterrupt):
            best(data_folder, tmp_path / "run", overwrite=True, **given).run()
    assert not student.exists()
    best(data_folder, tmp_path / "run", resume_from_checkpoint="last", **given).run()
    assert student.read_bytes() != before


def test_what_is_replaced_does_not_hold_what_is_read(trained: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(trained, tmp_path / "run"))
    data = write_csv(run / "data" / "train.csv", [(f"text {n}", "a" if n % 2 else "b") for n in range(60)])
    more = tmp_path / "more.txt"
    more.write_text("a text\n" * 20, encoding="utf-8")
    for given in ({"dataset": str(data.parent)}, {"dataset": str(data), "unlabeled": [str(more)]}):
        with pytest.raises(InputError, match="run' contains, or lies in, what --dataset .*data"):
            BestJob(**given, output_dir=str(run), overwrite=True, **SMALL).run()
    assert data.exists() and (run / "run.json").exists()


def test_a_teacher_that_has_changed_is_told(run_copy: Path, data_folder: Path, tmp_path: Path) -> None:
    given: dict[str, Any] = {"teacher": str(run_copy), "augmentations": 0}
    best(data_folder, tmp_path / "run", **given).run()
    record = best(data_folder, tmp_path / "run", resume_from_checkpoint="last", **given).run()
    model, _ = modeling_lstm.load_run(str(run_copy))
    model.classifier.bias.data += 1.0
    model.save_pretrained(run_copy)
    with pytest.raises(InputError, match="run' was made with another teacher, '[0-9a-f]+', and now it is '[0-9a-f]+'"):
        best(data_folder, tmp_path / "run", resume_from_checkpoint="last", **given).run()
    assert read_record(tmp_path / "run") == record


def test_what_the_last_stage_cannot_use_is_told_before_the_first(
    encoder: Path, run_copy: Path, data_folder: Path, tmp_path: Path
) -> None:
    config = json.loads((run_copy / "config.json").read_text("utf-8"))
    named = config | {"id2label": {"0": "x", "1": "y", "2": "z"}, "label2id": {"x": 0, "y": 1, "z": 2}}
    (run_copy / "config.json").write_text(json.dumps(named), encoding="utf-8")
    with pytest.raises(InputError, match="knows the labels x, y, z, this task has negative, neutral, positive"):
        best(data_folder, tmp_path / "run", teacher=f"{encoder},{run_copy}").run()
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="file' is a file: name a folder"):
        best(data_folder, tmp_path / "run", teacher=str(encoder), logits_cache=str(tmp_path / "file")).run()
    assert not list(tmp_path.glob("run*"))


def test_a_classifier_is_a_teacher_as_it_is(trained: Path, data_folder: Path, tmp_path: Path) -> None:
    (stage,) = best(data_folder, tmp_path / "run", teacher=str(trained)).plan()
    assert "distill" in stage.command and "--embeddings" not in stage.command and stage.seconds > 0
    stages = best(data_folder, tmp_path / "run", teacher=f"{trained},{trained}", augmentations=3).plan()
    assert len(stages) == 1 and f"--teacher {trained},{trained}" in stages[0].command
    assert "--augmentations 3" in stages[0].command
    (stage,) = best(data_folder, tmp_path / "run", teacher=str(trained), pretrained="lm", augmentations=3).plan()
    assert "--embedding_size" not in stage.command  # the language model's
    bag = Path(shutil.copytree(trained, tmp_path / "bag"))
    flags = ["--dataset", str(data_folder), "--model_type", "bag-of-words", "--overwrite", "true"]
    assert main(["train", *flags, *TRAIN_FLAGS, "--output_dir", str(bag)]) == 0
    (stage,) = best(data_folder, tmp_path / "run", teacher=str(bag)).plan()
    assert "--embeddings" not in stage.command
    (stage,) = best(data_folder, tmp_path / "run", teacher=str(bag), label_weight=1.0, class_weights="balanced").plan()
    assert "--class_weights balanced" in stage.command


def test_several_transformers_are_fine_tuned_each(encoder: Path, data_folder: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    first, second, student = best(data_folder, run, teacher=f"{encoder}, {encoder}", seed=7).plan()
    assert "--seed 7 " in first.command and "--seed 8 " in second.command and "--seed 7 " in student.command
    assert [first.folder, second.folder] == [Path(f"{run}-teacher-1"), Path(f"{run}-teacher-2")]
    assert f"--teacher {run}-teacher-1,{run}-teacher-2" in student.command
    slashed = BestJob(dataset=str(data_folder), output_dir=f"{run}/", teacher=str(encoder), **SMALL).plan()
    assert [stage.folder for stage in slashed] == [Path(f"{run}-teacher"), run]


def test_the_words_of_a_student(encoder: Path, data_folder: Path, more_text: Path, tmp_path: Path) -> None:
    """The teacher's, as many dimensions as these have; or the user's, of whatever size; or their tokenizer alone."""
    electra = Path(shutil.copytree(encoder, tmp_path / "electra"))
    sizes = {"embedding_size": 8, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = ElectraConfig(**sizes, intermediate_size=16, vocab_size=40, max_position_embeddings=16)
    ElectraModel(config).save_pretrained(electra)
    record = best(data_folder, tmp_path / "run", teacher=str(electra), augmentations=1).run()
    assert record["model"]["embedding_size"] == 8
    glove = tmp_path / "glove.txt"
    glove.write_text("".join(f"{word} 0.1 0.2 0.3\n" for word in ("film", "was", "number")), encoding="utf-8")
    own = best(data_folder, tmp_path / "own", teacher=str(encoder), augmentations=1, embeddings=str(glove), seed=1)
    assert own.run()["model"]["embedding_size"] == 3
    tokenizer = {"tokenizer": str(tmp_path / "run")}
    _, student = best(data_folder, tmp_path / "third", teacher=str(encoder), augmentations=1, **tokenizer).plan()
    assert "--embeddings" not in student.command and "--embedding_size 320" in student.command


def test_what_cannot_be_timed_is_trained_all_the_same(
    encoder: Path, data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("no forward pass")

    monkeypatch.setattr("modeling_lstm.presets.best.time_text", fail)
    stages = best(data_folder, tmp_path / "run", teacher=str(encoder)).plan()
    assert all(math.isnan(stage.seconds) for stage in stages)


def test_text_alone_gives_word_vectors(data_folder: Path, more_text: Path, tmp_path: Path) -> None:
    pytest.importorskip("gensim")
    run = tmp_path / "run"
    known = [json.loads(f'"{line}"') for line in more_text.read_text("utf-8").splitlines()]
    hidden = "a sentence of the test split with zebras"
    for split in ("train", "validation"):
        (tmp_path / "data").mkdir(exist_ok=True)
        (tmp_path / "data" / f"{split}.csv").write_bytes((data_folder / f"{split}.csv").read_bytes())
    write_csv(tmp_path / "data" / "test.csv", [(hidden, "negative"), ("fine", "positive"), ("fair", "neutral")])
    more_text.write_text("\n".join([*known, *[hidden] * 9]) + "\n", encoding="utf-8")
    (tmp_path / "run-vectors" / ".saving-killed").mkdir(parents=True)  # as where a save was killed
    stages = best(tmp_path / "data", run, unlabeled=[str(more_text)], resume_from_checkpoint="last").plan()
    assert [stage.is_done() for stage in stages] == [False, False]
    record = best(tmp_path / "data", run, unlabeled=[str(more_text)]).run()
    vectors = WordVectors.from_pretrained(f"{run}-vectors")
    assert "film" in vectors and "zebras" not in vectors
    assert record["embeddings"]["source"] == f"{run}-vectors" and record["model"]["embedding_size"] == 100
    again = best(tmp_path / "data", run, unlabeled=[str(more_text)], resume_from_checkpoint="last")
    assert [stage.is_done() for stage in again.plan()] == [True, True]
    with more_text.open("a", encoding="utf-8") as file:
        file.write("a film that nobody has read of yet\n")
    with pytest.raises(InputError, match="run-vectors' was made with another text, '.*', and now it is '.*digest"):
        again.run()
    best(tmp_path / "data", run, unlabeled=[str(more_text)], overwrite=True, seed=3, min_frequency=11).run()
    vectors = WordVectors.from_pretrained(f"{run}-vectors")
    assert vectors.record["seed"] == 3 and "--seed 3 --min_frequency 11" in vectors.record["command"]
    with pytest.raises(InputError, match="run-vectors' was made with another command"):
        again.run()


@pytest.mark.parametrize(
    ("changed", "what"),
    [("more.txt", "text"), ("train.csv", "train split"), ("test.csv", "test split"), ("every label", "labels")],
)
def test_an_old_result_is_not_that_of_other_data(
    trained: Path, data_folder: Path, more_text: Path, tmp_path: Path, changed: str, what: str
) -> None:
    data = Path(shutil.copytree(data_folder, tmp_path / "data"))
    given: dict[str, Any] = {"teacher": str(trained), "unlabeled": [str(more_text)], "augmentations": 0}
    best(data, tmp_path / "run", **given).run()
    again = best(data, tmp_path / "run", resume_from_checkpoint="last", **given)
    assert again.run() == read_record(tmp_path / "run")
    for path in [more_text] if changed == "more.txt" else data.glob("*.csv" if changed == "every label" else changed):
        said = path.read_text(encoding="utf-8").replace("number", "size").replace("was", "is")
        path.write_text(said.replace(",pos", ",very pos") if changed == "every label" else said, encoding="utf-8")
    with pytest.raises(InputError, match=f"run' was made with another {what}, '.*', and now it is "):
        again.run()


def test_labels_alone(data_folder: Path, tmp_path: Path) -> None:
    (stage,) = best(data_folder, tmp_path / "run", classifier_dropout=0.1).plan()
    for usual in (
        "--per_device_train_batch_size 32 --learning_rate 0.001 ",
        "--average_epochs 0.5 --adversarial_size 0.25",
    ):
        assert usual in stage.command
    assert "--classifier_dropout 0.1" in stage.command
    (last,) = best(data_folder, tmp_path / "last", load_best_model_at_end=False).plan()
    assert "--early_stopping" in stage.command and "--early_stopping" not in last.command
    assert "--num_train_epochs 1 " in stage.command and 0 < stage.seconds < math.inf
    record = modeling_lstm.train(preset="best", dataset=str(data_folder), output_dir=str(tmp_path / "run"), **SMALL)
    assert record["training"]["adversarial_size"] == 0.25 and record["command"].startswith("modeling-lstm train ")


def test_epochs_count_the_rows_of_whole_steps(data_folder: Path, tmp_path: Path) -> None:
    """As many optimizer steps as with one process, the usual batch and no accumulation."""
    rows = [(f"text {n}", "a" if n % 2 else "b") for n in range(2_400)]
    data = write_csv(tmp_path / "data.csv", rows)
    for more, epochs in (({}, 15), ({"per_device_train_batch_size": 48}, 22), ({"gradient_accumulation_steps": 9}, 38)):
        small = {name: value for name, value in SMALL.items() if name != "num_train_epochs"} | more
        (stage,) = BestJob(dataset=str(data), output_dir=str(tmp_path / "run"), **small).plan()
        assert f"--num_train_epochs {epochs}.0 " in stage.command, stage.command


def test_epochs_follow_the_rows() -> None:
    assert fit_epochs(64_000, 3_200, (3, 30)) == 20
    assert fit_epochs(64_000, 100, (3, 30)) == 30 and fit_epochs(64_000, 10**6, (3, 30)) == 3


def test_a_folder_that_cannot_be_written_is_found_before_the_first_stage(
    encoder: Path, data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "notes.md").write_text("mine", encoding="utf-8")
    for how in ({"overwrite": True}, {"resume_from_checkpoint": "last"}):
        with pytest.raises(InputError, match="holds no run and is not overwritten|is not empty"):
            best(data_folder, run, teacher=str(encoder), **how).run()
    assert {path.name for path in tmp_path.iterdir()} == {"run"}
    monkeypatch.chdir(run)
    assert best(data_folder, Path("."), teacher=str(encoder)).output == str(run)


def test_what_it_refuses(encoder: Path, data_folder: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    with pytest.raises(InputError, match="name a Transformer to learn from with --teacher"):
        best(data_folder, run, transformer="bert-base-uncased")
    with pytest.raises(InputError, match="--preset makes classifiers, found --task translation"):
        best(data_folder, run, task="translation")
    with pytest.raises(InputError, match="resumes with --resume_from_checkpoint last, found 'runs/x/checkpoint-3'"):
        best(data_folder, run, resume_from_checkpoint="runs/x/checkpoint-3")
    with pytest.raises(InputError, match="--overwrite replaces what is there, and --resume_from_checkpoint continues"):
        best(data_folder, run, resume_from_checkpoint="last", overwrite=True)
    with pytest.raises(InputError, match="--augmentations, --temperature: only for learning from a teacher. Name one"):
        best(data_folder, run, augmentations=3, temperature=3.0, transfer_rows=9)
    with pytest.raises(InputError, match="--language, --transfer_rows: only for unlabeled text. Name it"):
        best(data_folder, run, language="de", transfer_rows=9)
    with pytest.raises(InputError, match="--language has no effect without --sentences: add that, or leave --language"):
        best(data_folder, run, unlabeled=[str(data_folder / "train.csv")], language="de")
    with pytest.raises(InputError, match="--transfer_rows must be at least 1, found -5"):
        best(data_folder, run, unlabeled=[str(data_folder / "train.csv")], transfer_rows=-5)
    with pytest.raises(InputError, match="There is no teacher 'nowhere'"):
        best(data_folder, run, teacher="nowhere").run()
    for there in (data_folder, data_folder / "train.csv"):
        with pytest.raises(
            InputError, match="The teacher '.*' is neither a run folder nor the folder of a Transformer"
        ):
            best(data_folder, run, teacher=str(there)).run()
    for name in ("embeddings", "pretrained"):
        with pytest.raises(InputError, match=f"is for learning the word vectors to start from, which --{name} brings"):
            best(data_folder, run, unlabeled=["more.txt"], **{name: "nope.txt"})
    for name in ("embeddings", "pretrained", "tokenizer"):
        with pytest.raises(InputError, match="no/such/file"):
            best(data_folder, run, teacher=str(encoder), **{name: "./no/such/file"}).run()
    unused = {"tokenizer_algorithm": "bpe", "lowercase": False, "vocab_size": 900, "min_frequency": 1}
    for name, value in unused.items():
        with pytest.raises(InputError, match=f"--{name}: the student starts from the word vectors of '.*', with its"):
            best(data_folder, run, teacher=str(encoder), **{name: value}).run()
    with pytest.raises(InputError, match="--teacher_labels is for teachers that are classifiers"):
        best(data_folder, run, teacher=str(encoder), teacher_labels=["a", "b", "c"]).run()
    with pytest.raises(InputError, match="--teacher_revision is for teachers that are classifiers"):
        best(data_folder, run, teacher=str(encoder), teacher_revision="v1").run()
    too_large: list[tuple[dict[str, Any], str]] = [
        ({"embedding_size": 17}, "--embedding_size 17 is more than the vectors allow: there are .* of 16 dimensions"),
        ({"hidden_size": 0}, "hidden_size must be at least 1, found 0"),
        ({"word_dropout": 2.0}, "word_dropout must be at least 0 and below 1, found 2"),
        ({"tokenizer": str(encoder), "trim_vocabulary": 3}, "--trim_vocabulary is for a vocabulary that comes with"),
    ]
    for given, told in too_large:
        with pytest.raises(InputError, match=told):
            best(data_folder, run, teacher=str(encoder), **given).run()
    with pytest.raises(InputError, match="Unknown preset 'quick' for --preset: choose one of best"):
        modeling_lstm.train(preset="quick", dataset=str(data_folder), output_dir=str(run))
    with pytest.raises(InputError, match="Unknown setting 'preset'"):
        TrainingJob(preset="best", dataset=str(data_folder), output_dir=str(run))
    assert not list(tmp_path.glob("run*"))


def test_a_preset_that_does_not_exist_is_told_by_the_command(
    data_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--dataset", str(data_folder), "--output_dir", str(tmp_path / "run")]
    assert main(["train", "--preset", "quick", *flags]) == 2
    assert "argument --preset: invalid choice: 'quick'" in capsys.readouterr().err
