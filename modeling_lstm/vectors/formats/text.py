"""Read word vectors as text: GloVe, word2vec text and fastText `.vec`, with one word and its numbers per line."""

import itertools
import logging
from collections import Counter
from collections.abc import Container, Iterator
from functools import partial

import numpy as np

from ...utils.errors import InputError, require
from .vector_file import MAX_LINE_LENGTH, NUMBER, Header, VectorFile, read_header

logger = logging.getLogger(__name__)

EVERY = 4096  # lines between two updates of the progress bar
FIRST = 10  # lines that are inspected to find the dimension if none is declared


def read_text(file: VectorFile, wanted: Container[bytes] | None) -> Iterator[tuple[bytes, np.ndarray]]:
    """
    Yield the wanted words of a text file with their vectors, in file order; all words if `wanted` is None.

    The lines of other words are only counted, not parsed, which is about as fast as the disk. A word may contain
    spaces, as some in GloVe 840B do, unless a part after the first space is a number. Lines without a word are left
    out.

    Raises:
        InputError: a line has too few or too many numbers or a value that is not a number, or the file has fewer lines
            than its first one declares.
    """
    lines = iter(partial(file.stream.readline, MAX_LINE_LENGTH), b"")
    first = list(itertools.islice(lines, FIRST))
    dimension, declared, number, empty = 0, None, 0, 0
    wordless: list[int] = []
    with file.progress() as progress:
        for number, line in enumerate(itertools.chain(first, lines), start=1):
            require(len(line) < MAX_LINE_LENGTH, f"{file.name!r}, line {number}: longer than {MAX_LINE_LENGTH} bytes.")
            if number % EVERY == 0:
                progress.update()
            line = line.rstrip()
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")  # the byte order mark that some editors write
                declared = read_header(line, file.name)
                dimension = declared.dimension if declared else _dimension([line, *first[1:]], file.name)
                if declared:
                    continue
            blank = line.find(b" ")
            if line.count(b" ") == dimension and blank > 0:  # the usual line, recognized without parsing
                word = line[:blank]
                if wanted is None or word in wanted:
                    yield word, _numbers(line[blank + 1 :].split(b" "), file.name, number, word)
            elif line[:1].isspace() and len(line.split()) == dimension:
                wordless.append(number)
            elif not line:
                empty += 1
            else:
                word, fields = _fields(line, dimension, file.name, number)
                if wanted is None or word in wanted:
                    yield word, _numbers(fields, file.name, number, word)
    _check_count(declared, number - 1 - empty, file.name)
    warn_of_wordless(file.name, "line", wordless)


def warn_of_wordless(name: str, what: str, numbers: list[int]) -> None:
    """Warn of lines or records that have numbers but no word, if any."""
    if numbers:
        logger.warning("%s: %s %d has no word and is left out (%d in all)", name, what, numbers[0], len(numbers))


def _check_count(declared: Header | None, lines: int, name: str) -> None:
    require(
        declared is None or lines >= declared.words,
        f"{name!r} is truncated: its first line declares {declared and declared.words} words, it has {lines}.",
    )
    if declared is not None and lines > declared.words:
        logger.warning("%s has %d words, although its first line declares %d", name, lines, declared.words)


def _dimension(lines: list[bytes], name: str) -> int:
    """Return how many numbers most of the first lines end with. In a tie, the earliest count wins."""
    counts = Counter(count for line in lines if line.strip() and (count := _count_numbers(line)))
    start = lines[0].rstrip()[:60].decode("utf-8", "backslashreplace")
    require(
        bool(counts),
        f"{name!r}, line 1: expected a word and its numbers, or two integers (words and numbers per word), "
        f"found {start!r}. Is this a file of word vectors?",
    )
    return counts.most_common(1)[0][0]


def _count_numbers(line: bytes) -> int:
    """Count the numbers that a line ends with, not counting the first field, which is the word."""
    fields = line.split() if line[:1].isspace() else line.split()[1:]
    return sum(1 for _ in itertools.takewhile(NUMBER.fullmatch, reversed(fields)))


def _fields(line: bytes, dimension: int, name: str, number: int) -> tuple[bytes, list[bytes]]:
    """Split a line that is not simply one word and numbers with single spaces between them."""
    parts = line.rsplit(None, dimension)
    if len(parts) == dimension + 1:
        word = parts[0].strip()
        if not any(NUMBER.fullmatch(part) for part in word.split()[1:]) and b"\t" not in word:
            return word, parts[1:]
    found = len(line.split()) - 1
    start = line[:30].decode("utf-8", "backslashreplace")
    raise InputError(f"{name!r}, line {number} ({start!r}...): expected {dimension} numbers, found {found}.")


def _numbers(fields: list[bytes], name: str, number: int, word: bytes) -> np.ndarray:
    try:
        if not any(b"_" in field or not field.isascii() for field in fields):
            with np.errstate(over="ignore"):  # infinities are reported later, with the word
                # through float64, as Python parses numbers
                return np.array([float(field) for field in fields], dtype=np.float64).astype(np.float32)
    except ValueError:
        pass
    wrong = next(field for field in fields if not NUMBER.fullmatch(field))
    raise InputError(
        f"{name!r}, line {number} ({_quote(word)}): expected {len(fields)} numbers, found {_quote(wrong)} among them."
        + (" If the line names columns, remove it." if number == 1 else "")
    )


def _quote(part: bytes) -> str:
    return repr(part.decode("utf-8", "backslashreplace"))
