"""The Hub: finding files here or there, pushing files, and what goes wrong with either in one sentence."""

import hashlib
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import CommitOperationAdd, HfApi, RepoUrl, get_token, hf_hub_download, snapshot_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from .card import is_as_written
from .errors import InputError, listed, require

logger = logging.getLogger(__name__)

CARD = "README.md"


@dataclass
class Push:
    """What came of a push."""

    url: str
    commit: str
    is_new: bool
    """Whether there is a commit of it: the same files again make none."""


def exists(path: Path) -> bool:
    """Whether there is a file or folder of that name; False too for what cannot be a name."""
    try:
        return path.exists()
    except OSError:
        return False


def download(source: str, revision: str | None, patterns: list[str]) -> Path:
    """
    The folder of a repository's files whose names match, from the cache where they are there.

    Raises:
        InputError: the Hub does not give them, or other bytes than it names.
    """
    folder = Path(_asked(source, snapshot_download, repo_id=source, revision=revision, allow_patterns=patterns))
    for path in folder.rglob("*"):
        if path.is_file() and not _is_intact(path):
            file = path.resolve()
            file.unlink()
            path.unlink()
            raise InputError(f"{path.name} of {source!r} came from the Hub with wrong bytes: try again.")
    return folder


def _is_intact(path: Path) -> bool:
    """Whether a file of the cache has the digest that names its blob; the Hub's client looks at its size only."""
    content, name = path.read_bytes(), path.resolve().name
    if len(name) == 64:
        return hashlib.sha256(content).hexdigest() == name
    return len(name) != 40 or hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest() == name


def download_file(repo_id: str, name: str, revision: str | None) -> Path:
    """A file of a repository of the Hub, in the cache."""
    require(bool(repo_id and name), f"There is no file {repo_id}:{name}.")
    return Path(_asked(f"{repo_id}:{name}", hf_hub_download, repo_id=repo_id, filename=name, revision=revision))


def folder_with(
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
        f"{source!r} lacks {listed(missing)}, which a folder of vectors has. A single file of vectors is named as "
        f"{file}, a Transformer as transformer:{source}."
    )


def _asked(what: str, call: Callable[..., Any], **arguments: Any) -> Any:
    try:
        return call(**arguments)
    except HFValidationError as error:
        raise InputError(f"There is no file or folder {what!r} here, and it is no id of the Hub.") from error
    except (HfHubHTTPError, OSError) as error:
        raise InputError(f"There is no file or folder {what!r} here, and {reason(error)}") from error


def create_repository(repo_id: str, repo_type: str, *, private: bool | None = None, token: str | None = None) -> str:
    """
    The whole id of a repository of the Hub, made if it does not exist.

    Args:
        repo_id: `owner/name`, or `name` of one's own.

    Raises:
        InputError: the Hub refuses or does not answer.
    """
    try:
        url: RepoUrl = HfApi(token=token).create_repo(repo_id, repo_type=repo_type, private=private, exist_ok=True)
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        raise InputError(f"Nothing was pushed to {repo_id!r}: {reason(error)}") from error
    return url.repo_id


def push_files(
    files: dict[str, Path | bytes],
    repo_id: str,
    message: str,
    *,
    repo_type: str = "model",
    revision: str | None = None,
    create_pr: bool = False,
    token: str | None = None,
    overwrite_card: bool = False,
) -> Push:
    """
    Push files in one commit: all of them or none, and none where somebody else pushes at the same moment. A card
    (README.md) there that a person wrote stays as it is.

    Args:
        files: Path or content of each file, by its name in the repository, which exists.
        revision: Branch, made if it does not exist; `main` by default.
        create_pr: Open a pull request instead.
        overwrite_card: Replace a card that a person wrote.

    Raises:
        InputError: the Hub refuses, does not answer, or has a newer commit meanwhile.
    """
    api = HfApi(token=token)
    try:
        if revision is not None and not revision.startswith("refs/") and not create_pr:
            api.create_branch(repo_id, branch=revision, repo_type=repo_type, exist_ok=True)
        head = api.repo_info(repo_id, repo_type=repo_type, revision=revision).sha
        if (
            CARD in files
            and not overwrite_card
            and _is_persons(_there(api, CARD, repo_id, repo_type, head), files[CARD])
        ):
            logger.warning("%s of %s was written by a person and stays: --overwrite_card replaces it.", CARD, repo_id)
            files = {name: file for name, file in files.items() if name != CARD}
        commit = api.create_commit(
            repo_id,
            [CommitOperationAdd(name, file) for name, file in sorted(files.items())],
            commit_message=message,
            repo_type=repo_type,
            revision=revision,
            create_pr=create_pr,
            parent_commit=head,
        )
    except (HfHubHTTPError, HFValidationError, OSError, ValueError) as error:
        raise InputError(f"Nothing was pushed to {repo_id!r}: {reason(error)}") from error
    return Push(commit.pr_url or commit.commit_url, commit.oid, commit.oid != head)


def _there(api: HfApi, name: str, repo_id: str, repo_type: str, revision: str | None) -> bytes | None:
    try:
        return Path(api.hf_hub_download(repo_id, name, repo_type=repo_type, revision=revision)).read_bytes()
    except EntryNotFoundError:
        return None


def _is_persons(there: bytes | None, new: Path | bytes) -> bool:
    new = new if isinstance(new, bytes) else new.read_bytes()
    return there is not None and there != new and not is_as_written(there.decode("utf-8", "replace"))


def reason(error: Exception) -> str:
    """What the Hub's answer, or its silence, means and what to do, as a sentence."""
    status = error.response.status_code if isinstance(error, HfHubHTTPError) else None
    said = str(getattr(error, "server_message", None) or error).strip().splitlines()[0]
    if isinstance(error, GatedRepoError):
        return "access to it must be granted by its owner: ask for it on its page, and log in with `hf auth login`."
    if isinstance(error, RevisionNotFoundError):
        return "the repository has no such revision (branch, tag or commit)."
    if isinstance(error, LocalEntryNotFoundError):
        return "it is not in the cache, and the Hub cannot be reached: connect to the network."
    if isinstance(error, EntryNotFoundError):
        return "the repository has no such file."
    if status == 401 and "credentials" in said:
        return "the Hub does not know this token: log in again with `hf auth login`, or correct HF_TOKEN."
    if status == 401 and get_token() is None:
        return "the Hub knows no public repository of that name: if it is private or your own, `hf auth login` first."
    if isinstance(error, RepositoryNotFoundError):
        return "the Hub has no repository of that name that your token may read."
    if status == 403:
        return f"your token may not write there ({said}): make one that may in your settings on the Hub."
    if status in (409, 412):
        return "somebody else pushed at the same moment; theirs is there. Look at it and push again."
    if status is not None:
        return f"the Hub answers {status} ({said}): try again later."
    if isinstance(error, HFValidationError | ValueError):
        return str(error).strip().splitlines()[0]
    return f"the Hub cannot be reached ({said}): try again when there is a network."


def files_of(folder: Path, patterns: Iterable[str]) -> dict[str, Path | bytes]:
    """The files of a folder whose names match, by their names in a repository."""
    paths = {path for pattern in patterns for path in folder.glob(pattern) if path.is_file()}
    return {path.relative_to(folder).as_posix(): path for path in sorted(paths)}
