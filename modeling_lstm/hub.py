"""The Hub: finding files here or there, pushing files, and what goes wrong with either in one sentence."""

import fnmatch
import hashlib
import json
import logging
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationDelete,
    HfApi,
    get_token,
    hf_hub_download,
    is_offline_mode,
    snapshot_download,
)
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from .card import is_as_written
from .errors import InputError, listed, require, without_tokens

logger = logging.getLogger(__name__)

CARD = "README.md"
# What the clients raise: the HTTP library's own errors too, which are the bases of theirs
FAILURES: tuple[type[Exception], ...] = (*HfHubHTTPError.__bases__, OSError, ValueError, RuntimeError)
_OFFLINE = "the Hub is not asked while HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set: unset it and try again."
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass
class Push:
    """What came of a push."""

    url: str
    commit: str
    is_new: bool
    """Whether there is a commit of it: the same files again make none."""

    def __str__(self) -> str:
        return self.url if self.is_new else f"{self.url} has the same files already: nothing was pushed"


def exists(path: Path) -> bool:
    """Whether there is a file or folder of that name; False too for what cannot be a name."""
    try:
        return path.exists()
    except OSError:
        return False


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
    folder = Path(_asked(source, snapshot_download, repo_id=source, revision=revision, allow_patterns=patterns))
    for path in folder.rglob("*"):
        if path.is_file() and any(fnmatch.fnmatch(path.relative_to(folder).as_posix(), one) for one in patterns):
            _check_digest(path, source)
    return folder


def download_file(repo_id: str, name: str, revision: str | None) -> Path:
    """A file of a repository of the Hub, in the cache; raises as [`download`] does."""
    require(bool(repo_id and name), f"There is no file {repo_id}:{name}.")
    path = Path(_asked(f"{repo_id}:{name}", hf_hub_download, repo_id=repo_id, filename=name, revision=revision))
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
    except FAILURES as error:
        raise InputError(f"There is no file or folder {what!r} here, and {reason(error, get_token())}") from error


def create_repository(
    repo_id: str, repo_type: str, *, private: bool = False, token: str | None = None, space_sdk: str | None = None
) -> str:
    """
    The whole id of a repository of the Hub, made if it does not exist.

    Args:
        repo_id: `owner/name`, or `name` of one's own.
        space_sdk: What a Space runs on.

    Raises:
        InputError: the Hub refuses or does not answer, or has that repository for everybody to see while `private` is
            asked for.
    """
    api = HfApi(token=token)
    try:
        options: Any = {"repo_type": repo_type, "private": private or None, "space_sdk": space_sdk}
        repo_id = api.create_repo(repo_id, exist_ok=True, **options).repo_id
        is_public = private and not api.repo_info(repo_id, repo_type=repo_type).private
    except FAILURES as error:
        raise InputError(f"Nothing was pushed to {repo_id!r}: {reason(error, token or get_token())}") from error
    require(not is_public, f"Nothing was pushed: {repo_id!r} exists and is public. Make it private on its page first.")
    return repo_id


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
    replaced: Iterable[str] = (),
) -> Push:
    """
    Push files in one commit: all of them or none, and none where somebody else pushes at the same moment. A card
    (README.md) there that a person wrote stays as it is.

    Args:
        files: Path or content of each file, by its name in the repository, which exists.
        revision: Branch, made if it does not exist; `main` by default.
        create_pr: Open a pull request instead.
        overwrite_card: Replace a card that a person wrote.
        replaced: Patterns of names. What is there under such a name and not among the files goes with the commit.

    Raises:
        InputError: the Hub refuses, does not answer, or has a newer commit meanwhile.
    """
    require(
        revision is None or not _COMMIT.fullmatch(revision),
        f"--revision {revision} is a commit: name a branch to push to.",
    )
    check_tokens(files)
    api = HfApi(token=token)
    try:
        if revision is not None and not revision.startswith("refs/") and not create_pr:
            api.create_branch(repo_id, branch=revision, repo_type=repo_type, exist_ok=True)
        head = api.repo_info(repo_id, repo_type=repo_type, revision=revision).sha
        there = api.list_repo_files(repo_id, repo_type=repo_type, revision=head) if replaced else []
        gone = [one for one in there if one not in files and any(fnmatch.fnmatch(one, each) for each in replaced)]
        if CARD in files and not overwrite_card and _is_persons(_card(api, repo_id, repo_type, head), files[CARD]):
            # a Space is pushed by a command without that flag
            how = "push again once it is removed there" if repo_type == "space" else "push again with --overwrite_card"
            logger.warning("%s of %s was written by a person and stays: to replace it, %s.", CARD, repo_id, how)
            files = {name: file for name, file in files.items() if name != CARD}
        commit = api.create_commit(
            repo_id,
            [
                *(CommitOperationAdd(name, file) for name, file in sorted(files.items())),
                *(CommitOperationDelete(name) for name in gone),
            ],
            commit_message=message,
            repo_type=repo_type,
            revision=revision,
            create_pr=create_pr,
            parent_commit=head,
        )
    except FAILURES as error:
        raise InputError(f"Nothing was pushed to {repo_id!r}: {reason(error, token or get_token())}") from error
    return Push(commit.pr_url or commit.commit_url, commit.oid, commit.oid != head)


