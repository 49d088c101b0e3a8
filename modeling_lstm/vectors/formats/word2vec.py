"""Read word vectors in word2vec's binary format: a line with two counts, then for each word a space and raw float32."""

import re
from collections.abc import Container, Iterator

import numpy as np

from ...utils.errors import InputError, require
from .text import EVERY, warn_of_wordless
from .vector_file import HEAD, VectorFile, read_header

MAX_WORD_LENGTH = 10_000
MAX_SIZE, MIN_SIZE = 1e10, 1e-15  # sizes beyond these, except zero, are unlikely in word vectors
# what may be the rest of a word, in UTF-8, up to the next space
_MORE = re.compile(rb"(?:[!-~]|[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3})*+ ")
_BEGINS_MORE = [0x20 <= byte < 0x7F or 0xC2 <= byte <= 0xF4 for byte in range(256)]  # saves time
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")


def read_word2vec(file: VectorFile, wanted: Container[bytes] | None) -> Iterator[tuple[bytes, np.ndarray]]:
    """
    Yield the wanted words of a binary file with their vectors, in file order; all words if `wanted` is None.

    Memory grows with what the file holds, not with what it declares. The format cannot distinguish a space within a
    word from the one that ends it. If the bytes after a space look like text, the word ends at the first space that is
    followed by numbers of a usual size and then by another word or the end of the file.

    Raises:
        InputError: the file ends before all declared words were read, or holds no words or numbers where they should
            be.
    """
    first = file.stream.readline(100)
    header = read_header(first, file.name)
    if header is None:
        raise InputError(f"{file.name!r} does not begin with its numbers of words and dimensions.")
    words, dimension = header
    width = 4 * dimension
    size = file.size
    require(
        size is None or size - len(first) >= words * (width + 1),
        f"{file.name!r} is truncated: {words} words of {dimension} numbers are more than its {size} bytes.",
    )
    block, at = b"", 0
    wordless: list[int] = []
    with file.progress() as progress:
        for number in range(1, words + 1):
            end = block.find(b" ", at)
            while end < 0 or len(block) < end + 1 + width:
                what = f"word {number} of the {words} that its first line declares"
                require(
                    end >= 0 or len(block) - at < MAX_WORD_LENGTH,
                    f"{file.name!r} is damaged at {what}: no space for {MAX_WORD_LENGTH} bytes.",
                )
                more = file.stream.read(max(HEAD, width))
                require(bool(more), f"{file.name!r} is truncated: it ends within {what}.")
                block, at = block[at:] + more, 0
                end = block.find(b" ")
            if _BEGINS_MORE[block[end + 1]] and _MORE.match(block, end + 1):
                while len(block) < end + 1 + width + 2 * MAX_WORD_LENGTH and (more := file.stream.read(HEAD)):
                    block, at, end = block[at:] + more, 0, end - at
                end = _last_blank(block, at, end, width, file.name, is_last=number == words)
            word = block[at:end].lstrip(b"\n")  # some writers end a vector with a line break
            at = end + 1 + width
            if not word:
                wordless.append(number)
            elif wanted is None or word in wanted:
                yield word, np.frombuffer(block, dtype="<f4", count=dimension, offset=end + 1).astype(np.float32)
            if number % EVERY == 0:
                progress.update()
    warn_of_wordless(file.name, "record", wordless)
    rest = (block[at:] + file.stream.read(1_000)).strip()
    require(
        not rest,
        f"{file.name!r} continues after the {words} words of {dimension} numbers that its first line declares: one of "
        "the two counts is wrong.",
    )


def _last_blank(block: bytes, at: int, first: int, width: int, name: str, *, is_last: bool) -> int:
    """
    Find the end of the word that begins at `at`, where the bytes after its first space look like more of it.

    Raises:
        InputError: no space is followed by numbers of a usual size.
    """
    blank = first
    while not (_are_usual(block, blank, width) and _goes_on(block, blank + 1 + width, is_last=is_last)):
        more = _MORE.match(block, blank + 1)
        if more is None or more.end() - at > MAX_WORD_LENGTH or len(block) < more.end() + width:
            sizes = np.abs(_numbers(block, first, width))
            word = block[at:first].lstrip(b"\n").decode("utf-8", "backslashreplace")
            require(
                not bool((sizes >= MAX_SIZE).any()),
                f"{name!r} is damaged at the word {word!r}: numbers as large as {sizes.max():.1e} follow. "
                "Does the word contain a space?",
            )
            return first
        blank = more.end() - 1
    return blank


def _numbers(block: bytes, blank: int, width: int) -> np.ndarray:
    return np.frombuffer(block, dtype="<f4", count=width // 4, offset=blank + 1)


def _are_usual(block: bytes, blank: int, width: int) -> bool:
    sizes = np.abs(_numbers(block, blank, width))
    return bool(((sizes == 0) | ((sizes > MIN_SIZE) & (sizes < MAX_SIZE))).all())


def _goes_on(block: bytes, at: int, *, is_last: bool) -> bool:
    """Whether another word comes next, or the end of the file after the last one."""
    rest = block[at : at + MAX_WORD_LENGTH]
    if is_last:
        return not rest.strip()
    word, blank, _ = rest.lstrip(b"\n").partition(b" ")
    try:
        word.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return bool(blank) and not _CONTROL.search(word)
