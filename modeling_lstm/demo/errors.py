"""Errors of a page: shown to the visitor instead of a traceback in the log."""

import contextlib
import html
from collections.abc import Iterator

from ..utils.errors import InputError, require


@contextlib.contextmanager
def show_errors() -> Iterator[None]:
    """Show an [`InputError`] on the page. This is also a decorator."""
    import gradio as gr

    try:
        yield
    except InputError as error:
        raise gr.Error(html.escape(str(error))) from error


def check_length(text: str, limit: int) -> None:
    """Raise [`InputError`] for a text with more characters than a page takes."""
    require(len(text) <= limit, f"That has {len(text):,} characters; at most {limit:,}.")
