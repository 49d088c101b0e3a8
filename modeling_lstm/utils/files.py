"""Write files completely or not at all: under a temporary name that is then changed."""

import contextlib
import functools
import json
import os
import shutil
import socket
import stat
import tempfile
import uuid
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from .errors import InputError, UnavailableError, explain_save_failure, require

SAVING = ".saving-"  # how temporary names begin
UNRELATED = (".DS_Store", "Thumbs.db", "desktop.ini", "lost+found")  # of file managers and file systems


def exists(path: Path) -> bool:
    """Return whether a file or folder exists; `False`, too, for what cannot be a name."""
    try:
        return path.exists()
    except OSError:
        return False


def make_folder(folder: Path) -> None:
    """
    Make a folder and its parents, unless they exist.

    Raises:
        InputError: there is a file in its place, or it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        found = next(str(one) for one in (folder, *folder.parents) if one.is_file() or one.is_symlink())
        raise InputError(f"{found!r} is a file: name a folder.") from error
    except OSError as error:
        raise InputError(f"The folder {str(folder)!r} cannot be made ({error.strerror}): choose another.") from error


def check_writable(path: Path, flag: str) -> None:
    """Raise unless a file or folder, or what is there of the folders above it, may be written."""
    there = next((one for one in (path, *path.absolute().parents) if exists(one)), path)
    require(
        os.access(there, os.W_OK | (os.X_OK if there.is_dir() else 0)),
        f"{flag} {str(path)!r} cannot be written: you may not write to {str(there)!r}. Choose another.",
    )


@contextlib.contextmanager
def write_folder(folder: Path, last: str | None = None) -> Iterator[Path]:
    """
    Yield a temporary folder inside `folder`. Its contents move into `folder` once everything is written.

    Args:
        last: The file that moves last: if it is there, so is the rest.

    Raises:
        UnavailableError: the disk is full or the folder cannot be written; what was there before is untouched.
        InputError: there is a file in its place.
    """
    make_folder(folder)
    _remove_leftovers(folder)
    temporary = folder / temporary_name()
    try:
        temporary.mkdir(0o700)
        yield temporary
        mode = _usual_mode(temporary)
        paths = sorted(temporary.iterdir(), key=lambda path: path.name == last)
        for path in paths:
            if path.is_file():
                path.chmod(mode)  # safetensors makes files that only their owner can read
        with tempfile.TemporaryDirectory(dir=temporary) as before:
            _move(paths, folder, Path(before), last)
    except (OSError, SafetensorError, RuntimeError) as error:
        if cause := explain_save_failure(error):
            raise UnavailableError(
                f"Nothing was saved in {str(folder)!r}, and what was there is untouched: {cause}"
            ) from error
        raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _move(paths: list[Path], folder: Path, before: Path, last: str | None) -> None:
    """
    Move files and folders into a folder. What they replace is kept in `before`, and put back if a move fails. The old
    file named `last` is gone first, so that it never stands beside new files.
    """
    done = []
    try:
        if last is not None and (folder / last).is_file():
            done.append(folder / last)
            os.replace(folder / last, before / last)
        for path in paths:
            target = folder / path.name
            done.append(target)
            if target.is_dir():
                os.replace(target, before / path.name)
            elif target.is_file():
                with contextlib.suppress(OSError):  # on a file system without links, nothing can be put back
                    os.link(target, before / path.name)
            os.replace(path, target)
    except BaseException:
        for target in done:
            if (before / target.name).exists():
                if target.is_dir():
                    shutil.rmtree(target)
                os.replace(before / target.name, target)
        raise


def _usual_mode(folder: Path) -> int:
    """Return the mode of new files in this folder."""
    probe = folder / temporary_name()
    probe.touch(exist_ok=False)
    mode = stat.S_IMODE(probe.stat().st_mode)
    probe.unlink()
    return mode


def temporary_name() -> str:
    """Return a new name that tells other processes which process is writing, and on which machine."""
    return f"{SAVING}{os.getpid()}-{machine()}-{uuid.uuid4().hex}"


@functools.cache
def machine() -> str:
    """Return a name of where the ids of processes hold: this machine, or a container, which counts its own."""
    name = socket.gethostname()
    with contextlib.suppress(OSError):  # there is no such file where there are no containers
        name += str(os.stat("/proc/self/ns/pid").st_ino)
    return f"{zlib.crc32(name.encode()):08x}"


def is_occupied(folder: Path) -> bool:
    """Return whether a folder holds more than the leftovers of a killed save, and of file managers."""
    return bool(find_contents(folder))


def find_contents(folder: Path) -> set[str]:
    """Return the names in a folder without the leftovers of a killed save, and what file managers leave there."""
    return {path.name for path in folder.iterdir() if not path.name.startswith(SAVING)} - {*UNRELATED}


def is_within(path: Path, folder: Path) -> bool:
    """Return whether a path is a folder or lies in it, perhaps under another name of the same folder."""
    path, folder = path.expanduser().resolve(), folder.expanduser().resolve()
    above = (path, *path.parents)
    return folder in above or (exists(folder) and any(exists(one) and one.samefile(folder) for one in above))


@contextlib.contextmanager
def claim_folder(folder: Path) -> Iterator[None]:
    """
    Make a folder and keep other processes on this machine from claiming it, as they would overwrite each other's files.

    Raises:
        UnavailableError: another process has claimed it.
        InputError: it cannot be made.
    """
    make_folder(folder)
    claim = folder / f"{SAVING}{os.getpid()}-{machine()}-claim"
    claim.touch()  # before others are looked for, so that two processes cannot miss each other
    try:
        claims = (one for one in folder.glob(f"{SAVING}*-{machine()}-claim") if _writer(one) != os.getpid())
        other = next((one for one in claims if is_running(_writer(one))), None)
        if other is not None:
            raise UnavailableError(
                f"Another process is writing into {str(folder)!r}: wait for it, or name another folder. If there is "
                f"none, remove {str(other)!r}."
            )
        yield
    finally:
        claim.unlink(missing_ok=True)


def empty_folder(folder: Path) -> None:
    """Remove what is in a folder, or in the one that a link points to, except what this process is writing."""
    for path in folder.iterdir():
        if path.name.startswith(f"{SAVING}{os.getpid()}-") or path.name in UNRELATED:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _remove_leftovers(folder: Path) -> None:
    """Remove what killed processes of this machine were writing into a folder."""
    for leftover in folder.glob(f"{SAVING}*-{machine()}-*"):
        if is_running(_writer(leftover)):
            continue
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)


def _writer(temporary: Path) -> int:
    """Return the id of the process that made a temporary file or folder, from its name."""
    return int(temporary.name.removeprefix(SAVING).partition("-")[0])


def is_running(process: int) -> bool:
    """Return whether a process with this id runs on this machine."""
    import psutil  # `os.kill` would interrupt it on Windows

    return psutil.pid_exists(process)


def read_json(path: Path) -> Any:
    """
    Read a JSON file.

    Raises:
        InputError: it is damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{str(path)!r} is damaged ({error}): remove it and run the command again.") from error


def write_json(path: Path, content: Any) -> None:
    """Write JSON under a temporary name, then rename it."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a file under a temporary name, then rename it."""
    with write_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


@contextlib.contextmanager
def write_file(path: Path) -> Iterator[Path]:
    """
    Yield a temporary path with the same suffix, in a folder that is made if needed. What is written there replaces the
    file, and gets the mode of the old file or else that of new files here. A link is replaced, not followed: in a cache
    of the Hub it points to a file that other folders share.

    Raises:
        UnavailableError: the disk is full, for example; what was there before is untouched.
        InputError: a file is in place of the folder, or a folder in place of the file.
    """
    make_folder(path.parent)
    require(not path.is_dir(), f"{str(path)!r} is a folder: name a file.")
    temporary = path.with_name(f"{temporary_name()}{path.suffix}")
    _remove_leftovers(path.parent)
    try:
        mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else _usual_mode(path.parent)
        temporary.touch(0o600, exist_ok=False)
        yield temporary
        temporary.chmod(mode)
        temporary.replace(path)
    except OSError as error:
        if cause := explain_save_failure(error):
            raise UnavailableError(f"{str(path)!r} was not written: {cause}") from error
        raise
    finally:
        temporary.unlink(missing_ok=True)
