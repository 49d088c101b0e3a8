"""From text to a language model, and from that to a classifier."""

import csv
import json
import math
import shutil
from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional as F
from transformers import AutoTokenizer, pipeline

import modeling_lstm as ml
from modeling_lstm.cli import main
from modeling_lstm.data import tokenization
from modeling_lstm.data.token_stream import TokenStream
from modeling_lstm.evaluation.perplexity import BEFORE, BLOCK, compute_perplexities, perplexity_intervals, text_losses
from modeling_lstm.inference.generation import TextGenerator
from modeling_lstm.pretraining.arguments import LanguageModelArguments
from modeling_lstm.pretraining.blocks import Blocks
from modeling_lstm.pretraining.language_model_builder import build_language_model
from modeling_lstm.pretraining.language_model_trainer import STATE, LanguageModelTrainer
from modeling_lstm.publishing.card import make_card
from modeling_lstm.runs.record import FINGERPRINTS, read_record
from modeling_lstm.tasks.language_modeling import LanguageModeling
from modeling_lstm.tasks.text_classification import TextClassification
from modeling_lstm.training import defaults, precision
from modeling_lstm.training.arguments import ModelArguments
from modeling_lstm.training.layers import find_depths
from modeling_lstm.training.model_builder import build_model, construct
from modeling_lstm.training.outcome import describe_outcome
from modeling_lstm.training.pretrained import open_pretrained
from modeling_lstm.training.task_trainer import TaskTrainer
from modeling_lstm.training.trainer_arguments import LstmTrainingArguments
from modeling_lstm.utils.errors import InputError
from tests.conftest import WORDS, kill_and_resume, opinion_rows, write_csv
from tests.pretraining.conftest import SMALL


def pretrain(corpus: Path, folder: Path, *flags: str) -> dict[str, Any]:
    assert main(["pretrain", "--dataset", str(corpus), "--output_dir", str(folder), *SMALL, *flags]) == 0
    return dict(read_record(folder))


