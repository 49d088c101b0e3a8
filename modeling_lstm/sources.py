"""Reading data sets as they are: from the Hub, from files of five formats, or the built-in one."""

import contextlib
import glob
import logging
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
from datasets import (
    ArrowBasedBuilder,
    BuilderConfig,
    Dataset,
    DatasetDict,
    DatasetInfo,
    Features,
    SplitGenerator,
    Value,
    load_dataset,
    load_dataset_builder,
)
from datasets.builder import Key
from datasets.data_files import SPLIT_KEYWORDS
from datasets.exceptions import DatasetGenerationError, DatasetNotFoundError
from huggingface_hub import DatasetCard

from .classifier import JOINT
from .errors import InputError, listed, require
from .order_matters import load_order_matters
from .tables import FORMATS, STRINGS, FileArguments, ParquetFile, Table, find_column, format_of, open_table, plain_name

logger = logging.getLogger(__name__)

BUILT_IN = "order-matters"
TEXT_COLUMNS = ("text", "sentence", "review", "tweet", "content", "comment", "body", "document", "message", "question")
LABEL_COLUMNS = (
    *("label", "labels", "sentiment", "class", "category"),
    *("coarse_label", "target", "score", "rating", "stars"),
)
LINE_BREAK = "\n"  # between the texts of several columns in runs whose `run.json` names no separator
READING = 1  # raise it when text files are read otherwise, so that older caches are not used
ROWS_AT_ONCE = 10_000
_CARD_FILES = {"config_name", "data_files", "data_dir", "default"}
_SHARD = re.compile(r"(\w+)-\d{5}-of-\d{5}")  # how `push_to_hub` names the files of a split


class Split(ABC):
    """
    The rows of a split, of which only the columns that are asked for are read.

    Attributes:
        columns: The names of its columns.
        origin: Where it is read from, for a line of the log.
    """

    columns: list[str]
    origin: str

    @abstractmethod
    def text_columns(self) -> dict[str, bool]:
        """The columns of strings, and whether they hold more than numbers."""

    @abstractmethod
    def _read(self, columns: list[str]) -> Dataset:
        """These columns, under the names that they have in the data."""

    def find(self, column: str) -> str | None:
        """The name under which the split has a column (see [`tables.find_column`])."""
        return find_column(self.columns, column, f"The {self.origin}")

    def read(self, columns: list[str]) -> Dataset:
        """
        These columns, under the names that are asked for.

        Raises:
            InputError: one of them is not there, or the data cannot be read.
        """
        missing = [column for column in columns if self.find(column) is None]
        require(
            not missing, f"The {self.origin} has no column {listed(missing)}; its columns are {listed(self.columns)}."
        )
        rows = self._read(columns)
        names = {str(self.find(column)): column for column in columns if column not in rows.column_names}
        rows = rows.rename_columns(names) if names else rows
        views = [name for name, kind in rows.features.items() if getattr(kind, "dtype", None) == "string_view"]
        for name in views:  # a type of newer Parquet files, which `datasets` cannot write
            rows = rows.cast_column(name, Value("string"))
        return rows


class LoadedSplit(Split):
    """A split that is there already, of the Hub or the built-in data set."""

    def __init__(self, rows: Dataset, origin: str):
        self.rows, self.columns, self.origin = rows, rows.column_names, origin

    def text_columns(self) -> dict[str, bool]:
        """The columns of strings."""
        return {n: True for n, kind in self.rows.features.items() if isinstance(kind, Value) and kind.dtype in STRINGS}

    def _read(self, columns: list[str]) -> Dataset:
        return self.rows.select_columns([str(self.find(column)) for column in columns])


class FileSplit(Split):
    """A split in files of one format."""

    def __init__(self, name: str, files: list[Path], arguments: FileArguments):
        self.files, self.arguments = files, arguments
        self.tables = [open_table(path, arguments) for path in files]
        self.columns = self.tables[0].columns
        names = listed(path.name for path in files[:3])
        self.origin = f"{name} split ({names}{f' and {len(files) - 3} more files' if len(files) > 3 else ''})"

    def text_columns(self) -> dict[str, bool]:
        """As for [`Split.text_columns`], by the first rows of the first file."""
        return self.tables[0].text_columns()

    def _read(self, columns: list[str]) -> Dataset:
        files: dict[str, Any] = {"data_files": {"train": [glob.escape(str(path)) for path in self.files]}}
        if isinstance(self.tables[0], ParquetFile):
            names = [str(self.find(column)) for column in columns]
            return load_dataset("parquet", split="train", columns=names, **files)
        how = {"arguments": asdict(self.arguments), "sizes": [path.stat().st_size for path in self.files]}
        builder = TextTables(columns=columns, hash=str(READING), **how, **files)
        builder.download_and_prepare()
        return builder.as_dataset(split="train")


@dataclass
class TextTablesConfig(BuilderConfig):
    """
    Which columns of text files to read, how the files are written (see [`tables.FileArguments`]), and their bytes, by
    which with the time of the last change a file in the cache is known.
    """

    columns: list[str] | None = None
    arguments: dict[str, Any] | None = None
    sizes: list[int] | None = None