def check_tokens(files: dict[str, Path | bytes]) -> None:
    """Raise if what is to be pushed tells a token of the Hub."""
    for name, file in files.items():
        if name.endswith((".json", ".md", ".py")) and name != "tokenizer.json":
            text = (file if isinstance(file, bytes) else file.read_bytes()).decode("utf-8", "replace")
            require(without_tokens(text) == text, f"{name} holds what looks like a token of the Hub: take it out.")


def _card(api: HfApi, repo_id: str, repo_type: str, revision: str | None) -> bytes | None:
    try:
        return Path(api.hf_hub_download(repo_id, CARD, repo_type=repo_type, revision=revision)).read_bytes()
    except RemoteEntryNotFoundError:  # not its base, which also stands for a Hub that does not answer
        return None


def _is_persons(there: bytes | None, new: Path | bytes) -> bool:
    new = new if isinstance(new, bytes) else new.read_bytes()
    return there is not None and there != new and not is_as_written(there.decode("utf-8", "replace"))


def reason(error: BaseException, token: str | None = None) -> str:
    """What the Hub's answer, or its silence, means and what to do, as a sentence."""
    status = error.response.status_code if isinstance(error, HfHubHTTPError) else None
    said = " ".join(str(getattr(error, "server_message", None) or error).split()) or type(error).__name__
    if isinstance(error, GatedRepoError):
        return "access to it must be granted by its owner: ask for it on its page, and log in with `hf auth login`."
    if isinstance(error, RevisionNotFoundError):
        return "the repository has no such revision (branch, tag or commit)."
    if isinstance(error, LocalEntryNotFoundError):
        cause = error.__cause__
        if isinstance(cause, HfHubHTTPError):
            return reason(cause, token)
        if isinstance(cause, OfflineModeIsEnabled) or is_offline_mode():
            return f"it is not in the cache, and {_OFFLINE}"
        return "it is not in the cache, and the Hub cannot be reached: connect to the network."
    if isinstance(error, OfflineModeIsEnabled):
        return _OFFLINE
    if isinstance(error, EntryNotFoundError):
        return "the repository has no such file."
    if status == 401 and token is not None:
        return "the Hub does not know this token: log in again with `hf auth login`, or correct HF_TOKEN."
    if status == 401:
        return "the Hub knows no public repository of that name: if it is private or your own, `hf auth login` first."
    if isinstance(error, RepositoryNotFoundError):
        return "the Hub has no repository of that name that your token may read."
    if status == 403:
        return f"your token may not do that there ({said}): make one that may in your settings on the Hub."
    if status in (409, 412):
        return "somebody else pushed at the same moment; theirs is there. Look at it and push again."
    if status is not None and status != 429 and status < 500:
        return f"the Hub refuses it ({status}: {said})."
    if status is not None or isinstance(error, json.JSONDecodeError):
        return f"the Hub is out of order ({status or 'no valid answer'}): try again later."
    if isinstance(error, ValueError):
        return said
    return f"the Hub cannot be reached ({said}): try again when there is a network."


def files_of(folder: Path, patterns: Iterable[str]) -> dict[str, Path | bytes]:
    """The files of a folder whose names match, by their names in a repository."""
    paths = {path for pattern in patterns for path in folder.glob(pattern) if path.is_file()}
    return {path.relative_to(folder).as_posix(): path for path in sorted(paths)}
