"""Explain errors of the Hub in one sentence."""

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

# What the clients raise, including the errors of the HTTP library, which are the bases of theirs
FAILURES: tuple[type[Exception], ...] = (*HfHubHTTPError.__bases__, OSError, ValueError, RuntimeError)

OFFLINE = "the Hub is not contacted while HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set: unset it and try again."


def explain_cause(error: BaseException) -> str:
    """Return the message of a library's error, or if the Hub's refusal caused it, what that means."""
    cause: BaseException | None = error
    while cause is not None:
        # a missing file is better reported by the code that looked for it
        if isinstance(cause, HfHubHTTPError) and not isinstance(cause, EntryNotFoundError):
            return explain_refusal(cause, get_token())
        cause = cause.__cause__ or cause.__context__
    return name_error(error)


def explain_refusal(error: BaseException, token: str | None = None, revision: str | None = None) -> str:
    """
    Explain in one sentence what the Hub's answer (or lack of one) means, and what to do.

    Args:
        error: The error that the Hub's client raised.
        token: The token that was sent with the request.
        revision: The branch, tag or commit that was requested.
    """
    status = error.response.status_code if isinstance(error, HfHubHTTPError) else None
    said = " ".join(str(getattr(error, "server_message", None) or error).split()) or type(error).__name__
    if isinstance(error, GatedRepoError):
        return "access to it must be granted by its owner: request it on its page, and log in with `hf auth login`."
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
        return "the Hub has no public repository of that name: if it is private or yours, run `hf auth login` first."
    if isinstance(error, RepositoryNotFoundError):
        return "the Hub has no repository of that name that your token can read."
    if status == 403:
        return f"your token has no permission for this ({said}): create one with write access in your Hub settings."
    if status in (409, 412):
        return "somebody else pushed at the same time, and their commit was kept. Check it and push again."
    if status is not None and status != 429 and status < 500:
        return f"the Hub refuses it ({status}: {said})."
    if status is not None or isinstance(error, json.JSONDecodeError):
        return f"the Hub is not working ({status or 'no valid answer'}): try again later."
    if isinstance(error, ValueError):
        return said
    if isinstance(error, OSError) and (reason := explain_save_failure(error)):
        return f"its files cannot be saved in the cache: {reason}"
    return f"the Hub cannot be reached ({said}): try again when the network works."
