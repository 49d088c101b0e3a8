"""Numbers that a page is given: what asks it by HTTP may send anything."""

from typing import Any

from ..utils.errors import require


def clamp(value: Any, least: float, most: float, name: str) -> float:
    """
    A number, or the bound that is nearest to it.

    Raises:
        InputError: it is none.
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and value == value
    require(is_number, f"{name} must be a number from {least} to {most}, found {value!r}.")
    return min(max(value, least), most)
