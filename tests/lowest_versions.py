"""Prints the lower bounds of pyproject.toml, extras included, as exact versions for pip: see `make test-lowest`."""

import re
import sys
import tomllib
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parent.parent / "pyproject.toml"


def lowest_versions(project: dict[str, Any]) -> dict[str, str]:
    """The lower bound of each requirement by its name; of several bounds the highest, which counts for all extras."""
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    bounds = [re.match(r"([\w.-]+)(?:\[[\w,]+\])?>=([\w.]+)", text) for group in groups for text in group]
    found: dict[str, str] = {}
    for bound in filter(None, bounds):
        found[bound[1]] = max(found.get(bound[1], "0"), bound[2], key=_numbers)
    return found


def _numbers(version: str) -> list[int]:
    return [int(number) for number in version.split(".")]


if __name__ == "__main__":
    left_out = sys.argv[1:]
    for name, version in lowest_versions(tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]).items():
        if name not in left_out:
            print(f"{name}=={version}")
