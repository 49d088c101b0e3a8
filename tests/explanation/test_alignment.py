"""Where a translator looked, in the terminal."""

import numpy as np
import pytest

from modeling_lstm.explanation.alignment import show_alignments
from modeling_lstm.inference.translator import Alignment


def test_a_wide_table_keeps_its_numbers(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    source = [f"▁word{n}" for n in range(28)]
    weights = np.full((2, 28), 0.02)
    weights[:, ::3] = 0.25
    show_alignments([Alignment(source, ["▁una", "▁palabra"], weights, "a text", "una palabra")])
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].split() == [f"word{n}" for n in range(28)]
    for line, word in zip(lines[3:5], ("una", "palabra"), strict=True):
        assert line.split() == [word, *["0.25"] * 10] and "…" not in line
