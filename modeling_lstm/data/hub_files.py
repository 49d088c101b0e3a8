"""Text files of a dataset on the Hub: found as `datasets` finds them, and downloaded to be read as text."""

import logging
from dataclasses import fields
from pathlib import Path
from typing import Any

import datasets
from datasets import Features, load_dataset_builder
from datasets.exceptions import DatasetNotFoundError
from huggingface_hub import try_to_load_from_cache
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

from ..hub.downloads import download_file
from ..hub.refusals import FAILURES, explain_refusal
from ..utils.errors import InputError, first_line
from ..utils.files import read_json, write_json
from .digests import digest_of
from .formats.encodings import find_suffix
from .formats.known_formats import FORMATS
from .split_files import SETTINGS_OF_ALL, SplitFiles, require_names

logger = logging.getLogger(__name__)


def find_hub_files(source: str, subset: str | None, revision: str | None) -> SplitFiles | None:
    """
    Download the text files of a dataset and find those of each split. `datasets` would guess the types of their
    columns: `01` would become 1, and `NA` a missing value. Which files these are is kept in the cache, so that they are
    found without a network, too.

    Args:
        source: Id of the dataset on the Hub.
        subset: Its configuration.
        revision: Branch, tag or commit.

    Returns:
        The files; `None` if `datasets` must read them, because they have other formats, in which types are not guessed,
        are elsewhere, or are to be read in a way that is not supported here.

    Raises:
        ConnectionError: the Hub does not answer, and the files are not in the cache.
        InputError: the download fails.
    """
    name = digest_of(map(repr, (source, subset, revision)))
    known = Path(datasets.config.HF_DATASETS_CACHE).expanduser() / "modeling-lstm" / f"{name}.json"
    listing = None
    try:
        builder = load_dataset_builder(source, name=subset, revision=revision)
    except FAILURES as error:
        _raise_unless_away(source, error)
        if not known.is_file():
            raise ConnectionError(explain_refusal(error)) from error
    else:
        if builder.config.data_files:  # none if the Hub does not answer and `datasets` has the rows in its cache
            listing = _list_files(source, builder)
            if listing is None:
                known.unlink(missing_ok=True)
                return None
            known.parent.mkdir(parents=True, exist_ok=True)
            write_json(known, listing)
        elif not known.is_file():
            return None
    if listing is None:
        listing = read_json(known)
        logger.warning("The Hub does not answer: reading %s from the cache, commit %s.", source, listing["commit"])
    files = {
        split: [_fetch(source, name, listing["commit"]) for name in names] for split, names in listing["splits"].items()
    }
    features = None if listing["features"] is None else Features.from_dict(listing["features"])
    require_names(source, features or {})
    return SplitFiles(files, listing["settings"], features)


def _list_files(source: str, builder: Any) -> dict[str, Any] | None:
    """List the files of each split of a builder; `None` if some are no text files of this dataset."""
    splits = {str(split): [str(path) for path in paths] for split, paths in builder.config.data_files.items()}
    paths = [path for some in splits.values() for path in some]
    begin = f"hf://datasets/{source}@"
    formats = {FORMATS.get(find_suffix(Path(path))) for path in paths}
    if not all(path.startswith(begin) for path in paths) or not formats <= {"csv", "json", "text"}:
        return None
    own = {one.name: one.default for one in fields(builder.config) if one.name not in SETTINGS_OF_ALL}
    settings = {name: getattr(builder.config, name) for name, usual in own.items()}
    settings = {name: value for name, value in settings.items() if name != "features" and value != own[name]}
    if SplitFiles({}, settings).unsupported():
        return None
    commit = paths[0].removeprefix(begin).split("/")[0]
    features = builder.info.features
    return {
        "commit": commit,
        "splits": {split: [path.removeprefix(f"{begin}{commit}/") for path in some] for split, some in splits.items()},
        "settings": settings,
        "features": None if features is None else features.to_dict(),
    }


def _fetch(source: str, name: str, commit: str) -> Path:
    """Return the path of a file in the cache, to which it is downloaded if it is not there."""
    known = try_to_load_from_cache(source, name, revision=commit, repo_type="dataset")
    return Path(known) if isinstance(known, str) else download_file(source, name, commit, repo_type="dataset")


def _raise_unless_away(source: str, error: Exception) -> None:
    """Raise an error that explains it if the Hub answered, and did not give the dataset."""
    if isinstance(error, (LocalEntryNotFoundError, ConnectionError)):
        return
    if isinstance(error, RuntimeError):  # a dataset with a script
        raise InputError(
            f"{source!r} could not be read: {first_line(error).rstrip('.')}. If the Hub shows a preview of it, read "
            "its copy in Parquet with --revision refs/convert/parquet."
        ) from error
    if isinstance(error, (DatasetNotFoundError, ValueError, FileNotFoundError)):
        raise error
    if isinstance(error, HfHubHTTPError) and error.response.status_code < 500:
        raise ConnectionError(explain_refusal(error)) from error
