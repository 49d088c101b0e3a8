"""Finding a file or a folder here or on the Hub."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from huggingface_hub import hf_hub_download, snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

from ..errors import InputError, listed, require


def exists(path: Path) -> bool:
    """Whether there is a file or folder of that name; False too for what cannot be a name."""
    try:
        return path.exists()
    except OSError:
        return False


def download(
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
        patterns = names + [f"{subfolder}/{name}" for name in names]
        folder = Path(_asked(source, snapshot_download, repo_id=source, revision=revision, allow_patterns=patterns))
    for one in (folder, folder / subfolder):
        if all((one / name).is_file() for name in needed):
            return one
    missing = [name for name in needed if not (folder / name).is_file()]
    file = f"{source}/FILE" if is_local else f"{source}:FILE"
    raise InputError(
        f"{source!r} lacks {listed(missing)}, which a folder of vectors has. A single file of vectors is named as "
        f"{file}, a Transformer as transformer:{source}."
    )


def download_file(repo_id: str, name: str, revision: str | None) -> Path:
    """A file of a repository of the Hub, in the cache."""
    require(bool(repo_id and name), f"There is no file {repo_id}:{name}.")
    return Path(_asked(f"{repo_id}:{name}", hf_hub_download, repo_id=repo_id, filename=name, revision=revision))


def _asked(what: str, call: Callable[..., Any], **arguments: Any) -> Any:
    try:
        return call(**arguments)
    except HFValidationError as error:
        raise InputError(f"There is no file or folder {what!r} here, and it is no id of the Hub.") from error
    except LocalEntryNotFoundError as error:
        raise InputError(f"There is no file or folder {what!r} here, and the Hub does not answer: {error}") from error
    except (HfHubHTTPError, OSError) as error:
        raise InputError(f"There is no {what!r} here, nor can it be had from the Hub: {error}") from error
