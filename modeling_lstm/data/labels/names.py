"""The names of labels as written in the data, and warnings about names that may be a mistake."""

import itertools
import logging
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from decimal import Decimal, InvalidOperation
from typing import Any

from ...utils.errors import as_text, require
from ..formats.table import is_number

logger = logging.getLogger(__name__)

_TRUTH = {"0": 0.0, "1": 1.0, "0.0": 0.0, "1.0": 1.0, "false": 0.0, "true": 1.0}
INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
NUMBER = re.compile(r"\s*[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?\s*")  # Python's float() accepts more
_VECTOR = re.compile(r"[01]([ ,;|]?[01])+")
_MISSING_NUMBER = ("nan", "na", "n/a", "null", "none", "?", "-")  # how tools mark a missing number
DECIMAL_COMMA = re.compile(r"[+-]?\d+,(?!\d{3}$)\d+")  # not 1,000
UNSEEN = "blanks, case, invisible characters or how characters are encoded"  # that labels may differ in


def find_names(values: Iterable[Any], column: str, rows: int) -> list[str]:
    """Return the names of the labels as written: whole numbers sorted by value, other names alphabetically."""
    names = {str(value) for value in values if not is_missing(value)}
    are_numbers = all(is_number(name) for name in names)
    require(
        len(names) <= max(20, rows // 2),
        f"The label column {column!r} has {len(names)} different values in {rows} rows, too many "
        f"for labels: name the column with --label_column{', or add --problem_type regression' * are_numbers}.",
    )
    _warn_of_names(names)
    if all(INTEGER.fullmatch(name) for name in names):
        return sorted(names, key=lambda name: (int(name), name))
    return sorted(names)


def is_missing(value: Any) -> bool:
    """Return whether a value is `None`, or has nothing but blanks and invisible characters."""
    return value is None or all(one.isspace() or unicodedata.category(one) == "Cf" for one in str(value))


def parse_truth(value: Any) -> float | None:
    """Return 0 or 1 for a value that says whether a label applies, and `None` for any other."""
    return _TRUTH.get(str(value).strip().casefold())


def find_broken(names: Iterable[str]) -> list[str]:
    """Return the names that are numbers, but not whole ones."""
    return sorted(name for name in names if is_number(name) and math.isfinite(float(name)) and float(name) % 1)


def _warn_of_names(names: set[str]) -> None:
    """Warn about names that may be a mistake."""
    absent = [name for name in sorted(names) if name.strip().casefold() in _MISSING_NUMBER]
    others = names.difference(absent)
    if absent and others and all(map(NUMBER.fullmatch, others)):
        logger.warning(
            "%s counts as a label, but the others are numbers. If it marks a missing one, remove these rows.", absent[0]
        )
    elif marks := [name for name in absent if name.strip().casefold() not in ("none", "?", "-")]:
        logger.warning("%s counts as a label. If it marks a missing one, remove these rows.", as_text(map(repr, marks)))
    if commas := sorted(filter(DECIMAL_COMMA.fullmatch, names)):
        logger.warning(
            "Labels such as %s are treated as names; to predict a number, write it as %s and add --problem_type "
            "regression.",
            *(commas[0], commas[0].replace(",", ".")),
        )
    if broken := find_broken(names):
        logger.warning(
            "Labels such as %s are treated as names; to predict a number, add --problem_type regression.", broken[0]
        )
    if several := _find_several(names):
        logger.warning(
            "Labels such as %r look like several, but count as one name each. Texts with several labels need lists in "
            "JSON Lines, or a column of 0 and 1 for each label.",
            several,
        )
    alike = _group(names, look_of)
    for same in alike:
        logger.warning("These labels differ only in %s, but count as different: %s", UNSEEN, as_text(map(ascii, same)))
    for same in _group(names, value_of):
        if len({name.casefold() for name in same}) > 1:
            logger.warning("These labels have the same value, but count as different: %s", as_text(map(ascii, same)))
    if not alike and (padded := next((name for name in sorted(names) if name != name.strip()), None)):
        logger.warning("Labels such as %r begin or end with a blank, which is part of their names.", padded)


def _group(names: set[str], key: Callable[[str], Any]) -> list[list[str]]:
    """Return the names that share a key with others, each group in alphabetical order; `None` is no key."""
    groups: dict[Any, list[str]] = {}
    for name in sorted(names):
        if (mark := key(name)) is not None:
            groups.setdefault(mark, []).append(name)
    return [same for same in groups.values() if len(same) > 1]


def value_of(name: str) -> Decimal | float | None:
    """Return the number or truth value that a name stands for, or `None`."""
    if not NUMBER.fullmatch(name):
        return parse_truth(name)
    try:
        return Decimal(name)
    except InvalidOperation:  # an exponent beyond what `Decimal` can hold: a code, not a number
        return None


def _find_several(names: set[str]) -> str | None:
    """
    Return a name that looks like several: in brackets, a 0 or 1 for each label, or with a part that other names share.
    """
    if all(map(_VECTOR.fullmatch, names)) and len(set(map(len, names))) == 1:
        return min(names)
    parts = {name: {part.strip() for part in re.split(r"[,;|]", name)} for name in sorted(names)}
    counts = Counter(itertools.chain.from_iterable(parts.values()))
    for name, some in parts.items():
        are_words = len(some) > 1 and not all(map(is_number, some))
        if re.fullmatch(r"\[.*\]", name) or (are_words and any(counts[part] > 1 for part in some)):
            return name
    return None


def look_of(name: str) -> str:
    """Return a name as it looks, in lower case: without format characters, and with single blanks."""
    shown = "".join(one for one in unicodedata.normalize("NFKC", name) if unicodedata.category(one) != "Cf")
    return " ".join(shown.split()).casefold()
