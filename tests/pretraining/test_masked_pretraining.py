"""From text to a masked language model, and from that to a classifier."""

import csv
import math
import shutil
from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tokenizers import processors
from torch.nn import functional as F
from transformers import BertConfig, BertForMaskedLM, PreTrainedTokenizerFast, pipeline

import modeling_lstm as ml
from modeling_lstm.cli import main
from modeling_lstm.data.token_masker import TokenMasker
from modeling_lstm.data.token_stream import TokenStream
from modeling_lstm.data.tokenization import fit_batch
from modeling_lstm.evaluation.intervals import find_proportion_interval
from modeling_lstm.evaluation.masked_tokens import (
    SEED,
    masked_token_intervals,
    masked_token_scores,
    score_masked_tokens,
)
from modeling_lstm.inference.likely_tokens import likely_tokens
from modeling_lstm.inference.mask_filling import MaskFiller
from modeling_lstm.pretraining.masked_blocks import MaskedBlocks
from modeling_lstm.publishing.card import make_card
from modeling_lstm.runs.record import read_record
from modeling_lstm.training import precision
from modeling_lstm.utils.errors import InputError
from tests.conftest import kill_and_resume, opinion_rows, write_csv
from tests.pretraining.conftest import SMALL

SETTINGS: dict[str, Any] = {"embedding_size": 8, "hidden_size": 10, "min_frequency": 1, "block_size": 10}
SETTINGS |= {"per_device_train_batch_size": 4, "disable_tqdm": True, "use_cpu": True}


def pretrain(corpus: Path, folder: Path, *flags: str) -> Any:
    given = ["pretrain", "--task", "fill-mask", "--dataset", str(corpus), "--output_dir", str(folder)]
    assert main([*given, *SMALL, *flags]) == 0
    return read_record(folder)


