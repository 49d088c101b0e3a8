"""Format numbers and names for the terminal and for tables."""

import re


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


def to_one_line(text: str) -> str:
    """Replace tabs and line breaks by blanks."""
    return re.sub(r"[\t\r\n]", " ", text)
