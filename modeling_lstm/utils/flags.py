"""
Command-line flags made from dataclasses of settings.

One parser reads all commands and recipes. It reads a field as `transformers.HfArgumentParser` does; a test compares the
two. That class itself is not used, because importing it imports `transformers`, and `--help` would take seconds.
"""

import argparse
import itertools
import json
import logging
import math
import re
import types
from collections.abc import Callable, Collection, Sequence
from dataclasses import MISSING, Field, fields
from enum import Enum
from typing import Any, Literal, NoReturn, Union, get_args, get_origin, get_type_hints

from .errors import InputError, as_text
from .settings import build_settings, find_repeated, find_similar

logger = logging.getLogger(__name__)

# Flags renamed since an earlier version: for each command, the old name and the new one
RENAMED = {"compare": {"output": "output_dir"}}
_TRUE, _FALSE = ("yes", "true", "t", "y", "1", "on"), ("no", "false", "f", "n", "0", "off")


class FlagParser(argparse.ArgumentParser):
    """
    Reads flags into dataclasses, and says what is wrong with them in one sentence.

    Flags are written out in full, with underscores or dashes. A `bool` takes `true` or `false` or nothing, and one that
    is true by default has a twin, `--no_NAME`. Numbers are finite, whole ones below 2**63, and seeds below 2**32.

    Args:
        command: Its name, as in `modeling-lstm COMMAND`.
        kinds: The dataclasses; no two of them may have a field of the same name.
        options: Further arguments of `argparse.ArgumentParser`.
    """

    def __init__(self, command: str, *kinds: Any, **options: Any):
        super().__init__(prog=f"modeling-lstm {command}", allow_abbrev=False, add_help=False, **options)
        self.command, self.kinds = command, kinds
        self._negative_number_matcher = re.compile(r"-(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$")  # argparse's has no exponent
        self.register("type", float, _finite)
        self.register("type", int, _whole)
        for kind in kinds:
            hints = get_type_hints(kind)
            for field in fields(kind):
                if field.init:
                    self._add_field(self.group_of(kind, field), field, hints[field.name])

    def group_of(self, kind: Any, field: Field[Any]) -> Any:
        """Return what lists a setting in `--help`: here the parser itself, which has no groups."""
        return self

    def _add_field(self, group: Any, field: Field[Any], hint: Any) -> None:
        options = flag_options(field, hint)
        group.add_argument(f"--{field.name}", **options)
        if field.default is True and hint in (bool, bool | None):
            texts = {"help": options.get("help")}
            group.add_argument(f"--no_{field.name}", action="store_false", dest=field.name, default=False, **texts)

    def error(self, message: str) -> NoReturn:
        """Raise [`InputError`], without the usage, which is a page long."""
        raise InputError(f"{message} (modeling-lstm {self.command} --help lists the settings)")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Like `argparse`, but accept dashes for underscores, and old names of flags."""
        return super().parse_known_args(None if args is None else self._as_named_here(args), namespace)

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Like `argparse`, but accept flags between other arguments, and suggest what an unknown flag could mean."""
        found, rest = self.parse_known_intermixed_args(args, namespace)
        unknown = next((one for one in rest if one.startswith("-")), None)
        if unknown is not None:
            self._refuse(unknown)
        if rest:
            hint = ": a recipe goes before all flags" if rest[0].endswith((".yaml", ".yml")) else ""
            self.error(f"unexpected {' '.join(map(repr, rest))}{_after_flag(args or (), rest[0])}{hint}")
        return found

    def check(self, given: Sequence[str], others: Collection[str]) -> None:
        """
        Raise [`InputError`] for a flag that is unknown here and not among others, and for a value that cannot be read.

        Args:
            given: The flags; required ones may be missing.
            others: Settings that another parser will read, whatever follows them.
        """
        for action in self._actions:
            action.required = False
        for one in self.parse_known_intermixed_args(given)[1]:
            name = one.partition("=")[0][2:].replace("-", "_")
            if one.startswith("--") and name and name.removeprefix("no_") not in others:
                self._refuse(one, others)

    def check_repeats(self, given: Sequence[str]) -> None:
        """Raise [`InputError`] for a flag with several values that is given twice: only the last ones would count."""
        lists = {name for name, action in self._option_string_actions.items() if action.nargs in ("+", "*")}
        flags = [one.partition("=")[0] for one in itertools.takewhile(lambda one: one != "--", given)]
        names = [f"--{flag[2:].replace('-', '_')}" for flag in flags if flag.startswith("--")]
        if twice := find_repeated(name for name in names if name in lists):
            self.error(f"{twice[0]} is given more than once: write all its values after one {twice[0]}")

    def _refuse(self, given: str, others: Collection[str] = ()) -> NoReturn:
        """Raise for an unknown flag, and suggest the known one that it could mean."""
        unknown = given.partition("=")[0]
        known = [one[2:].replace("-", "_") for one in self._option_string_actions if one.startswith("--")]
        close = find_similar(unknown.lstrip("-").replace("-", "_"), [*known, *others], 1)
        hint = f": did you mean --{close[0]}?" if close else ""
        if not close and not unknown.startswith("--"):
            hint = ": before a text that begins with -, write --"
        self.error(f"unknown flag {unknown}{hint}")

    def _as_named_here(self, given: Sequence[str]) -> list[str]:
        renamed = RENAMED.get(self.command, {})
        found = list(given)
        for index, one in enumerate(found):
            if one == "--":
                break
            flag, sign, value = one.partition("=")
            name = flag[2:].replace("-", "_")
            if not flag.startswith("--") or flag in self._option_string_actions:
                continue
            if name in renamed:
                logger.warning("--%s is now called --%s: write --%s.", name, renamed[name], renamed[name])
                name = renamed[name]
            if f"--{name}" in self._option_string_actions:
                found[index] = f"--{name}{sign}{value}"
        return found

    def read(self, given: Sequence[str]) -> tuple[Any, ...]:
        """
        Return the dataclasses and, if there are other arguments, a namespace of these.

        Raises:
            InputError: a flag is unknown or missing, or a value cannot be used.
        """
        self.check_repeats(given)
        namespace = vars(self.parse_args(given))
        names = [one.name for kind in self.kinds for one in fields(kind) if one.init]
        found = build_settings(self.kinds, {name: namespace.pop(name) for name in names})
        return (*found, argparse.Namespace(**namespace)) if namespace else tuple(found)


