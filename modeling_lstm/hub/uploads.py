"""Push files to the Hub."""

import contextlib
import fnmatch
import json
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationDelete,
    HfApi,
    get_token,
)
from huggingface_hub.errors import (
    RemoteEntryNotFoundError,
)

from ..utils.errors import InputError, as_text, hide_tokens, require
from .card_marks import is_unchanged
from .downloads import COMMIT_HASH
from .refusals import FAILURES, explain_refusal

logger = logging.getLogger(__name__)

CARD = "README.md"


@dataclass
class Push:
    """The result of a push."""

    url: str
    commit: str
    is_new: bool
    """Whether the push made a commit: pushing the same files again makes none."""

    def __str__(self) -> str:
        return self.url if self.is_new else f"{self.url} has the same files already: nothing was pushed"


def open_repository(
    repo_id: str,
    repo_type: str,
    *,
    create: bool = True,
    private: bool = False,
    token: str | None = None,
    space_sdk: str | None = None,
) -> str:
    """
    Return the full id of a repository on the Hub.

    Args:
        repo_id: `owner/name`, or `name` for your own.
        repo_type: `"model"`, `"dataset"` or `"space"`.
        create: Create the repository if it does not exist. A pull request needs one that exists.
        private: Whether the repository must be private.
        token: Token for the Hub. Defaults to the one you are logged in with.
        space_sdk: What a Space runs on.

    Raises:
        InputError: the Hub refuses or does not answer, or the repository is public although `private` is set.
    """
    api = HfApi(token=token)
    try:
        if create:
            options: Any = {"repo_type": repo_type, "private": private or None, "space_sdk": space_sdk}
            repo_id = api.create_repo(repo_id, exist_ok=True, **options).repo_id
        is_public = private and not api.repo_info(repo_id, repo_type=repo_type).private
    except FAILURES as error:
        raise InputError(
            f"Nothing was pushed to {repo_id!r}: {explain_refusal(error, token or get_token())}"
        ) from error
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
    replaced: Callable[[list[str]], Iterable[str]] | None = None,
    check_model: Callable[[str | None], None] | None = None,
) -> Push:
    """
    Push files in one commit: all of them or, if somebody else pushes at the same time, none. A card (README.md) in the
    repository that a person wrote is kept.

    Args:
        files: Path or content of each file, by its name in the repository.
        repo_id: The repository, which must exist.
        message: Message of the commit.
        repo_type: `"model"`, `"dataset"` or `"space"`.
        revision: Branch to push to, created if it does not exist. Defaults to `main`.
        create_pr: Open a pull request instead.
        token: Token for the Hub. Defaults to the one you are logged in with.
        overwrite_card: Replace a card that a person wrote.
        replaced: Called with the names in the repository. Returns patterns: files there that match them and are not in
            `files` are deleted.
        check_model: Called with the `model_type` in the repository's `config.json`. Raises [`InputError`] if the push
            must not replace that model.

    Raises:
        InputError: the Hub refuses, does not answer, or has received another commit meanwhile.
    """
    check_branch(revision)
    check_tokens(files)
    api = HfApi(token=token)
    try:
        if revision is not None and not revision.startswith("refs/") and not create_pr:
            api.create_branch(repo_id, branch=revision, repo_type=repo_type, exist_ok=True)
        head = api.repo_info(repo_id, repo_type=repo_type, revision=revision).sha
        if check_model is not None:
            check_model(_model_type(_read(api, repo_id, "config.json", repo_type, head)))
        gone: list[str] = []
        if replaced is not None:
            there = api.list_repo_files(repo_id, repo_type=repo_type, revision=head)
            patterns = list(replaced(there))
            gone = [one for one in there if one not in files and any(_matches(one, each) for each in patterns)]
        if (
            CARD in files
            and not overwrite_card
            and _is_persons(_read(api, repo_id, CARD, repo_type, head), files[CARD])
        ):
            # the command that pushes a Space has no such flag
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
        raise InputError(
            f"Nothing was pushed to {repo_id!r}: {explain_refusal(error, token or get_token(), revision)}"
        ) from error
    if gone:
        what = "The pull request removes from" if create_pr else "Removed from"
        logger.info("%s %s, since they belong to an earlier model: %s", what, repo_id, as_text(gone))
    return Push(commit.pr_url or commit.commit_url, commit.oid, commit.oid != head)


def check_branch(revision: str | None) -> None:
    """Raise for the hash of a commit in place of a branch."""
    require(
        revision is None or not COMMIT_HASH.fullmatch(revision),
        f"--revision {revision} is a commit: name a branch to push to.",
    )


def check_tokens(files: dict[str, Path | bytes]) -> None:
    """Raise if a file to be pushed contains a token for the Hub."""
    for name, file in files.items():
        if name.endswith((".json", ".md", ".py")) and name != "tokenizer.json":
            text = (file if isinstance(file, bytes) else file.read_bytes()).decode("utf-8", "replace")
            require(hide_tokens(text) == text, f"{name} contains what looks like a token for the Hub: remove it.")


def _read(api: HfApi, repo_id: str, name: str, repo_type: str, revision: str | None) -> bytes | None:
    try:
        return Path(api.hf_hub_download(repo_id, name, repo_type=repo_type, revision=revision)).read_bytes()
    except RemoteEntryNotFoundError:  # not its base class, which also covers a Hub that does not answer
        return None


def _model_type(config: bytes | None) -> str | None:
    with contextlib.suppress(ValueError, AttributeError):  # a damaged file has none
        return None if config is None else json.loads(config).get("model_type")
    return None


def _matches(name: str, pattern: str) -> bool:
    """Whether a name in a repository matches a pattern within the same folder."""
    return name.count("/") == pattern.count("/") and fnmatch.fnmatch(name, pattern)


def _is_persons(there: bytes | None, new: Path | bytes) -> bool:
    new = new if isinstance(new, bytes) else new.read_bytes()
    return there is not None and there != new and not is_unchanged(there.decode("utf-8", "replace"))


def find_files(folder: Path, patterns: Iterable[str]) -> dict[str, Path | bytes]:
    """Return the files of a folder that match the patterns, by their names in a repository."""
    paths = {path for pattern in patterns for path in folder.glob(pattern) if path.is_file()}
    return {path.relative_to(folder).as_posix(): path for path in sorted(paths)}
