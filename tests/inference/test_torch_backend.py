"""Answers by torch: batches beside each other, which change nothing."""

import contextlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, BrokenBarrierError, Thread
from typing import Any

import pytest
import torch
from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification, DistilBertForSequenceClassification

from modeling_lstm import LstmTokenizer, evaluate, predict
from modeling_lstm.data.arguments import DataArguments
from modeling_lstm.data.loading import load_data
from modeling_lstm.distillation.arguments import DistillationArguments
from modeling_lstm.distillation.teacher import Teacher
from modeling_lstm.inference.onnx_export import export
from modeling_lstm.inference.torch_backend import torch_classifier
from modeling_lstm.runs.run_folders import load_run
from modeling_lstm.utils.errors import InputError
from tests.conftest import WORDS, opinion_rows, tiny_model, write_csv

PAIRS = ["the film [SEP] was good", "bad", "the [SEP] number 1 number 2", "good [SEP] bad", "the film was good"]
TEXTS = [" and ".join([text] * (1 + number % 5)) for number, (text, _) in enumerate(opinion_rows(40))]


@pytest.mark.numeric
def test_batches_beside_each_other_give_the_same(trained: Path) -> None:
    model, tokenizer = load_run(str(trained))
    classify = torch_classifier(model.eval(), tokenizer)
    classify.workers = 1
    alone = classify.raw_scores(TEXTS, batch_size=3)
    classify.workers = 3
    assert classify.raw_scores(TEXTS, batch_size=3) == pytest.approx(alone, abs=1e-6)
    for size in (0, -1):
        with pytest.raises(ValueError, match=f"batch_size must be at least 1, found {size}"):
            classify.raw_scores(TEXTS, batch_size=size)


def test_threads_of_torch_stay_as_they_were(trained: Path) -> None:
    model, tokenizer = load_run(str(trained))
    seen = []
    classify = torch_classifier(model.eval(), tokenizer)
    compute, classify.workers = classify.logits, 2

    def logits(*arrays: object) -> object:
        seen.append(torch.get_num_threads())
        return compute(*arrays)

    classify.logits = logits
    threads = torch.get_num_threads()
    for number in (threads, threads + 1, threads):  # the user may choose another number at any time
        torch.set_num_threads(number)
        classify.raw_scores(TEXTS, batch_size=4)
        assert set(seen) == {1} and torch.get_num_threads() == number


