"""Files that are written whole or not at all."""

import contextlib
import os
from pathlib import Path
from typing import Any

import pytest

from modeling_lstm.utils.errors import InputError
from modeling_lstm.utils.files import claim_folder, make_folder, write_file, write_folder


def write(folder: Path, content: str) -> None:
    with write_folder(folder, last="z.txt") as temporary:
        for name in ("a.txt", "z.txt"):
            (temporary / name).write_text(content, encoding="utf-8")
        (temporary / "more").mkdir()
        (temporary / "more" / "b.txt").write_text(content, encoding="utf-8")


@pytest.mark.parametrize("failing", ["a.txt", "more", "z.txt"])
def test_a_save_that_fails_in_between_changes_nothing(
    failing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "old")
    replace = os.replace

    def fail(source: Path, target: Path) -> None:
        if Path(source).parent.name.startswith(".saving-") and Path(target).name == failing:
            raise OSError(28, "No space left on device")
        replace(source, target)

    with monkeypatch.context() as context:
        context.setattr(os, "replace", fail)
        with pytest.raises(InputError, match="Nothing was saved in .*, and what was there is untouched: no space left"):
            write(tmp_path, "new")
    found = {path.relative_to(tmp_path).as_posix(): path for path in tmp_path.rglob("*.txt")}
    assert {name: path.read_text("utf-8") for name, path in found.items()} == dict.fromkeys(
        ("a.txt", "more/b.txt", "z.txt"), "old"
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "more", "z.txt"]
    write(tmp_path, "new")
    assert all(path.read_text("utf-8") == "new" for path in found.values())


@pytest.mark.parametrize(
    "write", [claim_folder, write_folder, lambda folder: write_file(folder / "a.txt"), make_folder]
)
def test_a_folder_that_cannot_be_made_is_one_sentence(write: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"The folder '.*' cannot be made \(.*\): choose another"):
        with write(tmp_path / ("x" * 300)) or contextlib.nullcontext():
            pass
