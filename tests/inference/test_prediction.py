"""`predict`: sentences, files and standard input; order kept, nothing half-written, memory bounded."""

import csv
import glob
import io
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from transformers import pipeline

from modeling_lstm.cli import main
from modeling_lstm.demo.answers import ClassifierPage
from modeling_lstm.evaluation.evaluator import evaluate
from modeling_lstm.inference import answering
from modeling_lstm.inference.answering import answer_texts, as_answering, open_predictor
from modeling_lstm.inference.arguments import PredictionArguments
from modeling_lstm.inference.input_files import list_files, open_filesystem
from modeling_lstm.inference.onnx_export import export
from modeling_lstm.inference.prediction import predict
from modeling_lstm.inference.writers import write_rows
from modeling_lstm.models import text_classifier
from modeling_lstm.runs.run_folders import load_run
from modeling_lstm.utils.errors import InputError
from tests.conftest import TRAIN_FLAGS, opinion_rows, write_csv

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


def test_an_answer_stays_on_its_line(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", str(trained), "the film\nwas\tgreat\r\nnumber 1"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.split("\t")[0] == "positive" and line.split("\t")[2] == "the film was great  number 1"


@pytest.mark.parametrize("kind", [np.array, iter, tuple, pd.Series])
def test_texts_may_come_in_any_collection(trained: Path, kind: Callable[..., Any]) -> None:
    texts = ["the film was great number 1", "the film was awful number 2"]
    assert predict(str(trained), kind(texts)) == predict(str(trained), texts)
    assert predict(str(trained), kind([])) == []


def test_a_table_or_a_number_is_no_collection_of_texts(trained: Path) -> None:
    for wrong, kind in ((pd.DataFrame({"text": ["a"]}), "DataFrame"), (5, "int"), (Path("a.csv"), "PosixPath")):
        with pytest.raises(InputError, match=rf"such as data\['text'\]; found {kind}\."):
            predict(str(trained), wrong)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="--input must be one text"):
        predict(str(trained), input=pd.DataFrame({"text": ["a"]}))


def test_no_texts_are_answered_too(trained: Path, tmp_path: Path) -> None:
    target = tmp_path / "answers.csv"
    assert predict(str(trained), [], output=str(target)) == 0
    assert target.read_text(encoding="utf-8").strip() == "text,label,score"
    with pytest.raises(InputError, match="There is no run folder"):
        predict(str(tmp_path / "none"), [])
    for one in ([], ["the film"]):
        with pytest.raises(InputError, match="Give either sentences or --input"):
            predict(str(trained), one, input=str(target))


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