class TextTables(ArrowBasedBuilder):
    """Text files as a `datasets` builder, which keeps what was read in its cache: every value is a string."""

    BUILDER_CONFIG_CLASS = TextTablesConfig

    def _info(self) -> DatasetInfo:
        return DatasetInfo()

    def _split_generators(self, dl_manager: Any) -> list[SplitGenerator]:
        files = self.config.data_files
        return [SplitGenerator(name=name, gen_kwargs={"files": paths}) for name, paths in files.items()]

    def _generate_tables(self, files: list[str]) -> Iterator[tuple[Key, pa.Table]]:
        columns: list[str] = self.config.columns
        arguments = FileArguments(**self.config.arguments)
        opened = [open_table(Path(path), arguments) for path in files]
        has_rows = False
        schema = pa.schema([(name, _type(opened, name)) for name in columns])
        for shard, table in enumerate(opened):
            rows = table.rows([table.find(name) for name in columns])
            for number, batch in enumerate(_batches(rows)):
                has_rows = True
                yield Key(shard, number), _arrow(batch, schema, table, number * ROWS_AT_ONCE)
        require(has_rows, f"{listed(map(repr, files))} has no rows.")


def _type(tables: list[Table], column: str) -> pa.DataType:
    """Lists of strings where the first value that is there is a list, else strings."""
    for table in tables:
        for (value,) in table.rows([table.find(column)]):
            if value not in (None, ""):
                return pa.list_(pa.string()) if isinstance(value, list) else pa.string()
    return pa.string()


