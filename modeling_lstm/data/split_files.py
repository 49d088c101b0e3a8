"""Find the files of each split of a folder."""

import glob
import logging
import os
import re
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml
from datasets import BuilderConfig, DatasetDict, Features, load_dataset, load_dataset_builder, load_from_disk
from datasets.data_files import FILES_TO_IGNORE, SPLIT_KEYWORDS
from datasets.info import DatasetInfosDict
from datasets.packaged_modules.csv.csv import CsvConfig
from datasets.packaged_modules.json.json import JsonConfig
from datasets.packaged_modules.parquet.parquet import ParquetConfig
from datasets.packaged_modules.text.text import TextConfig

from ..utils.errors import InputError, as_text, require
from .arguments import FileArguments
from .formats.encodings import COMPRESSIONS, check_encoding, find_suffix
from .formats.known_formats import FORMATS

logger = logging.getLogger(__name__)

_SHARD = re.compile(r"(\w+)-(\d{5})-of-(\d{5})")  # how `push_to_hub` names the files of a split
# Words that seem to name a split, but that `datasets` does not know: testset, my-heldout
_HINT = re.compile(r"train|test|valid|eval|held.?out|(?<![a-z])(dev|trn|tst)(set|data|[^a-z]|$)")
_SAVED = ({"dataset_dict.json"}, {"state.json", "dataset_info.json"})  # what `save_to_disk` writes
_READERS = (CsvConfig, JsonConfig, ParquetConfig, TextConfig)
SETTINGS_OF_ALL = {one.name for one in fields(BuilderConfig)}  # of a configuration, whatever its format
_KNOWN_OF_CARD = {"sep", "delimiter", "encoding", "features"}
_FRONT_MATTER = re.compile(r"---\s*?\n(.*?)\n---", re.DOTALL)  # of a card


@dataclass
class SplitFiles:
    """The files of each split, and what a card says about how to read them and what their columns hold."""

    files: dict[str, list[Path]]
    card: dict[str, Any] = field(default_factory=dict)
    features: Features | None = None

    def unsupported(self) -> list[str]:
        """Return the settings of the card that only `datasets` follows."""
        usual = {one.name: one.default for kind in _READERS for one in fields(kind)}
        apart = SETTINGS_OF_ALL | _KNOWN_OF_CARD
        other = [name for name in self.card.keys() & usual.keys() - apart if self.card[name] != usual[name]]
        return sorted([*other, *self._misread()])

    def _misread(self) -> list[str]:
        """Return separators and encodings that only `datasets` knows, such as a separator of several characters."""
        found = []
        for name in ("delimiter", "sep", "encoding"):
            value = self.card.get(name)
            try:
                require(isinstance(value, str | None), "")
                if name == "encoding":
                    check_encoding(value or "utf-8")
                else:
                    FileArguments(delimiter=value).delimiter_character()
            except InputError:
                found.append(f"{name} {value!r}")
        return found

    def file_arguments(self, given: FileArguments) -> FileArguments:
        """
        Return how to read the files: as the user says, or else as the card says.

        Raises:
            InputError: the card has a setting that is not supported.
        """
        other = self.unsupported()
        require(
            not other,
            f"The card of these files sets {as_text(other)}, which is not supported: write the files without it, with "
            "the names of the columns in the first line, and remove it from README.md.",
        )
        delimiter = self.card.get("delimiter") or self.card.get("sep")
        return FileArguments(
            delimiter=given.delimiter or delimiter,
            encoding=given.encoding or self.card.get("encoding"),
            quoting=given.quoting,
        )


def find_splits(path: Path, subset: str | None) -> SplitFiles | DatasetDict:
    """
    Find the files of each split of a file or a folder, or return the splits themselves if `datasets` wrote or reads
    them.
    """
    if any(all((path / name).is_file() for name in names) for names in _SAVED):
        saved = load_from_disk(str(path))
        return saved if isinstance(saved, DatasetDict) else DatasetDict(train=saved)
    card = read_card(path)
    configurations = find_configurations(path, card)
    if not configurations:
        require(subset is None, f"{str(path)!r} is a local file or folder and has no subset {subset!r}: leave it out.")
        if path.is_file():
            return SplitFiles({"train": [path]})
        # a card without configurations may still say what the columns hold
        described = list(DatasetInfosDict.from_directory(str(path)).values()) if "dataset_info" in card else []
        features = described[0].features if len(described) == 1 else None
        require_names(str(path), features or {})
        return SplitFiles(_splits_of(path), features=features)
    require(
        subset in configurations or (subset is None and len(configurations) == 1),
        f"{str(path)!r} has the subsets {as_text(configurations)}: name one as {path}:SUBSET.",
    )
    name = subset or next(iter(configurations))
    require(
        not glob.has_magic(str(path)),
        f"{str(path)!r} cannot be read, since datasets takes its name for a pattern: rename it without *, ? and [.",
    )
    builder = load_dataset_builder(str(path), name=name)
    files = {str(split): [Path(one) for one in paths] for split, paths in (builder.config.data_files or {}).items()}
    formats = _formats(files)
    features = builder.info.features
    require_names(str(path), features or {})
    is_ours = formats and None not in formats
    return SplitFiles(files, configurations[name], features) if is_ours else load_dataset(str(path), name=name)


