"""Read Parquet files."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ...utils.errors import InputError
from .encodings import explain_damage
from .table import Table

STRINGS = ("string", "large_string", "string_view")


class ParquetFile(Table):
    """A Parquet file. Its values keep the types that it declares."""

    def __init__(self, path: Path):
        super().__init__(path)
        self.schema = pq.read_schema(path)
        self.columns = list(self.schema.names)
        self.num_rows = pq.read_metadata(path).num_rows

    def feature(self, column: str) -> Any:
        """Return the `datasets` feature of a column, with the names of its labels if the file has them."""
        from datasets import Features  # takes a second, and `predict` needs no features

        field = self.schema.field(self.columns.index(column))
        return Features.from_arrow_schema(pa.schema([field], self.schema.metadata))[column]

    def rows(self, columns: list[str]) -> Iterator[tuple[Any, ...]]:
        """See [`Table.rows`]; the values need not be strings."""
        with explain_damage(self.path), pq.ParquetFile(self.path) as file:
            for batch in file.iter_batches(batch_size=1_000, columns=list(dict.fromkeys(columns))):
                yield from zip(*(self._values(batch, name) for name in columns), strict=True)

    def _values(self, batch: pa.RecordBatch, name: str) -> list[Any]:
        """Return the values of a column. Raises [`InputError`] for times that Python cannot hold."""
        column = batch.column(name)
        try:
            if pa.types.is_time64(column.type):
                column = column.cast(pa.time64("us"))  # raises if that changes one, as to_pylist does not
            values: list[Any] = column.to_pylist()
        except (OverflowError, ValueError) as error:
            raise InputError(
                f"The column {name!r} of {str(self.path)!r} ({column.type}) holds a value that Python cannot hold: "
                f"{error}. Leave the column out, or write it as text."
            ) from error
        return values

    def lines(self) -> Iterator[None]:
        """See [`Table.lines`]; there are none."""
        return itertools.repeat(None, self.num_rows)

    def text_columns(self) -> dict[str, bool]:
        """Return the string columns."""
        kinds = {one.name: one.type for one in self.schema}
        plain = {name: kind.value_type if pa.types.is_dictionary(kind) else kind for name, kind in kinds.items()}
        return {name: True for name, kind in plain.items() if str(kind) in STRINGS}
