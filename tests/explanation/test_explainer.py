"""`explain`: contributions that add up, words as a person counts them, and output that no text can break."""

import copy
import json
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.dom import minidom

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from modeling_lstm import LstmTokenizer
from modeling_lstm.cli import main
from modeling_lstm.explanation import explain
from modeling_lstm.explanation.attribution import attribute, encode, integrate_gradients, score_label, score_rows
from modeling_lstm.explanation.figure import draw
from modeling_lstm.explanation.html_page import make_page
from modeling_lstm.explanation.terminal import _choose_labels, show
from modeling_lstm.explanation.tracing import trace
from modeling_lstm.runs.run_folders import load_run
from modeling_lstm.utils.errors import InputError
from tests.conftest import opinion_rows, tiny_model

TEXT = "the film was awful number 3"
HOSTILE = [
    "<script>alert(1)</script> the film",
    "$x^2$ the {film} %s",
    "😀 😀 😀",
    "the " * 120,
    "\u202ethe film\x07 was",
]


@pytest.fixture(scope="module")
def loaded(trained: Path) -> tuple[Any, Any]:
    return load_run(str(trained))


@pytest.mark.numeric
def test_contributions_add_up_and_name_the_word(loaded: tuple[Any, Any]) -> None:
    model, tokenizer = loaded
    found = explain((model, tokenizer), TEXT)
    given = found.contributions
    assert found.words == TEXT.split() and found.answer[0] == "negative" == given.label
    assert found.words[int(given.integrated_gradients.argmax())] == "awful"
    assert found.words[int(given.leave_one_out.argmax())] == "awful"
    ids = tokenizer(TEXT, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        logits = model(input_ids=ids).logits
        vectors = torch.zeros(1, ids.shape[1], model.config.embedding_size)
        nothing = model(inputs_embeds=vectors).logits
    odds = logits.softmax(-1)[0, 0] / (1 - logits.softmax(-1)[0, 0])
    assert given.score == pytest.approx(float(odds.log()), abs=1e-4)
    total = given.score - score_label(model, nothing, 0).item()
    assert given.integrated_gradients.sum() == pytest.approx(total, rel=0.02)
    assert given.completeness_error < 0.02


@pytest.mark.numeric
def test_leaving_a_word_out_is_the_text_without_it(loaded: tuple[Any, Any]) -> None:
    model, tokenizer = loaded
    found = explain((model, tokenizer), TEXT, "positive").contributions
    words = TEXT.split()
    for number in range(len(words)):
        without = " ".join(words[:number] + words[number + 1 :])
        ids = tokenizer(without, return_tensors="pt")["input_ids"][0].long()
        expected = found.score - score_rows(model, tokenizer, [ids], 2)[0]
        assert found.leave_one_out[number] == pytest.approx(expected, abs=1e-4)
    alone = explain((model, tokenizer), "awful").contributions  # and nothing is left
    assert np.isfinite(alone.leave_one_out).all() and len(alone.leave_one_out) == 1


@pytest.mark.numeric
@settings(max_examples=25, deadline=None)
@given(st.sampled_from(["lstm", "gru"]), st.booleans(), st.integers(1, 2), st.integers(0, 2**31 - 1))
def test_every_configuration(cell: str, both: bool, layers: int, seed: int) -> None:
    tokenizer = LstmTokenizer.train([text for text, _ in opinion_rows(30)], min_frequency=1)
    changes = {"cell_type": cell, "bidirectional": both, "num_hidden_layers": layers, "vocab_size": len(tokenizer)}
    model = tiny_model(**changes)
    torch.manual_seed(seed)
    for weight in model.parameters():
        torch.nn.init.normal_(weight, std=0.5)
    found = explain((model, tokenizer), TEXT)
    traced = trace((model, tokenizer), TEXT)
    assert found.contributions.completeness_error < 0.05
    assert found.probabilities == pytest.approx(traced.probabilities)  # each word is one token here
    assert len(found.readings) == layers * (2 if both else 1)
    for reading, layer in zip(found.readings, traced.layers, strict=True):
        assert list(reading.gates) == (["forget", "input", "output"] if cell == "lstm" else ["reset", "update"])
        memory = layer.values["c" if cell == "lstm" else "h"]
        steps = memory if reading.direction == "forward" else memory[::-1]
        change = np.diff(steps, axis=0, prepend=np.zeros_like(steps[:1]))
        change = change if reading.direction == "forward" else change[::-1]
        assert reading.memory_change == pytest.approx(np.sqrt((change**2).mean(axis=1)), abs=1e-5)


def test_the_rest_of_a_long_text_is_told(loaded: tuple[Any, Any], caplog: pytest.LogCaptureFixture) -> None:
    model, tokenizer = loaded[0], copy.deepcopy(loaded[1])
    tokenizer.model_max_length = 3
    found, whole = explain((model, tokenizer), "the film was awful"), explain((model, tokenizer), "the film was")
    assert found.words == whole.words and whole.truncated_at is None
    assert caplog.text.count("The text has more than 3 tokens: the model does not read the rest.") == 1
    told = "The model reads only the first 3 tokens of this text."
    assert told in found.warnings and told in make_page([found]) and json.loads(found.to_json())["truncated_at"] == 3


def test_pieces_of_a_word_are_one_word() -> None:
    tokenizer = LstmTokenizer.train(["the film was awful"] * 5, min_frequency=1, algorithm="bpe", vocab_size=40)
    found = encode(tokenizer, "the films was unfilmable")
    assert found.words == ["the", "films", "was", "unfilmable"]
    assert found.token_spans[0][0] == 0 and found.token_spans[-1][1] == found.input_ids.shape[1] > 4
    assert all(before[1] == after[0] for before, after in zip(found.token_spans, found.token_spans[1:], strict=False))
    assert found.without([1, 3]).shape[1] == sum(
        end - begin for begin, end in (found.token_spans[0], found.token_spans[2])
    )
    model = tiny_model(vocab_size=len(tokenizer))
    assert attribute(model, tokenizer, found).integrated_gradients.shape == (4,)


@pytest.mark.numeric
@pytest.mark.parametrize("problem_type", ["regression", "multi_label_classification"])
def test_other_problem_types(problem_type: str, tokenizer: LstmTokenizer) -> None:
    labels = 1 if problem_type == "regression" else 3
    model = tiny_model(vocab_size=len(tokenizer), problem_type=problem_type, num_labels=labels)
    found = explain((model, tokenizer), TEXT)
    ids = tokenizer(TEXT, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        logits = model(input_ids=ids).logits[0]
    assert found.contributions.score == pytest.approx(logits.max().item(), abs=1e-5)


def of_kind(problem_type: str, bias: list[float], tokenizer: LstmTokenizer) -> Any:
    """A model that answers with these logits, whatever it reads."""
    labels = dict(enumerate(["anger", "joy", "love"][: len(bias)]))
    model = tiny_model(vocab_size=len(tokenizer), problem_type=problem_type, num_labels=len(bias), id2label=labels)
    torch.nn.init.zeros_(model.classifier.weight)
    model.classifier.bias.data = torch.tensor(bias)
    return model


@pytest.mark.parametrize(
    ("problem_type", "bias", "answer", "verdict"),
    [
        ("regression", [3.456], ("anger", 3.456), "3.46"),
        ("regression", [-0.2], ("anger", -0.2), "-0.20"),
        ("multi_label_classification", [1.0, -1.0, 2.0], (["love", "anger"], [0.881, 0.731]), "love 0.88, anger 0.73"),
        ("multi_label_classification", [-1.0, -0.1, -2.0], ([], []), "no label above one half"),
        ("single_label_classification", [0.0, 1.0, 0.0], ("joy", 0.576), "joy 0.58"),
    ],
)
def test_the_answer_is_what_the_model_says(
    problem_type: str,
    bias: list[float],
    answer: tuple[Any, Any],
    verdict: str,
    tokenizer: LstmTokenizer,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A number is no probability, and of several labels all are told, or that there is none."""
    found = explain((of_kind(problem_type, bias, tokenizer), tokenizer), TEXT)
    assert found.answer[0] == answer[0] and found.answer[1] == pytest.approx(answer[1], abs=1e-3)
    assert found.verdict() == verdict
    told = json.loads(found.to_json())["answer"]
    assert told["label"] == answer[0] and told["score"] == pytest.approx(answer[1], abs=1e-3)
    assert f"<h1>{verdict}</h1>" in make_page([found])
    assert draw([found]).axes[0].get_title().splitlines()[0] == verdict
    show([found])
    shown = capsys.readouterr().out
    is_number = problem_type == "regression"
    assert found.verdict(decimals=4) in shown and ("p(anger)" in shown) == (not is_number)
    assert ("Number: what the answer" in shown) == is_number


def leap(at: float, width: float) -> Callable[[torch.Tensor], torch.Tensor]:
    """A score that rises from -1 to 1 where the vectors are such a share of ones."""
    return lambda vectors: torch.tanh((vectors.mean(dim=(1, 2)) - at) / width)


@pytest.mark.parametrize(("at", "width"), [(0.3, 0.5), (0.317, 1e-3), (0.951, 1e-3), (0.0123, 3e-4)])
def test_steps_are_added_until_the_contributions_fit(at: float, width: float) -> None:
    from captum.attr import IntegratedGradients

    score, vectors = leap(at, width), torch.ones(1, 4, 3)
    found = integrate_gradients(IntegratedGradients(score).attribute, score, vectors)
    difference = (score(vectors) - score(0 * vectors)).item()
    assert found.shape == (4,) and found.sum() == pytest.approx(difference, rel=0.01)
    assert found == pytest.approx(np.full(4, difference / 4), rel=0.02)


def test_a_leap_that_no_steps_resolve_is_told(
    loaded: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from captum.attr import IntegratedGradients

    score, vectors = leap(0.317, 1e-9), torch.ones(1, 4, 3)
    assert integrate_gradients(IntegratedGradients(score).attribute, score, vectors).sum() == pytest.approx(
        0.0, abs=0.01
    )
    one = explain(loaded, TEXT)
    assert one.contributions.warning is None
    monkeypatch.setattr(one.contributions, "completeness_error", 0.27)
    show([one])
    expected = "The integrated gradients miss the sum they should have by 27%"
    assert expected in capsys.readouterr().out and expected in make_page([one])


@pytest.mark.parametrize("ending", [".png", ".svg", ".html", ".json"])
@pytest.mark.parametrize("text", [TEXT, *HOSTILE])
def test_files(trained: Path, tmp_path: Path, ending: str, text: str) -> None:
    output = tmp_path / f"why{ending}"
    assert main(["explain", str(trained), text, TEXT, "--output", str(output)]) == 0
    content = output.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == [output.name]
    if ending == ".png":
        assert content.startswith(b"\x89PNG")
    elif ending == ".json":
        first, second = json.loads(content)
        assert first["text"] == text and second["answer"]["label"] == "negative"
        assert len(first["contributions"]["leave_one_out"]) == len(first["words"]) == len(first["probabilities"])
    else:
        tags: list[str] = []

        class Reader(HTMLParser):
            def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
                tags.append(tag)
                assert not any(name.startswith("on") for name, _ in attributes)

        Reader().feed(content.decode("utf-8"))
        if ending == ".svg":
            minidom.parseString(content)  # as strict as a browser
        assert "svg" in tags and "script" not in tags


def test_the_same_files_again(trained: Path, tmp_path: Path) -> None:
    for ending in (".png", ".svg", ".html", ".json"):
        first, again = (tmp_path / f"{name}{ending}" for name in ("first", "again"))
        for output in (first, again):
            assert main(["explain", str(trained), TEXT, *HOSTILE[:3], "--output", str(output)]) == 0
        assert first.read_bytes() == again.read_bytes()


def test_a_label_with_dollar_signs(run_copy: Path, tmp_path: Path) -> None:
    config = json.loads((run_copy / "config.json").read_text("utf-8"))
    config["id2label"]["0"] = "$\\frac$"
    config["label2id"] = {name: int(number) for number, name in config["id2label"].items()}
    (run_copy / "config.json").write_text(json.dumps(config), encoding="utf-8")
    assert main(["explain", str(run_copy), TEXT, "--output", str(tmp_path / "why.svg")]) == 0


def test_a_text_that_is_not_utf8(trained: Path, fails: Callable[..., str]) -> None:
    assert "'the \\udcff film' is not UTF-8: it holds half a character" in fails("explain", trained, "the \udcff film")
    with pytest.raises(InputError, match="A text must be a string, found 5"):
        explain(str(trained), 5)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="is not UTF-8"):
        trace(trained, "the \ud83d film")


def test_of_many_labels_the_explained_and_the_likeliest_are_shown() -> None:
    one: Any = SimpleNamespace(
        labels=list("abcdefg"),
        contributions=SimpleNamespace(label="c"),
        probabilities=np.array([[0.9] + [0.0] * 6, [0.05, 0.1, 0.0, 0.2, 0.3, 0.15, 0.2]]),
    )
    assert [one.labels[number] for number in _choose_labels(one)] == ["c", "d", "e", "g"]
    one.labels, one.probabilities = ["c", "b"], np.array([[0.1, 0.9]])
    assert _choose_labels(one) == [0, 1]


@pytest.mark.parametrize("text", [TEXT, *HOSTILE])
def test_the_terminal(trained: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    assert main(["explain", str(trained), text]) == 0
    shown = capsys.readouterr().out
    assert "\x1b" not in shown and "\x07" not in shown  # no colors where there is no terminal, no bells
    assert "forget" in shown and "log-odds" in shown and "left out" in shown


def test_side_by_side(loaded: tuple[Any, Any]) -> None:
    figure = draw([explain(loaded, text) for text in (TEXT, "great film")])
    assert len(figure.axes) == 8
    assert [label.get_text() for label in figure.axes[-1].get_xticklabels()] == ["great", "film"]


def test_what_cannot_be_explained(
    trained: Path, tmp_path: Path, fails: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = str(trained)
    assert "has no word" in fails("explain", run, "  ")
    assert "There is no label 'good'; the model's are negative, neutral, positive" in fails(
        "explain", run, "a", "--label", "good"
    )
    assert "--output must end in one of .png, .svg" in fails("explain", run, "a", "--output", "why.pdf")
    (tmp_path / "folder.html").mkdir()
    assert "folder.html' is a folder: name a file." in fails("explain", run, "a", "--output", tmp_path / "folder.html")
    assert main(["explain", run, "a film", "--output", str(tmp_path / "new" / "E.PNG")]) == 0
    assert (tmp_path / "new" / "E.PNG").read_bytes().startswith(b"\x89PNG")
    assert "There is no run folder" in fails("explain", "./nowhere", "a")
    monkeypatch.setitem(__import__("sys").modules, "captum.attr", None)
    assert "pip install 'modeling-lstm[explain]'" in fails("explain", run, "a")