@pytest.fixture(scope="module")
def masked(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lm") / "masked"
    pretrain(corpus, folder, "--num_train_epochs", "20")
    return folder


def tokenizer() -> Any:
    return ml.LstmTokenizer.train(["a b c d e f g h i j k l m n o p"], min_frequency=1, mask=True)


def stream_of(texts: int, length: int) -> TokenStream:
    """Texts of tokens in ascending order, with the token 2 at their ends."""
    ids = [2, *(number for _ in range(texts) for number in [*(4 + n % 16 for n in range(length)), 2])]
    return TokenStream(np.array(ids, dtype=np.int32), np.arange(1, texts + 1) * (length + 1))


# Masks and blocks


def test_masks_are_those_of_bert_and_follow_from_their_numbers() -> None:
    masker = TokenMasker(tokenizer(), 0.15)
    ids = torch.arange(20_000) % 20  # also the special tokens, 0 to 3
    inputs, labels = masker.mask(ids, 3, 1)
    chosen = labels != -100
    assert not bool(chosen[ids < 4].any()) and bool((inputs == ids)[~chosen].all())
    assert bool((labels == ids)[chosen].all())
    assert float(chosen[ids >= 4].float().mean()) == pytest.approx(0.15, abs=0.01)
    is_mask, is_same = inputs[chosen] == 3, inputs[chosen] == ids[chosen]
    assert float(is_mask.float().mean()) == pytest.approx(0.8 + 0.1 / 20, abs=0.03)
    assert float(is_same.float().mean()) == pytest.approx(0.1 + 0.1 / 20, abs=0.03)
    assert all(torch.equal(a, b) for a, b in zip((inputs, labels), masker.mask(ids, 3, 1), strict=True))
    assert torch.equal(ids, torch.arange(20_000) % 20), "the tokens themselves stay"
    for other in ((3, 2), (4, 1), (1, 3), (3, 1, 1)):
        assert not torch.equal(labels, masker.mask(ids, *other)[1])


@pytest.mark.parametrize("shuffles", [False, True])
def test_blocks_are_cut_and_masked_anew_in_each_epoch(shuffles: bool) -> None:
    blocks = MaskedBlocks(stream_of(9, 11), 8, TokenMasker(tokenizer(), 0.3), shuffles=shuffles, seed=5)
    epochs = []
    for epoch in (0, 1, 2):
        blocks.begin_epoch(epoch)
        rows = [blocks[number] for number in range(len(blocks))]
        assert len(rows) == 109 // 8 - 1 and {len(one) for row in rows for one in row.values()} == {8}
        assert all(bool(row["attention_mask"].all()) for row in rows)
        epochs.append(torch.cat([torch.where(row["labels"] >= 0, row["labels"], row["input_ids"]) for row in rows]))
        assert 0.1 < float(torch.cat([row["labels"] >= 0 for row in rows]).float().mean()) < 0.5
    assert not torch.equal(epochs[0], epochs[1]) and not torch.equal(epochs[1], epochs[2])
    blocks.begin_epoch(1)
    again = blocks[3]
    blocks.begin_epoch(2)
    other = blocks[3]
    blocks.begin_epoch(1)
    assert all(torch.equal(again[name], one) for name, one in blocks[3].items())
    assert not torch.equal(again["labels"], other["labels"])


@pytest.mark.parametrize(("length", "number"), [(6, 1), (13, 1), (22, 2)])
def test_short_texts_make_few_blocks(length: int, number: int) -> None:
    blocks = MaskedBlocks(stream_of(1, length), 8, TokenMasker(tokenizer(), 0.3))
    for epoch in range(20):
        blocks.begin_epoch(epoch)
        assert len(blocks) == number == len([blocks[n] for n in range(len(blocks))])


def test_batches_that_are_gathered_count_by_their_masks(corpus: Path, tmp_path: Path) -> None:
    """Four blocks in one batch or in four: the gradient is that of the mean over all masked tokens."""
    still = "--word_dropout 0 --embedding_dropout 0 --recurrent_dropout 0 --output_dropout 0 --max_steps 6".split()
    pretrain(corpus, tmp_path / "one", *still)
    gathered = ["--per_device_train_batch_size", "1", "--gradient_accumulation_steps", "4"]
    pretrain(corpus, tmp_path / "four", *still, *gathered)
    one, four = (load_file(tmp_path / name / "model.safetensors") for name in ("one", "four"))
    for name, value in one.items():
        torch.testing.assert_close(four[name], value, atol=2e-5, rtol=1e-4)


def test_too_little_text_is_told() -> None:
    masker = TokenMasker(tokenizer(), 0.15)
    with pytest.raises(InputError, match="The text has 6 tokens, but a block has 8: lower --block_size, or add text"):
        MaskedBlocks(stream_of(1, 5), 8, masker)
    with pytest.raises(InputError, match="All training texts are empty"):
        MaskedBlocks(stream_of(9, 0), 8, masker)


# Scores


def test_the_scores_are_those_of_the_masked_tokens_of_each_text(masked: Path, corpus: Path) -> None:
    model, words = ml.load_run(str(masked))
    texts = [row["text"] for row in csv.DictReader((corpus / "test.csv").read_text(encoding="utf-8").splitlines())]
    ids = [words(text, add_special_tokens=False)["input_ids"] for text in texts]
    row = [words.eos_token_id, *(one for some in ids for one in (*some, words.eos_token_id))]
    stream = TokenStream(np.array(row, dtype=np.int32), np.cumsum([len(one) + 1 for one in ids]))
    masker = TokenMasker(words, 0.15)
    expected = np.zeros((len(texts), 3))
    text_of = np.repeat(np.arange(len(texts)), [len(one) + 1 for one in ids])
    for begin in range(0, len(row), 10):  # block by block, without padding
        inputs, labels = masker.mask(torch.tensor(row[begin : begin + 10]), SEED, begin)
        with torch.no_grad():
            logits = model(inputs[None]).logits[0]
        for place in (labels >= 0).nonzero().flatten().tolist():
            loss = float(F.cross_entropy(logits[place], labels[place]))
            expected[text_of[begin + place - 1]] += [loss, int(logits[place].argmax()) == int(labels[place]), 1]
    for batch in (1, 4, 100):
        found = score_masked_tokens(model, masker, stream, 10, batch)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    assert expected[:, 2].sum() > 10
    record = ml.evaluate(str(masked), split="test", output_dir=str(masked.parent / "scored"), batch_size=3)
    assert record["scores"] == pytest.approx(masked_token_scores(expected), rel=1e-4)


def test_scores_and_intervals() -> None:
    sums = np.array([[4.0, 1, 3], [6.0, 2, 5], [0.0, 0, 0]])
    assert masked_token_scores(sums) == pytest.approx(
        {"loss": 10 / 8, "perplexity": math.exp(10 / 8), "accuracy": 3 / 8}
    )
    with pytest.raises(InputError, match="None of the held-out tokens was chosen to be predicted: hold out more text"):
        masked_token_scores(np.zeros((2, 3)))
    random = np.random.default_rng(0)
    held = {"loss": 0, "perplexity": 0, "accuracy": 0}
    for _ in range(300):
        number = random.integers(1, 9, size=150)
        many = np.stack([random.normal(2 * number, 1), random.binomial(number, 0.4), number], axis=1)
        for name, (low, high) in masked_token_intervals(many).items():
            held[name] += low < {"loss": 2, "perplexity": math.exp(2), "accuracy": 0.4}[name] < high
    assert all(0.91 < count / 300 < 0.985 for count in held.values()), held
    assert masked_token_intervals(sums[:1]) == {}
    for right in (0, 2):  # of two
        low, high = masked_token_intervals(np.array([[3.0, right, 2], [4.0, right, 2]]))["accuracy"]
        assert (low, high) == find_proportion_interval(2 * right, 4) and high - low > 0.5


# The command


def test_it_learns_and_all_commands_take_it(
    masked: Path, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], fails: Callable[..., str]
) -> None:
    record: Any = read_record(masked)
    assert record["task"] == {
        "name": "fill-mask",
        "mlm_probability": 0.15,
        "block_size": 10,
        "auto_class": "AutoModelForMaskedLM",
    }
    assert record["model"]["bidirectional"] is True and record["best"]["metric"] == "perplexity"
    assert record["metrics"]["validation"]["perplexity"] < 5 and record["metrics"]["validation"]["accuracy"] > 0.4
    capsys.readouterr()
    copied = shutil.copytree(masked, tmp_path / "copy")
    assert main(["evaluate", str(copied), "--split", "test"]) == 0
    said = capsys.readouterr().out
    assert "accuracy" in said and "95% interval" in said and "21 rows of test" in said
    assert main(["evaluate", str(copied), "--dataset", str(corpus / "validation.csv"), "--split", "train"]) == 0
    capsys.readouterr()
    assert main(["predict", str(masked), "the [MASK] was great and number 3", "the film was [MASK]"]) == 0
    first, second = capsys.readouterr().out.strip().splitlines()
    assert first.startswith("film 0.") and first.endswith("\tthe [MASK] was great and number 3")
    assert second.count(", ") == 4 and second.endswith("\tthe film was [MASK]")
    write_csv(tmp_path / "in.csv", [("the [MASK] was bad",), ("[MASK] film was great",)], ("text",))
    out = tmp_path / "out.csv"
    assert main(["predict", str(masked), "--input", str(tmp_path / "in.csv"), "--output", str(out)]) == 0
    rows = list(csv.DictReader(out.read_text(encoding="utf-8").splitlines()))
    assert [row["token"].split('"')[1] for row in rows] == ["film", "the"] and rows[0]["score"].startswith("[0.")
    assert "Text 2 must have [MASK] once, in the place to fill in, found 0 in 'the film'." in fails(
        "predict", masked, "[MASK]", "the film"
    )
    write_csv(tmp_path / "wrong.csv", [("[MASK]",), ("the film",)], ("text",))
    assert "The text in line 3 of" in fails("predict", masked, "--input", tmp_path / "wrong.csv", "--output", out)
    assert "found 2 in '[MASK] [MASK]'" in fails("predict", masked, "[MASK] [MASK]")
    assert "--all_scores is for classifiers" in fails("predict", masked, "[MASK]", "--all_scores")
    assert "is not a language model" in fails("generate", masked, "the film")
    assert "is a model for fill-mask, which has no label to explain: modeling-lstm predict" in fails(
        "explain", masked, "the [MASK]"
    )
    assert "is a model for fill-mask: only classifiers can be exported" in fails("export", masked, tmp_path / "onnx")
    assert main(["card", str(copied), "me/films-lm", "--examples", "the [MASK] was great"]) == 0
    card = (copied / "README.md").read_text(encoding="utf-8")
    assert "pipeline_tag: fill-mask" in card and "fills in masked tokens of a text" in card
    assert 'fill_mask("the [MASK] was great")[0]' in card and "'token_str': \"film\"" in card
    assert "those of masked tokens: 15% of all" in card


