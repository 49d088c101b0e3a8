"""What `card` and `push` say of a folder that is no run, and which files of a run they share."""

import inspect
import json
import shutil
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import AutoModelForSequenceClassification, AutoTokenizer, Trainer, TrainingArguments

from modeling_lstm.cli import main
from modeling_lstm.publishing.arguments import PushArguments
from modeling_lstm.publishing.sharing import push, run_files
from modeling_lstm.runs.run_folders import INDEX
from modeling_lstm.utils.errors import InputError, hide_tokens
from modeling_lstm.vectors import WordVectors

WEIGHTS = "model.safetensors"


def _exported(trained: Path, folder: Path) -> None:
    pytest.importorskip("onnx_ir", reason="The exporter is not installed: make install.")
    assert main(["export", str(trained), str(folder)]) == 0


def _vectors(_: Path, folder: Path) -> None:
    WordVectors(["film", "great"], np.eye(2, dtype=np.float32)).save_pretrained(folder)


def _trainer(trained: Path, folder: Path) -> Trainer:
    """A plain Trainer of transformers that has left a checkpoint in the folder."""
    model = AutoModelForSequenceClassification.from_pretrained(trained)
    settings: dict[str, Any] = {"max_steps": 1, "save_steps": 1, "report_to": "none", "disable_tqdm": True}
    args = TrainingArguments(output_dir=str(folder), use_cpu=True, **settings)
    rows = [{"input_ids": [2, 3], "label": 0}] * 2
    tokenizer = AutoTokenizer.from_pretrained(trained)
    trainer = Trainer(model, args, train_dataset=rows, processing_class=tokenizer)  # type: ignore[arg-type]
    trainer.train()
    return trainer


def _saved_by_trainer(trained: Path, folder: Path) -> None:
    _trainer(trained, folder).save_model()


def _saved_in_shards(trained: Path, folder: Path) -> None:
    _shards(trained, folder)
    (folder / "run.json").unlink(missing_ok=True)


def _checkpoint(trained: Path, folder: Path) -> None:
    _trainer(trained, folder.with_name("whole"))
    shutil.copytree(folder.with_name("whole") / "checkpoint-1", folder)


def _unfinished(trained: Path, folder: Path) -> None:
    (folder / "checkpoint-7").mkdir(parents=True)
    (folder / "checkpoint-7" / "trainer_state.json").write_text("{}", encoding="utf-8")


def _killed(trained: Path, folder: Path) -> None:
    """In the middle of saving the first checkpoint."""
    _trainer(trained, folder)
    (folder / "checkpoint-1" / "trainer_state.json").unlink()


def _comparison(_: Path, folder: Path) -> None:
    (folder / "runs").mkdir(parents=True)
    (folder / "comparison.json").write_text("{}", encoding="utf-8")


def _empty(_: Path, folder: Path) -> None:
    folder.mkdir()


def _file(_: Path, folder: Path) -> None:
    folder.write_text("{}", encoding="utf-8")


def _rows(_: Path, folder: Path) -> None:
    folder.mkdir()
    (folder / "train.csv").write_text("text,label\n", encoding="utf-8")


def _broken_configuration(_: Path, folder: Path) -> None:
    folder.mkdir()
    (folder / "config.json").write_text("[1, 2", encoding="utf-8")


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (
            _exported,
            "is an exported model: name the run that it was exported from, or share the folder as it is: hf up",
        ),
        (_saved_by_trainer, "holds a model but no run.json, which modeling-lstm train writes and Trainer.save_model"),
        (_saved_in_shards, "holds a model but no run.json"),
        (_trainer, "holds the checkpoints of a Trainer, but no model and no run.json. Share the trained model from Py"),
        (_checkpoint, "is a checkpoint, not a run: name the run folder"),
        (_unfinished, "training that did not finish: run the same command again with --resume_from_check"),
        (_killed, "training that did not finish: run the same command again with --resume_from_check"),
        (_vectors, "is a folder of word vectors, not a run: modeling-lstm vectors push "),
        (_comparison, "is a comparison, not a run: the runs that it trained are in"),
        (_empty, "is empty: name the folder that modeling-lstm train wrote."),
        (_rows, "is not a run folder, since it has no run.json: name the folder that modeling-lstm train wrote."),
        (_broken_configuration, "is not a run folder, since it has no run.json"),
        (_file, "is a file: name the run folder that holds it."),
    ],
)
def test_what_is_no_run_is_told_by_what_it_is(
    make: Callable[[Path, Path], None], expected: str, trained: Path, tmp_path: Path, fails: Callable[..., str]
) -> None:
    folder = tmp_path / "some folder"
    make(trained, folder)
    for command in ("card", "push"):
        found = fails(command, folder, "me/films")
        assert expected in found and str(folder) in found
        assert "--backend" not in found
        if "vectors push" in found:
            assert f"vectors push '{folder}' me/name" in found, "a command that can be copied"


