"""Reading data sets as they are: from the Hub, from files of five formats, or the built-in one."""

import contextlib
import glob
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

from datasets import Dataset, DatasetDict, Features, Value, load_dataset
from datasets.exceptions import DatasetGenerationError, DatasetNotFoundError
from huggingface_hub import DatasetCard

from .errors import InputError, listed, require
from .order_matters import load_order_matters

BUILT_IN = "order-matters"
FORMATS = {".csv": "csv", ".tsv": "csv", ".json": "json", ".jsonl": "json", ".parquet": "parquet", ".txt": "text"}
SPLIT_NAMES = {"validation": ("validation", "valid", "val", "dev"), "train": ("train",), "test": ("test",)}
TEXT_COLUMNS = ("text", "sentence", "review", "tweet", "content", "comment", "body", "document", "message", "question")
LABEL_COLUMNS = (
    *("label", "labels", "sentiment", "class", "category"),
    *("coarse_label", "target", "score", "rating", "stars"),
)


def read_source(source: str, subset: str | None = None, revision: str | None = None) -> DatasetDict:
    """
    The splits of a source, under the names train, validation and test.

    Args:
        source: `order-matters`, a file, a folder, or the id of a data set on the Hub.
        subset: Configuration of a Hub data set, or of a folder whose card names configurations.
        revision: Branch, tag or commit on the Hub.

    Raises:
        InputError: it does not exist or cannot be read.
    """
    raw = _read(source, subset, revision)
    splits = DatasetDict()
    for standard, names in SPLIT_NAMES.items():
        for name in names:
            if name in raw:
                splits[standard] = raw[name]
                break
    require(len(splits) > 0, f"{source!r} has none of the splits train, validation and test; it has {listed(raw)}.")
    return splits


def read_texts(
    source: str, split: str, columns: list[str] | None = None, *, flags: tuple[str, str] = ("split", "text_column")
) -> Dataset:
    """
    Texts that need no labels, in the column `text`; rows without text are left out.

    Args:
        source: As for [`read_source`], with the subset after a colon.
        split: Any split that the source has.
        columns: The column with the text, or several to be joined; by default what a column's name tells.
        flags: Names of the flags for split and columns, for errors.

    Raises:
        InputError: it does not exist, cannot be read, or has no such split or column.
    """
    splits = _read(*split_subset(source))
    require(split in splits, f"{source!r} has no split {split!r}; it has {listed(splits)}: name one with --{flags[0]}.")
    rows = splits[split]
    strings = string_columns(rows)
    columns = columns or [guess_text_column(strings, rows.column_names, flags[1])]
    missing = [column for column in columns if column not in strings]
    require(
        not missing,
        f"{source!r} has no column {listed(missing)} with texts; those with texts are {listed(strings)}: name one with "
        f"--{flags[1]}.",
    )
    rows = rows.select_columns(columns).filter(
        lambda *parts: [None not in row for row in zip(*parts, strict=True)], input_columns=columns, batched=True
    )
    features = Features({"text": Value("string")})
    return rows.map(
        lambda *parts: {"text": ["\n".join(row) for row in zip(*parts, strict=True)]},
        input_columns=columns,
        remove_columns=columns,
        batched=True,
        features=features,
    )


def _read(source: str, subset: str | None = None, revision: str | None = None) -> DatasetDict:
    """The splits of a source, under its own names."""
    kind = kind_of(source)
    if kind == "built-in":
        return load_order_matters()
    with reading(source):
        if kind == "local":
            require(Path(source).exists(), f"There is no file or folder {source!r}.")
            return _read_local(Path(source), subset)
        return load_dataset(source, name=subset, revision=revision)


def kind_of(source: str) -> Literal["built-in", "local", "hub"]:
    """Where a source is: what could be a file or folder is taken for one."""
    if source == BUILT_IN:
        return "built-in"
    path = Path(source)
    is_path = path.exists() or path.suffix.lower() in FORMATS or source.startswith((".", "/", "~"))
    return "local" if is_path else "hub"


def split_subset(source: str) -> tuple[str, str | None]:
    """`id:subset` or `folder:subset` in its two parts; the subset is `None` where there is none."""
    name, colon, subset = source.rpartition(":")
    return (name, subset) if colon and not Path(source).exists() else (source, None)