def test_the_column_of_the_training_is_predicted(corpus: Path, tmp_path: Path) -> None:
    rows = [(f"number {n}", f"{text} and number {n % 5}") for n, (text, _) in enumerate(opinion_rows(60))]
    path = write_csv(tmp_path / "data.csv", rows, ("title", "plot"))
    flags = ["--task", "fill-mask", "--text_column", "plot", *SMALL, "--num_train_epochs", "1"]
    assert main(["pretrain", "--dataset", str(path), "--output_dir", str(tmp_path / "lm"), *flags]) == 0
    given = [("a title", "the [MASK] was bad"), ("another", "[MASK] film was great")]
    masks = write_csv(tmp_path / "in.csv", given, ("title", "Plot"))
    out = tmp_path / "out.csv"
    assert main(["predict", str(tmp_path / "lm"), "--input", str(masks), "--output", str(out)]) == 0
    rows_out = list(csv.DictReader(out.read_text(encoding="utf-8").splitlines()))
    assert [row["text"] for row in rows_out] == [text for _, text in given]


def test_the_same_from_python(corpus: Path, tmp_path: Path) -> None:
    record = ml.pretrain(task="fill-mask", dataset=[corpus], output_dir=tmp_path / "lm", max_steps=3, **SETTINGS)
    assert "--task fill-mask" in str(record["command"]) and str(record["command"]).startswith("modeling-lstm pretrain")
    (row,) = ml.predict(tmp_path / "lm", "the [MASK]")
    assert len(row["token"]) == 5 and row["score"] == sorted(row["score"], reverse=True)
    assert MaskFiller.from_run(str(tmp_path / "lm"))([]) == []
    with pytest.raises(
        InputError, match="--task of pretrain must be text-generation or fill-mask, found 'translation'"
    ):
        ml.pretrain(task="translation", dataset=[corpus], output_dir=tmp_path / "no")
    with pytest.raises(InputError, match="--task must be one of text-generation, found 'fill-mask'"):
        ml.PretrainingJob(task="fill-mask", dataset=[corpus], output_dir=tmp_path / "no")
    record = ml.train(task="fill-mask", dataset=[corpus], output_dir=tmp_path / "by-train", max_steps=1, **SETTINGS)
    assert record["task"]["name"] == "fill-mask"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--mlm_probability 1", "--mlm_probability must be between 0 and 1, found 1"),
        ("--mlm_probability 0", "--mlm_probability must be between 0 and 1, found 0"),
        ("--direction both", "--direction"),
        ("--train_sampling_strategy sequential", "are read in random order: leave it out"),
        ("--adversarial_size 1", "--adversarial_size 1.0 cannot be used because it is for classifiers"),
        ("--frozen_epochs 1", "--frozen_epochs 1 cannot be used because there is nothing to freeze"),
        ("--block_size 5000", "but a block has 5000: lower --block_size"),
        ("--mlm_probability 1e-9", "None of the held-out tokens was chosen to be predicted: hold out more text, or"),
        ("--min_frequency 100000", "All training texts are out of vocabulary: lower --min_frequency"),
        ("--learning_rate 1e30", "Training diverged: lower --learning_rate"),
    ],
)
def test_what_does_not_go_together(
    corpus: Path, tmp_path: Path, flags: str, message: str, fails: Callable[..., str]
) -> None:
    given = ["pretrain", "--task", "fill-mask", "--dataset", corpus, "--output_dir", tmp_path / "lm", *SMALL]
    assert message in fails(*given, *flags.split())
    assert not (tmp_path / "lm" / "run.json").exists()


