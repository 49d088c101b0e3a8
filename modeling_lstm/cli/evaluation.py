"""`evaluate`."""

from typing import Any

from ..evaluation.arguments import EvaluationArguments
from ..utils.display import format_gap, format_number, to_one_line
from .parsing import CommandParser


def make_evaluate_parser() -> CommandParser:
    """The parser of `evaluate`."""
    parser = CommandParser("evaluate", EvaluationArguments)
    parser.add_argument("run", metavar="RUN", help="Run folder or Hub id.")
    return parser


def run_evaluate(given: list[str]) -> int:
    """Score a run on a split."""
    arguments, rest = make_evaluate_parser().read(given)
    from ..evaluation.evaluator import evaluate

    result = evaluate(rest.run, arguments)
    width = max(24, *(len(name) + 1 for name in result["scores"]))
    for name, score in result["scores"].items():
        low, high = result["intervals"].get(name, (None, None))
        interval = "" if low is None else f"   95% interval {format_number(low)} to {format_number(high)}"
        print(f"{to_one_line(name):<{width}}{format_number(score):>8}{interval}")
    for name, signature in result.get("signatures", {}).items():
        print(f"{name}: {signature}")
    if "gap" in result:
        print(describe_gap(result["gap"]))
    where = f"; files in {result['folder']}" if "folder" in result else ""
    print(f"{result['rows']} rows of {arguments.split} in {result['seconds']:.1f} seconds{where}")
    return 0


def describe_gap(gap: dict[str, Any]) -> str:
    """Describe the difference between the scores of a student and its teacher."""
    return f"teacher {format_number(gap['teacher'])}; student minus teacher {format_gap(gap)}"
