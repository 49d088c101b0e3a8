"""Parquet files."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from .encodings import explain_damage
from .table import Table

STRINGS = ("string", "large_string", "string_view")


class ParquetFile(Table):
    """A Parquet file; its values have the types that it says."""

    def __init__(self, path: Path):
        super().__init__(path)
        self.schema = pq.read_schema(path)
        self.columns = list(self.schema.names)

    def rows(self, columns: list[str]) -> Iterator[tuple[Any, ...]]:
        """As for [`Table.rows`], with values of other types than strings too."""
        with explain_damage(self.path), pq.ParquetFile(self.path) as file:
            for batch in file.iter_batches(batch_size=1_000, columns=list(dict.fromkeys(columns))):
                yield from zip(*(batch.column(name).to_pylist() for name in columns), strict=True)

    def lines(self) -> Iterator[None]:
        """As for [`Table.lines`]: there are none."""
        return itertools.repeat(None, pq.read_metadata(self.path).num_rows)

    def text_columns(self) -> dict[str, bool]:
        """The columns of strings."""
        kinds = {one.name: getattr(one.type, "value_type", one.type) for one in self.schema}  # also of a dictionary
        lists = (pa.types.is_list, pa.types.is_large_list)
        return {
            name: True
            for name, kind in kinds.items()
            if str(kind) in STRINGS and not any(is_one(self.schema.field(name).type) for is_one in lists)
        }