def _formats(files: dict[str, list[Path]]) -> set[str | None]:
    """Return the formats of the files of all splits; `None` is an unknown one."""
    return {FORMATS.get(find_suffix(one)) for paths in files.values() for one in paths}


def require_names(source: str, features: dict[str, Any]) -> None:
    """Raise for label names that YAML did not read as text."""
    for column, feature in features.items():
        inner = getattr(feature, "feature", feature)
        other = [name for name in getattr(inner, "names", None) or () if not isinstance(name, str)]
        require(
            not other,
            f"The card of {source!r} names the label {as_text(other[:1])} of {column!r}, which YAML does not "
            "read as text: write the names in quotation marks.",
        )


def read_card(folder: Path) -> dict[str, Any]:
    """Return the metadata in the card of a folder; none if there is no card."""
    card = folder / "README.md"
    if not card.is_file():
        return {}
    try:
        front = _FRONT_MATTER.match(card.read_text(encoding="utf-8-sig"))
        found = yaml.safe_load(front[1]) if front else None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"The card {str(card)!r} could not be read: {error}") from error
    return found if isinstance(found, dict) else {}


def find_configurations(folder: Path, card: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the configurations that the card of a folder names, with their settings."""
    configurations = card.get("configs") or []
    are_known = isinstance(configurations, list) and all(isinstance(one, dict) for one in configurations)
    path = str(folder / "README.md")
    require(are_known, f"The card {path!r} must have a list of configurations under configs.")
    unnamed = next((one for one in configurations if "config_name" not in one), None)
    require(unnamed is None, f"A configuration in the card {path!r} has no config_name: {unnamed}.")
    other = next((one["config_name"] for one in configurations if not isinstance(one["config_name"], str)), None)
    require(other is None, f"The config_name {other} in the card {path!r} must be text: write it in quotation marks.")
    return {one["config_name"]: one for one in configurations}


def _splits_of(folder: Path) -> dict[str, list[Path]]:
    """
    Find the files of each split of a folder by the words that `datasets` accepts, such as `training` and `eval`. If no
    file name contains one, all files are train.
    """
    files, others = _find_files(folder)
    if {find_suffix(path) for path in files} > {".txt"}:  # notes next to the data
        others += [path for path in files if find_suffix(path) == ".txt"]
        files = [path for path in files if find_suffix(path) != ".txt"]
    suffixes = {find_suffix(path) for path in files}
    if hinted := _find_hints(others, folder):
        logger.warning("%s: not reading %s, which have another format.", folder, as_text(hinted[:5]))
    shown = {
        suffix: next(path.relative_to(folder) for path in files if find_suffix(path) == suffix) for suffix in suffixes
    }
    require(
        len(suffixes) < 2,
        f"{str(folder)!r} holds files of several formats ({as_text(sorted(map(str, shown.values())))}): name one file, "
        "or keep one format.",
    )
    require(
        len(suffixes) == 1,
        f"{str(folder)!r} must be, or hold, files of one of the formats {as_text(FORMATS)}, found none.",
    )
    _check_shards(files)
    splits: dict[str, list[Path]] = {}
    untold = []
    read: dict[tuple[str | None, Path], Path] = {}  # each file of a split once, whatever links lead to it
    for path in files:
        split = _split_of(path.relative_to(folder))
        first = read.setdefault((split, path.resolve()), path)
        if first != path:
            logger.warning("Not reading %s, which is the same file as %s.", path, first)
        elif split is None:
            untold.append(path)
        else:
            splits.setdefault(split, []).append(path)
    if not splits:
        hinted = _find_hints(untold, folder)
        require(
            len(untold) == 1 or not hinted,
            f"Which splits are {as_text(hinted[:5])}? Rename them to train.csv and test.csv, for example.",
        )
        return {"train": untold}
    told = "; ".join(f"{name}: {as_text(path.name for path in paths)}" for name, paths in splits.items())
    require(
        not untold,
        f"Which split is {as_text(path.name for path in untold[:5])}? The other files of {str(folder)!r} are {told}. "
        "Rename it so that its name has the word train, validation or test (as in test-2.csv), or move it elsewhere.",
    )
    return splits


def _check_shards(files: list[Path]) -> None:
    """Raise if some of the numbered files of a split are missing, or if they are of two datasets."""
    shards: dict[tuple[Path, str], set[tuple[int, int]]] = {}
    for path in files:
        if shard := _SHARD.match(path.name):
            shards.setdefault((path.parent, shard[1]), set()).add((int(shard[2]), int(shard[3])))
    for (folder, name), found in shards.items():
        totals = {total for _, total in found}
        begins = {total: int((total, total) in found) for total in totals}  # some tools count from 1
        wanted = {(number, total) for total, first in begins.items() for number in range(first, first + total)}
        shown = as_text(f"{name}-{number:05}-of-{total:05}" for number, total in sorted(wanted - found)[:5])
        require(
            wanted <= found,
            f"{str(folder)!r} lacks the files {shown} of its {name} split: add them, or rename the others if they are "
            "to be read without them.",
        )
        require(
            len(totals) == 1,
            f"{str(folder)!r} has two sets of files of its {name} split, of {' and '.join(map(str, sorted(totals)))} "
            "files: remove one of them.",
        )


def _find_hints(paths: list[Path], folder: Path) -> list[str]:
    """Return those paths, relative to the folder, that seem to name a split."""
    return [name for name in (str(path.relative_to(folder)) for path in paths) if _HINT.search(name.lower())]


def _find_files(folder: Path) -> tuple[list[Path], list[Path]]:
    """
    Find the files of known formats in a folder and its subfolders, including linked ones, and the other files.

    Raises:
        InputError: a link is broken or leads back to a parent; or a file is there both compressed and not.
    """
    found: dict[str, Path] = {}
    others = []

    def refuse(error: OSError) -> None:
        raise InputError(f"{str(error.filename)!r} cannot be listed: {error.strerror}.") from error

    for name, folders, files in os.walk(folder, followlinks=True, onerror=refuse):
        at = Path(name)
        folders[:] = [one for one in folders if not _is_hidden(one)]
        for link in (at / one for one in folders if (at / one).is_symlink()):
            above = (one.resolve() for one in (at, *at.parents))
            require(
                link.resolve() not in above, f"The link {str(link)!r} leads back to a folder that it is in: remove it."
            )
        for path in (at / one for one in files if not _is_hidden(one)):
            if find_suffix(path) not in FORMATS:
                others.append(path)
                continue
            require(path.is_file(), f"{str(path)!r} is a link to {os.path.realpath(path)!r}, where there is no file.")
            other = found.setdefault(str(path.with_suffix("") if path.suffix.lower() in COMPRESSIONS else path), path)
            require(
                other == path,
                f"{str(other)!r} and {path.name!r} seem to hold the same rows: remove one of them.",
            )
    return sorted(found.values()), sorted(others)


def standard_name(split: str) -> str:
    """Return `train`, `validation` or `test` for any word that `datasets` accepts for it, else the name itself."""
    return next((str(name) for name, words in SPLIT_KEYWORDS.items() if split.lower() in words), split)


def _is_hidden(name: str) -> bool:
    """Return whether a file or folder is hidden, or one that tools keep for themselves (`dataset_infos.json`)."""
    return name.startswith((".", "__", "~$")) or name in FILES_TO_IGNORE


def _split_of(path: Path) -> str | None:
    """
    Return the split that the name of a file or of its folders contains; `None` if there is none.

    Raises:
        InputError: they contain several.
    """
    if shard := _SHARD.match(path.name):
        return standard_name(shard[1])
    found: set[str] = set()
    for part in (path.name, *path.parts[:-1]):
        words = re.split(r"[\W\d_]+", part.lower())
        found |= {str(split) for split, keywords in SPLIT_KEYWORDS.items() if not set(words).isdisjoint(keywords)}
    require(
        len(found) < 2,
        f"Which split is {str(path)!r}? Its name contains {as_text(sorted(found))}: rename it.",
    )
    return found.pop() if found else None
