"""What is published: the source distribution has every file of the repository, the wheel what a user needs."""

import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> tuple[set[str], set[str], str]:
    """The files of the source distribution, those of the wheel that is built from it, and the wheel's metadata."""
    for name in ("build", "hatchling"):
        pytest.importorskip(name, reason="What builds the package is not installed: make install.")
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    made = subprocess.run(command, capture_output=True, text=True)
    assert made.returncode == 0, made.stdout + made.stderr
    with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
        source = {name.partition("/")[2] for name in archive.getnames()}
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
        metadata = wheel.read(next(name for name in names if name.endswith("METADATA"))).decode()
    return source, names, metadata


def test_the_source_distribution_is_complete(distributions: Any) -> None:
    source = distributions[0]
    for listed in PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]:
        assert any(name == listed or name.startswith(f"{listed}/") for name in source), f"{listed} is missing"
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if tracked.returncode == 0 and tracked.stdout:  # a checkout, not an unpacked distribution
        there = {name for name in tracked.stdout.splitlines() if (ROOT / name).exists()}
        assert there <= source, there - source


def test_the_wheel_has_what_a_user_needs(distributions: Any) -> None:
    _, wheel, metadata = distributions
    package = ROOT / "modeling_lstm"
    here = {path.relative_to(ROOT).as_posix() for path in package.rglob("*") if path.is_file()}
    here = {name for name in here if "__pycache__" not in name}
    assert {name for name in wheel if name.startswith("modeling_lstm/")} == here
    suffixes = {Path(name).suffix for name in here if not name.endswith("py.typed")}
    assert "modeling_lstm/py.typed" in wheel and suffixes == {".py", ".html", ".md"}
    tops = {name.partition("/")[0] for name in wheel}
    assert len(tops) == 2 and "modeling_lstm" in tops, "the package and its metadata, nothing else"
    assert "License-Expression: Apache-2.0" in metadata and "Project-URL: Issues, " in metadata


def test_each_package_is_listed_once() -> None:
    """An extra that needs what another brings names the other one; a tighter bound is no repetition."""
    extras = PROJECT["project"]["optional-dependencies"]
    names = [line for lines in extras.values() for line in lines if not line.startswith("modeling-lstm[")]
    assert len(names) == len(set(names))
    assert not set(names) & set(PROJECT["project"]["dependencies"])
