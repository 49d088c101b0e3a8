"""Text files as a `datasets` builder: every value is a string."""

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from datasets import (
    ArrowBasedBuilder,
    BuilderConfig,
    DatasetInfo,
    SplitGenerator,
)
from datasets.builder import Key

from ..utils.errors import InputError, as_text, is_utf8, require
from .arguments import FileArguments
from .columns import TRANSLATIONS
from .formats.known_formats import open_table
from .formats.table import ROWS_AT_ONCE, Table, normalize_name

READING = 3  # increase it when text files are read differently, so that older caches are not used


@dataclass
class TextTablesConfig(BuilderConfig):
    """
    Which columns of text files to read, how to read the files (see [`FileArguments`]), and their states
    ([`digests.file_state`]), which identify them in the cache.
    """

    columns: list[str] | None = None
    arguments: dict[str, Any] | None = None
    states: list[str] | None = None


class TextTables(ArrowBasedBuilder):
    """A `datasets` builder for text files, which caches what it reads. Every value is a string."""

    BUILDER_CONFIG_CLASS = TextTablesConfig

    def _info(self) -> DatasetInfo:
        return DatasetInfo()

    def _split_generators(self, dl_manager: Any) -> list[SplitGenerator]:
        files = self.config.data_files
        return [SplitGenerator(name=name, gen_kwargs={"files": paths}) for name, paths in files.items()]

    def _generate_tables(self, files: list[str]) -> Iterator[tuple[Key, pa.Table]]:
        columns: list[str] = self.config.columns
        arguments = FileArguments(**self.config.arguments)
        opened = [open_table(Path(path), arguments) for path in files]
        has_rows = False
        schema = pa.schema([(name, _type(opened, name)) for name in columns])
        for shard, table in enumerate(opened):
            rows = table.rows([table.find(name) for name in columns])
            for number, batch in enumerate(_batches(rows)):
                has_rows = True
                yield Key(shard, number), _arrow(batch, schema, table, number * ROWS_AT_ONCE)
        require(has_rows, f"{as_text(map(repr, files))} has no rows.")


def _type(tables: list[Table], column: str) -> pa.DataType:
    """
    Return lists of strings if the first value present is a list, else strings; for translations, objects of all
    languages that any row has.
    """
    languages: dict[str, None] = {}
    for table in tables:
        for (value,) in table.rows([table.find(column)]):
            if isinstance(value, dict) and normalize_name(column) == TRANSLATIONS:
                languages |= dict.fromkeys(value)
            elif languages or value in (None, ""):
                continue
            else:
                return pa.list_(pa.string()) if isinstance(value, list) else pa.string()
    return pa.struct([(name, pa.string()) for name in languages]) if languages else pa.string()


def _batches(rows: Iterator[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    while batch := list(itertools.islice(rows, ROWS_AT_ONCE)):
        yield batch


def _arrow(rows: list[tuple[Any, ...]], schema: pa.Schema, table: Table, before: int) -> pa.Table:
    arrays = []
    for kind, values in zip(schema, zip(*rows, strict=True), strict=True):
        wrong = next((n for n, value in enumerate(values) if not _fits(value, kind.type)), None)
        if wrong is not None:
            expected = "strings or numbers"
            if pa.types.is_list(kind.type):
                expected = f"lists of {expected}"
            elif pa.types.is_struct(kind.type):
                expected = f"objects of {as_text(field.name for field in kind.type)}, each {expected}"
            raise InputError(
                f"The column {kind.name!r} must hold {expected}, found {str(values[wrong])[:60]} in "
                f"{table.locate(before + wrong + 1)}."
            )
        try:
            arrays.append(pa.array(values, kind.type))
        except UnicodeEncodeError as error:
            broken = next(n for n, value in enumerate(values) if _is_broken(value))
            raise InputError(
                f"The column {kind.name!r} holds half of a character, {error.object[error.start]!r}, in "
                f"{table.locate(before + broken + 1)}: an emoji that was cut in two? Fix the row."
            ) from error
    return pa.Table.from_arrays(arrays, schema=schema)


def _fits(value: Any, kind: pa.DataType) -> bool:
    if isinstance(value, list):
        return pa.types.is_list(kind) and all(_is_string(one) for one in value)
    if isinstance(value, dict):
        known = {field.name for field in kind} if pa.types.is_struct(kind) else set()
        return value.keys() <= known and all(_is_string(one) for one in value.values())
    return value is None or (isinstance(value, str) and pa.types.is_string(kind))


def _is_broken(value: Any) -> bool:
    """Return whether a value holds characters that no encoding has (lone surrogates)."""
    return not is_utf8(json.dumps(value, ensure_ascii=False))


def _is_string(value: Any) -> bool:
    return value is None or isinstance(value, str)
