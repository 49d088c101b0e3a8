"""Offsets of the tokens of `LstmTokenizer`: they cover the original text, each character once."""

import unicodedata
from typing import Any

Token = tuple[int | None, int, tuple[int, int]]
"""The word that a token belongs to, the token's id, and its offsets in the `tokenizers` library."""


def tile(text: str, offsets: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """
    Extend offsets so that they cover all of a text except white space, each character once.

    For text that the normalizer replaces, the `tokenizers` library only covers the last character: the `b` of `@bob`,
    the `;` of `&amp;`. Characters between two tokens are therefore added to the second token, except for marks that
    combine with the letter before them. Characters after the last token are added to the last token.

    Args:
        text: The text.
        offsets: The start (inclusive) and end (exclusive) of each token.

    Returns:
        The same number of offsets. Characters shared by two tokens belong to the first.
    """
    tiles: list[tuple[int, int]] = []
    position = 0
    for first, last in offsets:
        if tiles and first > position:
            begin = next((begin for begin, end in reversed(tiles) if begin < end), 0)
            position = _find_composed_end(text, begin, position, first)
            tiles[-1] = (tiles[-1][0], position)
        while position < first and text[position].isspace():
            position += 1
        begin, end = position, max(position, last)
        while begin < end and _is_blank(text[begin]):  # some tokens hold the blank before their word
            begin += 1
        while end > begin and _is_blank(text[end - 1]):
            end -= 1
        tiles.append((begin, end) if begin < end else (position, position))
        position = tiles[-1][1]
    if tiles and text[position:].strip():
        tiles[-1] = (tiles[-1][0], len(text.rstrip()))
    return tiles


def _is_blank(character: str) -> bool:
    """Return whether a character is white space to Unicode, and not a token of its own."""
    return character.isspace() and character not in "\x1c\x1d\x1e\x1f"


def _find_composed_end(text: str, begin: int, index: int, limit: int) -> int:
    """Return the end of the marks and letter parts after `index` that combine with the text from `begin` to `index`."""
    while index < limit:
        before = text[max(begin, index - 3) : index]
        is_part = len(unicodedata.normalize("NFC", before + text[index])) <= len(unicodedata.normalize("NFC", before))
        if not before or not (is_part or unicodedata.category(text[index]).startswith("M")):
            break
        index += 1
    return index


def list_tokens(encoding: Any) -> list[Token]:
    """List the tokens of an encoding, including special tokens."""
    return list(zip(encoding.word_ids, encoding.ids, encoding.offsets, strict=True))


def _find(part: list[Token], whole: list[Token]) -> int:
    """Return the position at which `part` begins in `whole`."""
    starts = (position for position, token in enumerate(whole) if token == part[0])
    return next(position for position in starts if whole[position : position + len(part)] == part)


def tile_encoding(
    encoding: Any, tiled: list[tuple[list[Token], list[tuple[int, int]]]], separator: str, joint: int | None
) -> list[tuple[int, int]]:
    """
    Return the extended offsets (see [`tile`]) of an encoding of one or two texts. Special tokens keep their offsets.

    Args:
        encoding: The encoding of the texts or of a part of them.
        tiled: The tokens of each text, and their extended offsets.
        separator: The special token between two texts.
        joint: If two texts were given as one, the position of `separator` in it. The offsets then refer to that text.
    """
    found, known, owners = list(encoding.offsets), list_tokens(encoding), encoding.sequence_ids
    for sequence, (tokens, tiles) in enumerate(tiled):
        positions = [position for position, one in enumerate(owners) if one == sequence]
        shift = joint + len(separator) + 1 if joint is not None and sequence == 1 else 0
        begin = _find([known[position] for position in positions], tokens) if positions else 0
        for position, (first, last) in zip(positions, tiles[begin:], strict=False):
            found[position] = first + shift, last + shift
    if joint is not None:
        marks = list(zip(encoding.tokens, owners, strict=True))
        found[marks.index((separator, None))] = joint, joint + len(separator)
    return found
