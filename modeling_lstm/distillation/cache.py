"""`LogitCache`: a teacher's logits for texts, kept on disk so that none are computed twice."""

import contextlib
import hashlib
import sqlite3
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ..utils.errors import InputError

AT_ONCE = 500  # keys in a query; SQLite takes at least 999


class LogitCache:
    """
    The logits of one teacher in an SQLite file. Stored logits survive a kill, and several processes may use a file.
    `id` is unique to each file ever created.

    Args:
        path: The file; created if there is none.

    Raises:
        InputError: the file is damaged, or cannot be written.
    """

    def __init__(self, path: Path):
        self.path = path
        with self._explain_errors():
            path.parent.mkdir(parents=True, exist_ok=True)
            self.connection = sqlite3.connect(path, timeout=60.0)
            self.connection.execute(
                "CREATE TABLE IF NOT EXISTS logits (text BLOB PRIMARY KEY, logits BLOB) WITHOUT ROWID"
            )
            with self.connection:
                self.connection.execute("CREATE TABLE IF NOT EXISTS made (one INTEGER PRIMARY KEY, id TEXT)")
                self.connection.execute("INSERT OR IGNORE INTO made VALUES (1, ?)", (uuid.uuid4().hex,))
            (self.id,) = self.connection.execute("SELECT id FROM made").fetchone()

    @property
    def is_usual(self) -> bool:
        """Whether runs that name no precision use this file."""
        with self._explain_errors():
            return bool(self.connection.execute("PRAGMA user_version").fetchone()[0])

    @is_usual.setter
    def is_usual(self, value: bool) -> None:
        if value != self.is_usual:
            with self._explain_errors():
                self.connection.execute(f"PRAGMA user_version = {int(value)}")

    def find(self, texts: Sequence[str]) -> dict[str, np.ndarray]:
        """Return the stored logits, of shape `(labels,)`, of those texts that have any."""
        keys = {_key(text): text for text in texts}
        found: dict[str, np.ndarray] = {}
        names = list(keys)
        with self._explain_errors():
            for begin in range(0, len(names), AT_ONCE):
                some = names[begin : begin + AT_ONCE]
                marks = ", ".join("?" * len(some))
                query = f"SELECT text, logits FROM logits WHERE text IN ({marks})"  # only question marks
                for key, logits in self.connection.execute(query, some):
                    found[keys[key]] = np.frombuffer(logits, dtype=np.float32)
        return found

    def add(self, texts: Sequence[str], logits: np.ndarray) -> None:
        """Store the logits, of shape `(texts, labels)`: all of them or none."""
        rows = [(_key(text), row.astype(np.float32).tobytes()) for text, row in zip(texts, logits, strict=True)]
        with self._explain_errors(), self.connection:
            self.connection.executemany("INSERT OR IGNORE INTO logits VALUES (?, ?)", rows)

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    @contextlib.contextmanager
    def _explain_errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise InputError(
                f"The cache of logits {str(self.path)!r} cannot be used: {error}. Remove the file if it is damaged, or "
                "name another folder with --logits_cache."
            ) from error


def _key(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8"), digest_size=16).digest()
