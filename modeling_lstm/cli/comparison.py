"""`compare`."""

import shlex
import sys
from pathlib import Path

from ..comparison.arguments import TEST_SHARE, CompareArguments
from ..comparison.translator_arguments import TranslatorsArguments
from ..data.arguments import DataArguments
from ..tasks.base import TASKS, TEXT_CLASSIFICATION, TRANSLATION, task_class
from ..utils.errors import require
from .parsing import CommandParser
from .training import find_setting


def make_compare_parser() -> CommandParser:
    """The parser of `compare`."""
    parser = CommandParser("compare", CompareArguments, DataArguments)
    parser.tell_defaults({"test_share": str(TEST_SHARE)})
    return parser


def make_compare_translation_parser() -> CommandParser:
    """The parser of `compare --task translation`."""
    return CommandParser("compare --task translation", TranslatorsArguments)


def run_compare(given: list[str]) -> int:
    """Compare systems on the same data."""
    task = find_setting(given, "task", TEXT_CLASSIFICATION)
    if task not in TASKS:
        task_class(task)  # raises the error for an unknown task
    if task == TRANSLATION:
        return _run_compare_translation(given)
    require(
        task == TEXT_CLASSIFICATION,
        f"compare compares classifiers and translators, found --task {task}. A language model is scored by "
        "modeling-lstm evaluate.",
    )
    arguments, data = make_compare_parser().read(given)
    from ..comparison.comparing import compare

    compare(data=data, arguments=arguments, command=_command(given))
    return _show(arguments.output_dir)


def _run_compare_translation(given: list[str]) -> int:
    (arguments,) = make_compare_translation_parser().read(given)[:1]
    from ..comparison.translator_comparison import compare_translators

    compare_translators(arguments, command=_command(given))
    return _show(arguments.output_dir)


def _command(given: list[str]) -> str:
    return shlex.join(["modeling-lstm", "compare", *given])


def _show(folder: str) -> int:
    print((Path(folder) / "comparison.md").read_text(encoding="utf-8"))
    print(f"Tables, plots and report.html in {folder}", file=sys.stderr)
    return 0