@contextlib.contextmanager
def reading(source: str) -> Iterator[None]:
    """Turn what goes wrong while a source is read into one sentence."""
    try:
        yield
    except InputError:
        raise
    except DatasetNotFoundError as error:
        raise InputError(
            f"There is no data set {source!r} on the Hub, and no file or folder of that name: {error}"
        ) from error
    except ConnectionError as error:
        raise InputError(f"{source!r} is no file or folder here, and the Hub does not answer: {error}") from error
    except (DatasetGenerationError, ValueError, OSError, KeyError) as error:  # pandas, Arrow, Unicode, damaged files
        if "corresponds to no data" in str(error):
            raise InputError(f"{source!r} has no rows.") from error
        cause = error.__cause__ or error
        raise InputError(f"{source!r} could not be read: {type(cause).__name__}: {str(cause).strip()}") from error


def _read_local(path: Path, subset: str | None) -> DatasetDict:
    configurations = _configurations(path)
    if configurations:
        require(
            subset in configurations or (subset is None and len(configurations) == 1),
            f"{str(path)!r} has the subsets {listed(configurations)}: name one as {path}:SUBSET.",
        )
        return load_dataset(str(path), name=subset or configurations[0])
    require(
        subset is None, f"{str(path)!r} is a local file or folder and has no subset {subset!r}: leave out --subset."
    )
    return load_dataset(**local_files(path))


def _configurations(folder: Path) -> list[str]:
    """The configurations that the card of a folder names."""
    card = folder / "README.md"
    if not card.is_file():
        return []
    configurations = DatasetCard.load(card).data.to_dict().get("configs") or []
    return [one["config_name"] for one in configurations]


def local_files(path: Path) -> dict[str, Any]:
    """The arguments with which `datasets.load_dataset` reads a file or folder of one of the known formats."""
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.suffix.lower() in FORMATS)
    if {p.suffix.lower() for p in files} > {".txt"}:  # notes beside the data
        files = [p for p in files if p.suffix.lower() != ".txt"]
    suffixes = {p.suffix.lower() for p in files}
    require(
        len(suffixes) == 1 and suffixes <= FORMATS.keys(),
        f"{str(path)!r} must be, or hold, files of one of the formats {listed(FORMATS)}, "
        f"found {listed(sorted(suffixes)) or 'none'}.",
    )
    require(any(p.stat().st_size for p in files), f"{str(path)!r} is empty: it has no rows.")
    splits: dict[str, list[str]] = {}
    for file in files:
        split = "train" if path.is_file() else _split_of(file.relative_to(path))
        splits.setdefault(split, []).append(glob.escape(str(file)))
    suffix = suffixes.pop()
    options: dict[str, Any] = {"path": FORMATS[suffix], "data_files": splits}
    if FORMATS[suffix] == "csv":
        options |= {"keep_default_na": False, "sep": "\t" if suffix == ".tsv" else ","}
    return options


def _split_of(path: Path) -> str:
    """The split that a file's name, or else its folder, tells; a file that tells none is train."""
    for part in (path.stem, *reversed(path.parts[:-1])):
        words = re.split(r"[^a-z]+", part.lower())
        for standard, names in SPLIT_NAMES.items():
            if any(name in words for name in names):
                return standard
    return "train"


def string_columns(rows: Dataset) -> list[str]:
    """The columns that hold strings."""
    kinds = ("string", "large_string")
    return [name for name, kind in rows.features.items() if isinstance(kind, Value) and kind.dtype in kinds]


def guess_text_column(strings: Iterable[str], columns: Iterable[str], flag: str = "text_column") -> str:
    """The column with the text, of those that hold strings: one of a usual name, or the only one that is no label."""
    strings = list(strings)
    for known in TEXT_COLUMNS:
        if known in strings:
            return known
    others = [name for name in strings if name not in LABEL_COLUMNS]
    require(
        len(others) == 1,
        f"Which column holds the text? Name it with --{flag}: the columns are {listed(columns)}.",
    )
    return others[0]


def guess_label_column(columns: Iterable[str], text_column: list[str]) -> str:
    """The column with the label: one of a usual name, or the only one beside the text."""
    others = [name for name in columns if name not in text_column]
    for known in LABEL_COLUMNS:
        if known in others:
            return known
    require(
        len(others) == 1,
        f"Which column holds the label? Name it with --label_column: the columns are {listed(columns)}.",
    )
    return others[0]