def test_a_run_on_the_hub_must_be_fetched_first(fails: Callable[..., str]) -> None:
    for command in ("card", "push"):
        assert "hf download you/films --local-dir FOLDER" in fails(command, "you/films", "me/films")
        assert "There is no run folder './films'." in fails(command, "./films", "me/films")


def test_word_vectors_are_pushed_with_the_settings_of_a_run() -> None:
    assert {one.name for one in fields(PushArguments)} <= inspect.signature(WordVectors.push_to_hub).parameters.keys()


def test_the_hub_is_not_said_to_be_out_of_reach_when_nobody_asks_it(trained: Path, fails: Callable[..., str]) -> None:
    assert "while HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set" in fails("push", trained, "me/films")


def _shards(run: Path, folder: Path) -> set[str]:
    """The run with its weights in shards; gives the names of their files."""
    shutil.copytree(run, folder)
    (folder / WEIGHTS).unlink()
    AutoModelForSequenceClassification.from_pretrained(run).save_pretrained(folder, max_shard_size="2KB")
    names = {path.name for path in folder.glob("model*.safetensors*")}
    assert len(names) > 2 and INDEX in names and WEIGHTS not in names
    return names


def test_the_weights_that_are_shared_are_those_that_are_loaded(trained: Path, tmp_path: Path) -> None:
    folder = tmp_path / "shards"
    names = _shards(trained, folder)
    others = {name for name in run_files(trained) if name != WEIGHTS}
    (folder / "model-00001-of-00099.safetensors").write_bytes(b"of an older save")
    assert run_files(folder).keys() == others | names
    (folder / WEIGHTS).write_bytes(b"a later save")
    assert run_files(folder).keys() == others | {WEIGHTS}
    (folder / WEIGHTS).unlink()
    index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    index["weight_map"]["stray"] = "../secret.safetensors"
    (folder / INDEX).write_text(json.dumps(index), encoding="utf-8")
    (tmp_path / "secret.safetensors").write_bytes(b"not of this run")
    assert run_files(folder).keys() == others | names


def test_python_takes_what_the_card_says_as_keywords(trained: Path) -> None:
    with pytest.raises(InputError, match="Unknown setting 'licence': did you mean license"):
        push(trained, "me/films", licence="mit")
    with pytest.raises(InputError, match="Give the settings as objects or as keywords, not both"):
        push(trained, "me/films", PushArguments(), license="mit")
    with pytest.raises(InputError, match="while HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set"):
        push(trained, "me/films", license="mit", private=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"--token hf_{'aB3' * 12} --seed 1", "--token TOKEN --seed 1"),
        (f"url=https://me:hf_{'x' * 34}@huggingface.co", "url=https://me:TOKEN@huggingface.co"),
        (f"hf_oauth_{'x' * 34}", "TOKEN"),
        (f"hf_jwt_{'eyJ' * 12}.{'a-_' * 9}", "TOKEN"),
        ("data/hf_customer_reviews_2024_cleaned_again.csv", None),
        ("nhf_patients_comments_of_the_whole_year.csv", None),
        (f"shelf_{'a' * 40}", None),
    ],
)
def test_what_is_a_token(text: str, expected: str | None) -> None:
    assert hide_tokens(text) == (expected or text)
