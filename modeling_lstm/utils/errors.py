"""`InputError`: the user's input cannot be used. The command line prints its message and exits with status 2."""

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

_TOKEN = re.compile(r"hf_[A-Za-z0-9_]{16,}")  # of the Hub


class InputError(ValueError):
    """Says what was found, what was expected and what to type."""


def require(condition: bool, message: str) -> None:
    """Raise [`InputError`] with the message unless the condition holds."""
    if not condition:
        raise InputError(message)


def as_list(names: Iterable[Any]) -> str:
    """Join names for a message: `a, b, c`."""
    return ", ".join(str(name) for name in names)


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or the name of its class if it has none."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


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
    text = str(error)
    for sign in ("No space left", "File too large", "Disk quota"):
        if sign in text:
            return f"{sign.lower()}. Free some space or write elsewhere."
    for sign in ("Permission denied", "Read-only file system"):
        if sign in text:
            return f"{sign.lower()}. Choose a folder where you may write."
    if "PytorchStreamWriter" in text or "unexpected pos" in text or "enforce fail at inline_container" in text:
        return "the disk did not take all bytes. Free some space or write elsewhere."
    return None


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
