"""What goes wrong with the Hub, in one sentence."""

import json

from huggingface_hub import (
    get_token,
    is_offline_mode,
)
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from ..utils.errors import explain_save_failure, name_error

# What the clients raise: the HTTP library's own errors too, which are the bases of theirs
FAILURES: tuple[type[Exception], ...] = (*HfHubHTTPError.__bases__, OSError, ValueError, RuntimeError)

OFFLINE = "the Hub is not asked while HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set: unset it and try again."


def explain_cause(error: BaseException) -> str:
    """What an error of a library says; or what the Hub's refusal means, where that is its cause."""
    cause: BaseException | None = error
    while cause is not None:
        # a file that is not there is better told of by whoever looked for it
        if isinstance(cause, HfHubHTTPError) and not isinstance(cause, EntryNotFoundError):
            return explain_refusal(cause, get_token())
        cause = cause.__cause__ or cause.__context__
    return name_error(error)


def explain_refusal(error: BaseException, token: str | None = None, revision: str | None = None) -> str:
    """
    What the Hub's answer, or its silence, means and what to do, as a sentence.

    Args:
        error: What its client raised.
        token: The token that was given with the question.
        revision: The branch, tag or commit that was asked for.
    """
    status = error.response.status_code if isinstance(error, HfHubHTTPError) else None
    said = " ".join(str(getattr(error, "server_message", None) or error).split()) or type(error).__name__
    if isinstance(error, GatedRepoError):
        return "access to it must be granted by its owner: ask for it on its page, and log in with `hf auth login`."
    if isinstance(error, RevisionNotFoundError):
        return f"the repository has no such revision{f' as {revision!r}' if revision else ''} (branch, tag or commit)."
    if isinstance(error, LocalEntryNotFoundError):
        cause = error.__cause__
        if isinstance(cause, HfHubHTTPError):
            return explain_refusal(cause, token, revision)
        if isinstance(cause, OfflineModeIsEnabled) or is_offline_mode():
            return f"it is not in the cache, and {OFFLINE}"
        return "it is not in the cache, and the Hub cannot be reached: connect to the network."
    if isinstance(error, OfflineModeIsEnabled):
        return OFFLINE
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
    if isinstance(error, OSError) and (reason := explain_save_failure(error)):
        return f"its files cannot be kept in the cache: {reason}"
    return f"the Hub cannot be reached ({said}): try again when there is a network."
