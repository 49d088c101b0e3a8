"""What users read in the terminal and in tables: numbers, names and warnings."""

import functools
import logging
import re
from collections.abc import Mapping
from typing import Any


def format_number(value: float, sign: str = "", *, decimals: int = 4) -> str:
    """
    Format a score or, if it would be shown as 0 or is very large, its first significant digits.

    Args:
        value: The score, or a difference of scores.
        sign: `"+"` shows the sign of positive numbers too.
        decimals: Number of decimals, or of significant digits.
    """
    is_usual = value == 0 or 0.5 * 10**-decimals <= abs(value) < 1e6
    return f"{value:{sign}.{decimals}{'f' if is_usual else 'g'}}"


def format_p(value: float) -> str:
    """Format a p-value."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def format_millions(parameters: int | None) -> str:
    """Format a number of parameters in millions, or return an empty string if it is not known."""
    return "" if parameters is None else f"{parameters / 1e6:.2f} M"


def format_count(number: int | None) -> str:
    """Format a whole number, or return an empty string if it is not known."""
    return "" if number is None else f"{number:,}"


def count_threads(number: int) -> str:
    """Format a number of threads: `1 thread`, `2 threads`."""
    return f"{number} thread{'' if number == 1 else 's'}"


def format_gap(gap: Mapping[str, Any]) -> str:
    """Format a `difference` of scores and, if there is one, its `interval`: `+0.0030 (-0.0010 to +0.0080)`."""
    limits = " to ".join(format_number(limit, "+") for limit in gap["interval"] or ())
    return format_number(gap["difference"], "+") + (f" ({limits})" if limits else "")


def to_one_line(text: object) -> str:
    """Replace tabs and all that Python or YAML takes for a line break by blanks."""
    return re.sub(r"[\t-\r\x1c-\x1e\x85\u2028\u2029]", " ", str(text))


@functools.cache
def warn_once(logger: logging.Logger, message: str) -> None:
    """Log a warning, unless the same one was logged before."""
    logger.warning("%s", message)


def name_hardware(hardware: Mapping[str, Any]) -> str:
    """Return the name of the processor in the record of a machine, with its GPU if it has one."""
    gpu = hardware.get("gpu")
    return hardware["processor"] if gpu is None else f"{hardware['processor']} with {gpu}"