@pytest.fixture(scope="module")
def both(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A language model of both directions."""
    folder = tmp_path_factory.mktemp("lm") / "both"
    pretrain(corpus, folder, "--direction", "both", "--num_train_epochs", "12")
    return folder


def stream_of(run: Path, corpus: Path, split: str) -> TokenStream:
    import csv

    _, tokenizer = ml.load_run(str(run))
    with (corpus / f"{split}.csv").open(encoding="utf-8") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    ids = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
    ends = np.cumsum([len(one) + 1 for one in ids])
    row = np.concatenate([[tokenizer.eos_token_id], *([*one, tokenizer.eos_token_id] for one in ids)])
    return TokenStream(row.astype(np.int32), ends)


# Blocks


@pytest.mark.parametrize("direction", ["forward", "backward", "both"])
def test_each_row_of_a_batch_goes_on_where_it_was(direction: str) -> None:
    stream = TokenStream(np.arange(100, dtype=np.int32), np.array([99]))
    blocks = Blocks(stream, 3, 7, direction, seed=5)
    first = set()
    for epoch in range(3):
        blocks.begin_epoch(epoch)
        rows = [blocks[number] for number in range(len(blocks))]
        assert len(rows) == 3 * 4 and all(len(one) == 7 for row in rows for one in row.values())
        for name in ("forward", "backward") if direction == "both" else (direction,):
            step = 1 if name == "forward" else -1
            for part in range(3):
                inputs = torch.cat([row[f"{name}_inputs"] for row in rows[part::3]])
                targets = torch.cat([row[f"{name}_targets"] for row in rows[part::3]])
                assert torch.equal(inputs.diff(), torch.full((27,), step)) and torch.equal(targets, inputs + step)
            first.add((name, int(rows[0][f"{name}_inputs"][0])))
    assert len(first) > len({name for name, _ in first}), "blocks are cut elsewhere in each epoch"
    blocks.begin_epoch(1)
    again = blocks[0]
    blocks.begin_epoch(2)
    blocks.begin_epoch(1)
    assert all(torch.equal(again[name], one) for name, one in blocks[0].items())


def test_too_little_text_is_told() -> None:
    with pytest.raises(InputError, match=r"The text has 19 tokens, but a batch of 3 rows of 7 tokens needs 28"):
        Blocks(TokenStream(np.arange(20, dtype=np.int32), np.array([19])), 3, 7, "forward")


# Perplexity


def test_the_loss_of_a_text_is_that_of_one_pass_over_all(
    both: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, _ = ml.load_run(str(both))
    stream = stream_of(both, corpus, "train")
    for part, backward in ((stream, False), (stream.reverse(), True)):
        ids = torch.from_numpy(np.ascontiguousarray(part.ids)).long()[None]
        with torch.no_grad():
            logits = model(ids[:, :-1], backward=backward).logits[0]
        losses = F.cross_entropy(logits, ids[0, 1:], reduction="none").numpy()
        expected = [one.sum() for one in np.split(losses, part.ends[:-1])]
        found = text_losses(model, part, 1, backward=backward)
        np.testing.assert_allclose(found, expected, rtol=1e-4)
        for parts in (2, 3, 64):
            split = text_losses(model, part, parts, backward=backward)
            np.testing.assert_allclose(split, found, rtol=1e-3)
        with monkeypatch.context() as patch:
            patch.setattr(tokenization, "MAX_LOGITS", 2 * BLOCK * model.config.vocab_size)
            bounded = text_losses(model, part, 64, backward=backward)
        np.testing.assert_array_equal(bounded, text_losses(model, part, 2, backward=backward))
        assert len(part) > 2 * BEFORE, "else there is one part"


def test_perplexities() -> None:
    sums = np.array([[4.0, math.nan, 3, 2], [6.0, math.nan, 5, 4]])
    assert compute_perplexities(sums) == pytest.approx(
        {"loss": 10 / 8, "perplexity": math.exp(10 / 8), "word_perplexity": math.exp(10 / 6)}
    )
    two = compute_perplexities(np.array([[4.0, 8.0, 4, 2]]))
    assert two["loss"] == 1.5 and two["backward_perplexity"] == pytest.approx(math.exp(2))
    random = np.random.default_rng(0)
    lengths = random.integers(1, 20, size=400)
    many = np.stack([random.exponential(3, 400) * lengths, np.full(400, np.nan), lengths, lengths], axis=1)
    low, high = perplexity_intervals(many)["perplexity"]
    assert low < compute_perplexities(many)["perplexity"] < high
    assert perplexity_intervals(many[:1]) == {}


@pytest.mark.parametrize("texts", [2, 5, 200])
def test_intervals_of_perplexity_hold_what_is_true(texts: int) -> None:
    random = np.random.default_rng(0)
    held = 0
    for _ in range(400):
        lengths = random.integers(5, 20, size=texts)
        losses = random.normal(4 * lengths, 6)
        low, high = perplexity_intervals(np.stack([losses, losses, lengths, lengths], axis=1))["backward_perplexity"]
        held += low < math.exp(4) < high
    assert 0.92 < held / 400 < 0.98


def test_texts_that_changed_since_are_not_evaluated(corpus: Path, tmp_path: Path, fails: Callable[..., str]) -> None:
    shutil.copytree(corpus, tmp_path / "corpus")
    pretrain(tmp_path / "corpus", tmp_path / "lm", "--max_steps", "2")
    path = tmp_path / "corpus" / "validation.csv"
    head, *rows = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text(head + "".join(rows[::-1]), encoding="utf-8")
    assert "The validation rows of" in fails("evaluate", tmp_path / "lm", "--split", "validation")


# The command


def test_it_learns_and_all_commands_take_it(
    both: Path, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], fails: Callable[..., str]
) -> None:
    record: Any = read_record(both)
    assert record["task"] == {
        "name": "text-generation",
        "direction": "both",
        "auto_class": "AutoModelForCausalLM",
    }
    assert record["metrics"]["validation"]["perplexity"] < 4 > record["metrics"]["validation"]["backward_perplexity"]
    assert record["data"]["counts"] == {"train": {"rows": 150}, "validation": {"rows": 30}, "test": {"rows": 21}}
    capsys.readouterr()
    copied = shutil.copytree(both, tmp_path / "copy")
    assert main(["evaluate", str(copied), "--split", "test", "--resamples", "100"]) == 0
    said = capsys.readouterr().out
    assert "perplexity" in said and "95% interval" in said and "21 rows of test" in said
    record = read_record(copied)
    low, high = record["intervals"]["test"]["perplexity"]
    assert low < record["metrics"]["test"]["perplexity"] < high
    assert main(["evaluate", str(copied), "--dataset", str(corpus / "validation.csv"), "--split", "train"]) == 0
    assert main(["generate", str(both), "the film was", "--number", "2", "--max_new_tokens", "3"]) == 0
    lines = capsys.readouterr().out.strip().splitlines()[-2:]
    assert all(line.startswith("the film was ") for line in lines)
    written = tmp_path / "written" / "texts.csv"
    many = [str(both), "the film", "a", "--number", "3", "--max_new_tokens", "4", "--output", str(written)]
    assert main(["generate", *many, "--batch_size", "2"]) == 0
    assert "6 texts written to" in capsys.readouterr().out
    texts = [row["text"] for row in csv.DictReader(written.read_text(encoding="utf-8").splitlines())]
    assert [text.split()[0] for text in texts] == ["the"] * 3 + ["a"] * 3 and len(set(texts)) > 2
    assert main(["generate", str(both), "--do_sample", "false"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("the film was")
    found = ml.generate(both, ["the ", "  the", ""], max_new_tokens=1, do_sample=False)
    assert found == ["the film", "  the film", "the"] and ml.generate(both, []) == []
    assert "modeling-lstm generate" in fails("predict", both, "the film")
    cold = fails("generate", both, "--temperature", "1e-40")
    assert "--temperature must be at least 0.001, found 1e-40: to always take the most likely token, write" in cold
    assert main(["card", str(copied), "me/films-lm", "--examples", "the film"]) == 0
    card = (copied / "README.md").read_text(encoding="utf-8")
    assert "generate(" in card and "pipeline_tag: text-generation" in card and "truncation=True" not in card
    assert "before and the word after" in card


def test_the_column_of_the_training_is_read_of_another_text(both: Path, corpus: Path, tmp_path: Path) -> None:
    copied = Path(shutil.copytree(both, tmp_path / "copy"))
    record: Any = read_record(copied)
    record["data"]["text_column"] = "plot"
    (copied / "run.json").write_text(json.dumps(record), encoding="utf-8")
    texts = [row["text"] for row in csv.DictReader((corpus / "test.csv").read_text(encoding="utf-8").splitlines())]
    other = write_csv(tmp_path / "other.csv", [("the same", text) for text in texts], ("text", "plot"))
    found = ml.evaluate(copied, dataset=other, resamples=100)
    assert found["tokens"] == ml.evaluate(copied, dataset=other, text_column="plot", resamples=100)["tokens"]
    assert found["tokens"] == ml.evaluate(copied, dataset=corpus, text_column="text", resamples=100)["tokens"]


def test_the_same_from_python(corpus: Path, data_folder: Path, tmp_path: Path) -> None:
    flags = {"embedding_size": 8, "hidden_size": 8, "min_frequency": 1, "per_device_train_batch_size": 4}
    settings: dict[str, Any] = {**flags, "block_size": 10, "max_steps": 3, "disable_tqdm": True, "use_cpu": True}
    record = ml.pretrain(dataset=[corpus], output_dir=tmp_path / "lm", direction="backward", **settings)
    assert "backward_perplexity" in record["metrics"]["validation"]
    with pytest.raises(InputError, match="reads only backward"):
        ml.generate(tmp_path / "lm", "the film")
    with pytest.raises(InputError, match=r"--output must end in \.csv"):
        ml.generate(tmp_path / "nowhere", output=tmp_path / "texts.doc")
    with pytest.raises(InputError, match="reads backward only"):
        ml.train(dataset=data_folder, pretrained=tmp_path / "lm", output_dir=tmp_path / "run")
    with pytest.raises(KeyError):  # of `model_init`: no setting is at fault
        ml.pretrain(
            dataset=[corpus], output_dir=tmp_path / "own", model_init=lambda *_: {}["own"], adam_beta1=0.8, **settings
        )


@pytest.mark.parametrize("task", ["text-generation", "fill-mask"])
def test_the_order_of_the_texts_may_have_a_seed_of_its_own(corpus: Path, tmp_path: Path, task: str) -> None:
    sizes: dict[str, Any] = {"embedding_size": 8, "hidden_size": 8, "min_frequency": 1, "block_size": 10}
    sizes |= {"per_device_train_batch_size": 4, "max_steps": 2, "disable_tqdm": True, "use_cpu": True, "task": task}
    losses = [
        ml.pretrain(dataset=[corpus], output_dir=tmp_path / str(n), data_seed=seed, shuffle_texts=True, **sizes)
        for n, seed in enumerate((1, 2, 1))
    ]
    first, second, third = (record["metrics"]["validation"]["loss"] for record in losses)
    assert first == third != second


@pytest.mark.parametrize("flags", [["--softmax", "adaptive"], ["--softmax", "sampled", "--cell_type", "gru"]])
def test_other_kinds(corpus: Path, tmp_path: Path, flags: list[str]) -> None:
    record = pretrain(corpus, tmp_path / "lm", *flags, "--num_hidden_layers", "2", "--num_train_epochs", "6")
    assert record["model"]["softmax"] == flags[1]
    assert record["metrics"]["validation"]["perplexity"] < 12
    if flags[1] == "sampled":
        weights = load_file(tmp_path / "lm" / "model.safetensors")["token_frequencies"]
        assert len(weights.unique()) > 3, "candidates are drawn by how often tokens occur"


@pytest.mark.parametrize(
    "flags", [[], ["--softmax", "sampled", "--direction", "both"], ["--transformer_config", "gpt2"]]
)
def test_it_learns_in_bf16_where_a_trial_says_so(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: list[str]
) -> None:
    sizes = ["--config_overrides", "n_layer=1,n_embd=16,n_head=2,n_positions=16"] if "gpt2" in flags else []
    some = [*flags, *sizes, "--max_steps", "1"]
    monkeypatch.setattr(precision, "has_bf16", lambda device: True)
    assert pretrain(corpus, tmp_path / "small", *some)["training"]["bf16"] is False  # nothing to gain
    monkeypatch.setattr(precision, "WORTH_A_TRIAL", 0)
    tried = []

    def time_batch(model: Any, batch: Any, precisions: Any, *, trains: bool) -> list[float]:
        tried.append(batch["input_ids"].shape)
        return time_both(model, batch, precisions, trains=trains) and [2.0, 1.0]

    time_both = precision.time_batch
    monkeypatch.setattr(precision, "time_batch", time_batch)
    assert pretrain(corpus, tmp_path / "lm", *some)["training"]["bf16"] is True
    assert tried == [(4, 10)]
    again = ["--overwrite", "true", "--bf16", "false"]
    assert pretrain(corpus, tmp_path / "lm", *some, *again)["training"]["bf16"] is False and len(tried) == 1


def test_a_transformer_learns_from_the_same_text(corpus: Path, tmp_path: Path) -> None:
    sizes = "n_layer=1,n_embd=16,n_head=2,n_positions=16"
    record = pretrain(corpus, tmp_path / "a", "--transformer_config", "gpt2", "--config_overrides", sizes)
    assert record["model"]["model_type"] == "gpt2" and record["metrics"]["validation"]["perplexity"] < 30
    assert "A Transformer (" in make_card(record, "me/gpt")
    assert len(ml.generate(tmp_path / "a", "the film", max_new_tokens=4)) == 1
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"model_type": "gpt2", "n_layer": 1, "n_embd": 16, "n_head": 2}), encoding="utf-8")
    record = pretrain(corpus, tmp_path / "b", "--transformer_config", str(config), "--max_steps", "2")
    assert record["model"]["hidden_size"] == 16


def test_a_run_without_checkpoints_is_written_over_another(corpus: Path, tmp_path: Path) -> None:
    flags = ["--save_strategy", "no", "--load_best_model_at_end", "false", "--max_steps", "2", "--overwrite"]
    for _ in range(2):
        pretrain(corpus, tmp_path / "lm", *flags)
        assert (tmp_path / "lm" / FINGERPRINTS).is_file()
        assert not list((tmp_path / "lm").glob(".saving-*"))


def test_a_run_that_goes_on_keeps_its_subwords(corpus: Path, tmp_path: Path) -> None:
    flags = ["--tokenizer_algorithm", "unigram", "--vocab_size", "100", *"--save_strategy steps --save_steps 2".split()]
    flags += "--eval_strategy steps --eval_steps 2".split()
    pretrain(corpus, tmp_path / "lm", *flags, "--max_steps", "2")
    first = (tmp_path / "lm" / "tokenizer.json").read_text(encoding="utf-8")
    pretrain(corpus, tmp_path / "lm", *flags, "--max_steps", "4", "--resume_from_checkpoint", "last")
    assert (tmp_path / "lm" / "tokenizer.json").read_text(encoding="utf-8") == first


@pytest.mark.slow
def test_killed_at_any_step_and_resumed_it_is_as_if_nothing_had_been(
    corpus: Path, tmp_path: Path, forks: ForkServerContext
) -> None:
    """The state of the recurrence, the order of the texts, the average of the weights: all go on."""
    flags = "--direction both --num_hidden_layers 2 --softmax sampled --shuffle_texts --average_epochs 0.3 "
    flags += "--save_strategy steps --save_steps 7 --eval_strategy steps --eval_steps 7 --recurrent_dropout 0.3"
    pretrain(corpus, tmp_path / "whole", *flags.split())
    command = ["pretrain", "--dataset", str(corpus), *SMALL, *flags.split()]
    kill_and_resume(forks, command, tmp_path / "killed", 14)
    assert read_record(tmp_path / "killed")["training"]["resumed"]
    whole, killed = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "killed"))
    assert whole.keys() == killed.keys() and all(torch.equal(whole[name], killed[name]) for name in whole)


@pytest.mark.parametrize("split", ["validation", "test"])
def test_other_text_is_evaluated_whole(both: Path, corpus: Path, tmp_path: Path, split: str) -> None:
    rows = {"validation": 30, "test": 21}[split]
    other = tmp_path / "other"
    shutil.copytree(corpus, other)
    found = ml.evaluate(str(both), dataset=str(other), split=split, output_dir=str(tmp_path / "a"))
    assert found["rows"] == rows
    shutil.copy(corpus / f"{split}.csv", tmp_path / "alone.csv")
    again = ml.evaluate(str(both), dataset=str(tmp_path / "alone.csv"), split=split, output_dir=str(tmp_path / "b"))
    assert again["rows"] == rows and again["scores"] == found["scores"]
    given: list[tuple[dict[str, Any], str]] = [
        ({"split": "extra"}, "has no extra split, but .*: name one with --split"),
        ({"label_column": ["label"]}, "--label_column is for labels, and a language model has none"),
        ({"text_column": ["text", "more"]}, "A language model reads one --text_column, found text, more"),
    ]
    for settings, message in given:
        with pytest.raises(InputError, match=message):
            ml.evaluate(str(both), dataset=str(other), output_dir=str(tmp_path / "c"), **settings)


def test_texts_that_the_language_model_has_read_are_counted(
    both: Path, corpus: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lines = (corpus / "train.csv").read_text(encoding="utf-8").splitlines()[1:4]
    other = tmp_path / "other.txt"
    told = "among those that the run was trained on: the scores include memorized texts"
    for texts, number in (([*lines, "never read", ""], "3 of the 5 texts"), (["never read", ""], None)):
        caplog.clear()
        other.write_text("\n".join(texts) + "\n", encoding="utf-8")
        ml.evaluate(str(both), dataset=str(other), output_dir=str(tmp_path / "out"))
        assert (told in caplog.text) == (number is not None) and (number or "") in caplog.text
    copied = tmp_path / "copied"
    shutil.copytree(both, copied)
    (copied / FINGERPRINTS).write_bytes(b"\x93NUMPY")
    with pytest.raises(InputError, match=f"{FINGERPRINTS}' is damaged: .* copy it again"):
        ml.evaluate(str(copied), dataset=str(other))


def test_a_language_model_on_its_own_file_is_told_which_rows_are_held_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("".join(f"{text} {n}\n" for n, (text, _) in enumerate(opinion_rows(40))), encoding="utf-8")
    assert main(["pretrain", "--dataset", str(path), "--output_dir", str(tmp_path / "lm"), *SMALL]) == 0
    ml.evaluate(str(tmp_path / "lm"), dataset=str(path))
    assert "leave out --dataset to score only its validation split (--split validation)" in caplog.text


def test_a_state_goes_on_with_another_number_of_processes(tmp_path: Path) -> None:
    """Of `n` processes, each has every n-th row of the state."""
    trainer: Any = object.__new__(LanguageModelTrainer)
    states = {f"forward.0.{name}": torch.arange(12.0).view(4, 3) + place for place, name in enumerate("hc")}
    for process in range(2):
        own = {name: state[process::2].contiguous() for name, state in states.items()}
        save_file(own, tmp_path / STATE.format(process))
    for process, processes in ((0, 1), (1, 4), (0, 2)):
        trainer.args = SimpleNamespace(device="cpu", process_index=process, world_size=processes)
        trainer.state = SimpleNamespace(epoch=0.5)
        trainer.caches = {}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(TaskTrainer, "_load_rng_state", lambda self, checkpoint: None)
            trainer._load_rng_state(str(tmp_path))
        layer = trainer.caches["forward"].layers[0]
        assert torch.equal(layer.keys, states["forward.0.h"][process::processes])
        assert torch.equal(layer.values, states["forward.0.c"][process::processes])


def test_texts_that_are_learned_and_held_out_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_csv(tmp_path / "a.csv", [(f"the film was number {n}",) for n in range(60)], ("text",))
    write_csv(tmp_path / "held.csv", [(f"the film was number {n}",) for n in range(50, 70)], ("text",))
    record = pretrain(tmp_path / "a.csv", tmp_path / "lm", "--validation_dataset", str(tmp_path / "held.csv"))
    assert "10 of the 20 validation texts are also in train." in caplog.text
    assert record["data"]["overlap"] == {"validation": 10}


def test_a_training_goes_on_with_the_same_blocks(corpus: Path, tmp_path: Path, fails: Callable[..., str]) -> None:
    saved = ["--save_strategy", "steps", "--save_steps", "1", "--load_best_model_at_end", "false"]
    pretrain(corpus, tmp_path / "lm", "--max_steps", "3", *saved)
    again = ["pretrain", "--dataset", corpus, "--output_dir", tmp_path / "more", *SMALL, *saved]
    again += ["--resume_from_checkpoint", "last", "--max_steps", "5"]
    for flags in (["--per_device_train_batch_size", "8"], ["--block_size", "12"], ["--shuffle_texts", "true"]):
        shutil.rmtree(tmp_path / "more", ignore_errors=True)
        shutil.copytree(tmp_path / "lm" / "checkpoint-3", tmp_path / "more" / "checkpoint-3")
        assert "was trained with another cut into blocks (4 rows of 10 tokens" in fails(*again, *flags)
    assert "was trained without an average of the weights" in fails(*again, "--average_epochs", "0.5")


GPT = "n_layer=1,n_embd=8,n_head=2"


def test_a_transformer_is_measured_by_what_it_has_read(corpus: Path, tmp_path: Path, fails: Callable[..., str]) -> None:
    """Of its places only those within a block of the training were learned."""
    flags = ["--transformer_config", "gpt2", "--num_train_epochs", "3", "--config_overrides"]
    for places in (10, 64):
        pretrain(corpus, tmp_path / str(places), *flags, f"{GPT},n_positions={places}")
    model, _ = ml.load_run(str(tmp_path / "64"))
    assert model.config.trained_tokens == 10 and model.config.n_positions == 64
    stream = stream_of(tmp_path / "64", corpus, "test")
    losses = text_losses(model, stream, 4)
    del model.config.trained_tokens
    assert not np.allclose(losses, text_losses(model, stream, 4))
    model.config.n_positions = 10
    assert np.array_equal(losses, text_losses(model, stream, 4))
    given = ["pretrain", "--dataset", corpus, "--output_dir", tmp_path / "few", *SMALL, *flags]
    assert "reads 8 tokens at most, found --block_size 10" in fails(*given, f"{GPT},n_positions=8")
    text = "the film was great " * 2
    assert len(ml.generate(str(tmp_path / "10"), text, max_new_tokens=40)[0].split()) <= 10
    assert "reads 10 tokens at most, found a prompt of" in fails("generate", tmp_path / "10", text * 2)
    generator = TextGenerator.from_run(str(tmp_path / "10"))
    with pytest.raises(InputError, match="reads 10 tokens at most, found a prompt of"):
        generator.next_tokens(text * 2)
    assert len(generator(["the film"], max_new_tokens=None, max_length=6)) == 1
    generator.tokenizer.pad_token = None  # as GPT-2's
    generator.tokenizer._pad_token = None
    assert len(generator.next_tokens("the film", 3)) == 3 and len(generator(["the film"], max_new_tokens=2)) == 1


def test_a_kind_of_bert_does_not_see_what_it_predicts(corpus: Path, tmp_path: Path) -> None:
    sizes = "hidden_size=8,num_hidden_layers=1,num_attention_heads=2,intermediate_size=8"
    pretrain(corpus, tmp_path / "lm", "--transformer_config", "bert", "--config_overrides", sizes, "--max_steps", "2")
    model, tokenizer = ml.load_run(str(tmp_path / "lm"))
    ids = torch.arange(2, 12).unsqueeze(0)
    changed = ids.clone()
    changed[0, -1] = 3
    assert torch.equal(model.eval()(ids).logits[:, :-1], model(changed).logits[:, :-1])
    task = TextClassification("single_label_classification", ["bad", "good"])
    arguments = ModelArguments(transformer=str(tmp_path / "lm"))
    classifier: Any = build_model(arguments, tokenizer, task, LstmTrainingArguments(output_dir=str(tmp_path / "run")))
    assert not torch.equal(classifier.eval()(ids).logits, classifier(changed).logits), "its first token sees the last"


def test_a_transformer_that_cannot_learn_here_is_refused_before_training(
    corpus: Path, tmp_path: Path, fails: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = ("pretrain", "--dataset", corpus, *SMALL, "--output_dir", tmp_path / "lm", "--transformer_config")
    told = fails(*given, "reformer")
    assert "--transformer_config reformer cannot be used: " in told and "If training, " in told
    monkeypatch.setattr("modeling_lstm.training.model_builder.physical_memory", lambda: 2**34)
    told = fails(*given, "rwkv")
    assert " million parameters" in told and "this machine has 16 GiB. Choose smaller sizes" in told
    assert not (tmp_path / "lm").exists()


def test_a_check_of_the_memory_leaves_the_weights_as_the_seed_says() -> None:
    config = ml.LstmConfig(vocab_size=9, hidden_size=4, embedding_size=3)
    torch.manual_seed(3)
    expected = ml.LstmForCausalLM(config).state_dict()
    torch.manual_seed(3)
    found = construct(LanguageModeling("forward"), config).state_dict()
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_a_language_model_with_another_tokenizer_begins_as_it_learned(corpus: Path, tmp_path: Path) -> None:
    """This tokenizer ends each text; in the training of a language model the end stands before it."""
    texts = [text for text, _ in opinion_rows(60)]
    ml.LstmTokenizer.train_reversible(texts, vocab_size=80).save_pretrained(tmp_path / "tokenizer")
    pretrain(corpus, tmp_path / "lm", "--tokenizer", str(tmp_path / "tokenizer"), "--num_train_epochs", "1")
    generator = TextGenerator.from_run(str(tmp_path / "lm"))
    ids = generator.tokenizer("the film", add_special_tokens=False)["input_ids"]
    for text, after in (("the film", ids), ("", [])):
        shares = generator.model(torch.tensor([[generator.tokenizer.eos_token_id, *after]])).logits[0, -1].softmax(-1)
        token, share = generator.next_tokens(text, 3)[0]
        assert token == generator.tokenizer.decode([int(shares.argmax())]).strip()
        assert share == pytest.approx(float(shares.max().detach()), rel=1e-4)
    assert len(generator(["", "the film"])) == 2
    opened = AutoTokenizer.from_pretrained(tmp_path / "lm")
    assert opened("the film", padding="max_length")["input_ids"] == opened("the film")["input_ids"], (
        "no limit to pad to"
    )


def test_the_token_that_ends_a_text_is_learned_even_if_it_also_pads() -> None:
    tokenizer = ml.LstmTokenizer.train_reversible(["the film"] * 9, vocab_size=20)
    tokenizer.pad_token = tokenizer.eos_token  # as for GPT-2
    arguments = LanguageModelArguments(tie_word_embeddings=False)
    model: Any = build_language_model(arguments, tokenizer, LanguageModeling("forward"))
    ids = torch.tensor([[tokenizer.eos_token_id, 3, 4]])
    model.train()(ids, labels=ids).loss.backward()
    assert model.get_input_embeddings().weight.grad[tokenizer.eos_token_id].any()


def test_other_commands_say_what_a_language_model_is(both: Path, tmp_path: Path, fails: Callable[..., str]) -> None:
    assert "is a model for text-generation: only classifiers can be exported" in fails("export", both, tmp_path / "a")
    assert "add --do_sample false" in fails("generate", both, "the film", "--num_beams", "4")
    fixed = ("generate", both, "the film", "--do_sample", "false", "--number", "3")
    assert "--number 3 texts without sampling need as many beams: --num_beams 3" in fails(*fixed)
    for share in ("0", "1.5"):
        assert f"--top_p must be greater than 0 and at most 1, found {float(share)}" in fails(
            "generate", both, "the film", "--top_p", share
        )
    assert not (both / "onnx").exists()
    assert "is a model for text-generation, which has no label to explain" in fails("explain", both, "the film")
    for inspect in (ml.explain, ml.trace):
        with pytest.raises(InputError, match="Only classifiers have answers to trace; found LstmForCausalLM"):
            inspect(both, "the film")
    compared = ("compare", "--dataset", "order-matters", "--systems", both, "--output_dir", tmp_path / "compared")
    assert "is a model for text-generation: only classifiers are compared" in fails(*compared)
    named = shutil.copytree(both, tmp_path / "a model")
    for command in ("predict", "explain"):
        assert f"modeling-lstm generate '{named}' TEXT" in fails(command, named, "the film")  # can be copied
    assert "name it with --dataset" in fails("evaluate", both, "--text_column", "other")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--direction both --transformer_config gpt2", "--direction both needs a recurrent model"),
        ("--config_overrides n_layer=1", "--config_overrides is for --transformer_config"),
        ("--transformer_config nonsense", "takes a model type that transformers knows"),
        ("--transformer_config gpt2 --config_overrides n_embd=15,n_head=2", "cannot be built"),
        ("--transformer_config mamba --config_overrides hidden_size=8,num_hidden_layers=1", "is a recurrent network"),
        ("--transformer_config xlnet --config_overrides d_model=24,n_layer=1,n_head=2", "sees the tokens that it must"),
        ("--softmax adaptive --adaptive_cutoffs 9 5", "adaptive_cutoffs must be ascending"),
        ("--per_device_train_batch_size 5000", "but a batch of 5000 rows of"),
        ("--dataloader_num_workers 2", "--dataloader_num_workers 2 cannot be used because blocks of text are in"),
        ("--adversarial_size 0.2", "--adversarial_size 0.2 cannot be used because it is for classifiers"),
        ("--trim_vocabulary 3", "--trim_vocabulary 3 cannot be used because it is for --embeddings of train"),
        ("--task text-classification", "--task of pretrain must be text-generation or fill-mask"),
        ("--hidden_dropout 1", "hidden_dropout"),
        ("--metric_for_best_model accuracy", "Unknown metric 'accuracy'"),
        ("--pooling max", "unknown flag --pooling"),
    ],
)
def test_what_cannot_be_is_told(
    corpus: Path, tmp_path: Path, flags: str, message: str, fails: Callable[..., str]
) -> None:
    given = ["pretrain", "--dataset", str(corpus), "--output_dir", str(tmp_path / "lm"), *SMALL, *flags.split()]
    assert message in fails(*given)
    assert not (tmp_path / "lm" / "config.json").exists()


# Classifiers


TUNED = (
    "--num_train_epochs 12 --learning_rate 0.02 --per_device_train_batch_size 8 "
    "--word_dropout 0 --embedding_dropout 0 --classifier_dropout 0 --disable_tqdm true --use_cpu true"
)


def test_a_classifier_begins_as_the_language_model(
    both: Path, data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, Any] = {"dataset": data_folder, "output_dir": tmp_path / "run", "use_cpu": True}
    monkeypatch.setattr(defaults, "MAX_EPOCHS", 1_000)
    job = ml.TrainingJob(pretrained=both, layer_decay=2.6, **given)
    trainer = job.runner().trainer()
    alone = ml.TrainingJob(**given)
    alone.runner().trainer()
    assert alone.training.num_train_epochs / job.training.num_train_epochs == pytest.approx(4, abs=0.1)
    language_model, tokenizer = ml.load_run(str(both))
    inputs = tokenizer(["the film was great"], return_tensors="pt")
    states = trainer.model.eval().lstm(inputs["input_ids"]).last_hidden_state
    expected = language_model.lstm(inputs["input_ids"]).last_hidden_state
    assert torch.equal(states, expected)
    optimizer = trainer.create_optimizer()
    rates = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    found = {name: rates[id(p)] for name, p in trainer.model.named_parameters()}
    assert found["classifier.weight"] == 2e-3
    assert found["lstm.encoder.rnn.weight_hh_l0"] == pytest.approx(2e-3 / 2.6)
    assert found["lstm.word_embeddings.weight"] == pytest.approx(2e-3 / 2.6**2)
    apart = ml.TrainingJob(pretrained=both, layer_decay=2.6, embedding_learning_rate=1e-4, **given).runner().trainer()
    groups = apart.create_optimizer().param_groups
    table = apart.model.get_input_embeddings().weight
    assert [group["lr"] for group in groups if any(one is table for one in group["params"])] == [1e-4]
    assert all(group["params"] for group in groups)


@pytest.mark.parametrize("is_joined", [False, True])
def test_a_classifier_of_pairs_separates_their_texts(both: Path, tmp_path: Path, is_joined: bool) -> None:
    rows = [(text, f"number {n}", label) for n, (text, label) in enumerate(opinion_rows(60))]
    for split, some in (("train", rows[:40]), ("validation", rows[40:])):
        if is_joined:
            write_csv(tmp_path / "data" / f"{split}.csv", [(f"{a} [SEP] {b}", label) for a, b, label in some])
        else:
            write_csv(tmp_path / "data" / f"{split}.csv", some, ("text", "note", "label"))
    columns = [] if is_joined else ["--text_column", "text", "note"]
    flags = ["--dataset", str(tmp_path / "data"), *columns, "--pretrained", str(both), *TUNED.split()]
    assert main(["train", *flags, "--output_dir", str(tmp_path / "run")]) == 0
    tokenizer, old = (AutoTokenizer.from_pretrained(run, trust_remote_code=True) for run in (tmp_path / "run", both))
    assert tokenizer.sep_token_id == len(old) == len(tokenizer) - 1
    ids = tokenizer("the film", "number 3")["input_ids"]
    assert ids == tokenizer("the film [SEP] number 3")["input_ids"]
    assert ids == [*old("the film")["input_ids"], len(old), *old("number 3", add_special_tokens=False)["input_ids"]]
    answer: Any = ml.predict(tmp_path / "run", ["the film was great [SEP] number 3"])[0]
    classify = pipeline("text-classification", model=str(tmp_path / "run"), trust_remote_code=True, device=-1)
    for given in ("the film was great [SEP] number 3", {"text": "the film was great", "text_pair": "number 3"}):
        found = classify(given)
        found = found[0] if isinstance(found, list) else found
        assert found["label"] == answer["label"] and found["score"] == pytest.approx(answer["score"], abs=1e-6)


def test_the_separator_that_is_added_begins_as_the_end_of_a_text(both: Path) -> None:
    found = open_pretrained(ModelArguments(pretrained=str(both)), 64, True)
    fields = found.adapt(ModelArguments()).config_fields() | {"vocab_size": len(found.tokenizer)}
    model = ml.LstmForSequenceClassification(ml.LstmConfig(**fields))
    found.write_into(model)
    table = model.get_input_embeddings().weight
    assert torch.equal(table[found.tokenizer.sep_token_id], table[found.tokenizer.eos_token_id])


def test_layers_are_unfrozen_from_the_top(both: Path, data_folder: Path, tmp_path: Path) -> None:
    from transformers import TrainerCallback

    seen: list[set[int]] = []

    class Watch(TrainerCallback):
        def on_step_begin(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
            depths = find_depths(model)
            seen.append({depths[name] for name, one in model.named_parameters() if one.requires_grad})

    settings: dict[str, Any] = {"num_train_epochs": 3, "per_device_train_batch_size": 45, "disable_tqdm": True}
    settings |= {"load_best_model_at_end": False, "frozen_epochs": 1, "layer_decay": 2.6}
    job = ml.TrainingJob(dataset=data_folder, pretrained=both, output_dir=tmp_path / "run", use_cpu=True, **settings)
    trainer = job.runner().trainer()
    before = {name: one.detach().clone() for name, one in trainer.model.named_parameters()}
    trainer.add_callback(Watch())
    trainer.train()
    assert seen == [{0}, {0}, {0, 1}, {0, 1}, {0, 1, 2}, {0, 1, 2}]
    assert all(one.requires_grad for one in trainer.model.parameters())
    assert [name for name, one in trainer.model.named_parameters() if torch.equal(before[name], one)] == []


def test_layers_are_unfrozen_after_a_start_with_smaller_batches(both: Path, data_folder: Path, tmp_path: Path) -> None:
    from transformers import TrainerCallback

    class RunOutOfMemory(TrainerCallback):
        has_failed = False

        def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if state.epoch and state.epoch >= 1 and not self.has_failed:
                self.has_failed = True
                raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    settings: dict[str, Any] = {"num_train_epochs": 3, "per_device_train_batch_size": 40, "auto_find_batch_size": True}
    settings |= {"average_epochs": 0.5, "load_best_model_at_end": False, "frozen_epochs": 1, "disable_tqdm": True}
    job = ml.TrainingJob(dataset=data_folder, pretrained=both, output_dir=tmp_path / "run", use_cpu=True, **settings)
    trainer = job.runner().trainer()
    before = {name: one.detach().clone() for name, one in trainer.model.named_parameters()}
    trainer.add_callback(RunOutOfMemory())
    trainer.train()
    assert [name for name, one in trainer.model.named_parameters() if torch.equal(before[name], one)] == []
    told = describe_outcome(trainer, resumed=False, stopped_early=False)["training"]
    assert told["per_device_train_batch_size"] < 40


@pytest.mark.slow
def test_layers_are_unfrozen_as_before_after_a_training_was_killed(
    both: Path, data_folder: Path, tmp_path: Path, forks: ForkServerContext, fails: Callable[..., str]
) -> None:
    flags = f"--pretrained {both} --frozen_epochs 1 --layer_decay 2.6 --per_device_train_batch_size 9 "
    flags += "--num_train_epochs 4 --save_strategy steps --save_steps 5 --eval_strategy steps --eval_steps 5 "
    flags += "--disable_tqdm true --use_cpu true"
    command = ["train", "--dataset", str(data_folder), *flags.split()]
    assert main([*command, "--output_dir", str(tmp_path / "whole")]) == 0
    kill_and_resume(forks, command, tmp_path / "killed", 15)  # in the second of four epochs
    whole, killed = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "killed"))
    assert whole.keys() == killed.keys() and all(torch.equal(whole[name], killed[name]) for name in whole)
    more = ("--output_dir", tmp_path / "whole", "--resume_from_checkpoint", "last", "--frozen_epochs", "2")
    assert "was trained with another --frozen_epochs (1" in fails(*command, *more)


def test_word_vectors_stay_frozen_while_layers_are_unfrozen(both: Path, data_folder: Path, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"num_train_epochs": 3, "embedding_learning_rate": 0.0, "frozen_epochs": 1}
    settings |= {"average_epochs": 0.5, "load_best_model_at_end": False, "disable_tqdm": True, "use_cpu": True}
    job = ml.TrainingJob(dataset=data_folder, pretrained=both, output_dir=tmp_path / "run", **settings)
    trainer = job.runner().trainer()
    before = {name: one.detach().clone() for name, one in trainer.model.named_parameters()}
    trainer.train()
    same = [name for name, one in trainer.model.named_parameters() if torch.equal(before[name], one)]
    assert same == ["lstm.word_embeddings.weight"]


def test_train_and_distill_take_a_language_model(
    both: Path, data_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    given = ["train", "--dataset", str(data_folder), "--pretrained", str(both), *TUNED.split()]
    assert main([*given, "--output_dir", str(tmp_path / "run")]) == 0
    record: Any = read_record(tmp_path / "run")
    assert record["metrics"]["validation"]["accuracy"] > 0.9
    assert record["tokenizer"] == read_record(both)["tokenizer"] and record["tokenizer"]["min_frequency"] == 1
    told = record["pretrained"]
    assert "embedding_learning_rate" not in record["training"]
    assert (told["direction"], told["texts"], told["text"]) == ("both", 150, [Path(told["text"][0]).name])
    assert told["held_out_texts"] == {"validation": 0, "test": 0}
    assert "## Language model" in make_card(record, "me/films")
    answers = ml.predict(tmp_path / "run", ["the film was great number 3", "the film was awful number 2"])
    assert [row["label"] for row in answers] == ["positive", "negative"]  # type: ignore[union-attr]
    teacher = ["distill", "--teacher", str(tmp_path / "run"), "--augmentations", "1", *given[1:]]
    assert main([*teacher, "--output_dir", str(tmp_path / "student")]) == 0
    assert read_record(tmp_path / "student")["pretrained"]["source"] == str(both)
    (tmp_path / "run" / "x").mkdir()

    # texts that the language model has read
    known = [(f"{text} and number {n % 5}", label) for n, (text, label) in enumerate(opinion_rows(30))]
    for split in ("train", "validation"):
        write_csv(tmp_path / "known" / f"{split}.csv", known)
    caplog.clear()
    given[2] = str(tmp_path / "known")
    assert main([*given, "--output_dir", str(tmp_path / "known_run")]) == 0
    assert read_record(tmp_path / "known_run")["pretrained"]["held_out_texts"] == {"validation": 30}
    assert "30 of the 30 validation texts are among those that the language model was trained on" in caplog.text
    copied = shutil.copytree(both, tmp_path / "copy")
    (copied / FINGERPRINTS).unlink()
    given[4] = str(copied)
    assert main([*given, "--output_dir", str(tmp_path / "unknown")]) == 0
    assert read_record(tmp_path / "unknown")["pretrained"]["held_out_texts"] == {"validation": None}


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--tokenizer x", "--pretrained comes with its own tokenizer"),
        ("--transformer x", "--transformer and --pretrained both say what to start from"),
        ("--embeddings x", "--embeddings and --pretrained both say"),
        ("--model_type bag-of-words", "--pretrained is for an LSTM or a GRU"),
        ("--hidden_size 11", "has --hidden_size 10, found 11: leave it out, or pretrain another"),
        ("--cell_type gru", "has --cell_type lstm, found gru"),
        ("--lowercase false", "has --lowercase True, found False"),
        ("--pretrained_revision main", "is a local folder, which has no revision 'main': leave that out"),
        ("--embeddings_revision main", "--embeddings_revision needs --embeddings"),
        ("--layer_decay 0.5", "--layer_decay must be from 1 to 100, found 0.5"),
        ("--frozen_epochs -1", "--frozen_epochs must not be negative"),
    ],
)
def test_what_does_not_go_together(
    both: Path, data_folder: Path, tmp_path: Path, flags: str, message: str, fails: Callable[..., str]
) -> None:
    given = ["train", "--dataset", data_folder, "--pretrained", both, "--output_dir", tmp_path / "run", *flags.split()]
    assert message in fails(*given)


def test_a_classifier_is_no_language_model(
    run_copy: Path, trained: Path, data_folder: Path, tmp_path: Path, fails: Callable[..., str]
) -> None:
    given = ["train", "--dataset", data_folder, "--output_dir", tmp_path / "run", "--pretrained"]
    (run_copy / "run.json").unlink()
    assert "has no run.json, which records what a language model was trained on" in fails(*given, run_copy)
    given = [*given, trained]
    assert "is not a language model with an LSTM or a GRU" in fails(*given)
    assert "is not a language model" in fails("generate", trained, "the film")


def test_words() -> None:
    """The labels of the small data are words of its texts, so that a language model can know them."""
    assert all(any(word in text for text, _ in opinion_rows(90)) for some in WORDS.values() for word in some)
