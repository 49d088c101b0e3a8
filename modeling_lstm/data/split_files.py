"""The files of each split of a folder."""

import re
from pathlib import Path
from typing import Any

from datasets import (
    DatasetDict,
    load_dataset,
    load_dataset_builder,
)
from datasets.data_files import SPLIT_KEYWORDS
from huggingface_hub import DatasetCard

from ..utils.errors import as_list, require
from .formats.encodings import find_suffix
from .formats.known_formats import FORMATS

_CARD_FILES = {"config_name", "data_files", "data_dir", "default"}


_SHARD = re.compile(r"(\w+)-\d{5}-of-\d{5}")  # how `push_to_hub` names the files of a split


def files_by_split(path: Path, subset: str | None) -> dict[str, list[Path]] | DatasetDict:
    """The files of each split, or the splits themselves where `datasets` must read them."""
    configurations = _configurations(path)
    if not configurations:
        require(
            subset is None, f"{str(path)!r} is a local file or folder and has no subset {subset!r}: leave out --subset."
        )
        return {"train": [path]} if path.is_file() else _splits_of(path)
    require(
        subset in configurations or (subset is None and len(configurations) == 1),
        f"{str(path)!r} has the subsets {as_list(configurations)}: name one as {path}:SUBSET.",
    )
    name = subset or next(iter(configurations))
    builder = load_dataset_builder(str(path), name=name)
    files = {str(split): [Path(one) for one in paths] for split, paths in (builder.config.data_files or {}).items()}
    is_known = all(find_suffix(one) in FORMATS for paths in files.values() for one in paths)
    # of a card that says more of its files, their separator or the names of their labels say, `datasets` knows best
    is_plain = builder.info.features is None and configurations[name].keys() <= _CARD_FILES
    return files if files and is_known and is_plain else load_dataset(str(path), name=name)


def _configurations(folder: Path) -> dict[str, dict[str, Any]]:
    """The configurations that the card of a folder names, and what it says of them."""
    card = folder / "README.md"
    if not card.is_file():
        return {}
    configurations = DatasetCard.load(card).data.to_dict().get("configs") or []
    return {one["config_name"]: one for one in configurations}


def _splits_of(folder: Path) -> dict[str, list[Path]]:
    """
    The files of each split of a folder, by the words with which `datasets` knows them: `training` and `eval`, say.
    Files whose names tell no split are train, if there are no others.
    """
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file() and find_suffix(path) in FORMATS)
    files = [path for path in paths if not _is_hidden(path.relative_to(folder))]
    if {find_suffix(path) for path in files} > {".txt"}:  # notes beside the data
        files = [path for path in files if find_suffix(path) != ".txt"]
    suffixes = {find_suffix(path) for path in files}
    require(
        len(suffixes) == 1,
        f"{str(folder)!r} must be, or hold, files of one of the formats {as_list(FORMATS)}, "
        f"found {as_list(sorted(suffixes)) or 'none'}.",
    )
    splits: dict[str, list[Path]] = {}
    untold = []
    for path in files:
        split = _split_of(path.relative_to(folder))
        if split is None:
            untold.append(path)
        else:
            splits.setdefault(split, []).append(path)
    if not splits:
        hinted = [path.name for path in untold if re.search("train|test|valid|eval", path.name.lower())]
        require(
            len(untold) == 1 or not hinted,
            f"Which splits are {as_list(hinted[:5])}? Rename them to train.csv, validation.csv and test.csv, say.",
        )
        return {"train": untold}
    told = "; ".join(f"{name}: {as_list(path.name for path in paths)}" for name, paths in splits.items())
    require(
        not untold,
        f"Which split is {as_list(path.name for path in untold[:5])}? The other files of {str(folder)!r} are {told}. "
        "Rename it, so that its name holds train, validation or test, or put it elsewhere.",
    )
    return splits


def _is_hidden(path: Path) -> bool:
    """Whether a file or a folder on its way is hidden, or of those that tools keep for themselves."""
    return any(part.startswith((".", "__")) for part in path.parts)


def _split_of(path: Path) -> str | None:
    """
    The split that a file's name tells, or a folder's; `None` if there is none.

    Raises:
        InputError: they tell several.
    """
    if shard := _SHARD.match(path.name):
        return shard[1]
    found: set[str] = set()
    for part in (path.name, *path.parts[:-1]):
        words = re.split(r"[^a-z]+", part.lower())
        found |= {str(split) for split, keywords in SPLIT_KEYWORDS.items() if not set(words).isdisjoint(keywords)}
    require(
        len(found) < 2,
        f"Which split is {str(path)!r}? Its name tells {as_list(sorted(found))}: rename it.",
    )
    return found.pop() if found else None
