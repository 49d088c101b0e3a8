"""The bytes of text files: compressions, byte order marks and encodings."""

import bz2
import codecs
import contextlib
import gzip
import io
import lzma
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

from ...utils.errors import InputError, require

COMPRESSIONS: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}


# The mark with which a file may begin, and the encoding that it tells; UTF-32's begin with UTF-16's
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

# First bytes of files that are no text, and what they are
SIGNATURES = {
    b"\x1f\x8b": "gzip: let its name end in .gz",
    b"BZh91AY&SY": "bzip2: let its name end in .bz2",
    b"\xfd7zXZ\0": "xz: let its name end in .xz",
    b"\x28\xb5\x2f\xfd": "zstd: unpack it first",
    b"PK\x03\x04": "zip, as those of Excel are: unpack it first, or save the sheet as CSV",
    b"PAR1": "Parquet: let its name end in .parquet",
    b"\xd0\xcf\x11\xe0": "a table of an old Excel: save the sheet as CSV",
    b"SQLite format 3\0": "a database: write its table to a CSV file",
    b"version https://git-lfs": "a pointer of Git LFS: type git lfs pull",
    b"<!DOCTYPE html": "a web page: download the file itself",
    b"<html": "a web page: download the file itself",
}


def find_kind(path: Path) -> str | None:
    """What a file is by its first bytes, and what to do then; `None` if it may be text."""
    with path.open("rb") as file:
        return _kind_of(file.read(1_000))


def _kind_of(start: bytes) -> str | None:
    return next((kind for signature, kind in SIGNATURES.items() if start.lower().startswith(signature.lower())), None)


def find_suffix(path: Path) -> str:
    """The suffix that names a file's format, without that of a compression: `.csv` of `a.CSV.gz`."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in COMPRESSIONS:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def find_encoding(path: Path, asked: str | None) -> str:
    """
    The encoding of a text file: the one that is asked for, that of its byte order mark, or UTF-8.

    Raises:
        InputError: there is no such encoding, the mark says another, or the file is no text.
    """
    with explain_damage(path), _bytes(path) as file:
        start = file.read(1_000)
    require(bool(start), f"{str(path)!r} is empty: it has no rows.")
    kind = _kind_of(start)
    require(kind is None, f"{str(path)!r} is not a text file: its first bytes are those of {kind}.")
    mark = next((mark for mark in MARKS if start.startswith(mark)), b"")
    marked = MARKS.get(mark)
    if asked is not None:
        known = check_encoding(asked)
        told = ORDERS.get(mark, "utf-8")
        require(
            marked is None or known.replace("-sig", "") in (told, told[:6]),
            f"{str(path)!r} begins with the byte order mark of {told.upper()}, but --encoding says {asked}: leave it "
            "out.",
        )
        require(
            marked is not None or known not in ("utf-16", "utf-32"),
            f"{str(path)!r} has no byte order mark: say --encoding {known}-le, or {known}-be.",
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
    Python's name of an encoding.

    Raises:
        InputError: it has none.
    """
    try:
        known = codecs.lookup(name)
        is_text = known._is_text_encoding
    except (LookupError, ValueError):
        is_text = False
    require(is_text, f"--encoding {name} is no encoding that Python knows; known are utf-8, cp1252, utf-16, ...")
    return known.name


@contextlib.contextmanager
def open_text(path: Path, encoding: str, newline: str = "") -> Iterator[IO[str]]:
    """A text file, unpacked; bytes that are no text in its encoding become one sentence."""
    with _bytes(path) as raw, io.TextIOWrapper(cast(Any, raw), encoding=encoding, newline=newline) as file:
        try:
            yield file
        except UnicodeError as error:
            raise InputError(
                f"{str(path)!r} could not be read: {_undecodable(path, encoding, error)} Name its encoding: --encoding "
                "cp1252, say."
            ) from error


def _bytes(path: Path) -> IO[bytes]:
    return cast(IO[bytes], COMPRESSIONS.get(path.suffix.lower(), open)(path, "rb"))


def _undecodable(path: Path, encoding: str, error: UnicodeError) -> str:
    """Where the first bytes are that are no text."""
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
def explain_damage(path: Path) -> Iterator[None]:
    """Turn damage of a file into one sentence."""
    try:
        yield
    except InputError:
        raise
    except (EOFError, OSError, ValueError, zlib.error, lzma.LZMAError) as error:
        cause = " ".join(str(error).split())
        raise InputError(f"{str(path)!r} could not be read: {type(error).__name__}: {cause}") from error
