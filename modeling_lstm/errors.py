"""`InputError`: what the user gave cannot be used. The command line prints its one sentence and exits with status 2."""

from collections.abc import Iterable
from typing import Any


class InputError(ValueError):
    """Says what was found, what was expected and what to type."""


def require(condition: bool, message: str) -> None:
    """Raise [`InputError`] with the message unless the condition holds."""
    if not condition:
        raise InputError(message)


def listed(names: Iterable[Any]) -> str:
    """Names for a message: `a, b, c`."""
    return ", ".join(str(name) for name in names)
