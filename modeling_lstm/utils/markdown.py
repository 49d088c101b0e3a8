"""Markdown that is safe for any text from the user: code, blocks and tables."""

import json
import re
from typing import Any

from .display import to_one_line


def quote(value: Any) -> str:
    """Return a value as one line of Python, for an example."""
    return to_one_line(json.dumps(value, ensure_ascii=False))


def inline_code(text: object) -> str:
    """Return a value as inline code, whatever it holds; also safe in a table."""
    content = to_one_line(text)
    if "|" in content:  # would end a cell; Markdown's escape for it fails after a backslash
        return "<code>" + "".join(one if one.isalnum() else f"&#{ord(one)};" for one in content) + "</code>"
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", content)), default=0))
    pad = " " if not content or content[0] in "` " or content[-1] in "` " else ""
    return f"{ticks}{pad}{content}{pad}{ticks}"


def code_block(text: str) -> str:
    """Return a text as a block of code, whatever it holds."""
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{fence}\n{text}\n{fence}"


def make_table(heads: list[str], rows: list[list[str]], *, words: int | None = None) -> str:
    """Return a Markdown table. Columns after the first `words` hold numbers and are right-aligned."""
    rule = ["---" if words is None or column < words else "---:" for column in range(len(heads))]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [heads, rule, *rows])
