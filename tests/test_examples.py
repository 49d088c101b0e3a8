"""The examples run from beginning to end, on fewer rows."""

import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from modeling_lstm import TextClassifier, export

EXAMPLES = Path(__file__).parent.parent / "examples"
FEW = "256"


def test_training_with_a_plain_trainer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EXAMPLE_ROWS", FEW)
    runpy.run_path(str(EXAMPLES / "train_with_trainer.py"), run_name="__main__")
    shown = capsys.readouterr().out
    assert "test accuracy" in shown and shown.count("'label'") >= 2
    saved = {path.name for path in (tmp_path / "runs" / "example").iterdir()}
    assert saved >= {"model.safetensors", "config.json", "tokenizer.json", "modeling_lstm.py"}


def test_the_examples_need_no_command_line_of_ours() -> None:
    for path in EXAMPLES.iterdir():
        assert "modeling_lstm.cli" not in path.read_text(encoding="utf-8")


def test_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("nbclient", "nbformat", "ipykernel"):
        pytest.importorskip(name, reason="The notebook's tools are not installed: make install.")
    from nbclient import NotebookClient
    from nbformat import read

    monkeypatch.setenv("EXAMPLE_ROWS", FEW)
    notebook = read(str(EXAMPLES / "quickstart.ipynb"), as_version=4)
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert (tmp_path / "runs" / "quickstart" / "model.safetensors").exists()


def test_the_notebook_stores_clean_outputs() -> None:
    read = pytest.importorskip("nbformat", reason="The notebook's tools are not installed: make install.").read
    cells = [cell for cell in read(str(EXAMPLES / "quickstart.ipynb"), as_version=4).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == [*range(1, len(cells) + 1)], "run it from top to bottom"
    outputs = [one for cell in cells for one in cell.outputs]
    assert outputs and all(one.output_type == "stream" and one.name == "stdout" for one in outputs)


def test_the_server_answers_what_the_classifier_does(trained: Path, tmp_path: Path) -> None:
    pytest.importorskip("litserve", reason="The server's library is not installed: make install.")
    folder = tmp_path / "exported"
    export(str(trained), str(folder))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def ask(content: bytes) -> dict:
        request = urllib.request.Request(f"http://127.0.0.1:{port}/predict", content)
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def is_up() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health") as answer:
                return answer.status == 200
        except OSError:
            return False

    command = [sys.executable, str(EXAMPLES / "serve.py"), str(folder), str(port)]
    with (
        (tmp_path / "log").open("w") as log,
        subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True) as server,
    ):
        try:
            while not is_up():
                assert server.poll() is None, (tmp_path / "log").read_text()
                time.sleep(0.1)
            texts = ["the film was great", "dull", "", "an awful plot \u00e9"] * 5
            with ThreadPoolExecutor(8) as pool:
                found = list(pool.map(lambda text: ask(json.dumps({"text": text}).encode()), texts))
            expected = TextClassifier.from_onnx(folder)(texts)
            assert [one["label"] for one in found] == [one["label"] for one in expected]
            assert [one["score"] for one in found] == pytest.approx([one["score"] for one in expected], abs=1e-5)
            for wrong in (b"{}", b'{"text": 3}', b"[]", b"no json", b'{"text": "good \\ud83d"}'):
                with pytest.raises(urllib.error.HTTPError) as raised:
                    ask(wrong)
                assert raised.value.code in (400, 422), wrong
        finally:
            os.killpg(server.pid, signal.SIGKILL)  # its workers too, which may outlive it
