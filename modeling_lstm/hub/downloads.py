"""Find files in local folders or on the Hub, and explain errors in one sentence."""

import fnmatch
import hashlib
import logging
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from huggingface_hub import (
    get_hf_file_metadata,
    get_token,
    hf_hub_download,
    hf_hub_url,
    snapshot_download,
)
from huggingface_hub.errors import (
    HFValidationError,
    RepositoryNotFoundError,
)

from ..utils.errors import InputError, require
from ..utils.files import exists
from ..utils.settings import TRANSFORMER_PREFIX
from .refusals import FAILURES, explain_refusal

logger = logging.getLogger(__name__)

COMMIT_HASH = re.compile(r"[0-9a-f]{40}")
CLIENT = logging.getLogger("huggingface_hub._snapshot_download")


def is_hub_id(source: Any) -> bool:
    """Whether a source names a repository on the Hub, not a file, a folder, a file in a repository or an object."""
    name = str(source).removeprefix(TRANSFORMER_PREFIX)
    is_name = isinstance(source, str) and re.fullmatch(r"(?!\.)[\w.-]+(/[\w.-]+)?", name)
    return bool(is_name) and not exists(Path(name))


def download(source: str, revision: str | None, patterns: list[str]) -> Path:
    """
    Download the files of a repository that match the patterns, or take them from the cache, and return their folder.

    Raises:
        InputError: the Hub refuses the download, or the files are corrupt.
    """
    CLIENT.addFilter(_tells_no_patterns)
    folder = Path(_ask(source, snapshot_download, repo_id=source, revision=revision, allow_patterns=patterns))
    for path in folder.rglob("*"):
        if path.is_file() and any(fnmatch.fnmatch(path.relative_to(folder).as_posix(), one) for one in patterns):
            _check_digest(path, source)
    return folder


def _tells_no_patterns(record: logging.LogRecord) -> bool:
    """Filter out the client's "No files matched" message: callers report missing files themselves."""
    return not record.getMessage().startswith("No files matched")


def download_file(repo_id: str, name: str, revision: str | None, *, repo_type: str = "model") -> Path:
    """Download a file of a repository on the Hub to the cache, and return its path. Raises as [`download`] does."""
    require(bool(repo_id and name), f"There is no file {repo_id}:{name}.")
    asked = {"repo_id": repo_id, "filename": name, "revision": revision, "repo_type": repo_type}
    path = Path(_ask(f"{repo_id}:{name}", hf_hub_download, **asked))
    _check_digest(path, repo_id)
    return path


def check_public(repo_id: str) -> None:
    """Raise unless anyone can read the `config.json` of a model on the Hub without a token."""
    try:
        get_hf_file_metadata(hf_hub_url(repo_id, "config.json"), token=False)
    except RepositoryNotFoundError as error:  # the base class of GatedRepoError
        raise InputError(
            f"{repo_id!r} is private or gated on the Hub, and a Space reads it without a token: name its run folder "
            "instead, or make it public."
        ) from error
    except FAILURES as error:
        raise InputError(f"{repo_id!r} cannot be read on the Hub: {explain_refusal(error)}") from error


def _check_digest(path: Path, source: str) -> None:
    """
    Check a cached file against the digest that its blob is named by, and remove it if they differ. The Hub's client
    compares only sizes. In a cache without links, the digest is unknown and nothing is checked.
    """
    if not path.is_symlink():
        return
    # follow one link only: the blob may itself be a link into a store shared by repositories, with another digest
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
        raise InputError(f"{path.name} of {source!r} was corrupt after the download from the Hub: try again.")


def _ask(what: str, call: Callable[..., Any], **arguments: Any) -> Any:
    try:
        return call(**arguments)
    except HFValidationError as error:
        raise InputError(
            f"There is no file or folder {what!r} here, and it is not the id of a repository on the Hub: write "
            "OWNER/NAME instead of a URL, and pass a revision with its own flag."
        ) from error
    except FAILURES as error:
        raise InputError(
            f"There is no file or folder {what!r} here, and "
            f"{explain_refusal(error, get_token(), arguments['revision'])}"
        ) from error
