"""Read JSON and JSON Lines, with each value as written."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from ...utils.errors import InputError, as_text, require
from ..arguments import FileArguments
from ..columns import TEXT_COLUMNS, TRANSLATIONS
from .encodings import explain_damage, find_encoding, find_suffix, open_text
from .table import SAMPLE, Table, normalize_name


class WrittenValue(str):
    """A number or truth value of a JSON file, as written there."""


class Json(Table):
    """JSON Lines, or one JSON document: an array of objects or an object of arrays."""

    def __init__(self, path: Path, arguments: FileArguments):
        super().__init__(path)
        self.encoding = find_encoding(path, arguments.encoding)
        self._document: list[dict[str, Any]] | None = None
        require(next(self._objects(), None) is not None, f"{str(path)!r} is empty: it has no rows.")
        self.columns = self._names(10 * SAMPLE)
        self._knows_all = False

    def find_late_columns(self) -> None:
        """See [`Table.find_late_columns`]. This reads the whole file, once."""
        if not self._knows_all:
            with explain_damage(self.path):
                self.columns = self._names(None)
            self._knows_all = True

    def rows(self, columns: list[str]) -> Iterator[tuple[Any, ...]]:
        """See [`Table.rows`]."""
        with explain_damage(self.path):
            for _, row in self._objects():
                yield tuple(row.get(name) for name in columns)

    def lines(self) -> Iterator[int | None]:
        """See [`Table.lines`]; `None` for one document, where lines are not known."""
        return (line for line, _ in self._objects())

    def _names(self, rows: int | None) -> list[str]:
        """Return the names in this number of rows, or in all."""
        found = (row for _, row in itertools.islice(self._objects(), rows))
        return list(dict.fromkeys(name for row in found for name in row))

    def _objects(self) -> Iterator[tuple[int | None, dict[str, Any]]]:
        """Yield the line (`None` in one document) and the values of each row."""
        if self._document is not None:
            yield from zip(itertools.repeat(None), self._document, strict=False)
            return
        with open_text(self.path, self.encoding) as file:
            start, number = "", 0
            while not start.strip() and (line := file.readline()):
                start += line
                number += 1
            try:
                first = self._parse(start, f"line {number}") if start.strip() else []
            except json.JSONDecodeError:
                first = None  # the first line is not a whole document, so the file must be
            if isinstance(first, dict):
                lines = self._lines(file, number)
                second = next(lines, None)
                if second is None and find_suffix(self.path) == ".json":
                    self._check_columns(first)
                if second is not None or not _are_columns(first):
                    yield from itertools.chain([(number, first)], [] if second is None else [second], lines)
                    return
                self._document = self._records(first)
            else:
                self._document = self._records(self._whole(start + file.read()) if start.strip() else [])
        yield from zip(itertools.repeat(None), self._document, strict=False)

    def _lines(self, file: IO[str], number: int) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield the number and the object of each line after line `number`."""
        for at, line in enumerate(file, start=number + 1):
            if not line.strip():
                continue
            try:
                row = self._parse(line, f"line {at}")
            except json.JSONDecodeError as error:
                raise InputError(
                    f"{str(self.path)!r} could not be read: line {at} is not valid JSON: {error}."
                ) from error
            require(
                isinstance(row, dict),
                f"{str(self.path)!r} could not be read: line {at} must hold a JSON object, found {line[:40]!r}.",
            )
            yield at, row

    def _whole(self, text: str) -> Any:
        try:
            return self._parse(text, "it")
        except json.JSONDecodeError as error:
            raise InputError(f"{str(self.path)!r} could not be read: it is not valid JSON: {error}.") from error

    def _records(self, document: Any) -> list[dict[str, Any]]:
        """Return the rows of one document."""
        if _are_columns(document):
            self._check_columns(document)
            lengths = {name: len(values) for name, values in document.items()}
            require(
                len(set(lengths.values())) <= 1,
                f"{str(self.path)!r} could not be read: its columns differ in length: {lengths}.",
            )
            document = [dict(zip(document, values, strict=True)) for values in zip(*document.values(), strict=True)]
        if isinstance(document, dict):
            self._check_columns(document)
        require(
            isinstance(document, list) and all(isinstance(row, dict) for row in document),
            f"{str(self.path)!r} could not be read: expected a JSON object in each line, or an array of objects.",
        )
        return document

    def _check_columns(self, document: dict[str, list[Any]]) -> None:
        """Raise if the lists of a document are not its columns, but hold whole rows."""
        names = [name for name, values in document.items() if name != TRANSLATIONS and _are_objects(values)]
        is_all = len(names) == len(document) or any(not isinstance(values, list) for values in document.values())
        have_texts = len(document) == 1 or any(_has_texts(document[name]) for name in names)
        require(
            not (names and is_all and have_texts),
            f"{str(self.path)!r} could not be read: its rows are inside {as_text(names)!r}. Write that array alone"
            f"{', each in a file of its own' if len(names) > 1 else ''}.",
        )
        require(
            document.keys() != {"columns", "index", "data"},
            f"{str(self.path)!r} could not be read: it holds columns, index and data, as pandas writes them with "
            'orient="split". Write it with orient="records".',
        )

    def _parse(self, text: str, location: str) -> Any:
        hooks: dict[str, Any] = {"parse_int": WrittenValue, "parse_float": WrittenValue, "parse_constant": _constant}
        try:
            return _write_truth(json.loads(text, object_pairs_hook=_object, **hooks))
        except json.JSONDecodeError:
            raise
        except (RecursionError, ValueError) as error:
            cause = "is nested too deeply" if isinstance(error, RecursionError) else str(error)
            raise InputError(f"{str(self.path)!r} could not be read: {location} {cause}.") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of which no value is lost, as `dict` would lose all but the last of a name."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"has two values of the name {twice!r}: give each its own name")
    return found


def _constant(text: str) -> WrittenValue | None:
    """Keep `Infinity` as written, but turn `NaN`, which pandas writes for a missing value, into `None`."""
    return None if text == "NaN" else WrittenValue(text)


def _are_columns(document: Any) -> bool:
    """Return whether a JSON document is an object with a list for each column."""
    return isinstance(document, dict) and all(isinstance(values, list) for values in document.values())


def _are_objects(values: Any) -> bool:
    return isinstance(values, list) and bool(values) and all(isinstance(one, dict) for one in values)


def _has_texts(rows: list[dict[str, Any]]) -> bool:
    """Return whether objects have what is usually the name of a column of texts."""
    return any(normalize_name(name) in TEXT_COLUMNS for row in rows for name in row)


def _write_truth(value: Any) -> Any:
    """Return JSON values with `true` and `false` as [`WrittenValue`]s."""
    if isinstance(value, bool):
        return WrittenValue("true" if value else "false")
    if isinstance(value, dict):
        return {name: _write_truth(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_write_truth(one) for one in value]
    return value
