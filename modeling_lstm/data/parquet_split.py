"""`ParquetSplit`: a split in Parquet files, which must agree on what their columns hold."""

import glob
import itertools
from functools import partial
from typing import Any

from datasets import ClassLabel, Dataset, Features, LargeList, List, Value, concatenate_datasets
from datasets.packaged_modules.parquet.parquet import Parquet

from ..utils.errors import InputError, require
from .digests import digest_of, file_state
from .formats.parquet import STRINGS, ParquetFile
from .formats.table import ROWS_AT_ONCE
from .splits import FileSplit, name_labels


class ParquetSplit(FileSplit):
    """
    A split in Parquet files. If files number labels differently, the labels are matched by name. Any other difference
    in what a column holds is an error.
    """

    def _read(self, columns: list[str]) -> Dataset:
        filled = [table for table in self.tables if isinstance(table, ParquetFile) and table.num_rows]
        require(len(filled) > 0, f"The {self.origin} has no rows.")
        features = [Features({name: table.feature(table.find(name)) for name in columns}) for table in filled]
        kinds = {name: _unify([one[name] for one in features], filled, name) for name in columns}
        indices = itertools.groupby(range(len(filled)), key=lambda index: (filled[index].columns, features[index]))
        parts = [_load([filled[index] for index in some], kind) for (_, kind), some in indices]
        rows = parts[0] if len(parts) == 1 else concatenate_datasets([_brought_to(kinds, part) for part in parts])
        return self._apply_card(rows)


def _load(tables: list[ParquetFile], features: Features) -> Dataset:
    """Read columns of files that have the same columns, under the names asked for, and keep them in the cache."""
    files, names = [table.path for table in tables], [tables[0].find(name) for name in features]
    written = Features(dict(zip(names, features.values(), strict=True)))
    builder = Parquet(
        columns=names,
        features=written,
        batch_size=ROWS_AT_ONCE,
        hash=digest_of(map(file_state, files)),
        data_files={"train": [glob.escape(str(path)) for path in files]},
    )
    builder.download_and_prepare()
    rows: Dataset = builder.as_dataset(split="train")
    return rows.rename_columns({old: new for old, new in zip(names, features, strict=True) if old != new})


def _unify(found: list[Any], tables: list[ParquetFile], column: str) -> Any:
    """
    Return a feature that fits a column in all files.

    Raises:
        InputError: the files hold different kinds of values.
    """
    told = {_kind(feature): index for index, feature in reversed(list(enumerate(found))) if not _is_null(feature)}
    if len(told) > 1:
        (first, one), (second, other) = sorted(told.items(), key=lambda item: item[1])[:2]
        paths = [repr(str(tables[index].path)) for index in (one, other)]
        raise InputError(
            f"The column {column!r} holds {first} in {paths[0]} and {second} in {paths[1]}: write both as one type."
        )
    if not told:
        return found[0]
    feature = found[next(iter(told.values()))]
    return feature if all(one == feature or _is_null(one) for one in found) else _common(feature)


def _is_null(feature: Any) -> bool:
    return getattr(feature, "dtype", None) == "null"


def _kind(feature: Any) -> str:
    """Describe what a column holds, ignoring its bit width."""
    if isinstance(feature, (List, LargeList)):
        return f"lists of {_kind(feature.feature)}"
    if isinstance(feature, ClassLabel):
        return "labels with names"
    dtype = str(getattr(feature, "dtype", feature))
    for begin, kind in (("int", "integers"), ("uint", "integers"), ("float", "numbers"), ("bool", "truth values")):
        if dtype.startswith(begin):
            return kind
    return "strings" if dtype in STRINGS else dtype


def _common(feature: Any) -> Any:
    """Return the widest feature of the same kind; for labels with names, strings."""
    if isinstance(feature, (List, LargeList)):
        return List(_common(feature.feature))
    widest = {"labels with names": "string", "strings": "string", "integers": "int64", "numbers": "float64"}
    kind = _kind(feature)
    return Value(widest[kind]) if kind in widest else feature


def _brought_to(kinds: dict[str, Any], rows: Dataset) -> Dataset:
    """Convert the columns of the rows to these features."""
    for name, kind in kinds.items():
        here = rows.features[name]
        if here == kind:
            continue
        coded = here.feature if isinstance(here, (List, LargeList)) else here
        if isinstance(coded, ClassLabel):
            features = Features({**rows.features, name: kind})
            rows = rows.map(partial(name_labels, name=name, coded=coded), features=features)
        else:
            rows = rows.cast_column(name, kind)
    return rows
