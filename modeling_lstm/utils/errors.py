"""`InputError`: the user's input cannot be used. The command line prints its message and exits with status 2."""

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

_TOKEN = re.compile(r"(?<![A-Za-z0-9])hf_(?:jwt_[\w.-]{30,}|(?:oauth_)?[A-Za-z0-9]{30,})")  # of the Hub

_FREE = "Free some space or write elsewhere."
_TORCH = ("the disk did not take all bytes", _FREE)
_SAVE_FAILURES = {  # what the message holds: what it means, and what to do
    "No space left": ("no space left", _FREE),
    "File too large": ("file too large", _FREE),
    "Disk quota": ("disk quota", _FREE),
    "Permission denied": ("permission denied", "Choose files and folders that you may read and write."),
    "Read-only file system": ("read-only file system", "Choose a folder where you may write."),
    "PytorchStreamWriter": _TORCH,
    "unexpected pos": _TORCH,
    "enforce fail at inline_container": _TORCH,
}


class InputError(ValueError):
    """Says what was found, what was expected and what to type."""


class UnavailableError(InputError):
    """Says that the machine is at fault and not the input: the disk is full, or another process is writing there."""


def require(condition: bool, message: str) -> None:
    """Raise [`InputError`] with the message unless the condition holds."""
    if not condition:
        raise InputError(message)


def as_text(names: Iterable[Any]) -> str:
    """Join names for a message: `a, b, c`."""
    return ", ".join(str(name) for name in names)


def first_line(error: BaseException) -> str:
    """
    Return the first line of an error's message, with the next one if it ends in a colon; without a message, the name of
    the class.
    """
    first, *others = (str(error).strip() or type(error).__name__).splitlines()
    return f"{first} {others[0].strip()}" if others and first.endswith(":") else first


def name_error(error: BaseException) -> str:
    """Return the class and the first line of an error."""
    return f"{type(error).__name__}: {first_line(error)}"


@contextlib.contextmanager
def explain_errors(what: str, cause: Callable[[Exception], str] = name_error) -> Iterator[None]:
    """Turn any error in the block into an [`InputError`] that says what went wrong, and the cause."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # for damaged or foreign files and settings, libraries raise anything
        raise InputError(f"{what}: {cause(error)}") from error


@contextlib.contextmanager
def require_extra(extra: str, what: str) -> Iterator[None]:
    """Turn a failed import in the block into an [`InputError`] that says `what`, and how to install the extra."""
    try:
        yield
    except ImportError as error:
        raise InputError(f"{what}: pip install 'modeling-lstm[{extra}]'") from error


def hide_tokens(text: str) -> str:
    """Return the text without anything that looks like a token of the Hub."""
    return _TOKEN.sub("TOKEN", text)


def explain_save_failure(error: BaseException) -> str | None:
    """Return an explanation of an error that means that bytes could not be written, else `None`."""
    found = (f"{meaning}. {advice}" for sign, (meaning, advice) in _SAVE_FAILURES.items() if sign in str(error))
    return next(found, None)


def is_utf8(text: str) -> bool:
    """Return whether a text can be written as UTF-8. Other bytes, which Python reads as surrogates, cannot."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def check_text(text: str) -> None:
    """
    Raise unless this is a string without lone surrogates (half of an emoji, for example), which no tokenizer reads.
    """
    require(isinstance(text, str), f"A text must be a string, found {text!r}.")
    require(is_utf8(text), f"The text {text[:40]!r} is not UTF-8: it holds half a character. Fix it.")
