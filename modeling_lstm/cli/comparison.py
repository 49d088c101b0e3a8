"""`compare`."""

import shlex
import sys
from pathlib import Path

from ..comparison.arguments import CompareArguments
from ..data.arguments import DataArguments
from .parsing import CommandParser


def make_compare_parser() -> CommandParser:
    """The parser of `compare`."""
    return CommandParser("compare", CompareArguments, DataArguments)


def run_compare(given: list[str]) -> int:
    """Compare systems on the same data."""
    arguments, data = make_compare_parser().read(given)
    from ..comparison.comparing import compare

    compare(arguments.systems, data, arguments, command=shlex.join(["modeling-lstm", "compare", *given]))
    print((Path(arguments.output_dir) / "comparison.md").read_text(encoding="utf-8"))
    print(f"Tables, plots and report.html in {arguments.output_dir}", file=sys.stderr)
    return 0
