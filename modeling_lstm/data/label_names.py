"""The names of labels as data write them, and warnings of those that may be meant otherwise."""

import logging
import math
import re
import unicodedata
from collections.abc import Iterable
from typing import Any

from ..utils.errors import as_list, require

logger = logging.getLogger(__name__)

_TRUTH = {"0": 0.0, "1": 1.0, "0.0": 0.0, "1.0": 1.0, "false": 0.0, "true": 1.0}
INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
NUMBER = re.compile(r"\s*[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?\s*")  # Python's float() knows more
_MISSING_NUMBER = ("nan", "na", "n/a", "null", "none", "?", "-")  # as tools write it beside numbers


def find_names(values: Iterable[Any], column: str, rows: int) -> list[str]:
    """The names of the labels, as they are written: whole numbers by their size, others by the alphabet."""
    names = {str(value) for value in values if not is_missing(value)}
    are_numbers = all(_is_float(name) for name in names)
    require(
        len(names) <= max(20, rows // 2),
        f"The label column {column!r} has {len(names)} different values in {rows} rows, which are "
        f"no labels: name the column with --label_column{', or add --problem_type regression' * are_numbers}.",
    )
    _warn_of_names(names)
    if all(INTEGER.fullmatch(name) for name in names):
        return sorted(names, key=lambda name: (int(name), name))
    return sorted(names)


def is_missing(value: Any) -> bool:
    """Whether there is no value in a row."""
    return value is None or not str(value).strip()


def parse_truth(value: Any) -> float | None:
    """0 or 1 for a value that says whether a label holds, `None` for any other."""
    return _TRUTH.get(str(value).strip().casefold())


def find_broken(names: Iterable[str]) -> list[str]:
    """Those that are numbers, but no whole ones."""
    return sorted(name for name in names if _is_float(name) and math.isfinite(float(name)) and float(name) % 1)


def _warn_of_names(names: set[str]) -> None:
    """Tell of names that may be meant otherwise."""
    absent = [name for name in sorted(names) if name.strip().casefold() in _MISSING_NUMBER]
    others = names.difference(absent)
    if absent and others and all(map(NUMBER.fullmatch, others)):
        logger.warning(
            "%s beside numbers counts as a label. If it stands for a missing one, leave these rows out.", absent[0]
        )
    if broken := find_broken(names):
        logger.warning(
            "Labels such as %s are taken for names; to predict a number, add --problem_type regression.", broken[0]
        )
    if several := next((name for name in sorted(names) if _are_several(name, names)), None):
        logger.warning(
            "Labels such as %r look like several, and count as one name each. Texts with several labels need lists in "
            "JSON lines, or a column for each label that holds 0 or 1.",
            several,
        )
    alike: dict[str, list[str]] = {}
    for name in sorted(names):
        alike.setdefault(unicodedata.normalize("NFKC", name).strip().casefold(), []).append(name)
    for same in alike.values():
        if len(same) > 1:
            logger.warning(
                "These labels differ only in blanks, case or how characters are encoded, and count as several: %s",
                as_list(map(ascii, same)),
            )
    equal: dict[float, list[str]] = {}
    for name in sorted(names):
        value = float(name) if NUMBER.fullmatch(name) else parse_truth(name)
        if value is not None:
            equal.setdefault(value, []).append(name)
    for same in equal.values():
        if len({name.casefold() for name in same}) > 1:
            logger.warning("These labels are the same value, and count as several: %s", as_list(map(ascii, same)))
    is_told = any(len(same) > 1 for same in alike.values())
    if not is_told and (padded := next((name for name in sorted(names) if name != name.strip()), None)):
        logger.warning("Labels such as %r begin or end with a blank, which is part of their names.", padded)


def _are_several(name: str, names: set[str]) -> bool:
    """Whether a name looks like a list of names: in brackets, or with others of the names between separators."""
    if re.fullmatch(r"\[.*\]", name):
        return True
    parts = {part.strip() for part in re.split(r"[,;|]", name)}
    return len(parts) > 1 and bool(parts & names)


def _is_float(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