def test_other_kinds(corpus: Path, tmp_path: Path) -> None:
    flags = "--cell_type gru --num_hidden_layers 2 --tokenizer_algorithm bpe --vocab_size 60 --shuffle_texts"
    record = pretrain(corpus, tmp_path / "lm", *flags.split(), "--num_train_epochs", "6")
    assert record["model"]["cell_type"] == "gru" and record["metrics"]["validation"]["perplexity"] < 20


def test_it_learns_in_bf16_where_a_trial_says_so(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "has_bf16", lambda device: True)
    monkeypatch.setattr(precision, "WORTH_A_TRIAL", 0)
    tried = []

    def time_batch(model: Any, batch: Any, precisions: Any, *, trains: bool) -> list[float]:
        tried.append(int((batch["labels"] >= 0).sum()))
        return time_both(model, batch, precisions, trains=trains) and [2.0, 1.0]

    time_both = precision.time_batch
    monkeypatch.setattr(precision, "time_batch", time_batch)
    assert pretrain(corpus, tmp_path / "lm", "--max_steps", "1")["training"]["bf16"] is True
    assert len(tried) == 1 and 0 < tried[0] < 20, "of 40 tokens, few are predicted"


def test_the_tokenizer_of_a_bert(corpus: Path, tmp_path: Path, fails: Callable[..., str]) -> None:
    """It has a mask, and a separator that ends a text."""
    words = ml.LstmTokenizer.train([text for text, _ in opinion_rows(60)], mask=True)
    backend = words.backend_tokenizer
    backend.post_processor = processors.TemplateProcessing(  # puts a token first that no text has in training
        single="[PAD] $A [EOS]", special_tokens=[("[PAD]", 0), ("[EOS]", 2)]
    )
    special = {"pad_token": "[PAD]", "unk_token": "[UNK]", "sep_token": "[EOS]", "mask_token": "[MASK]"}
    PreTrainedTokenizerFast(tokenizer_object=backend, **special).save_pretrained(tmp_path / "tokenizer")
    pretrain(corpus, tmp_path / "lm", "--tokenizer", str(tmp_path / "tokenizer"), "--max_steps", "2")
    _, opened = ml.load_run(str(tmp_path / "lm"))
    assert opened.tokenize("the film", add_special_tokens=True) == ["[EOS]", "the", "film", "[EOS]"]
    assert opened.tokenize("a", "b", add_special_tokens=True).count("[EOS]") == 3
    assert len(MaskFiller.from_run(str(tmp_path / "lm"))(["the [MASK]"])[0]) == 5
    special["mask_token"] = "<hole>"
    backend.add_special_tokens(["<hole>"])
    PreTrainedTokenizerFast(tokenizer_object=backend, **special).save_pretrained(tmp_path / "tokenizer")
    record = pretrain(
        corpus, tmp_path / "lm", "--tokenizer", str(tmp_path / "tokenizer"), "--max_steps", "2", "--overwrite"
    )
    assert 'fill_mask("The film was <hole>.")' in make_card(record, "me/films")
    del special["mask_token"]
    PreTrainedTokenizerFast(tokenizer_object=backend, **special).save_pretrained(tmp_path / "other")
    given = ["pretrain", "--task", "fill-mask", "--dataset", corpus, "--output_dir", tmp_path / "no", *SMALL]
    assert "has no mask token, which a masked language model needs" in fails(*given, "--tokenizer", tmp_path / "other")


