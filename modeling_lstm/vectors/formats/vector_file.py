"""Open files of word vectors: plain, gzip or zip, in any of three formats, with progress bars and clear errors."""

import contextlib
import gzip
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Literal, NamedTuple, cast

from huggingface_hub.utils import tqdm

from ...utils.errors import InputError, as_text, require

Format = Literal["text", "word2vec", "fasttext"]

FASTTEXT_MAGIC = struct.pack("<i", 793712314)
HEAD = 1 << 20  # bytes that are inspected to detect the format
MAX_LINE_LENGTH = 1 << 23
LOOKED_AT = 1_000  # bytes that distinguish damaged text from binary numbers
MAX_DIMENSION = 100_000
NUMBER = re.compile(rb"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|[-+]?(nan|inf|infinity)", re.IGNORECASE)
_OTHERS = {
    **{b"\x93NUMPY": "a NumPy array", b"\x89HDF": "an HDF5 file"},
    **{b"\x28\xb5\x2f\xfd": "zstd", b"\xfd7zXZ": "xz"},
    **{b"BZh%d1AY&SY" % level: "bzip2" for level in range(1, 10)},
    **{b"\x1f\x8b": "packed twice, with gzip inside", b"PK\x03\x04": "packed twice, with zip inside"},
}
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")  # the second if it is empty
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")  # bytes of binary numbers that no text has


class Header(NamedTuple):
    """The first line of the word2vec formats: the number of words, and of numbers per word."""

    words: int
    dimension: int


class VectorFile:
    """
    A file of word vectors, decompressed while it is read.

    Args:
        path: The file. A zip file with several members needs `member`.
        member: The file inside the zip file.

    Raises:
        InputError: the file is missing, empty, a pickle, or of an unknown kind.
    """

    def __init__(self, path: Path, member: str | None = None):
        self.path = path
        self.name = f"{path}:{member}" if member else str(path)
        require(path.is_file(), f"There is no file {str(path)!r}.")
        with open_vector_file(self.name), contextlib.ExitStack() as on_failure:
            self._raw = open(path, "rb")
            on_failure.callback(self._raw.close)
            self.stream = self._unpack(member)
            head = self.stream.read(HEAD)
            self.stream.seek(0)
            self.format = _format(head, self.name)
            on_failure.pop_all()

    def _unpack(self, member: str | None) -> IO[bytes]:
        start = self._raw.read(4)
        self._raw.seek(0)
        require(
            start in _ZIP or member is None,
            f"{str(self.path)!r} is not a zip file, so it holds no {member!r}: name the file alone.",
        )
        if start[:2] == b"\x1f\x8b":
            return cast(IO[bytes], gzip.GzipFile(fileobj=self._raw))
        if start not in _ZIP:
            return self._raw
        archive = zipfile.ZipFile(self._raw)
        names = [name for name in archive.namelist() if not name.endswith("/") and not name.startswith("__MACOSX/")]
        _refuse_pickle(any(name.endswith("data.pkl") for name in names), self.name)
        if member is None:
            require(
                len(names) == 1, f"{self.name!r} holds {as_text(names) or 'no file'}: name one as {self.path}:FILE."
            )
            member = names[0]
        require(member in names, f"{str(self.path)!r} holds no file {member!r}; it holds {as_text(names)}.")
        return archive.open(member)

    @property
    def size(self) -> int | None:
        """The file's size in bytes, or `None` if it is compressed."""
        return self.path.stat().st_size if self.stream is self._raw else None

    def progress(self) -> "_Progress":
        """Return a progress bar over the bytes of the file on disk."""
        return _Progress(self)

    def read_exactly(self, count: int, what: str) -> bytes:
        """Read `count` bytes, or raise an error that names the truncated part. Memory grows with what is there."""
        parts = []
        left = count
        while left:
            part = self.stream.read(min(left, HEAD))
            require(bool(part), f"{self.name!r} is truncated: it ends within {what}.")
            parts.append(part)
            left -= len(part)
        return b"".join(parts)

    def close(self) -> None:
        """Close the file and its archive."""
        self.stream.close()
        self._raw.close()

    def __enter__(self) -> "VectorFile":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Progress:
    def __init__(self, file: VectorFile):
        self._raw = file._raw
        self._bar = tqdm(
            total=file.path.stat().st_size, unit="B", unit_scale=True, desc=f"Reading {file.path.name}", delay=1
        )

    def update(self) -> None:
        """Move the bar to the current position in the file."""
        if not self._raw.closed:
            self._bar.update(max(0, self._raw.tell() - self._bar.n))

    def __enter__(self) -> "_Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self.update()
        self._bar.close()


