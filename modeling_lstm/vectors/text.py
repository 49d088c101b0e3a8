"""Word vectors as text: GloVe, word2vec text and fastText `.vec`, one word and its numbers a line."""

import re
from collections.abc import Container, Iterator

import numpy as np

from ..errors import InputError, require
from .files import LONGEST_LINE, Header, VectorFile, read_header

_NUMBER = re.compile(rb"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|[-+]?(nan|inf|infinity)", re.IGNORECASE)
EVERY = 4096  # lines between two steps of the progress bar


def read_text(file: VectorFile, wanted: Container[bytes] | None) -> Iterator[tuple[bytes, np.ndarray]]:
    """
    The wanted words of a text file and their vectors, in the order of the file; all words if `wanted` is None.

    The lines of other words are only counted through, not parsed, which is about as fast as the disk. A word may hold
    blanks, as some of GloVe 840B do, as long as what follows the first blank is no number.

    Raises:
        InputError: a line with too few or too many numbers or with something that is none, or fewer lines than the
            first one declares.
    """
    stream = file.stream
    dimension, declared, number = 0, None, 0
    with file.progress() as progress:
        while line := stream.readline(LONGEST_LINE):
            number += 1
            require(len(line) < LONGEST_LINE, f"{file.name!r}, line {number}: longer than {LONGEST_LINE} bytes.")
            if number % EVERY == 0:
                progress.update()
            line = line.rstrip()
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")  # the mark with which some editors begin UTF-8
                declared = read_header(line, file.name)
                dimension = declared.dimension if declared else _first_dimension(line, file.name)
                if declared:
                    continue
            blank = line.find(b" ")
            if line.count(b" ") == dimension and blank > 0:  # the usual line, told apart without parsing
                word = line[:blank]
                if wanted is None or word in wanted:
                    yield word, _numbers(line[blank + 1 :].split(b" "), file.name, number, word)
            elif line:
                word, fields = _fields(line, dimension, file.name, number)
                if wanted is None or word in wanted:
                    yield word, _numbers(fields, file.name, number, word)
    _check_count(declared, number - 1, file.name)


def _check_count(declared: Header | None, lines: int, name: str) -> None:
    require(
        declared is None or lines >= declared.words,
        f"{name!r} is cut off: its first line declares {declared and declared.words} words, it has {lines}.",
    )


def _first_dimension(line: bytes, name: str) -> int:
    dimension = len(line.split()) - 1
    require(
        dimension > 0 and _NUMBER.fullmatch(line.split()[-1]) is not None,
        f"{name!r}, line 1: expected a word and its numbers, or two whole numbers (words and numbers a word), "
        f"found {line[:60].decode('utf-8', 'backslashreplace')!r}. Is this a file of word vectors?",
    )
    return dimension


def _fields(line: bytes, dimension: int, name: str, number: int) -> tuple[bytes, list[bytes]]:
    """The word and its numbers, of a line that is not one word, one blank and so on."""
    parts = line.rsplit(None, dimension)
    if len(parts) == dimension + 1:
        word = parts[0].strip()
        if not any(_NUMBER.fullmatch(part) for part in word.split()[1:]) and b"\t" not in word:
            return word, parts[1:]
    found = len(line.split()) - 1
    start = line[:30].decode("utf-8", "backslashreplace")
    raise InputError(f"{name!r}, line {number} ({start!r}...): expected {dimension} numbers, found {found}.")


def _numbers(fields: list[bytes], name: str, number: int, word: bytes) -> np.ndarray:
    try:
        # by way of float64, as Python reads numbers
        return np.array([float(field) for field in fields], dtype=np.float64).astype(np.float32)
    except ValueError as error:
        shown = word.decode("utf-8", "backslashreplace")
        raise InputError(f"{name!r}, line {number} ({shown!r}): {error}.") from error
