"""Open files of all known formats as tables."""

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ...utils.display import warn_once
from ...utils.errors import InputError, as_text, require
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
# The file settings that apply to each format
SETTINGS = {"csv": ["delimiter", "encoding", "quoting"], "json": ["encoding"], "text": ["encoding"], "parquet": []}


def open_table(path: Path, arguments: FileArguments) -> Table:
    """
    Open a file of one of the known formats.

    Raises:
        InputError: it does not exist, is empty, or cannot be read.
    """
    require(exists(path), f"There is no file {str(path)!r}.")
    require(not path.is_dir(), f"{str(path)!r} is a folder: name a file in it.")
    require(path.is_file(), f"{str(path)!r} is a pipe or a device: write its content to a file, and name that.")
    suffix = find_suffix(path)
    if suffix not in FORMATS:
        kind = find_kind(path)
        raise InputError(
            f"{str(path)!r} must be a file of one of the formats {as_text(FORMATS)}, found {suffix or 'no suffix'}."
            + (f" Its first bytes are those of {kind}." if kind else "")
        )
    kinds: dict[str, type[Any]] = {"csv": Delimited, "json": Json, "text": Lines}
    with explain_damage(path):
        return ParquetFile(path) if FORMATS[suffix] == "parquet" else kinds[FORMATS[suffix]](path, arguments)


def warn_of_unused(source: str, kinds: Iterable[str], arguments: FileArguments) -> None:
    """Warn once of file settings that do not apply to any of the formats of a source."""
    used = {name for kind in kinds for name in SETTINGS[kind]}
    unused = [name for name in SETTINGS["csv"] if getattr(arguments, name) is not None and name not in used]
    if unused:
        warn_once(logger, f"{source}: --{', --'.join(unused)} has no effect on this format.")
