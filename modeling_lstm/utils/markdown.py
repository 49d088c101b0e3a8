"""Markdown that holds whatever a user names: code, blocks and tables."""

import json
import re
from typing import Any


def join_lines(text: object) -> str:
    """One line: what is said in metadata or a comment cannot end it."""
    return " ".join(str(text).split())


def quote(value: Any) -> str:
    """A value as a line of Python in an example shows it."""
    return join_lines(json.dumps(value, ensure_ascii=False))


def inline_code(text: object) -> str:
    """A value as code in Markdown, in a table too, whatever it holds."""
    content = join_lines(text)
    if "|" in content:  # would end a cell; Markdown has no escape for it that holds after a backslash
        return "<code>" + "".join(one if one.isalnum() else f"&#{ord(one)};" for one in content) + "</code>"
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", content)), default=0))
    pad = " " if not content or content[0] in "` " or content[-1] in "` " else ""
    return f"{ticks}{pad}{content}{pad}{ticks}"


def code_block(text: str) -> str:
    """A block of code in Markdown, whatever it holds."""
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{fence}\n{text}\n{fence}"


def make_table(heads: list[str], rows: list[list[str]], *, words: int | None = None) -> str:
    """A Markdown table; columns after the first `words` hold numbers and are set right."""
    rule = ["---" if words is None or column < words else "---:" for column in range(len(heads))]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [heads, rule, *rows])
