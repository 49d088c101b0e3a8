"""Read the bytes of text files: compression, byte order marks and encodings."""

import bz2
import codecs
import contextlib
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, cast

from ...utils.errors import InputError, require

CHUNK = 1 << 18  # compressed bytes read at once


class _Streams(io.RawIOBase):
    """
    The bytes of a file of one or several compressed streams. Unlike those of `bz2` and `lzma`, this reader does not
    silently leave out what follows a stream and is not one.
    """

    def __init__(self, path: Path, decompressor: Callable[[], Any]):
        self._file, self._make, self._decompressor = path.open("rb"), decompressor, decompressor()

    def readable(self) -> bool:
        """See `io.RawIOBase.readable`."""
        return True

    def close(self) -> None:
        """See `io.RawIOBase.close`."""
        self._file.close()
        super().close()

    def readinto(self, buffer: Any) -> int:
        """See `io.RawIOBase.readinto`."""
        data = b""
        while not data:
            given = b""
            if self._decompressor.eof:
                given = (self._decompressor.unused_data or self._file.read(CHUNK)).lstrip(b"\0")  # xz pads with zeros
                while not given and (more := self._file.read(CHUNK)):
                    given = more.lstrip(b"\0")
                if not given:
                    return 0
                self._decompressor = self._make()
            elif self._decompressor.needs_input and not (given := self._file.read(CHUNK)):
                raise EOFError("the compressed file ends too early")
            data = self._decompressor.decompress(given, len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _open_streams(decompressor: Callable[[], Any]) -> Callable[[Path, str], IO[bytes]]:
    return lambda path, _: cast(IO[bytes], io.BufferedReader(_Streams(path, decompressor)))


COMPRESSIONS: dict[str, Callable[[Path, str], Any]] = {
    ".gz": gzip.open,
    ".bz2": _open_streams(bz2.BZ2Decompressor),
    ".xz": _open_streams(lzma.LZMADecompressor),
}


# Byte order marks and their encodings. UTF-32 goes first, since its mark may begin with that of UTF-16
MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


ORDERS = {
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}


BYTE_ORDER_MARK = "\ufeff"

# First bytes of files that are not text, what they are, and what to do
SIGNATURES = {
    b"\x1f\x8b": "gzip: rename it to end in .gz",
    b"BZh91AY&SY": "bzip2: rename it to end in .bz2",
    b"\xfd7zXZ\0": "xz: rename it to end in .xz",
    b"\x28\xb5\x2f\xfd": "zstd: unpack it first",
    b"PK\x03\x04": "zip, which Excel also uses: unpack it first, or save the sheet as CSV",
    b"PAR1\x15": "Parquet: rename it to end in .parquet",
    b"\xd0\xcf\x11\xe0": "an old Excel file: save the sheet as CSV",
    b"SQLite format 3\0": "an SQLite database: write its table to a CSV file",
    b"version https://git-lfs": "a Git LFS pointer: type git lfs pull",
    b"<!doctype html": "a web page: download the file itself",
    b"<html": "a web page: download the file itself",
}


def find_kind(path: Path) -> str | None:
    """Return what a file is by its first bytes, and what to do about it; `None` if it may be text."""
    with path.open("rb") as file:
        return _advise(_kind_of(file.read(1_000)), path)


def _kind_of(start: bytes) -> str | None:
    lower = start.lower()  # HTML may be in either case
    return next(
        (kind for mark, kind in SIGNATURES.items() if (lower if mark[:1] == b"<" else start).startswith(mark)), None
    )


def _advise(kind: str | None, path: Path) -> str | None:
    """Return what a file is, with advice that fits its name: one that ends in .gz need not be renamed to."""
    name, sign, advice = (kind or "").partition(": rename it to end in ")
    return f"{name}: unpack it first" if sign and path.suffix.lower() == advice else kind


def find_suffix(path: Path) -> str:
    """Return the suffix of a file's format, without that of a compression: `.csv` for `a.CSV.gz`."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in COMPRESSIONS:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def find_encoding(path: Path, asked: str | None) -> str:
    """
    Return the encoding of a text file: the one asked for, that of its byte order mark, or UTF-8.

    Raises:
        InputError: there is no such encoding, the mark says another, or the file is not text.
    """
    with explain_damage(path), _bytes(path) as file:
        start = file.read(1_000)
    require(bool(start), f"{str(path)!r} is empty: it has no rows.")
    kind = _advise(_kind_of(start), path)
    require(kind is None, f"{str(path)!r} is not a text file: its first bytes are those of {kind}.")
    mark = next((mark for mark in MARKS if start.startswith(mark)), b"")
    marked = MARKS.get(mark)
    if asked is not None:
        known = check_encoding(asked)
        told = ORDERS.get(mark, "utf-8")
        require(
            marked is None or known.replace("-sig", "") in (told, told[:6]),
            f"{str(path)!r} begins with the byte order mark of {told.upper()}, but --encoding says {asked}: leave "
            "--encoding out.",
        )
        require(
            marked is not None or known not in ("utf-16", "utf-32"),
            f"{str(path)!r} has no byte order mark: type --encoding {known}-le, or {known}-be.",
        )
        return marked or known
    require(
        marked is not None or b"\0" not in start,
        f"{str(path)!r} could not be read: it holds zero bytes, so it is not text in UTF-8. If it is UTF-16, add "
        "--encoding utf-16-le (or utf-16-be).",
    )
    return marked or "utf-8"


def check_encoding(name: str) -> str:
    """
    Return Python's name of an encoding.

    Raises:
        InputError: Python does not know it.
    """
    try:
        known = codecs.lookup(name)
        is_text = known._is_text_encoding
    except (LookupError, ValueError):
        is_text = False
    require(is_text, f"--encoding {name} is not an encoding that Python knows, such as utf-8, cp1252 or utf-16-le.")
    return known.name


@contextlib.contextmanager
def open_text(path: Path, encoding: str, newline: str = "") -> Iterator[IO[str]]:
    """Open a text file, decompressed. Bytes that are invalid in its encoding raise an `InputError` of one sentence."""
    with _bytes(path) as raw, io.TextIOWrapper(cast(Any, raw), encoding=encoding, newline=newline) as file:
        try:
            yield file
        except UnicodeError as error:
            advice = "It may be damaged, or have another --encoding."
            if encoding.startswith("utf-8"):
                advice = "Name its encoding, for example --encoding cp1252."
            raise InputError(
                f"{str(path)!r} could not be read: {_undecodable(path, encoding, error)} {advice}"
            ) from error


def _bytes(path: Path) -> IO[bytes]:
    return cast(IO[bytes], COMPRESSIONS.get(path.suffix.lower(), open)(path, "rb"))


def _undecodable(path: Path, encoding: str, error: UnicodeError) -> str:
    """Describe where the first invalid bytes are."""
    name = encoding.removesuffix("-sig").upper()
    decoder = codecs.getincrementaldecoder(encoding)()
    with _bytes(path) as file:
        for number, line in enumerate(file, start=1):
            try:
                decoder.decode(line)
            except UnicodeDecodeError as first:
                found = " ".join(f"0x{byte:02x}" for byte in first.object[first.start : first.end])
                return f"line {number} is not {name} (byte {found})."
    return f"it is not {name} ({error})."


@contextlib.contextmanager
def explain_damage(source: str | Path) -> Iterator[None]:
    """Turn an error from a damaged file into an `InputError` of one sentence."""
    try:
        yield
    except InputError:
        raise
    except (EOFError, OSError, OverflowError, ValueError, zlib.error, lzma.LZMAError) as error:
        cause = " ".join(str(error).split())
        raise InputError(f"{str(source)!r} could not be read: {type(error).__name__}: {cause}") from error