def _batches(rows: Iterator[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    batch: list[tuple[Any, ...]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == ROWS_AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


def _arrow(rows: list[tuple[Any, ...]], schema: pa.Schema, table: Table, before: int) -> pa.Table:
    arrays = []
    for kind, values in zip(schema, zip(*rows, strict=True), strict=True):
        is_list = pa.types.is_list(kind.type)
        wrong = next((n for n, value in enumerate(values) if not _fits(value, is_list)), None)
        require(
            wrong is None,
            f"{str(table.path)!r} could not be read: column {kind.name!r} must hold "
            f"{'lists of strings or numbers' if is_list else 'strings or numbers'}, found "
            f"{str(values[wrong or 0])[:60]} in row {before + (wrong or 0) + 1}.",
        )
        arrays.append(pa.array(values, kind.type))
    return pa.Table.from_arrays(arrays, schema=schema)


def _fits(value: Any, is_list: bool) -> bool:
    if isinstance(value, list):
        return is_list and all(one is None or isinstance(one, str) for one in value)
    return value is None or (isinstance(value, str) and not is_list)


def open_source(
    source: str, subset: str | None = None, revision: str | None = None, arguments: FileArguments | None = None
) -> dict[str, Split]:
    """
    The splits of a source under its own names, but for validation, which has several; nothing of files is read yet.

    Args:
        source: `order-matters`, a file (its split is train), a folder, or the id of a data set on the Hub.
        subset: Configuration of a Hub data set, or of a folder whose card names configurations.
        revision: Branch, tag or commit on the Hub.
        arguments: How text files are written.

    Raises:
        InputError: it does not exist or cannot be read.
    """
    kind = kind_of(source)
    with reading(source):
        if kind == "local":
            require(Path(source).exists(), f"There is no file or folder {source!r}.")
            found = _files_of(Path(source), subset)
            if not isinstance(found, DatasetDict):
                chosen = FileArguments() if arguments is None else arguments.of_files()
                files_of: dict[str, Split] = {}
                for name, files in found.items():
                    files_of.setdefault(_standard(name), FileSplit(name, files, chosen))
                return files_of
            rows = found
        elif kind == "built-in":
            rows = load_order_matters()
        else:
            rows = load_dataset(source, name=subset, revision=revision)
    splits: dict[str, Split] = {}
    for name in rows:
        splits.setdefault(_standard(name), LoadedSplit(rows[name], f"{name} split of {source!r}"))
    return splits


def _standard(split: str) -> str:
    return "validation" if split in SPLIT_KEYWORDS["validation"] else split


def read_texts(
    source: str,
    split: str,
    columns: list[str] | None = None,
    *,
    flags: tuple[str, str] = ("split", "text_column"),
    arguments: FileArguments | None = None,
) -> Dataset:
    """
    Texts that need no labels, in the column `text`; rows without text are left out.

    Args:
        source: As for [`open_source`], with the subset after a colon.
        split: Any split that the source has.
        columns: The column with the text, or several to be joined; by default what a column's name tells.
        flags: Names of the flags for split and columns, for errors.
        arguments: How text files are written.

    Raises:
        InputError: it does not exist, cannot be read, or has no such split or column.
    """
    splits = open_source(*split_subset(source), arguments=arguments)
    require(split in splits, f"{source!r} has no split {split!r}; it has {listed(splits)}: name one with --{flags[0]}.")
    opened = splits[split]
    texts = opened.text_columns()
    columns = columns or [guess_text_column(texts, opened.columns, flags[1])]
    missing = [column for column in columns if opened.find(column) is None]
    require(
        not missing,
        f"{source!r} has no column {listed(missing)} with texts; those with texts are {listed(texts)}: name one with "
        f"--{flags[1]}.",
    )
    with reading(source):
        rows = opened.read(columns)
    wrong = [name for name in columns if "string" not in str(getattr(rows.features[name], "dtype", ""))]
    require(
        not wrong,
        f"{source!r} has no column {listed(wrong)} with texts; those with texts are {listed(texts)}: name one with "
        f"--{flags[1]}.",
    )
    rows = rows.filter(
        lambda *parts: [None not in row for row in zip(*parts, strict=True)], input_columns=columns, batched=True
    )
    features = Features({"text": Value("string")})
    return rows.map(
        lambda *parts: {"text": [joined(row) for row in zip(*parts, strict=True)]},
        input_columns=columns,
        remove_columns=columns,
        batched=True,
        features=features,
    )


def joined(parts: Iterable[str], separator: str = JOINT) -> str:
    """The texts of several columns as one."""
    return separator.join(parts)


def kind_of(source: str) -> Literal["built-in", "local", "hub"]:
    """Where a source is: what could be a file or folder is taken for one."""
    if source == BUILT_IN:
        return "built-in"
    path = Path(source)
    is_path = path.exists() or format_of(path) in FORMATS or source.startswith((".", "/", "~"))
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
    except (DatasetGenerationError, ValueError, OSError, KeyError) as error:  # Arrow, Unicode, damaged files
        cause = error.__cause__ or error
        if isinstance(cause, InputError):
            raise cause from error
        if "corresponds to no data" in str(error):
            raise InputError(f"{source!r} has no rows.") from error
        raise InputError(f"{source!r} could not be read: {type(cause).__name__}: {str(cause).strip()}") from error


def _files_of(path: Path, subset: str | None) -> dict[str, list[Path]] | DatasetDict:
    """The files of each split, or the splits themselves where `datasets` must read them."""
    configurations = _configurations(path)
    if not configurations:
        require(
            subset is None, f"{str(path)!r} is a local file or folder and has no subset {subset!r}: leave out --subset."
        )
        return {"train": [path]} if path.is_file() else _splits_of(path)
    require(
        subset in configurations or (subset is None and len(configurations) == 1),
        f"{str(path)!r} has the subsets {listed(configurations)}: name one as {path}:SUBSET.",
    )
    name = subset or next(iter(configurations))
    builder = load_dataset_builder(str(path), name=name)
    files = {str(split): [Path(one) for one in paths] for split, paths in (builder.config.data_files or {}).items()}
    is_known = all(format_of(one) in FORMATS for paths in files.values() for one in paths)
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
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file() and format_of(path) in FORMATS)
    files = [path for path in paths if not _is_hidden(path.relative_to(folder))]
    if {format_of(path) for path in files} > {".txt"}:  # notes beside the data
        files = [path for path in files if format_of(path) != ".txt"]
    suffixes = {format_of(path) for path in files}
    require(
        len(suffixes) == 1,
        f"{str(folder)!r} must be, or hold, files of one of the formats {listed(FORMATS)}, "
        f"found {listed(sorted(suffixes)) or 'none'}.",
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
            f"Which splits are {listed(hinted[:5])}? Rename them to train.csv, validation.csv and test.csv, say.",
        )
        return {"train": untold}
    told = "; ".join(f"{name}: {listed(path.name for path in paths)}" for name, paths in splits.items())
    require(
        not untold,
        f"Which split is {listed(path.name for path in untold[:5])}? The other files of {str(folder)!r} are {told}. "
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
        f"Which split is {str(path)!r}? Its name tells {listed(sorted(found))}: rename it.",
    )
    return found.pop() if found else None


def guess_text_column(texts: dict[str, bool], columns: Iterable[str], flag: str = "text_column") -> str:
    """
    The column with the text: one of a usual name, or the only one that is no label and holds more than numbers.

    Args:
        texts: The columns of strings, and whether they hold more than numbers.
        columns: All columns, for the error.
        flag: The flag that names a column, for the error.

    Raises:
        InputError: it cannot be told.
    """
    found = _usual(TEXT_COLUMNS, list(texts))
    if found is not None:
        return found
    others = [name for name, has_words in texts.items() if has_words and plain_name(name) not in LABEL_COLUMNS]
    require(
        len(others) == 1,
        f"Which column holds the text? Name it with --{flag}: the columns are {listed(columns)}.",
    )
    return others[0]


def guess_label_column(columns: Iterable[str], text_column: list[str]) -> str:
    """The column with the label: one of a usual name, or the only one beside the text."""
    others = [name for name in columns if name not in text_column]
    found = _usual(LABEL_COLUMNS, others)
    if found is not None:
        return found
    require(
        len(others) == 1,
        f"Which column holds the label? Name it with --label_column: the columns are {listed(columns)}. "
        "Several columns that hold 0 or 1, one for each label, can be named together.",
    )
    return others[0]


def _usual(known: Iterable[str], columns: list[str]) -> str | None:
    """The column with the first of the known names, whatever its case."""
    return next((column for name in known for column in columns if plain_name(column) == name), None)
