"""Check the numbers that a page receives, since HTTP clients may send anything."""

from typing import Any

from ..utils.errors import require


def clamp(value: Any, least: float, most: float, name: str) -> float:
    """
    Clamp a number to the given range.

    Raises:
        InputError: the value is not a number.
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and value == value
    require(is_number, f"{name} must be a number from {least} to {most}, found {value!r}.")
    return min(max(value, least), most)
