"""From what is typed to values of settings."""

import math
from argparse import SUPPRESS
from dataclasses import fields, is_dataclass
from typing import Any, NoReturn

from .errors import InputError
from .settings import check_seed


def flag_parser(command: str, description: str, *dataclass_types: Any) -> Any:
    """An `HfArgumentParser` whose errors are one sentence."""
    from transformers import HfArgumentParser

    class Parser(HfArgumentParser):
        def error(self, message: str) -> NoReturn:  # without the usage, which is a page long
            raise InputError(f"{message} (modeling-lstm {command} --help lists the settings)")

    parser = Parser(dataclass_types, prog=f"modeling-lstm {command}", description=description, allow_abbrev=False)
    parser.register("type", float, _finite)
    parser.register("type", int, _whole)
    return parser


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _whole(text: str) -> int:
    number = int(text)
    if abs(number) >= 2**63:  # what torch and Arrow take
        raise ValueError(text)
    return number


def parse(parser: Any, given: list[str]) -> tuple[Any, ...]:
    """The dataclasses, and where there are flags beside theirs a namespace of those."""
    try:
        found = parser.parse_args_into_dataclasses(given)
    except InputError:
        raise
    except (ValueError, ImportError, TypeError, KeyError, OSError, RuntimeError, NotImplementedError) as error:
        # what the library's own checks say
        raise InputError(f"The settings cannot be used: {str(error).strip() or type(error).__name__}") from error
    for settings in found:
        for name in (one.name for one in fields(settings)) if is_dataclass(settings) else ():
            check_seed(name, getattr(settings, name))
    return found


def parse_given(kinds: tuple[type, ...], given: list[str], command: str, description: str = "") -> dict[str, Any]:
    """
    The settings that are given as flags, and no others, by their names.

    Raises:
        InputError: a flag is unknown, or its value cannot be read.
    """
    parser = flag_parser(command, description, *kinds)
    for action in parser._actions:
        if action.dest != "help":
            action.default, action.required = SUPPRESS, False
    return vars(parser.parse_args(given))
