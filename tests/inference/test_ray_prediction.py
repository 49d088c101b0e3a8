"""`predict --engine ray`: the same answers as one process gives, whoever dies on the way."""

import json
import os
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from pyarrow import fs

from modeling_lstm import LstmConfig, LstmForMaskedLM, LstmTokenizer
from modeling_lstm.cli import main
from modeling_lstm.inference import ray_prediction, ray_workers
from modeling_lstm.inference.arguments import PredictionArguments
from modeling_lstm.inference.prediction import predict
from modeling_lstm.utils.errors import InputError
from tests.conftest import find_processes, write_csv

ray = pytest.importorskip("ray")
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("ray_cluster")]

FIRST, SECOND = 300, 90  # rows of the files
PART = 32  # rows of a part


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Two files, one in a folder below."""
    rows = [(n, f"the film number {n} was {'good' if n % 3 else 'bad'}") for n in range(FIRST + SECOND)]
    write_csv(tmp_path / "in" / "a.csv", rows[:FIRST], ("id", "text"))
    lines = [json.dumps({"id": n, "text": text}) for n, text in rows[FIRST:]]
    (tmp_path / "in" / "sub").mkdir()
    (tmp_path / "in" / "sub" / "b c.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "in" / "README.md").write_text("no data", encoding="utf-8")
    return tmp_path / "in"


def answers(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """The rows of each file, in their order."""
    table = ds.dataset(str(folder), format="parquet", partitioning="hive").to_table()
    rows = sorted(table.to_pylist(), key=lambda row: (row["file"], row["row"]))
    return {
        name: [{key: value for key, value in row.items() if key != "file"} for row in rows if row["file"] == name]
        for name in sorted({row["file"] for row in rows})
    }


def expected(run: Path, file: Path) -> list[dict[str, Any]]:
    """What one process answers."""
    found = file.parent / "expected.parquet"
    predict(str(run), input=str(file), output=str(found), keep_columns=["id"])
    rows = pq.read_table(found).to_pylist()
    found.unlink()
    return [{"row": number} | row for number, row in enumerate(rows, start=1)]


def by_ray(run: Path, source: Path, output: Path | str, **more: Any) -> Any:
    """Answer with one worker if nothing else is said, for each imports torch anew."""
    settings = {"input": str(source), "output_dir": str(output), "engine": "ray", "workers": 1, "keep_columns": ["id"]}
    return predict(str(run), arguments=PredictionArguments(**settings | more))


def assert_same(found: list[dict[str, Any]], wanted: list[dict[str, Any]]) -> None:
    assert [row["row"] for row in found] == list(range(1, len(wanted) + 1))  # each row once
    for one, other in zip(found, wanted, strict=True):
        assert one == other | {"score": pytest.approx(other["score"], abs=1e-6)}


def test_the_answers_are_those_of_one_process(
    trained: Path,
    files: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    fails: Callable[..., str],
) -> None:
    monkeypatch.setattr(ray_prediction, "ROWS", PART)
    command = ["predict", str(trained), "--input", str(files), "--output_dir", str(tmp_path / "out"), "--engine", "ray"]
    assert main([*command, "--keep_columns", "id"]) == 0
    assert f"{FIRST + SECOND} rows written to {tmp_path / 'out'}" in capsys.readouterr().out
    found = answers(tmp_path / "out")
    assert_same(found["a.csv"], expected(trained, files / "a.csv"))
    assert_same(found["sub/b c.jsonl"], expected(trained, files / "sub" / "b c.jsonl"))
    parts = sorted((tmp_path / "out").glob("*/part-*.parquet"))
    assert len(parts) == -(-FIRST // PART) + -(-SECOND // PART)
    times = [one.stat().st_mtime_ns for one in parts]
    assert by_ray(trained, files, tmp_path / "out") == FIRST + SECOND  # nothing is left to do
    assert [one.stat().st_mtime_ns for one in parts] == times
    first = tmp_path / "out" / "file=a.csv"
    for name in ("part-00003.parquet", "_complete.json", "../_complete.json"):
        (first / name).unlink()
    (first / ".saving-part-00003.parquet").write_bytes(b"half of it")
    assert by_ray(trained, files, f"file://{tmp_path / 'out'}") == FIRST + SECOND  # what is missing alone
    assert answers(tmp_path / "out") == found and not list(first.glob(".saving-*"))
    again = [one.name for one, at in zip(parts, times, strict=True) if one.stat().st_mtime_ns != at]
    assert again == ["part-00003.parquet"]
    assert "holds answers of another run, other settings or other files (settings differ)" in fails(*command)


def test_long_names_and_those_of_other_scripts(trained: Path, tmp_path: Path) -> None:
    names = ["один.csv", f"{'отзывы' * 9}/{'отзыв' * 9}.csv", f"{'Отзывы' * 9}/{'отзыв' * 9}.csv", f"{'a' * 236}.csv"]
    for number, name in enumerate(names, start=1):
        write_csv(tmp_path / "in" / name, [(n, "the film") for n in range(number)], ("id", "text"))
    for _ in range(2):  # the second time, all is found again
        assert by_ray(trained, tmp_path / "in", tmp_path / "out") == 10
    found = answers(tmp_path / "out")
    assert len(found["один.csv"]) == 1 and len(found[names[3]]) == 4
    shortened = {name: len(rows) for name, rows in found.items() if name not in names}
    assert sorted(shortened.values()) == [2, 3] and all(one.endswith("отзыв.csv") for one in shortened)


def test_a_worker_that_is_killed_loses_nothing(
    trained: Path, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_prediction, "ROWS", 2)  # many parts, so that there is time
    killed: list[int] = []

    def kill_one() -> None:
        while not list((tmp_path / "out").glob("*/part-*")):
            time.sleep(0.01)
        killed.extend(find_processes("MapWorker(MapBatches(AnsweringWorker))")[:1])
        for one in killed:
            os.kill(one, signal.SIGKILL)

    killer = threading.Thread(target=kill_one, daemon=True)
    killer.start()
    assert by_ray(trained, files, tmp_path / "out", workers=2) == FIRST + SECOND
    killer.join()
    assert len(killed) == 1
    assert_same(answers(tmp_path / "out")["a.csv"], expected(trained, files / "a.csv"))


def answer_by_tens(*given: Any) -> None:
    ray_prediction.ROWS = 10
    by_ray(*given)


def test_a_driver_that_is_killed_goes_on(
    trained: Path, files: Path, tmp_path: Path, forks: ForkServerContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "out"
    process = forks.Process(target=answer_by_tens, args=(trained, files, output))  # with a cluster of its own
    process.start()
    while process.is_alive() and not list(output.glob("*/part-*")):
        time.sleep(0.01)
    process.kill()
    process.join()
    before = {one: one.stat().st_mtime_ns for one in output.glob("*/part-*")}
    monkeypatch.setattr(ray_prediction, "ROWS", 10)
    assert by_ray(trained, files, output) == FIRST + SECOND
    # a worker of the killed driver may have ended a part or two that it had begun
    again = [one for one, at in before.items() if one.stat().st_mtime_ns != at]
    assert len(before) > 0 and len(again) <= 2
    assert_same(answers(output)["a.csv"], expected(trained, files / "a.csv"))


def test_a_damaged_file_stops_everything_or_is_left_out(
    trained: Path, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_prediction, "ROWS", PART)
    bad = files / "bad.csv"
    bad.write_text("id,text\n" + "".join(f"{n},fine\n" for n in range(80)) + "1,2,3\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"1 of 3 files cannot be read, and nothing was written: .*bad.csv.* line 82"):
        by_ray(trained, files, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    # and files that cannot be opened: the first, by which columns are known, and another, of which no part is written
    unread = ["0.parquet", "sub/z.parquet"]
    for name in unread:
        (files / name).write_bytes(b"PAR1 and no more")
    with pytest.raises(InputError, match=r"390 rows of 2 files were answered. Damaged files, left out: .*line 82"):
        by_ray(trained, files, tmp_path / "out", damaged="skip")
    assert sorted(answers(tmp_path / "out")) == ["a.csv", "sub/b c.jsonl"]
    damaged = json.loads((tmp_path / "out" / "_complete.json").read_text("utf-8"))["damaged"]
    assert sorted(damaged) == sorted([*unread, "bad.csv"])
    assert "line 82" in damaged["bad.csv"] and all("parquet" in damaged[name] for name in unread)


def test_columns_that_differ_between_files_are_told(trained: Path, files: Path, tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": [1, 2], "text": ["a", "b"]}), files / "numbers.parquet")
    with pytest.raises(InputError, match=r"numbers.parquet' has the columns id \(int64\) to keep, the first file id"):
        by_ray(trained, files, tmp_path / "out")
    write_csv(files / "numbers.csv", [("a",)], ("text",))
    (files / "numbers.parquet").unlink()
    with pytest.raises(InputError, match=r"numbers.csv' has no column id"):
        by_ray(trained, files, tmp_path / "out")


def test_an_exported_model_answers_too(trained: Path, files: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    assert main(["export", str(trained), str(tmp_path / "exported")]) == 0
    more = {"backend": "onnxruntime", "text_column": ["text"]}
    assert by_ray(tmp_path / "exported", files / "*.csv", tmp_path / "out", **more) == FIRST
    for one, other in zip(answers(tmp_path / "out")["a.csv"], expected(trained, files / "a.csv"), strict=True):
        assert one["label"] == other["label"] and one["score"] == pytest.approx(other["score"], abs=1e-4)


def test_what_cannot_be_used_is_told_in_a_sentence(
    trained: Path, files: Path, tmp_path: Path, fails: Callable[..., str]
) -> None:
    ours = ["predict", trained, "--engine", "ray", "--output_dir", tmp_path / "out"]
    assert "There is no file or folder" in fails(*ours, "--input", tmp_path / "none")
    assert "--engine ray answers files" in fails(*ours, "a text")
    assert "--engine ray answers files" in fails(*ours, "--input", "-")
    assert "is for --engine ray" in fails("predict", trained, "a text", "--workers", "2")
    writes = ["predict", trained, "--input", files]
    assert "--engine ray writes a folder" in fails(*writes, "--engine", "ray")
    assert "--engine ray writes a folder" in fails(*writes, "--engine", "ray", "--output", tmp_path / "out")
    assert "--output_dir is for --engine ray: name a file with" in fails(*writes, "--output_dir", tmp_path / "out")
    (tmp_path / "empty").mkdir()
    assert "There is no file in one of the formats" in fails(*ours, "--input", tmp_path / "empty")
    assert "cannot be opened" in fails(*ours, "--input", "nosuch://bucket/a.csv")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").touch()
    assert "is not empty, and holds no answers" in fails(*ours, "--input", files)
    shutil.rmtree(tmp_path / "out")
    for source, inside in ((files, "out"), (files / "**" / "*", "sub/out"), (files / ".." / "in", "out")):
        told = fails("predict", trained, "--engine", "ray", "--input", source, "--output_dir", files / inside)
        assert f"--output_dir '{files / inside}' is among the files of --input '{source}', so the answers" in told
    assert not (files / "out").exists()
    (tmp_path / "file").touch()
    assert "is a file: name a folder" in fails(*ours[:-1], tmp_path / "file", "--input", files)


def test_a_part_that_cannot_be_written_is_told(
    trained: Path, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, path = ray_prediction.open_filesystem(str(files / "a.csv"), "--input")
    arguments = PredictionArguments(input=path, output_dir=str(tmp_path / "out"), engine="ray")
    plan = ray_workers.Plan(str(trained), arguments, source, source, str(tmp_path / "out"), {}, 1)
    file = ray_prediction.list_files(source, path, path)[0]
    batch = {"file": [ray_workers.pickle.dumps(file)], "done": [ray_workers.pickle.dumps(set())]}
    part = next(iter(ray_workers.read_parts(batch, plan)))
    answering = ray_workers.AnsweringWorker(plan)

    def full(*_: Any) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ray_workers, "write_parquet", full)
    (error,) = answering(part)["error"]
    assert "part-00000.parquet' was not written: no space left. Free some space or write elsewhere." in error
    assert list((tmp_path / "out" / "file=a.csv").iterdir()) == []

    def refuse(*_: Any) -> int:
        raise InputError("Each text must have [MASK] once.")

    monkeypatch.setattr(ray_workers, "write_parquet", refuse)  # it consumes the answers of the model
    assert list(answering(part)["error"]) == [f"'a.csv', rows 1 to {FIRST}: Each text must have [MASK] once."]
    assert list((tmp_path / "out" / "file=a.csv").iterdir()) == []


def test_a_column_that_is_not_utf_8_is_told(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "good", "id": "\\ud83d"}\n', encoding="utf-8")
    with pytest.raises(InputError, match="'.ud83d' holds half a character, which is not UTF-8. Correct it, or leave"):
        by_ray(trained, tmp_path / "a.jsonl", tmp_path / "out")


def test_errors_name_a_remote_file_by_its_own_path(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text\n", encoding="utf-8")
    remote = fs.SubTreeFileSystem(str(tmp_path), fs.LocalFileSystem())
    (file,) = ray_prediction.list_files(remote, "a.csv", "a.csv")
    with pytest.raises(InputError, match=r"^'a\.csv' is bad\.$"), file.fetch(remote) as path:
        assert path.parent != tmp_path
        raise InputError(f"{str(path)!r} is bad.")


def test_rows_without_a_mask_are_found_before_anything_is_written(
    trained: Path, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_prediction, "_find_mask_token", lambda *_: "[MASK]")
    with pytest.raises(InputError, match=r"2 of 2 files cannot be read, and nothing was written: .*a.csv.* must have "):
        by_ray(trained, files, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_only_a_masked_language_model_has_a_mask_to_fill_in(trained: Path, tmp_path: Path) -> None:
    assert ray_prediction._find_mask_token(trained, "run") is None
    words = LstmTokenizer.train(["the film was good"], min_frequency=1, mask=True)
    config = LstmConfig(vocab_size=len(words), embedding_size=4, hidden_size=4, bidirectional=True)
    LstmForMaskedLM(config).save_pretrained(tmp_path)
    words.save_pretrained(tmp_path)
    assert ray_prediction._find_mask_token(tmp_path, "run") == words.mask_token == "[MASK]"


def test_a_cluster_that_is_not_there_is_told(
    trained: Path, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]  # nobody listens there
        for address in (f"127.0.0.1:{port}", f"ray://127.0.0.1:{port}"):
            with pytest.raises(InputError, match=rf"There is no Ray cluster at '{address}': .*refused. Start one with"):
                by_ray(trained, files, tmp_path / "out", address=address)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"pip install 'modeling-lstm\[scale\]'"):
        by_ray(trained, files, tmp_path / "out")
