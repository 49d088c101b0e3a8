"""The examples run from beginning to end, on fewer rows."""

import runpy
from pathlib import Path

import pytest

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
