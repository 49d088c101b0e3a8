"""The Hub: finding files here or there, and what goes wrong with it in one sentence."""

import fnmatch
import hashlib
import logging
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from huggingface_hub import (
    get_token,
    hf_hub_download,
    snapshot_download,
)
from huggingface_hub.errors import (
    HFValidationError,
)

from ..utils.errors import InputError, as_list, require
from ..utils.files import exists
from .refusals import FAILURES, explain_refusal

logger = logging.getLogger(__name__)

COMMIT_HASH = re.compile(r"[0-9a-f]{40}")
CLIENT = logging.getLogger("huggingface_hub._snapshot_download")


def is_hub_id(source: Any) -> bool:
    """Whether that names a repository of the Hub, not a file, a folder, a file in a repository or an object."""
    name = str(source).removeprefix("transformer:")
    is_name = isinstance(source, str) and re.fullmatch(r"(?!\.)[\w.-]+(/[\w.-]+)?", name)
    return bool(is_name) and not exists(Path(name))


def download(source: str, revision: str | None, patterns: list[str]) -> Path:
    """
    The folder of a repository's files whose names match, from the cache where they are there.

    Raises:
        InputError: the Hub does not give them, or other bytes than it names.
    """
    CLIENT.addFilter(_tells_no_patterns)
    folder = Path(_ask(source, snapshot_download, repo_id=source, revision=revision, allow_patterns=patterns))
    for path in folder.rglob("*"):
        if path.is_file() and any(fnmatch.fnmatch(path.relative_to(folder).as_posix(), one) for one in patterns):
            _check_digest(path, source)
    return folder


def _tells_no_patterns(record: logging.LogRecord) -> bool:
    """Whether what the Hub's client says is more than that no file has a name of ours: whoever misses one says so."""
    return not record.getMessage().startswith("No files matched")


def download_file(repo_id: str, name: str, revision: str | None) -> Path:
    """A file of a repository of the Hub, in the cache; raises as [`download`] does."""
    require(bool(repo_id and name), f"There is no file {repo_id}:{name}.")
    path = Path(_ask(f"{repo_id}:{name}", hf_hub_download, repo_id=repo_id, filename=name, revision=revision))
    _check_digest(path, repo_id)
    return path


def _check_digest(path: Path, source: str) -> None:
    """
    Raise, and take the file out of the cache, unless it has the digest that names its blob; the Hub's client looks at
    sizes only. A cache without links does not tell the digest.
    """
    if not path.is_symlink():
        return
    # one step, not to the end: a blob may itself be a link to a store that repositories share, under another digest
    blob = path.parent / os.readlink(path)
    digest = {64: hashlib.sha256(), 40: hashlib.sha1(b"blob %d\0" % path.stat().st_size)}.get(len(blob.name))
    if digest is None:
        return
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    if digest.hexdigest() != blob.name:
        blob.unlink()
        path.unlink()
        raise InputError(f"{path.name} of {source!r} came from the Hub with wrong bytes: try again.")


def find_folder(
    source: str, revision: str | None, needed: list[str], welcome: list[str] | None = None, subfolder: str = "."
) -> Path:
    """
    The folder with the needed files: a folder here or a repository of the Hub, or the subfolder in it.

    Raises:
        InputError: there is none, or it lacks one of the files.
    """
    folder = Path(source)
    is_local = exists(folder)
    if not is_local:
        names = needed + (welcome or [])
        folder = download(source, revision, names + [f"{subfolder}/{name}" for name in names])
    for one in (folder, folder / subfolder):
        if all((one / name).is_file() for name in needed):
            return one
    missing = [name for name in needed if not (folder / name).is_file()]
    file = f"{source}/FILE" if is_local else f"{source}:FILE"
    raise InputError(
        f"{source!r} lacks {as_list(missing)}, which a folder of vectors has. A single file of vectors is named as "
        f"{file}, a Transformer as transformer:{source}."
    )


def _ask(what: str, call: Callable[..., Any], **arguments: Any) -> Any:
    try:
        return call(**arguments)
    except HFValidationError as error:
        raise InputError(
            f"There is no file or folder {what!r} here, and it is not the id of a repository on the Hub: write "
            "OWNER/NAME, without an address, and a revision by its own flag."
        ) from error
    except FAILURES as error:
        raise InputError(
            f"There is no file or folder {what!r} here, and "
            f"{explain_refusal(error, get_token(), arguments['revision'])}"
        ) from error
