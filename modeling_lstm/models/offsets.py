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
    place = 0
    for first, last in offsets:
        if tiles and first > place:
            place = _find_composed_end(text, tiles[-1][0], place, first)
            tiles[-1] = (tiles[-1][0], place)
        while place < first and text[place].isspace():
            place += 1
        tiles.append((place, max(place, last)))
        place = tiles[-1][1]
    if tiles and text[place:].strip():
        tiles[-1] = (tiles[-1][0], len(text.rstrip()))
    return tiles


def _find_composed_end(text: str, begin: int, place: int, limit: int) -> int:
    """Return the end of the marks and letter parts after `place` that combine with the text from `begin` to `place`."""
    while place < limit:
        before = text[max(begin, place - 3) : place]
        is_part = len(unicodedata.normalize("NFC", before + text[place])) <= len(unicodedata.normalize("NFC", before))
        if not before or not (is_part or unicodedata.category(text[place]).startswith("M")):
            break
        place += 1
    return place


def list_tokens(encoding: Any) -> list[Token]:
    """List the tokens of an encoding, including special tokens."""
    return list(zip(encoding.word_ids, encoding.ids, encoding.offsets, strict=True))


def _find(part: list[Token], whole: list[Token]) -> int:
    """Return the position at which `part` begins in `whole`."""
    starts = (place for place, token in enumerate(whole) if token == part[0])
    return next(place for place in starts if whole[place : place + len(part)] == part)


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
        places = [place for place, one in enumerate(owners) if one == sequence]
        shift = joint + len(separator) + 1 if joint is not None and sequence == 1 else 0
        begin = _find([known[place] for place in places], tokens) if places else 0
        for place, (first, last) in zip(places, tiles[begin:], strict=False):
            found[place] = first + shift, last + shift
    if joint is not None:
        marks = list(zip(encoding.tokens, owners, strict=True))
        found[marks.index((separator, None))] = joint, joint + len(separator)
    return found
