"""The binary format of fastText: vectors of words and of the character n-grams that words consist of."""

import struct
from collections.abc import Container, Iterable
from dataclasses import dataclass

import numpy as np

from ...utils.errors import require
from .text import EVERY
from .vector_file import FASTTEXT_MAGIC, HEAD, MAX_DIMENSION, VectorFile
from .word2vec import MAX_WORD_LENGTH

_SETTINGS = "<10id"
END = "</s>"  # the end of a line
MAX_NGRAM_LENGTH = 64  # characters; a greater number means that a file is damaged


def ngrams(word: str, shortest: int, longest: int, buckets: int) -> list[int]:
    """
    Return the buckets of the character n-grams of `<word>` (Bojanowski et al., 2017, section 3.2), in fastText's order.

    The hash is the 32-bit FNV-1a of the UTF-8 bytes, each taken as a signed number, as in fastText itself. As there,
    the mark of the end of a line has no n-grams.
    """
    if buckets == 0 or word == END:
        return []
    letters = [letter.encode("utf-8", "surrogateescape") for letter in f"<{word}>"]
    found = []
    for start in range(len(letters)):
        for length in range(max(1, shortest), min(longest, len(letters) - start) + 1):
            if length == 1 and start in (0, len(letters) - 1):
                continue
            value = 2166136261
            for byte in b"".join(letters[start : start + length]):
                value = ((value ^ (byte if byte < 128 else byte | 0xFFFFFF00)) * 16777619) & 0xFFFFFFFF
            found.append(value % buckets)
    return found


@dataclass(repr=False, eq=False)
class Subwords:
    """
    Vectors of character n-grams, from which a vector for any word can be made.

    Args:
        shortest, longest: Characters in an n-gram, including the marks of the word's beginning and end.
        buckets: Number of buckets that n-grams are hashed into.
        rows (`np.ndarray` of shape `(rows, dimension)`, float32): The vectors of the buckets that were read.
        bucket_rows: The row of each bucket that was read; `None` if all were.
    """

    shortest: int
    longest: int
    buckets: int
    rows: np.ndarray
    bucket_rows: dict[int, int] | None = None

    def of(self, word: str) -> list[int]:
        """Return the buckets of a word's n-grams."""
        return ngrams(word, self.shortest, self.longest, self.buckets)

    def vector(self, word: str, own: np.ndarray | None = None) -> np.ndarray | None:
        """
        Return the mean of the vectors of a word's n-grams and of its own vector, if it has one, added in fastText's
        order. Return `None` if there are none, or if some were not read.
        """
        buckets = self.of(word)
        if self.bucket_rows is not None:
            if any(bucket not in self.bucket_rows for bucket in buckets):
                return None
            buckets = [self.bucket_rows[bucket] for bucket in buckets]
        count = len(buckets) + (own is not None)
        if count == 0:
            return None
        total = np.zeros(self.rows.shape[1], np.float32) if own is None else own.copy()
        for bucket in buckets:
            total += self.rows[bucket]
        return total / np.float32(count)


def read_fasttext(
    file: VectorFile, wanted: Container[bytes] | None, compose: Iterable[str]
) -> tuple[dict[bytes, np.ndarray], Subwords]:
    """
    Read the vectors of the wanted words of a fastText model (of all words if `wanted` is None), and the n-grams needed
    to compose vectors for the words in `compose`. Only these rows of the matrix are read.

    Raises:
        InputError: the model is damaged, truncated or quantized.
    """
    reader = _Reader(file)
    numbers = reader.dictionary(wanted)
    reader.open_matrix()
    shape = reader.settings["shortest"], reader.settings["longest"], reader.settings["buckets"]
    names = {word: word.decode("utf-8", "surrogateescape") for word in numbers}
    own = reader.rows(sorted(numbers.values()))
    if wanted is None:
        subwords = Subwords(*shape, reader.rows(range(reader.words, reader.words + shape[2])))
    else:
        needed = sorted({bucket for word in (*names.values(), *compose) for bucket in ngrams(word, *shape)})
        rows = reader.rows(reader.words + bucket for bucket in needed)
        subwords = Subwords(*shape, rows, {bucket: row for row, bucket in enumerate(needed)})
    order = {number: row for row, number in enumerate(sorted(numbers.values()))}
    vectors = {word: subwords.vector(names[word], own[order[number]]) for word, number in numbers.items()}
    return {word: vector for word, vector in vectors.items() if vector is not None}, subwords


