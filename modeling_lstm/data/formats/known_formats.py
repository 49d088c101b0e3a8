"""Open files of all known formats as tables."""

import logging
from pathlib import Path
from typing import Any

from ...utils.errors import InputError, as_list, require
from ...utils.files import exists
from ..arguments import FileArguments
from .delimited import Delimited, Lines
from .encodings import explain_damage, find_kind, find_suffix
from .json_lines import Json
from .parquet import ParquetFile
from .table import Table

logger = logging.getLogger(__name__)

FORMATS = {
    **{".csv": "csv", ".tsv": "csv", ".json": "json", ".jsonl": "json", ".ndjson": "json"},
    **{".parquet": "parquet", ".txt": "text"},
}


def open_table(path: Path, arguments: FileArguments) -> Table:
    """
    Open a file of one of the known formats.

    Raises:
        InputError: it does not exist, is empty, or cannot be read.
    """
    require(exists(path) and path.is_file(), f"There is no file {str(path)!r}.")
    suffix = find_suffix(path)
    if suffix not in FORMATS:
        kind = find_kind(path)
        raise InputError(
            f"{str(path)!r} must be a file of one of the formats {as_list(FORMATS)}, found {suffix or 'no suffix'}."
            + (f" Its first bytes are those of {kind}." if kind else "")
        )
    kinds: dict[str, type[Any]] = {"csv": Delimited, "json": Json, "text": Lines}
    with explain_damage(path):
        return ParquetFile(path) if FORMATS[suffix] == "parquet" else kinds[FORMATS[suffix]](path, arguments)