@pytest.mark.numeric
def test_chunks_and_batches_change_nothing(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    classifier = as_answering(open_predictor(str(trained)))
    expected = list(answer_texts(classifier, TEXTS, 1))
    monkeypatch.setattr(answering, "CHUNK", 7)
    for size in (1, 3, 64):
        found = list(answer_texts(classifier, TEXTS, size))
        assert [(row["text"], row["label"]) for row in found] == [(row["text"], row["label"]) for row in expected]
        assert [row["score"] for row in found] == pytest.approx([row["score"] for row in expected], abs=1e-5)


def test_input_is_read_as_it_is_needed(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than two chunks are taken from the source ahead of what was asked for."""
    monkeypatch.setattr(answering, "CHUNK", 10)
    taken = 0

    def source() -> Iterator[str]:
        nonlocal taken
        while True:
            taken += 1
            yield "the film was okay"

    rows = answer_texts(as_answering(open_predictor(str(trained))), source(), 4)
    for asked in range(1, 26):
        next(rows)
        assert taken <= asked + 20


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


@pytest.mark.parametrize(
    ("first", "warns"),
    [
        ("text,label", True),
        ('"id","tweet_text"', True),
        ('{"text": "good"}', True),
        ("id\tbody", True),
        ("Review", True),
        ("Good, bad and ugly", False),
        ("It begins at 3:30", False),
        ("", False),
    ],
)
@pytest.mark.parametrize("name", ["-", "in.txt"])
def test_a_table_that_is_read_as_plain_text_is_told(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any, name: str, first: str, warns: bool
) -> None:
    lines = f"{first}\nthe film was poor\n"
    monkeypatch.setattr("sys.stdin", io.StringIO(lines))
    (tmp_path / name).write_text(lines, encoding="utf-8")
    found = predict(str(trained), None, PredictionArguments(input=name if name == "-" else str(tmp_path / name)))
    assert not isinstance(found, int) and [row["text"] for row in found] == [first, "the film was poor"]
    assert ("looks like" in caplog.text) == warns


def test_several_text_columns(trained: Path, tmp_path: Path) -> None:
    source = write_csv(tmp_path / "in.csv", [("great", "film")], ("title", "body"))
    arguments = PredictionArguments(input=str(source), text_column=["title", "body"])
    rows = predict(str(trained), None, arguments)
    assert not isinstance(rows, int) and next(rows)["text"] == "great\nfilm"  # as in runs before there were separators


def test_texts_for_one_column_are_joined_as_in_files(trained: Path) -> None:
    joined = predict(str(trained), "great\nfilm")
    assert predict(trained, [("great", "film")]) == predict(trained, {"text": "great", "text_pair": "film"}) == joined


def test_a_loaded_model_is_no_name(trained: Path) -> None:
    for use in (predict, evaluate, export):
        with pytest.raises(InputError, match="Name a run folder or a model on the Hub, found a tuple. A loaded model"):
            use(load_run(trained), "text")  # type: ignore[arg-type]


def test_what_may_not_be_written_is_found_first(
    trained: Path, data_folder: Path, tmp_path: Path, fails: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modeling_lstm.utils.files.os.access", lambda path, _: Path(path) != tmp_path)
    told = f"cannot be written: you may not write to '{tmp_path}'. Choose another."
    assert told in fails("train", "--dataset", data_folder, "--output_dir", tmp_path / "runs" / "new")
    assert told in fails("predict", trained, "a text", "--output", tmp_path / "out.csv")


def test_what_cannot_be_used(trained: Path, tmp_path: Path, fails: Callable[..., str]) -> None:
    assert "either sentences or --input" in fails("predict", trained)
    assert "either sentences or --input" in fails("predict", trained, "a", "--input", "b.csv")
    for name in ("none.csv", "x" * 300 + ".csv"):
        assert "There is no file" in fails("predict", trained, "--input", tmp_path / name)
        target = ("--output", tmp_path / "out.csv")
        assert "There is no file" in fails("predict", trained, "--input", tmp_path / name, *target)
    assert "--output must end in .csv, .tsv, .jsonl, .parquet" in fails("predict", trained, "a", "--output", "a.xlsx")
    assert "There is no run folder" in fails("predict", "./nowhere", "a")
    weights = trained / "model.safetensors"
    assert f"'{weights}' is a file: name the run folder that it is in." in fails("predict", weights, "a")
    for command in ("predict", "explain"):
        told = fails(command, trained, "a", "--revision", "v1")
        assert f"'{trained}' is a local folder, which has no revision 'v1': leave that out, or name a run on" in told
    for flag in ("--text_column", "--delimiter", "--keep_columns"):
        told = fails("predict", trained, "--input", "-", flag, ";", "--output", tmp_path / "never.csv")
        assert f"Standard input has no columns: leave out {flag}." in told
    for flag in ("--text_column", "--delimiter", "--encoding"):
        assert f"{flag} is for the file of --input: leave it out" in fails("predict", trained, "a", flag, "x")
    assert "--damaged skip is for --engine ray" in fails("predict", trained, "a", "--damaged", "skip")
    source = write_csv(tmp_path / "in.csv", [(1, "ann"), (2, "bob")], ("id", "author"))
    told = fails("predict", trained, "--input", source)
    assert f"{str(source)!r} has no column 'text', from which the run learned, but id, author: name the colu" in told
    assert f"{str(source)!r} is a file, not a text: to answer its rows, write --input {source}" in fails(
        "predict", trained, source
    )
    assert "is a file, not a text: give the sentences to explain." in fails("explain", trained, source)
    source = write_csv(tmp_path / "in.csv", [("a", "b")], ("one", "two"))
    assert "Name it with --text_column: the columns are one, two" in fails("predict", trained, "--input", source)
    assert "no column three" in fails("predict", trained, "--input", source, "--text_column", "three")
    assert "Text 2 has 1,000,000 characters" in fails("predict", trained, "a", "x" * 1_000_000)
    long = write_csv(tmp_path / "long.csv", [("two\nlines",), ("x" * 1_000_000,)], ("text",))
    assert f"The text in line 4 of '{long}' has 1,000,000 char" in fails("predict", trained, "--input", long)
    (tmp_path / "null.jsonl").write_text('{"text": "a"}\n{"text": null}\n', encoding="utf-8")
    target = tmp_path / "out.csv"
    message = fails("predict", trained, "--input", tmp_path / "null.jsonl", "--output", target)
    assert f"There is no text in line 2 of '{tmp_path / 'null.jsonl'}' (column 'text'): found [None]." in message
    assert not target.exists() and not list(tmp_path.glob(".saving-*"))


def test_the_text_columns_of_the_training_are_read(tmp_path: Path, fails: Callable[..., str]) -> None:
    rows = [(text.split()[0], " ".join(text.split()[1:]), label) for text, label in opinion_rows(60)]
    source = write_csv(tmp_path / "a.csv", rows, ("headline", "body", "label"))
    run = tmp_path / "run"
    columns = ["--text_column", "headline", "body"]
    assert main(["train", "--dataset", str(source), "--output_dir", str(run), *columns, *TRAIN_FLAGS]) == 0
    assert main(["predict", str(run), "--input", str(source), "--output", str(tmp_path / "out.csv")]) == 0
    assert read(tmp_path / "out.csv")[0]["text"] == f"{rows[0][0]} [SEP] {rows[0][1]}"
    record = json.loads((run / "run.json").read_text(encoding="utf-8"))
    assert record["data"].pop("separator") == " [SEP] "
    other = write_csv(tmp_path / "b.csv", [row[:2] for row in rows], ("Headline", "BODY"))
    assert main(["predict", str(run), "--input", str(other), "--output", str(tmp_path / "out.csv")]) == 0
    assert read(tmp_path / "out.csv")[0]["text"] == f"{rows[0][0]} [SEP] {rows[0][1]}"
    half = write_csv(tmp_path / "c.csv", [row[1:2] for row in rows], ("body",))
    message = fails("predict", run, "--input", half)
    assert "reads the columns headline, body, of which" in message and "has only body: name the columns" in message
    single = write_csv(tmp_path / "d.csv", [("a film",)], ("text",))
    assert f"of which {str(single)!r} has none: name the columns" in fails("predict", run, "--input", single)
    (tmp_path / "d.txt").write_text("a film\n", encoding="utf-8")
    for command in (
        *(("predict", run, "a film"), ("predict", run, "--input", tmp_path / "d.txt")),
        *(("predict", run, "--input", single, "--text_column", "text"), ("explain", run, "a film")),
    ):
        assert "headline, body together; 'a film' lacks one: put [SEP] between them" in fails(*command)
    assert "headline, body together; &#39;a film&#39; lacks one" in ClassifierPage(str(run), []).show("a film").answers
    for command in (("predict", run, "a film [SEP] bad"), ("explain", run, "a film [SEP] bad")):
        assert main([str(one) for one in command]) == 0
    pair = {"text": "a film", "text_pair": "bad"}
    expected = predict(str(run), "a film [SEP] bad")
    assert predict(str(run), pair) == predict(str(run), [("a film", "bad")]) == predict(str(run), ("a film", "bad"))
    assert predict(str(run), pair) == expected
    assert predict(str(run), ("a film [SEP] bad",)) == expected
    assert len(predict(str(run), (("a", "b"), ("c", "d")))) == 2
    with pytest.raises(InputError, match="Text 1 must be a string, found {'text': 'a'}"):
        predict(str(run), [{"text": "a"}])
    (run / "run.json").write_text(json.dumps(record), encoding="utf-8")  # as it was before there were separators
    assert main(["predict", str(run), "--input", str(source), "--output", str(tmp_path / "out.csv")]) == 0
    assert read(tmp_path / "out.csv")[0]["text"] == f"{rows[0][0]}\n{rows[0][1]}"


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_several_labels(tmp_path: Path, suffix: str) -> None:
    found = [{"text": "a", "label": [], "score": []}, {"text": "b", "label": ["x", "y"], "score": [0.75, 0.5]}]
    target = tmp_path / f"out.{suffix}"
    kinds = {"text": pa.string(), "label": pa.list_(pa.string()), "score": pa.list_(pa.float64())}
    assert write_rows(iter(found), target, kinds) == 2
    rows = read(target)
    if suffix == "csv":
        rows = [row | {name: json.loads(row[name]) for name in ("label", "score")} for row in rows]
    assert rows == found
    assert write_rows(iter([]), target, kinds) == 0 and read(target) == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", b'text,label\na,b\n"c\n'),
        ("a.csv", b"text\na\nb,c,d\n"),
        ("a.csv", "text\ncaf\xe9\n".encode("latin-1")),
        ("a.txt", b"caf\xe9\n"),
        ("a.jsonl", b'{"text": "a"}\n{"text'),
        ("a.parquet", b"PAR1 not really"),
    ],
)
def test_damaged_input(trained: Path, tmp_path: Path, fails: Callable[..., str], name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    target = tmp_path / "out.csv"
    assert "could not be read" in fails("predict", trained, "--input", tmp_path / name, "--output", target)
    assert not target.exists()


def test_output_that_cannot_be_written(trained: Path, tmp_path: Path, fails: Callable[..., str]) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder.csv").mkdir()
    assert "is a file: name a folder" in fails("predict", trained, "a", "--output", tmp_path / "file" / "out.csv")
    assert "is a folder" in fails("predict", trained, "a", "--output", tmp_path / "folder.csv")
    assert "--batch_size must be at least 1" in fails("predict", trained, "a", "--batch_size", "0")
    assert "is not UTF-8" in fails("predict", trained, "caf\udce9")


def test_json_has_no_word_for_what_is_no_number(tmp_path: Path) -> None:
    row = {"text": "a", "more": {"x": [math.nan, 1.5]}, "score": math.inf}
    write_rows(iter([row]), tmp_path / "out.jsonl", {name: pa.string() for name in row})
    assert (tmp_path / "out.jsonl").read_text(encoding="utf-8") == (
        '{"text": "a", "more": {"x": [null, 1.5]}, "score": null}\n'
    )


def test_kept_numbers_of_json_stay_as_they_are_written(trained: Path, tmp_path: Path) -> None:
    kept = '"n": 1.10, "big": 12345678901234567890.5, "more": {"a\u00e9": [-0, 1E5, true, null]}, "name": "1.10"'
    (tmp_path / "in.jsonl").write_text('{"text": "good", ' + kept + "}\n", encoding="utf-8")
    predict(str(trained), input=str(tmp_path / "in.jsonl"), output=str(tmp_path / "out.jsonl"), keep_columns=["all"])
    assert kept in (tmp_path / "out.jsonl").read_text(encoding="utf-8")


def test_a_word_in_the_first_line_may_be_a_text(
    trained: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for first, is_told in (("Great", True), ("Text", False), ("review", False)):
        caplog.clear()
        (tmp_path / "in.csv").write_text(f"{first}\nawful film\nfine\n", encoding="utf-8")
        assert len(list(predict(str(trained), input=str(tmp_path / "in.csv")))) == 2
        assert ("If it is a text, write a name above it" in caplog.text) == is_told


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_an_output_keeps_its_mode_and_its_link(tmp_path: Path, suffix: str) -> None:
    target, link, new = (tmp_path / f"{name}{suffix}" for name in ("target", "link", "new"))
    target.touch(0o640)
    link.symlink_to(target.name)
    before = os.umask(0o077)
    try:
        for path in (link, new):
            assert write_rows(iter([{"text": "a"}]), path, {"text": pa.string()}) == 1
    finally:
        os.umask(before)
    assert link.is_symlink() and read(target) == [{"text": "a"}]
    assert [path.stat().st_mode & 0o777 for path in (target, new)] == [0o640 & ~before, 0o600]


def test_a_failure_leaves_the_old_output(tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    target.write_text("old", encoding="utf-8")

    def rows() -> Iterator[dict[str, object]]:
        yield {"text": "a", "label": "b", "score": 0.5}
        raise InputError("in the middle")

    with pytest.raises(InputError, match="in the middle"):
        write_rows(rows(), target, {"text": pa.string(), "label": pa.string(), "score": pa.float64()})
    assert target.read_text(encoding="utf-8") == "old" and list(tmp_path.iterdir()) == [target]


ROWS = [
    {"id": n, "text": text, "label": "?", "tags": ["a", 1.50, None]} for n, text in enumerate(["good", 'a "b"\n', ""])
]


@pytest.mark.parametrize("source", ["in.csv", "in.tsv", "in.jsonl", "in.parquet"])
@pytest.mark.parametrize("output", ["a.csv", "a.jsonl", "a.parquet"])
def test_columns_that_are_kept(trained: Path, tmp_path: Path, source: str, output: str) -> None:
    path, target = tmp_path / source, tmp_path / output
    if source == "in.parquet":
        pq.write_table(pa.Table.from_pylist([row | {"tags": ["a"]} for row in ROWS]), path)
    elif source == "in.jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    else:
        rows = [tuple(row.values()) for row in ROWS]
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, delimiter="\t" if source == "in.tsv" else ",").writerows([tuple(ROWS[0]), *rows])
    flags = ["--keep_columns", "all", "--all_scores"]
    assert main(["predict", str(trained), "--input", str(path), "--output", str(target), *flags]) == 0
    found = read(target)
    assert [row["text"] for row in found] == [row["text"] for row in ROWS]
    assert list(found[0]) == [
        *("text", "label", "score", "score_negative", "score_neutral", "score_positive", "id", "input_label", "tags")
    ]
    assert [row["input_label"] for row in found] == ["?"] * 3
    is_typed = source == "in.parquet" or (source == "in.jsonl" and output == "a.jsonl")
    ids: list[int | str] = [0, 1, 2] if is_typed and output != "a.csv" else ["0", "1", "2"]
    assert [row["id"] for row in found] == ids
    if source == "in.jsonl":
        assert [row["tags"] if output == "a.jsonl" else json.loads(row["tags"]) for row in found] == [
            ["a", 1.5, None] for _ in ROWS
        ]
    for row in found:
        scores = {name: float(row[f"score_{name}"]) for name in ("negative", "neutral", "positive")}
        assert sum(scores.values()) == pytest.approx(1.0, abs=1e-5)
        assert max(scores, key=scores.__getitem__) == row["label"]
        assert scores[row["label"]] == pytest.approx(float(row["score"]))


def test_answers_can_be_answered_again(trained: Path, tmp_path: Path) -> None:
    """Columns that an earlier prediction wrote are kept under names of their own."""
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    source = write_csv(tmp_path / "in.csv", [("good", "x")], ("text", "label"))
    for path, target in ((source, first), (first, second)):
        flags = ["--input", str(path), "--output", str(target), "--keep_columns", "all"]
        assert main(["predict", str(trained), *flags]) == 0
    names = ["text", "label", "score", "input_label", "input_score", "input_input_label"]
    assert list(read(second)[0]) == names and read(second)[0]["input_input_label"] == "x"


@pytest.mark.parametrize("output", ["out.csv", "out.jsonl", "out.parquet"])
def test_bytes_that_are_kept_are_text(trained: Path, tmp_path: Path, output: str, fails: Callable[..., str]) -> None:
    for name, value in (("text.parquet", "A17é".encode()), ("other.parquet", b"\xff\x00")):
        pq.write_table(pa.table({"text": ["good"], "id": pa.array([value])}), tmp_path / name)
    flags = ["--keep_columns", "id", "--output", str(tmp_path / output)]
    assert main(["predict", str(trained), "--input", str(tmp_path / "text.parquet"), *flags]) == 0
    (row,) = read(tmp_path / output)
    if output.endswith(".parquet"):
        assert row["id"] == "A17é".encode()
        assert main(["predict", str(trained), "--input", str(tmp_path / "other.parquet"), *flags]) == 0
        return
    assert row["id"] == "A17é"
    told = fails("predict", trained, "--input", tmp_path / "other.parquet", *flags)
    assert "A kept column holds bytes that are not text in UTF-8" in told and "write a .parquet file" in told


@pytest.mark.parametrize(
    ("kind", "value", "is_read"),
    [
        (pa.date32(), 4_000_000, False),
        (pa.timestamp("s"), 400_000_000_000, False),
        (pa.time64("ns"), 1_001, False),
        (pa.time64("ns"), 1_000, True),
    ],
)
def test_times_that_would_change_are_told(
    trained: Path, tmp_path: Path, kind: pa.DataType, value: int, is_read: bool, fails: Callable[..., str]
) -> None:
    plain = pa.int32() if kind == pa.date32() else pa.int64()
    path, target = tmp_path / "in.parquet", tmp_path / "out.csv"
    pq.write_table(pa.table({"text": ["good"], "when": pa.array([value], plain).view(kind)}), path)
    flags = ["--input", str(path), "--output", str(target), "--keep_columns", "when"]
    if is_read:
        assert main(["predict", str(trained), *flags]) == 0
        assert read(target)[0]["when"] == "00:00:00.000001"
        return
    told = fails("predict", trained, *flags)
    assert "The column 'when' of" in told and "holds a value that Python cannot hold" in told and not target.exists()


def test_standard_input_in_another_encoding_is_told(
    trained: Path, monkeypatch: pytest.MonkeyPatch, fails: Callable[..., str]
) -> None:
    for content in ("good\n".encode("utf-16"), b"good\ncaf\xe9\n"):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content), encoding="utf-8"))
        told = fails("predict", trained, "--input", "-")
        assert "Standard input could not be read: it is not UTF-8 (byte 0x" in told and "--encoding cp1252" in told


def test_some_columns_are_kept(
    trained: Path, tmp_path: Path, fails: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_csv(tmp_path / "in.csv", [("1", "good", "x")], ("ID", "text", "y"))
    target = tmp_path / "out.csv"
    assert main(["predict", str(trained), "--input", str(path), "--output", str(target), "--keep_columns", "id"]) == 0
    assert list(read(target)[0]) == ["text", "label", "score", "ID"]
    message = fails("predict", trained, "--input", path, "--output", target, "--keep_columns", "z")
    assert "has no column z; its columns are ID, text, y" in message
    assert "give both" in fails("predict", trained, "good", "--keep_columns", "id")
    assert "has no columns" in fails("predict", trained, "--input", "-", "--output", target, "--keep_columns", "id")
    capsys.readouterr()
    assert main(["predict", str(trained), "the film was great", "--all_scores"]) == 0
    label, scores, text = capsys.readouterr().out.strip().split("\t")
    assert (label, text) == ("positive", "the film was great") and scores.startswith("negative 0.")


def test_standard_input_is_utf_8_whatever_the_locale(
    trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    content = "\ufeffcaf\xe9\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content.encode("utf-8")), encoding="cp1252"))
    assert main(["predict", str(trained), "--input", "-"]) == 0
    assert capsys.readouterr().out.rstrip().endswith("\tcaf\xe9")


def test_standard_input_that_cannot_be_read(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: Callable[..., str]
) -> None:
    content = "good\nbad\n".encode("utf-16-le")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content), encoding="utf-8"))
    assert "Standard input could not be read: line 1 holds a zero byte" in fails("predict", trained, "--input", "-")
    monkeypatch.setattr("sys.stdin", None)
    assert "Standard input is closed: pass a file with --input" in fails("predict", trained, "--input", "-")
    source = tmp_path / "texts.csv"
    source.write_text("good\n", encoding="utf-8")
    with source.open(encoding="utf-8") as file:
        monkeypatch.setattr("sys.stdin", file)
        assert "would write over --input" in fails("predict", trained, "--input", "-", "--output", source)
    assert source.read_text("utf-8") == "good\n"


def test_output_to_a_file_is_utf_8_whatever_the_locale(trained: Path) -> None:
    program = "from modeling_lstm.cli import main; main()"
    command = [sys.executable, "-c", program, "predict", str(trained), "caf\xe9 \U0001f44d"]
    environment = os.environ | {"PYTHONIOENCODING": "latin-1"}
    done = subprocess.run(command, env=environment, capture_output=True, timeout=600)
    assert done.returncode == 0 and done.stdout.decode("utf-8").rstrip().endswith("caf\xe9 \U0001f44d"), done.stderr


def test_a_container_has_the_cores_of_its_quota(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    monkeypatch.setattr(text_classifier, "QUOTA", tmp_path / "cpu.max")
    for content, cores in (("150000 100000", 2), ("max 100000", 64), ("6400000 50000", 64), ("", 64)):
        (tmp_path / "cpu.max").write_text(content, encoding="utf-8")
        assert text_classifier.count_cores() == cores
    (tmp_path / "cpu.max").unlink()
    assert text_classifier.count_cores() == 64


@pytest.mark.parametrize(
    ("name", "content", "texts"),
    [
        ("in.csv", "text\n5\n10\n", ["5", "10"]),
        ("in.csv", "text;label\ngreat film;0\n", ["great film"]),
        ("in.csv", "TEXT,lang\nit was awful,en\n", ["it was awful"]),
        ("in.tsv", 'text\tid\n"a" b\t1\n"c\t2\nd\t3\n"e\t4\n', ['"a" b', '"c', "d", '"e']),
        ("in.jsonl", '{"text": 5}\n{"text": "a"}\n', ["5", "a"]),
        ("in.txt", "\ufeffone\rtwo\n\nthree\n", ["one\rtwo", "", "three"]),
        ("-", "\ufeffone\rtwo\n\nthree\n", ["one\rtwo", "", "three"]),
    ],
)
def test_as_many_answers_as_texts(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: str, texts: list[str]
) -> None:
    (tmp_path / name).write_bytes(content.encode("utf-8"))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content.encode("utf-8")), encoding="utf-8"))
    found = predict(str(trained), None, PredictionArguments(input=name if name == "-" else str(tmp_path / name)))
    assert not isinstance(found, int) and [row["text"] for row in found] == texts


def test_rows_of_another_shape_than_the_header(trained: Path, tmp_path: Path, fails: Callable[..., str]) -> None:
    path = tmp_path / "in.csv"
    path.write_text("text,lang,source\nit was awful,en,web,\n", encoding="utf-8")
    assert "line 2 has 4 fields, the header 3" in fails("predict", trained, "--input", path)
    path.write_bytes("text\ncafé\n".encode("cp1252"))
    assert "line 2 is not UTF-8 (byte 0xe9)" in fails("predict", trained, "--input", path)
    found = predict(str(trained), None, PredictionArguments(input=str(path), encoding="cp1252"))
    assert not isinstance(found, int) and next(found)["text"] == "café"


def test_how_the_files_of_the_training_were_read_is_a_hint(
    run_copy: Path, tmp_path: Path, fails: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was given for other files is never taken over: a file in UTF-8 would be read as cp1252 without an error."""

    def record(**settings: str) -> None:
        content = json.loads((run_copy / "run.json").read_text(encoding="utf-8"))
        content["data"] |= dict.fromkeys(("delimiter", "encoding", "quoting")) | settings
        (run_copy / "run.json").write_text(json.dumps(content), encoding="utf-8")

    def texts(path: Path, **settings: Any) -> list[str]:
        found = predict(str(run_copy), None, PredictionArguments(input=str(path), **settings))
        assert not isinstance(found, int)
        return [row["text"] for row in found]

    path = tmp_path / "in.csv"
    record(encoding="cp1252")
    path.write_text("text,lang\ncafé,fr\n", encoding="utf-8")
    assert texts(path) == ["café"]
    for late in (0, 5_000):  # bytes that are seen when the file is opened, and only when it is read
        path.write_bytes(("text,lang\n" + "a,en\n" * late + "café,fr\n").encode("cp1252"))
        message = fails("predict", run_copy, "--input", path)
        assert f"line {late + 2} is not UTF-8 (byte 0xe9)" in message
        assert "The run's training files were read with --encoding cp1252: add that if this input is" in message
        assert texts(path, encoding="cp1252")[-1] == "café"
        assert "were read with" not in fails("predict", run_copy, "--input", path, "--encoding", "ascii")
    assert "were read with" not in fails("predict", run_copy, "--input", tmp_path / "none.csv")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("café".encode("cp1252")), encoding="utf-8"))
    assert "were read with --encoding cp1252: add that" in fails("predict", run_copy, "--input", "-")
    record(delimiter="^", quoting="none")
    path.write_text("text^lang, as told\na film, they say^en\n", encoding="utf-8")
    message = fails("predict", run_copy, "--input", path)
    assert "in.csv' may have '^' or ',' between its fields: say which with --delimiter." in message
    assert "were read with --delimiter '^' --quoting none: add that if this input is written like them." in message
    assert texts(path, delimiter="^") == ["a film, they say"]
    path.write_text("text,lang\na^b,en\n", encoding="utf-8")
    assert texts(path) == ["a^b"]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_half_a_character_in_a_kept_column_is_told(
    trained: Path, tmp_path: Path, suffix: str, fails: Callable[..., str]
) -> None:
    path, target = tmp_path / "in.jsonl", tmp_path / f"out{suffix}"
    path.write_text('{"text": "good", "note": "a \\ud83d"}\n', encoding="utf-8")
    told = fails("predict", trained, "--input", path, "--output", target, "--keep_columns", "note")
    assert "holds half a character, which is not UTF-8. Correct it, or leave its column out" in told
    assert not target.exists() and not list(tmp_path.glob(".saving-*"))


def test_a_pattern_stays_within_its_folder(tmp_path: Path) -> None:
    for name in ("a.csv", "b.txt", "old/c.csv", "old/more/d.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("text\ngood\n", encoding="utf-8")
    patterns = ("*.csv", "*/*.csv", "**/*.csv", "old/[cd].csv", "**/d*")
    found = {}
    for pattern in patterns:
        filesystem, path = open_filesystem(str(tmp_path / pattern), "--input")
        files = list_files(filesystem, path, str(tmp_path / pattern))
        found[pattern] = sorted(Path(one.path).relative_to(tmp_path).as_posix() for one in files)
        listed = glob.glob(str(tmp_path / pattern), recursive=True)
        assert found[pattern] == sorted(Path(one).relative_to(tmp_path).as_posix() for one in listed)
