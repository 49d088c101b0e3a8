"""`predict`: sentences, files and standard input; order kept, nothing half-written, memory bounded."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from transformers import pipeline

from modeling_lstm import prediction
from modeling_lstm.cli import main
from modeling_lstm.errors import InputError
from modeling_lstm.prediction import PredictionArguments, classify, predict, write_rows
from modeling_lstm.runs import load_run
from tests.conftest import opinion_rows, write_csv

TEXTS = [text for text, _ in opinion_rows(40)] + [
    "",
    'quoted "text", with a comma\nand a line',
    "ünïcödé 😀",
    "the " * 3_000,
]


def read(path: Path) -> list[dict[str, str]]:
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t" if path.suffix == ".tsv" else ","))


def test_sentences_on_the_command_line(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", str(trained), "the film was great number 1", "the film was awful number 2", ""]) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [line[0] for line in lines[:2]] == ["positive", "negative"]
    assert [line[2] for line in lines] == ["the film was great number 1", "the film was awful number 2", ""]
    assert all(0 < float(line[1]) <= 1 for line in lines)


@pytest.mark.parametrize("output", ["a.csv", "a.tsv", "a.jsonl", "deep/er/a.parquet"])
def test_files_in_and_out_keep_the_order(trained: Path, tmp_path: Path, output: str) -> None:
    source = write_csv(tmp_path / "in.csv", [(number, text) for number, text in enumerate(TEXTS)], ("id", "review"))
    target = tmp_path / output
    assert main(["predict", str(trained), "--input", str(source), "--output", str(target)]) == 0
    rows = read(target)
    assert [row["text"] for row in rows] == TEXTS
    model, tokenizer = load_run(str(trained))
    classifier = pipeline("text-classification", model=model, tokenizer=tokenizer)
    for row in rows:
        expected = classifier(row["text"], truncation=True)[0]
        assert row["label"] == expected["label"]
        assert float(row["score"]) == pytest.approx(expected["score"], abs=1e-5)
    assert not list(target.parent.glob(".saving-*"))


def test_chunks_and_batches_change_nothing(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, tokenizer = load_run(str(trained))
    classifier = pipeline("text-classification", model=model, tokenizer=tokenizer)
    expected = list(classify(classifier, TEXTS, 1))
    monkeypatch.setattr(prediction, "CHUNK", 7)
    for size in (1, 3, 64):
        found = list(classify(classifier, TEXTS, size))
        assert [(row["text"], row["label"]) for row in found] == [(row["text"], row["label"]) for row in expected]
        assert [row["score"] for row in found] == pytest.approx([row["score"] for row in expected], abs=1e-5)


def test_input_is_read_as_it_is_needed(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than one chunk is taken from the source ahead of what was asked for."""
    monkeypatch.setattr(prediction, "CHUNK", 10)
    taken = 0

    def source() -> Iterator[str]:
        nonlocal taken
        while True:
            taken += 1
            yield "the film was okay"

    model, tokenizer = load_run(str(trained))
    rows = classify(pipeline("text-classification", model=model, tokenizer=tokenizer), source(), 4)
    for asked in range(1, 26):
        next(rows)
        assert taken <= asked + 10


def test_standard_input_and_text_files(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = "the film was great\n\nthe film was poor\n"
    monkeypatch.setattr("sys.stdin", io.StringIO(lines))
    assert main(["predict", str(trained), "--input", "-"]) == 0
    from_stdin = capsys.readouterr().out
    assert len(from_stdin.splitlines()) == 3
    (tmp_path / "a.txt").write_text(lines, encoding="utf-8")
    assert main(["predict", str(trained), "--input", str(tmp_path / "a.txt")]) == 0
    assert capsys.readouterr().out == from_stdin


def test_several_text_columns(trained: Path, tmp_path: Path) -> None:
    source = write_csv(tmp_path / "in.csv", [("great", "film")], ("title", "body"))
    arguments = PredictionArguments(input=str(source), text_column=["title", "body"])
    rows = predict(str(trained), [], arguments)
    assert not isinstance(rows, int) and next(rows)["text"] == "great\nfilm"


def test_what_cannot_be_used(trained: Path, tmp_path: Path, fails: Callable[..., str]) -> None:
    assert "either sentences or --input" in fails("predict", trained)
    assert "either sentences or --input" in fails("predict", trained, "a", "--input", "b.csv")
    assert "There is no file" in fails("predict", trained, "--input", tmp_path / "none.csv")
    assert "--output must end in .csv, .tsv, .jsonl, .parquet" in fails("predict", trained, "a", "--output", "a.xlsx")
    assert "There is no run folder" in fails("predict", "./nowhere", "a")
    source = write_csv(tmp_path / "in.csv", [("a", "b")], ("one", "two"))
    assert "name it with --text_column. Its columns are one, two" in fails("predict", trained, "--input", source)
    assert "no column three" in fails("predict", trained, "--input", source, "--text_column", "three")
    assert "1,000,000 characters" in fails("predict", trained, "x" * 1_000_000)
    (tmp_path / "null.jsonl").write_text('{"text": "a"}\n{"text": null}\n', encoding="utf-8")
    target = tmp_path / "out.csv"
    assert "Row 2 of the input holds no text" in fails(
        "predict", trained, "--input", tmp_path / "null.jsonl", "--output", target
    )
    assert not target.exists() and not list(tmp_path.glob(".saving-*"))


def test_a_failure_leaves_the_old_output(tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    target.write_text("old", encoding="utf-8")

    def rows() -> Iterator[dict[str, object]]:
        yield {"text": "a", "label": "b", "score": 0.5}
        raise InputError("in the middle")

    with pytest.raises(InputError, match="in the middle"):
        write_rows(rows(), target)
    assert target.read_text(encoding="utf-8") == "old" and list(tmp_path.iterdir()) == [target]
