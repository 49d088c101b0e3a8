"""Offsets of the tokens of `LstmTokenizer`: they cover the text as it was given, each character once."""

import unicodedata
from typing import Any

Token = tuple[int | None, int, tuple[int, int]]
"""The word that a token belongs to, its number, and the offsets that the library `tokenizers` knows."""


def tile(text: str, offsets: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """
    Offsets that cover all of a text but white space, each character once.

    Of what the normaliser replaces, the library `tokenizers` knows the last character alone: of `@bob` the `b`, of
    `&amp;` the `;`. So what lies between two tokens belongs to the second, but for marks that are composed with the
    letter before them; and what lies behind the last token belongs to it.

    Args:
        text: The text.
        offsets: Of each token the number of its first character and of the one after its last.

    Returns:
        As many offsets. Of characters that two tokens share, the second gets none.
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
    """Where the marks and parts of a letter end that are composed with what stands between `begin` and `place`."""
    while place < limit:
        before = text[max(begin, place - 3) : place]
        is_part = len(unicodedata.normalize("NFC", before + text[place])) <= len(unicodedata.normalize("NFC", before))
        if not before or not (is_part or unicodedata.category(text[place]).startswith("M")):
            break
        place += 1
    return place


def list_tokens(encoding: Any) -> list[Token]:
    """The tokens of an encoding, special ones too."""
    return list(zip(encoding.word_ids, encoding.ids, encoding.offsets, strict=True))


def _find(part: list[Token], whole: list[Token]) -> int:
    """Where a part of the tokens of a text begins."""
    starts = (place for place, token in enumerate(whole) if token == part[0])
    return next(place for place in starts if whole[place : place + len(part)] == part)


def tile_encoding(
    encoding: Any, tiled: list[tuple[list[Token], list[tuple[int, int]]]], separator: str, joint: int | None
) -> list[tuple[int, int]]:
    """
    The offsets of an encoding of one text or two, tiled; those of special tokens stay as they are.

    Args:
        encoding: The encoding, of the texts or of a part of them.
        tiled: The tokens of each text, and their tiles.
        separator: The special token between two texts.
        joint: Where two texts were given as one, its place in that: the offsets are those in that one.
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
