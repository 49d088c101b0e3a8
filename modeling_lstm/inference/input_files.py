"""Find the files to answer: one file, a folder or a pattern, local or on another filesystem that pyarrow supports."""

import contextlib
import fnmatch
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
from pyarrow import fs

from ..data.formats.encodings import find_suffix
from ..data.formats.known_formats import FORMATS
from ..utils.errors import InputError, as_text, first_line, require

WILD = "*?["


@dataclass(frozen=True)
class InputFile:
    """
    A file to answer.

    Args:
        name: Its path relative to the folder.
        path: Its path in its filesystem.
        size: Its size in bytes.
        modified: Its modification time, in seconds.
    """

    name: str
    path: str
    size: int
    modified: float

    @contextlib.contextmanager
    def fetch(self, filesystem: fs.FileSystem) -> Iterator[Path]:
        """Yield a local path to the file: its own, or that of a temporary copy, which errors do not name."""
        if isinstance(filesystem, fs.LocalFileSystem):
            yield Path(self.path)
            return
        with tempfile.TemporaryDirectory() as folder:
            local = Path(folder, PurePosixPath(self.name).name)
            fs.copy_files(self.path, str(local), source_filesystem=filesystem)
            try:
                yield local
            except InputError as error:
                raise InputError(str(error).replace(str(local), self.path)) from error


def open_filesystem(uri: str, flag: str) -> tuple[fs.FileSystem, str]:
    """
    Return the filesystem of a path or a URL (`s3://...`, `gs://...`, `hdfs://...`), and the path in it.

    Raises:
        InputError: pyarrow cannot open it.
    """
    try:
        return fs.FileSystem.from_uri(uri if "://" in uri else str(Path(uri).expanduser().absolute()))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError(f"{flag} {uri!r} cannot be opened: {first_line(error)}") from error


def list_files(filesystem: fs.FileSystem, path: str, uri: str) -> list[InputFile]:
    """
    List the files of a known format at a path, sorted by name: all files below a folder, or those that match a pattern.

    Raises:
        InputError: there are none, or the path cannot be read.
    """
    root = _find_root(filesystem, path)
    try:
        there = filesystem.get_file_info(root)
        if there.type == fs.FileType.File:
            return [_describe(there, PurePosixPath(root).name)]
        require(there.type == fs.FileType.Directory, f"There is no file or folder {uri!r} for --input.")
        found = filesystem.get_file_info(fs.FileSelector(root, recursive=True))
    except OSError as error:
        raise InputError(f"--input {uri!r} cannot be read: {first_line(error)}") from error
    files = [
        _describe(one, str(PurePosixPath(one.path).relative_to(root)))
        for one in found
        if one.type == fs.FileType.File and _is_meant(one.path, root, path)
    ]
    require(len(files) > 0, f"There is no file in one of the formats {as_text(FORMATS)} at --input {uri!r}.")
    return sorted(files, key=lambda one: one.name)


def would_list(filesystem: fs.FileSystem, path: str, file: str) -> bool:
    """Whether [`list_files`] would return a file if it existed."""
    if isinstance(filesystem, fs.LocalFileSystem):
        path, file = str(Path(path).resolve()), str(Path(file).resolve())
    root = _find_root(filesystem, path)
    return PurePosixPath(file).is_relative_to(root) and _is_meant(file, root, path)


def _find_root(filesystem: fs.FileSystem, path: str) -> str:
    """Return the folder that holds all files of a pattern. A path without a pattern is returned as it is."""
    root = path
    while any(sign in root for sign in WILD) and filesystem.get_file_info(root).type == fs.FileType.NotFound:
        root = str(PurePosixPath(root).parent)
    return root


def _is_meant(file: str, root: str, path: str) -> bool:
    """Whether a file below the root has a known format, is not hidden, and matches the pattern, if there is one."""
    is_hidden = any(part.startswith((".", "_")) for part in PurePosixPath(file).relative_to(root).parts)
    is_fitting = root == path or _matches(file.split("/"), path.split("/"))
    return not is_hidden and is_fitting and find_suffix(Path(file)) in FORMATS


def _matches(parts: list[str], patterns: list[str]) -> bool:
    """Whether a path matches a pattern, as in a shell: `*` stays within a folder, `**` is any number of folders."""
    if not patterns:
        return not parts
    if patterns[0] == "**":
        return any(_matches(parts[number:], patterns[1:]) for number in range(len(parts) + 1))
    return bool(parts) and fnmatch.fnmatchcase(parts[0], patterns[0]) and _matches(parts[1:], patterns[1:])


def _describe(info: Any, name: str) -> InputFile:
    return InputFile(name, info.path, int(info.size), round((info.mtime_ns or 0) / 1e9, 3))