def test_a_masked_transformer_is_answered_too(tmp_path: Path) -> None:
    """A model that another `Trainer` saved."""
    words = tokenizer()
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
    BertForMaskedLM(BertConfig(vocab_size=len(words), **sizes)).save_pretrained(tmp_path / "bert")
    words.save_pretrained(tmp_path / "bert")
    (row,) = ml.predict(tmp_path / "bert", ["a b [MASK] d"])
    assert len(row["token"]) == 5 and 0 < sum(row["score"]) < 1
    text = f"{'a ' * 600}[MASK]{' b' * 600}"  # longer than its 512 places
    (row,) = ml.predict(tmp_path / "bert", [text])
    assert len(row["token"]) == 5


def test_a_mask_is_filled_as_by_the_pipeline(masked: Path) -> None:
    texts = ["the [MASK] was great", "[MASK]", "the film was [MASK] and number 3 and number 4"]
    filler = MaskFiller.from_run(str(masked))
    fill = pipeline("fill-mask", model=str(masked))
    for batch_size in (1, 3):
        for text, row in zip(texts, filler(texts, batch_size), strict=True):
            expected = fill(text)
            assert [one.token for one in row] == [one["token_str"] for one in expected]
            assert [one.score for one in row] == pytest.approx([one["score"] for one in expected], rel=1e-4)
    long = f"{'the film was great and ' * 300}the [MASK] was bad{' and number 1' * 300}"
    assert filler([long])[0][0].token == "film"
    assert len(filler._encode(long)) == 512


def test_batches_are_smaller_where_logits_are_many() -> None:
    assert fit_batch(32, 70, 10_000) == 32
    assert fit_batch(32, 512, 250_000) == 2
    assert fit_batch(32, 10**6, 10**6) == 1


