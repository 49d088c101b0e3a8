"""Guess which columns hold the text and the label if the user does not name them."""

from collections.abc import Iterable

from ..utils.errors import as_text, require
from .formats.table import normalize_name

TRANSLATIONS = "translation"  # a column of objects with a text for each language, as in many Hub datasets
TEXT_COLUMNS = ("text", "sentence", "review", "tweet", "content", "comment", "body", "document", "message", "question")
LABEL_COLUMNS = (
    *("label", "labels", "sentiment", "class", "category"),
    *("coarse_label", "target", "score", "rating", "stars"),
)


def guess_text_column(
    texts: dict[str, bool], columns: list[str], flag: str = "text_column", *, needs_label: bool = False
) -> str:
    """
    Return the column with the text: `text`, the only one with a usual name, or the only one that is not a label and
    holds more than numbers.

    Args:
        texts: The string columns, each with whether it holds more than numbers.
        columns: All columns, for the error.
        flag: The flag that names the column, for the error.
        needs_label: Whether the label column must be guessed too. If neither can be guessed, the error asks for both.

    Raises:
        InputError: the column cannot be guessed.
    """
    usual = _usual(TEXT_COLUMNS, list(texts))
    if len(set(_usual(TEXT_COLUMNS[:1], usual) or usual)) == 1:
        return usual[0]
    require(
        not usual,
        f"The text may be in any of the columns {as_text(usual)}: name it with --{flag}.",
    )
    wrong = _usual(TEXT_COLUMNS, [name for name in columns if name not in texts])
    require(
        not wrong,
        f"The column {as_text(wrong[:1])!r} holds no strings: write one text in each row, or name another column with "
        f"--{flag}. A JSON file holds an object in each line, or an array of objects.",
    )
    others = [name for name, has_words in texts.items() if has_words and normalize_name(name) not in LABEL_COLUMNS]
    # with two columns, the one besides the text is the label
    is_label_open = needs_label and len(columns) > 2 and not _usual(LABEL_COLUMNS, columns)
    has_names = not any(" " in name.strip() for name in columns)
    more = "" if has_names else " If this is a row of data, add a line with column names above it, such as: text,label"
    require(
        len(others) == 1,
        f"Which column holds the text and which the label? Name them with --{flag} and --label_column: the columns are "
        f"{as_text(columns)}.{more}"
        if is_label_open
        else f"Which column holds the text? Name it with --{flag}: the columns are {as_text(columns)}.{more}",
    )
    return others[0]


def guess_label_column(columns: Iterable[str], text_column: list[str]) -> str:
    """
    Return the column with the label: `label`, `labels`, the only one with a usual name, or the only one besides the
    text.
    """
    texts = set(map(normalize_name, text_column))
    others = [name for name in columns if normalize_name(name) not in texts]
    require(
        len(others) > 0,
        f"Which column holds the label? There is none besides {as_text(text_column)!r}. If the labels are names of "
        "files or folders, write them into a column: the guide Data shows how.",
    )
    usual = _usual(LABEL_COLUMNS, others)
    first = next((found for name in LABEL_COLUMNS[:2] if (found := _usual([name], usual))), usual)
    if len(set(first)) == 1:
        return first[0]
    require(not usual, f"The label may be in any of the columns {as_text(usual)}: name it with --label_column.")
    require(
        len(others) == 1,
        f"Which column holds the label? Name it with --label_column: the columns are {as_text(columns)}. "
        "Several columns that hold 0 or 1, one for each label, can be named together.",
    )
    return others[0]


def _usual(known: Iterable[str], columns: list[str]) -> list[str]:
    """Return the columns with known names, ignoring case, in the order of the known names."""
    return [column for name in known for column in columns if normalize_name(column) == name]