@contextlib.contextmanager
def open_vector_file(name: str) -> Iterator[None]:
    """Turn errors from reading a file into an [`InputError`] of one sentence."""
    try:
        yield
    except InputError:
        raise
    except (EOFError, ValueError, OverflowError, zlib.error, lzma.LZMAError, zipfile.BadZipFile) as error:
        raise InputError(f"{name!r} is damaged or truncated: {str(error)[:200]}") from error
    except (NotImplementedError, RuntimeError) as error:  # a zip file with a password or an unknown compression
        raise InputError(f"{name!r} cannot be unpacked: {str(error)[:200]}") from error
    except OSError as error:  # gzip raises it for damaged files, too
        raise InputError(f"{name!r} could not be read: {str(error)[:200]}") from error


def read_header(line: bytes, name: str) -> Header | None:
    """Parse a first line of two integers. Return `None` if the line is anything else."""
    if re.fullmatch(rb"\s*\d{1,18}\s+\d{1,18}\s*", line) is None:
        return None
    header = Header(*map(int, line.split()))
    require(
        0 < header.dimension <= MAX_DIMENSION,
        f"{name!r} declares vectors of {header.dimension} numbers; expected 1 to {MAX_DIMENSION}.",
    )
    return header


def _format(head: bytes, name: str) -> Format:
    require(bool(head.strip()), f"{name!r} is empty: it has no vectors.")
    require(not head.startswith((b"\xff\xfe", b"\xfe\xff")), f"{name!r} is UTF-16: save it as UTF-8.")
    _refuse_pickle(head[0] == 0x80 and 2 <= head[1] <= 5 if len(head) > 1 else False, name)
    require(
        not head.startswith(b"version https://git-lfs"),
        f"{name!r} is a Git LFS pointer, not the file itself: fetch the file with git lfs pull.",
    )
    for magic, what in _OTHERS.items():
        require(not head.startswith(magic), f"{name!r} is {what}. Expected word vectors as text, word2vec or fastText.")
    if head.startswith(FASTTEXT_MAGIC):
        return "fasttext"
    first, _, rest = head.partition(b"\n")
    if read_header(first, name) is None:
        # the first fastText files have no magic number, but begin with the dimension in four bytes
        is_dimension = head[3:4] == b"\0" and int.from_bytes(head[:4], "little") <= MAX_DIMENSION
        return "fasttext" if is_dimension else "text"
    return "text" if _begins_as_text(rest) or not rest else "word2vec"


def _begins_as_text(records: bytes) -> bool:
    fields = records.split(b"\n", 1)[0].split()
    numbers = b"".join(fields[1:])
    if len(fields) > 1 and NUMBER.fullmatch(fields[-1]) and not _CONTROL.search(numbers):
        return True
    # even text with a damaged number is without such bytes
    is_binary = _CONTROL.search(records[:LOOKED_AT]) or not numbers.isascii()
    return len(fields) > 2 and not is_binary


def _refuse_pickle(is_pickle: bool, name: str) -> None:
    require(
        not is_pickle,
        f"{name!r} is a pickle, which can run any code when it is opened, so it is not. Save gensim vectors with "
        "KeyedVectors.save_word2vec_format(FILE, binary=True) or PyTorch tensors as safetensors, and use that file.",
    )