def test_threads_of_torch_stay_as_they_were_under_concurrent_calls(trained: Path) -> None:
    classify = torch_classifier(*load_run(str(trained)))
    classify.workers = 2
    both, compute = Barrier(2), classify.logits

    def logits(*arrays: Any) -> Any:
        with contextlib.suppress(BrokenBarrierError):
            both.wait(timeout=60)  # in the first batches of two calls, so that their pools are open together
        both.abort()
        return compute(*arrays)

    classify.logits = logits
    threads = torch.get_num_threads()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: classify.raw_scores(TEXTS[:8], batch_size=4), range(2)))
        assert set(pool.map(lambda _: torch.get_num_threads(), range(2))) <= {threads, 1}
    found: list[int] = []
    thread = Thread(target=lambda: found.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert found == [threads]


def test_all_threads_compute_in_bf16(trained: Path) -> None:
    model, tokenizer = load_run(str(trained))
    seen = []
    classify = torch_classifier(model.eval(), tokenizer, bf16=True)
    classify.workers = 2
    model.register_forward_pre_hook(lambda *_: seen.append(torch.is_autocast_enabled("cpu")))
    classify.raw_scores(TEXTS, batch_size=4)
    assert len(seen) == 10 and all(seen)


def test_one_output_that_could_be_a_number_or_a_logit_is_refused(tmp_path: Path) -> None:
    """`pipeline` takes it for a logit, and `Trainer` for a number."""
    tokenizer = LstmTokenizer.train(["a good film"] * 3, min_frequency=1)
    model = tiny_model(vocab_size=len(tokenizer), num_labels=1)
    tokenizer.save_pretrained(tmp_path)
    for kind in (None, "regression", "multi_label_classification"):
        model.config.problem_type = kind
        model.save_pretrained(tmp_path)
        if kind is None:
            with pytest.raises(InputError, match="one label and no problem_type, .* set model.config.problem_type to"):
                predict(str(tmp_path), ["good"])
        else:
            assert len(predict(str(tmp_path), ["good"])) == 1


def test_a_text_with_half_a_character_is_told(trained: Path) -> None:
    classify = torch_classifier(*load_run(str(trained)))
    for texts in (["the film", "good \ud83d!"], ["the film"] * 200 + ["\udcff"]):
        with pytest.raises(ValueError, match="A text holds half a character, at the end of"):
            classify(texts)


def bert_of_pairs(encoder: Path, folder: Path) -> Path:
    """A classifier that tells the two texts of a pair apart by token types, as another library trains it."""
    torch.manual_seed(0)
    config = BertConfig.from_pretrained(encoder, id2label=dict(enumerate(sorted(WORDS))))
    BertForSequenceClassification(config).save_pretrained(folder)
    names = ["input_ids", "token_type_ids", "attention_mask"]
    AutoTokenizer.from_pretrained(encoder, model_input_names=names).save_pretrained(folder)
    return folder


@pytest.mark.numeric
def test_the_token_types_of_pairs_are_read(encoder: Path, tmp_path: Path) -> None:
    folder = bert_of_pairs(encoder, tmp_path / "bert")
    model, tokenizer = load_run(str(folder))
    expected = []
    for text in PAIRS:
        inputs = tokenizer(*text.split(" [SEP] "), return_tensors="pt")
        with torch.inference_mode():
            expected.append(model(**inputs).logits[0].softmax(-1)[-1].item())
    without = torch_classifier(model, AutoTokenizer.from_pretrained(encoder)).scores(PAIRS)[:, -1]
    assert abs(without - expected).max() > 0.01, "this model's answers depend on them"
    export(str(folder))
    for backend in ("torch", "onnxruntime"):
        found = predict(str(folder), PAIRS, backend=backend, all_scores=True, batch_size=2)
        assert [row["score_positive"] for row in found] == pytest.approx(expected, abs=1e-4)


def test_a_text_that_is_longer_than_a_model_reads_is_truncated(encoder: Path, tmp_path: Path) -> None:
    """Its tokenizer has no limit, but it has 64 positions."""
    folder = bert_of_pairs(encoder, tmp_path / "bert")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert tokenizer.model_max_length > 10**9
    text = "the film was good number 1 " * 40
    inputs = tokenizer(text, truncation=True, max_length=64, return_tensors="pt")
    model: Any = BertForSequenceClassification.from_pretrained(folder).eval()
    expected = model(**inputs).logits.softmax(-1)[0].tolist()
    export(str(folder))
    for backend in ("torch", "onnxruntime"):
        found: Any = predict(str(folder), [text], backend=backend, all_scores=True)[0]
        assert [found[f"score_{name}"] for name in sorted(WORDS)] == pytest.approx(expected, abs=1e-4)
    write_csv(tmp_path / "data.csv", [(text, "negative"), ("good", "positive")])
    assert evaluate(str(folder), dataset=str(tmp_path / "data.csv"))["tokens"]["truncated"] == 1


def test_a_model_without_token_types_gets_none(encoder: Path) -> None:
    config = DistilBertForSequenceClassification.config_class(
        vocab_size=40, dim=16, n_layers=1, n_heads=2, hidden_dim=32
    )
    names = ["input_ids", "token_type_ids", "attention_mask"]
    tokenizer = AutoTokenizer.from_pretrained(encoder, model_input_names=names)
    assert len(torch_classifier(DistilBertForSequenceClassification(config).eval(), tokenizer)(PAIRS)) == len(PAIRS)


def test_answers_without_token_types_are_not_taken_for_those_with_them(
    encoder: Path, data_folder: Path, tmp_path: Path
) -> None:
    folder, arguments = (
        bert_of_pairs(encoder, tmp_path / "bert"),
        DistillationArguments(teacher=str(tmp_path / "bert"), logits_cache=str(tmp_path)),
    )
    data = load_data(DataArguments(dataset=str(data_folder)))
    types = Teacher(str(folder), data, arguments).digest
    AutoTokenizer.from_pretrained(encoder).save_pretrained(folder)
    assert Teacher(str(folder), data, arguments).digest != types
