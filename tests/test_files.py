"""Files that are written whole or not at all."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from modeling_lstm.utils import files
from modeling_lstm.utils.errors import InputError
from modeling_lstm.utils.files import (
    claim_folder,
    is_within,
    machine,
    make_folder,
    write_file,
    write_folder,
    write_text,
)


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


def test_what_a_killed_process_left_is_removed_by_the_next_one(tmp_path: Path) -> None:
    """What a living process writes, or one on another machine, is left alone; so is a foreign file."""
    with write_file(tmp_path / "a.csv") as temporary:
        kind = temporary.name.removeprefix(f".saving-{os.getpid()}")
        dead = subprocess.Popen([sys.executable, "-c", ""])
        dead.wait()
        names = [temporary.name, f".saving-{os.getppid()}{kind}", f".saving-{dead.pid}-other-1.csv", ".saving-part.csv"]
        for name in names:
            (tmp_path / name).touch()
        for number, save in enumerate((lambda: write_text(tmp_path / "z.txt", "z"), lambda: write(tmp_path, "new"))):
            (tmp_path / f".saving-{dead.pid}{kind}{number}").touch()
            (tmp_path / f".saving-{dead.pid}{kind}").mkdir()
            save()
            assert not list(tmp_path.glob(f".saving-{dead.pid}{kind}*"))
        assert sorted(one.name for one in tmp_path.iterdir()) == sorted([*names, "a.txt", "more", "z.txt"])


def test_a_container_with_the_name_of_another_counts_its_own_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two containers may have one host name: what the other one writes is left alone."""
    here = machine()
    with write_file(tmp_path / "a.csv") as temporary:
        temporary.write_text("mine", encoding="utf-8")
        stat = os.stat
        other = SimpleNamespace(st_ino=1)
        monkeypatch.setattr(os, "stat", lambda path, **more: other if "ns/pid" in str(path) else stat(path, **more))
        machine.cache_clear()
        monkeypatch.setattr(files, "is_running", lambda process: False)  # none of its processes has this number
        assert machine() != here
        write(tmp_path, "theirs")
        assert temporary.exists()
    machine.cache_clear()


def test_one_folder_may_have_two_names(tmp_path: Path) -> None:
    (tmp_path / "models" / "lm").mkdir(parents=True)
    (tmp_path / "runs").symlink_to(tmp_path / "models")
    assert is_within(tmp_path / "runs" / "lm", tmp_path / "models")
    assert is_within(tmp_path / "models" / "lm" / "new" / "file", tmp_path / "runs" / "lm")
    assert not is_within(tmp_path / "models", tmp_path / "models" / "lm")
    assert is_within(tmp_path / "new" / "run", tmp_path / "new") and not is_within(tmp_path / "new", tmp_path / "old")


@pytest.mark.parametrize(
    "write", [claim_folder, write_folder, lambda folder: write_file(folder / "a.txt"), make_folder]
)
def test_a_folder_that_cannot_be_made_is_one_sentence(write: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"The folder '.*' cannot be made \(.*\): choose another"):
        with write(tmp_path / ("x" * 300)) or contextlib.nullcontext():
            pass


def test_what_is_written_has_the_mode_of_new_files(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        with write_folder(tmp_path) as temporary:
            (temporary / "a").touch(0o600)
        write_text(tmp_path / "b", "new")
        (tmp_path / "a").chmod(0o604)
        write_text(tmp_path / "a", "again")
    finally:
        os.umask(before)
    assert {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {"a": 0o604, "b": 0o640}
    write_text(tmp_path / "none" / "a", "made")
    with pytest.raises(InputError, match="'.*/b' is a file: name a folder"):
        write_text(tmp_path / "b" / "c", "never")
    with pytest.raises(InputError, match="'.*/b' is a file: name a folder"):
        write_text(tmp_path / "b" / "c" / "d", "never")


@pytest.mark.parametrize("moment", ["a.txt", "more"])
def test_a_save_that_is_interrupted_puts_back_what_was_there(
    moment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Meanwhile the old file that says that all is there is away."""
    write(tmp_path, "old")
    replace = os.replace
    seen = []

    def interrupt(source: Path, target: Path) -> None:
        if Path(source).parent.name.startswith(".saving-") and Path(target).name == moment:
            seen.append((tmp_path / "z.txt").exists())
            raise KeyboardInterrupt
        replace(source, target)

    with monkeypatch.context() as context:
        context.setattr(os, "replace", interrupt)
        with pytest.raises(KeyboardInterrupt):
            write(tmp_path, "new")
    assert seen == [False]
    assert all(path.read_text("utf-8") == "old" for path in tmp_path.rglob("*.txt"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "more", "z.txt"]