class _Reader:
    """Reads the parts of the file in order."""

    def __init__(self, file: VectorFile):
        self.file = file
        first = file.read_exactly(8, "its header")
        self.new = first[:4] == FASTTEXT_MAGIC
        # dim, ws; epoch, minCount, neg, wordNgrams, loss, model, bucket, minn, maxn, lrUpdateRate, t
        head = self.unpack("<2i", "its header") if self.new else struct.unpack("<2i", first)
        settings = self.unpack(_SETTINGS, "its header")
        self.settings = {
            "dimension": head[0],
            "buckets": settings[6],
            "shortest": settings[7],
            "longest": settings[8],
        }
        sane = 0 < head[0] <= MAX_DIMENSION and settings[6] >= 0 and 0 <= settings[8] <= MAX_NGRAM_LENGTH
        require(sane, f"{file.name!r} is not a fastText model, or is damaged: its header says {self.settings}.")
        if settings[8] == 0:
            self.settings["buckets"] = 0

    def unpack(self, form: str, what: str) -> tuple:
        return struct.unpack(form, self.file.read_exactly(struct.calcsize(form), what))

    def dictionary(self, wanted: Container[bytes] | None) -> dict[bytes, int]:
        """Return the row of each wanted word, and the first one if the word occurs twice."""
        size, self.words, labels = self.unpack("<3i", "its dictionary")
        self.unpack("<q", "its dictionary")
        pruned = self.unpack("<q", "its dictionary")[0] if self.new else 0
        require(
            0 <= self.words <= size and labels >= 0 and pruned < 2**31,
            f"{self.file.name!r} is damaged: its dictionary declares {size} entries, {self.words} words among them.",
        )
        numbers: dict[bytes, int] = {}
        block, at = b"", 0
        with self.file.progress() as progress:
            for number in range(size):
                end = block.find(b"\0", at)
                while end < 0 or len(block) < end + 10:
                    require(
                        end >= 0 or len(block) - at < MAX_WORD_LENGTH,
                        f"{self.file.name!r} is damaged: entry {number + 1} of its dictionary has no end.",
                    )
                    more = self.file.stream.read(HEAD)
                    require(bool(more), f"{self.file.name!r} is truncated: it ends within its dictionary.")
                    block, at = block[at:] + more, 0
                    end = block.find(b"\0")
                word = block[at:end]
                at = end + 10  # the count (int64) and the kind (int8) of the entry
                if number < self.words and (wanted is None or word in wanted):
                    numbers.setdefault(word, number)
            progress.update()
        self.file.stream.seek(at - len(block), 1)
        if pruned > 0:
            self.file.stream.seek(8 * pruned, 1)
        return numbers

    def open_matrix(self) -> None:
        if self.new:
            quantized = bool(self.unpack("<?", "the header of its matrix")[0])
            require(
                not quantized,
                f"{self.file.name!r} is a quantized fastText model (.ftz): use the .bin or the .vec file.",
            )
        rows, self.columns = self.unpack("<2q", "the header of its matrix")
        expected = self.settings["buckets"] + self.words
        require(
            rows >= expected and self.columns == self.settings["dimension"],
            f"{self.file.name!r} is damaged: its matrix is {rows} x {self.columns}, expected at least {expected} rows "
            f"of {self.settings['dimension']} numbers.",
        )
        self.start = self.file.stream.tell()
        size = self.file.size
        require(
            size is None or self.start + 4 * rows * self.columns <= size,
            f"{self.file.name!r} is truncated: its matrix of {rows} x {self.columns} is more than its {size} bytes.",
        )

    def rows(self, numbers: Iterable[int]) -> np.ndarray:
        """Read rows by number, in increasing order, since the file may be compressed. Return `(rows, dimension)`."""
        found: list[np.ndarray] = []
        width = 4 * self.columns
        with self.file.progress() as progress:
            for number in numbers:
                self.file.stream.seek(self.start + number * width)
                row = np.frombuffer(self.file.read_exactly(width, "its matrix"), dtype="<f4").astype(np.float32)
                require(bool(np.isfinite(row).all()), f"{self.file.name!r} is damaged: row {number} holds NaN.")
                found.append(row)
                if len(found) % EVERY == 0:
                    progress.update()
        return np.stack(found) if found else np.zeros((0, self.columns), np.float32)
