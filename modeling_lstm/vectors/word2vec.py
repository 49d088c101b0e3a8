"""Word vectors in the binary format of word2vec: a line with two counts, then a word, a blank and raw float32."""

from collections.abc import Container, Iterator

import numpy as np

from ..errors import InputError, require
from .files import HEAD, VectorFile, read_header
from .text import EVERY

LONGEST_WORD = 10_000


def read_word2vec(file: VectorFile, wanted: Container[bytes] | None) -> Iterator[tuple[bytes, np.ndarray]]:
    """
    The wanted words of a binary file and their vectors, in the order of the file; all words if `wanted` is None.

    Memory does not grow with what the file declares, only with what it holds.

    Raises:
        InputError: the file ends before all declared words were read, or holds no words where they should be.
    """
    first = file.stream.readline(100)
    header = read_header(first, file.name)
    if header is None:
        raise InputError(f"{file.name!r} does not begin with the numbers of words and of dimensions.")
    words, dimension = header
    width = 4 * dimension
    size = file.size
    require(
        size is None or size - len(first) >= words * (width + 1),
        f"{file.name!r} is cut off: {words} words of {dimension} numbers are more than its {size} bytes.",
    )
    block, at = b"", 0
    with file.progress() as progress:
        for number in range(1, words + 1):
            end = block.find(b" ", at)
            while end < 0 or len(block) < end + 1 + width:
                what = f"word {number} of the {words} that its first line declares"
                require(
                    end >= 0 or len(block) - at < LONGEST_WORD,
                    f"{file.name!r} is damaged at {what}: no blank for {LONGEST_WORD} bytes.",
                )
                more = file.stream.read(max(HEAD, width))
                require(bool(more), f"{file.name!r} is cut off: it ends within {what}.")
                block, at = block[at:] + more, 0
                end = block.find(b" ")
            word = block[at:end].lstrip(b"\n")  # some writers end a vector with a line break
            at = end + 1 + width
            if wanted is None or word in wanted:
                yield word, np.frombuffer(block, dtype="<f4", count=dimension, offset=end + 1).astype(np.float32)
            if number % EVERY == 0:
                progress.update()
    rest = (block[at:] + file.stream.read(1_000)).strip()
    require(
        not rest,
        f"{file.name!r} goes on after the {words} words of {dimension} numbers that its first line declares: one of "
        "the two counts is wrong.",
    )
