"""
Figures on the structure of the repository: top-level modules, long functions and files, imports against the layers,
ambiguous names, start-up times, and words of the README.

    python -m benchmarks.structure                 # this checkout
    python -m benchmarks.structure ANOTHER         # another, such as an earlier version, with the same Python

Start-up times are the median of five processes.
"""

import argparse
import ast
import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
TIMES = 5


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description="Measure the structure of a checkout.")
    parser.add_argument("checkout", nargs="?", type=Path, default=ROOT)
    print(json.dumps(measure_structure(parser.parse_args().checkout.resolve()), indent=2))


def measure_structure(root: Path) -> dict[str, Any]:
    """Return the figures of a checkout."""
    package = root / "modeling_lstm"
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(package.rglob("*.py"))}
    length, function = max(functions(package, trees))
    lines, file = max((len(path.read_text(encoding="utf-8").splitlines()), path) for path in trees)
    readme = (root / "README.md").read_text(encoding="utf-8")
    return {
        "modules at the top": sum(path.parent == package for path in trees),
        "folders": sum(path.is_dir() and path.name != "__pycache__" for path in package.iterdir()),
        "longest function": f"{function}: {length} lines",
        "longest file": f"{file.relative_to(root)}: {lines} lines",
        "functions of more than 40 lines": sum(number > 40 for number, _ in functions(package, trees)),
        "imports from a lower folder to a higher one": imports_up(root, package, trees),
        "names that stand for two things": names_for_two(package, trees),
        "import modeling_lstm, seconds": seconds(root, "-c", "import modeling_lstm"),
        "modeling-lstm --help, seconds": seconds(root, "-m", "modeling_lstm.cli", "--help"),
        "modeling-lstm train --help, seconds": seconds(root, "-m", "modeling_lstm.cli", "train", "--help"),
        "words of README.md": len(readme.split()),
        "lines of README.md": len(readme.splitlines()),
    }


def functions(package: Path, trees: dict[Path, ast.Module]) -> Iterator[tuple[int, str]]:
    """Yield the length of each function, docstring included, and its name."""
    for path, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield (node.end_lineno or 0) - node.lineno + 1, f"{path.relative_to(package)}:{node.name}"


def imports_up(root: Path, package: Path, trees: dict[Path, ast.Module]) -> int | None:
    """Count imports against the list of layers in CONTRIBUTING.md. `None` if there is no such list."""
    text = (root / "CONTRIBUTING.md").read_text(encoding="utf-8")
    layers = re.findall(r"^modeling_lstm/([\w/]+?)(?:\.py|/) ", text, re.MULTILINE)
    if not layers:
        return None

    def layer(parts: tuple[str, ...]) -> int:
        return layers.index("/".join(parts) if "/".join(parts) in layers else parts[0])

    count = 0
    for path, tree in trees.items():
        inside = path.relative_to(package).with_suffix("").parts
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.level and len(inside) > 1:
                target = (*inside[: len(inside) - node.level], *(node.module or "").split("."))
                target = tuple(part for part in target if part)
                count += bool(target) and layer(target) < layer(inside)
    return count


def names_for_two(package: Path, trees: dict[Path, ast.Module]) -> list[str]:
    """Return names of modules, public functions and classes that occur in several places."""
    modules = Counter(path.stem for path in trees if path.stem not in ("__init__", "__main__", "arguments"))
    defined = Counter(
        node.name
        for tree in trees.values()
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
    )
    twice = {name for name, number in [*modules.items(), *defined.items()] if number > 1}
    return sorted(twice | (modules.keys() & defined.keys()))


def seconds(root: Path, *arguments: str) -> float:
    """Return the median seconds of a process, once its files are in the disk cache."""
    taken = []
    for _ in range(TIMES + 1):
        started = time.perf_counter()
        environment = os.environ | {"PYTHONPATH": str(root)}
        subprocess.run([sys.executable, *arguments], cwd=root, env=environment, capture_output=True, check=True)
        taken.append(time.perf_counter() - started)
    return round(statistics.median(taken[1:]), 2)


if __name__ == "__main__":
    main()
