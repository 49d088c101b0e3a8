"""The command line, `modeling-lstm COMMAND ...`."""

from .commands import main

__all__ = ["main"]
