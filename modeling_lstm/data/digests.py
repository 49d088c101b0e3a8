"""Digests that identify rows and files."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from datasets import Dataset


def identify_rows(rows: Dataset, columns: Sequence[str]) -> str:
    """Return the number of rows, and a digest of these columns in their order."""
    batches = rows.select_columns(list(columns)).iter(1_000)
    return f"{rows.num_rows} rows, digest {digest_of(repr(tuple(one[name] for name in columns)) for one in batches)}"


def identify_splits(splits: Mapping[str, Dataset], columns: Sequence[str]) -> dict[str, str]:
    """Return the result of [`identify_rows`] for each split."""
    return {name: identify_rows(rows, columns) for name, rows in splits.items()}


def file_state(path: Path) -> str:
    """
    Return a fingerprint of a file's state. It also changes when the file is replaced by one with the same size and
    modification time.
    """
    found = path.stat()
    return f"{found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}"


def digest_of(parts: Iterable[str]) -> str:
    """Return a digest of texts as 16 hexadecimal digits."""
    digest = hashlib.blake2b(digest_size=8)
    for part in parts:
        digest.update(part.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()