def _after_flag(given: Sequence[str], one: str) -> str:
    """Name the flag that an unexpected word follows, and which took the words before it; empty if there is none."""
    flag = before = ""
    for word in given:
        if word == one and before != flag:
            break
        before, flag = word.partition("=")[2] or word, word if word.startswith("--") else flag
    return f" after {flag.partition('=')[0]}" if flag and before != flag else ""


def parse_given(kinds: Sequence[type], given: Sequence[str], command: str) -> dict[str, Any]:
    """
    Return by name only those settings that are given as flags.

    Args:
        kinds: The dataclasses of the settings.
        given: The flags.
        command: The command that they are for.

    Raises:
        InputError: a flag is unknown, or its value cannot be read.
    """
    parser = FlagParser(command, *kinds)
    parser.check_repeats(given)
    for action in parser._actions:
        action.default, action.required = argparse.SUPPRESS, False
    return vars(parser.parse_args(given))


def flag_options(field: Field[Any], hint: Any) -> dict[str, Any]:
    """
    Return what `add_argument` takes for a field: type, default, choices, number of values, help.

    Args:
        field: The field. Of its metadata, `help`, `choices`, `nargs`, `const` and `metavar` are used.
        hint: Its type, as returned by `typing.get_type_hints`.
    """
    known = ("help", "choices", "nargs", "const", "metavar")
    options = {name: value for name, value in field.metadata.items() if name in known}
    default = field.default if field.default_factory is MISSING else field.default_factory()
    kind = plain_type(hint)
    if kind is bool:
        options["type"] = true_or_false
        if hint is not bool and default is None:  # None is a third value, so true or false must be typed
            return options
        return options | {"default": default is not MISSING and default, "nargs": "?", "const": True}
    options |= {"required": True} if default is MISSING else {"default": default}
    if get_origin(kind) is list:
        (kind,) = get_args(kind)
        options |= {"nargs": "+"} | ({"default": None} if isinstance(default, str) else {})
    elif get_origin(kind) is Literal:
        options["choices"] = get_args(kind)
    elif isinstance(kind, type) and issubclass(kind, Enum):
        options["choices"] = [one.value for one in kind]
    if "choices" in options and kind is not str:
        return options | {"type": _one_of(options["choices"])}
    is_mapping = kind is dict or get_origin(kind) is dict
    return options | {"type": _parse_mapping if is_mapping else kind}


def plain_type(hint: Any) -> Any:
    """
    Return the type that a flag is read as: `X` for `X | None` and `X | str`, and text for `X | str | None`. Values that
    have several forms, such as a dictionary or a name, are told apart where they are used.
    """
    if get_origin(hint) not in (Union, types.UnionType):
        return hint
    kinds = [one for one in get_args(hint) if one is not type(None)]
    if len(kinds) == 1:
        return kinds[0]
    if type(None) in get_args(hint):
        return str
    return next(one for one in kinds if one is not str)


def true_or_false(text: str) -> bool:
    """Read a `bool`; also from yes, no, on, off, 1, 0 and first letters."""
    if text.lower() not in (*_TRUE, *_FALSE):
        raise argparse.ArgumentTypeError(f"must be true or false, found {text!r}")
    return text.lower() in _TRUE


def _one_of(choices: Sequence[Any]) -> Callable[[str], Any]:
    """Return a function that maps typed text to the choice of that name. Other text is left for argparse to refuse."""
    named = {str(choice): choice for choice in choices}
    return lambda text: named.get(text, text)


def _parse_mapping(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text, object_pairs_hook=_unique, parse_constant=_finite)
    except ValueError as error:
        cause = "" if isinstance(error, json.JSONDecodeError) else f" ({error})"
        raise argparse.ArgumentTypeError(f"takes JSON, {{...}}; found {text!r}{cause}") from error
    if not isinstance(found, dict):
        raise argparse.ArgumentTypeError(f"takes JSON, {{...}}; found {text!r}")
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if twice := find_repeated(name for name, _ in pairs):
        raise ValueError(f"{as_text(twice)} is in it twice")
    return dict(pairs)


def _plain(text: str) -> str:
    """Return the text of a number, unless it has digits of other scripts, which Python reads, too."""
    if not text.isascii():
        raise ValueError(text)
    return text


def _finite(text: str) -> float:
    number = float(_plain(text))
    if not math.isfinite(number):
        raise ValueError(f"{text} is not a finite number")
    return number


def _whole(text: str) -> int:
    number = int(_plain(text))
    if abs(number) >= 2**63:  # the limit of torch and Arrow
        raise ValueError(text)
    return number
