"""Pushing files to the Hub."""

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

from ..utils.errors import InputError, hide_tokens, require
from .card_marks import is_unchanged
from .downloads import COMMIT_HASH
from .refusals import FAILURES, explain_refusal

logger = logging.getLogger(__name__)

CARD = "README.md"


@dataclass
class Push:
    """What came of a push."""

    url: str
    commit: str
    is_new: bool
    """Whether there is a commit of it: the same files again make none."""

    def __str__(self) -> str:
        return self.url if self.is_new else f"{self.url} has the same files already: nothing was pushed"


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
    replaced: Iterable[str] = (),
    check_model: Callable[[str | None], None] | None = None,
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
        check_model: Given the `model_type` that the `config.json` there has, raises [`InputError`] if the model is not
            to be replaced by what is pushed.

    Raises:
        InputError: the Hub refuses, does not answer, or has a newer commit meanwhile.
    """
    require(
        revision is None or not COMMIT_HASH.fullmatch(revision),
        f"--revision {revision} is a commit: name a branch to push to.",
    )
    check_tokens(files)
    api = HfApi(token=token)
    try:
        if revision is not None and not revision.startswith("refs/") and not create_pr:
            api.create_branch(repo_id, branch=revision, repo_type=repo_type, exist_ok=True)
        head = api.repo_info(repo_id, repo_type=repo_type, revision=revision).sha
        if check_model is not None:
            check_model(_model_type(_read(api, repo_id, "config.json", repo_type, head)))
        there = api.list_repo_files(repo_id, repo_type=repo_type, revision=head) if replaced else []
        gone = [one for one in there if one not in files and any(_matches(one, each) for each in replaced)]
        if (
            CARD in files
            and not overwrite_card
            and _is_persons(_read(api, repo_id, CARD, repo_type, head), files[CARD])
        ):
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
        raise InputError(
            f"Nothing was pushed to {repo_id!r}: {explain_refusal(error, token or get_token(), revision)}"
        ) from error
    return Push(commit.pr_url or commit.commit_url, commit.oid, commit.oid != head)


def check_tokens(files: dict[str, Path | bytes]) -> None:
    """Raise if what is to be pushed tells a token of the Hub."""
    for name, file in files.items():
        if name.endswith((".json", ".md", ".py")) and name != "tokenizer.json":
            text = (file if isinstance(file, bytes) else file.read_bytes()).decode("utf-8", "replace")
            require(hide_tokens(text) == text, f"{name} holds what looks like a token of the Hub: take it out.")


def _read(api: HfApi, repo_id: str, name: str, repo_type: str, revision: str | None) -> bytes | None:
    try:
        return Path(api.hf_hub_download(repo_id, name, repo_type=repo_type, revision=revision)).read_bytes()
    except RemoteEntryNotFoundError:  # not its base, which also stands for a Hub that does not answer
        return None


def _model_type(config: bytes | None) -> str | None:
    with contextlib.suppress(ValueError, AttributeError):  # a damaged file names none
        return None if config is None else json.loads(config).get("model_type")
    return None


def _matches(name: str, pattern: str) -> bool:
    """Whether a name in a repository is one of a pattern, in the same folder."""
    return name.count("/") == pattern.count("/") and fnmatch.fnmatch(name, pattern)


def _is_persons(there: bytes | None, new: Path | bytes) -> bool:
    new = new if isinstance(new, bytes) else new.read_bytes()
    return there is not None and there != new and not is_unchanged(there.decode("utf-8", "replace"))


def find_files(folder: Path, patterns: Iterable[str]) -> dict[str, Path | bytes]:
    """The files of a folder whose names match, by their names in a repository."""
    paths = {path for pattern in patterns for path in folder.glob(pattern) if path.is_file()}
    return {path.relative_to(folder).as_posix(): path for path in sorted(paths)}