def test_tokens_of_the_same_text_are_one(tmp_path: Path) -> None:
    words = ml.LstmTokenizer.train(["ab ab abab"], algorithm="bpe", min_frequency=1, vocab_size=20, mask=True)
    torch.manual_seed(0)
    config = ml.LstmConfig(vocab_size=len(words), embedding_size=4, hidden_size=4, bidirectional=True)
    filler = MaskFiller(ml.LstmForMaskedLM(config), words)
    (row,) = filler(one for one in ["a [MASK]"])
    assert filler("a [MASK]") == [row]
    assert len({one.token for one in row}) == len(row) == 5
    shares = torch.zeros(len(words))
    inside, end = (words.convert_tokens_to_ids(one) for one in ("b", "b</w>"))
    shares[inside], shares[end], shares[0] = 0.3, 0.2, 0.4
    assert [token for token, _ in likely_tokens(shares, words, 2)] == ["b", "[PAD]"]


@pytest.mark.slow
def test_killed_at_any_step_and_resumed_it_is_as_if_nothing_had_been(
    corpus: Path, tmp_path: Path, forks: ForkServerContext
) -> None:
    """The blocks, their order and their masks go on."""
    flags = "--shuffle_texts --average_epochs 0.3 --save_strategy steps --save_steps 7 --eval_strategy steps "
    flags += "--eval_steps 7 --num_hidden_layers 2"
    pretrain(corpus, tmp_path / "whole", *flags.split())
    command = ["pretrain", "--task", "fill-mask", "--dataset", str(corpus), *SMALL, *flags.split()]
    kill_and_resume(forks, command, tmp_path / "killed", 14)
    assert read_record(tmp_path / "killed")["training"]["resumed"]
    whole, killed = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "killed"))
    assert whole.keys() == killed.keys() and all(torch.equal(whole[name], killed[name]) for name in whole)


def test_a_training_goes_on_with_the_same_masks(corpus: Path, tmp_path: Path, fails: Callable[..., str]) -> None:
    saved = ["--save_strategy", "steps", "--save_steps", "1", "--load_best_model_at_end", "false"]
    pretrain(corpus, tmp_path / "lm", "--max_steps", "3", *saved)
    again = ["pretrain", "--task", "fill-mask", "--dataset", corpus, "--output_dir", tmp_path / "more", *SMALL, *saved]
    again += ["--resume_from_checkpoint", "last", "--max_steps", "5"]
    for flags in (["--mlm_probability", "0.3"], ["--block_size", "12"], ["--shuffle_texts", "true"]):
        shutil.rmtree(tmp_path / "more", ignore_errors=True)
        shutil.copytree(tmp_path / "lm" / "checkpoint-3", tmp_path / "more" / "checkpoint-3")
        assert "was trained with another cut into blocks (10 tokens" in fails(*again, *flags)


# A classifier that starts from it

TUNED = "--num_train_epochs 12 --learning_rate 0.02 --per_device_train_batch_size 8 --disable_tqdm true --use_cpu true "
TUNED += "--word_dropout 0 --embedding_dropout 0 --classifier_dropout 0"


def test_train_and_distill_take_it(masked: Path, data_folder: Path, tmp_path: Path) -> None:
    given = ["--dataset", str(data_folder), "--pretrained", str(masked), *TUNED.split()]
    assert main(["train", *given, "--output_dir", str(tmp_path / "run")]) == 0
    record: Any = read_record(tmp_path / "run")
    assert record["metrics"]["validation"]["accuracy"] > 0.9 and record["model"]["bidirectional"] is True
    told = record["pretrained"]
    assert (told["task"], told["direction"], told["texts"]) == ("fill-mask", "both", 150)
    assert told["held_out_texts"] == {"validation": 0, "test": 0}
    assert "which fills in masked tokens and was trained on 150 texts of" in make_card(record, "me/films")
    job = ml.TrainingJob(dataset=data_folder, pretrained=masked, output_dir=tmp_path / "new", use_cpu=True)
    classifier, source = job.runner().trainer().model, ml.load_run(str(masked))[0]
    assert all(
        torch.equal(one, source.lstm.state_dict()[name])
        for name, one in classifier.lstm.state_dict().items()
        if not name.startswith("pooler")
    )
    teacher = ["distill", "--teacher", str(tmp_path / "run"), "--augmentations", "1", *given]
    assert main([*teacher, "--output_dir", str(tmp_path / "student")]) == 0
    assert read_record(tmp_path / "student")["pretrained"]["source"] == str(masked)
