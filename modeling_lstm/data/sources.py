"""Read datasets as they are: from the Hub, from files of five formats, or the built-in one."""

import contextlib
import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

import datasets
from datasets import Dataset, DatasetDict, Features, Value, load_dataset
from datasets.exceptions import DatasetGenerationError, DatasetNotFoundError
from datasets.packaged_modules import _PACKAGED_DATASETS_MODULES

from ..models.text_classifier import JOINT
from ..utils.display import warn_once
from ..utils.errors import InputError, as_text, explain_save_failure, first_line, require
from ..utils.files import exists
from .arguments import FileArguments, split_subset
from .columns import guess_text_column
from .formats.encodings import find_suffix
from .formats.known_formats import FORMATS, warn_of_unused
from .hub_files import find_hub_files
from .order_matters import load_order_matters
from .parquet_split import ParquetSplit
from .split_files import SplitFiles, find_splits, standard_name
from .splits import FileSplit, LoadedSplit, Split

logger = logging.getLogger(__name__)

# What `datasets` and Arrow raise for damaged files and cards
_READ_FAILURES = DatasetGenerationError, ValueError, OSError, LookupError, TypeError, AttributeError, ArithmeticError

BUILT_IN = "order-matters"


def open_dataset(
    source: str, subset: str | None = None, revision: str | None = None, arguments: FileArguments | None = None
) -> dict[str, Split]:
    """
    Open the splits of a source. Other names that `datasets` accepts for train, validation and test are replaced by
    these. The rows of files are not read yet.

    Args:
        source: `order-matters`, a file (its split is train), a folder, or the id of a dataset on the Hub.
        subset: Configuration of a Hub dataset, or of a folder whose card names configurations.
        revision: Branch, tag or commit on the Hub.
        arguments: How to read text files.

    Raises:
        InputError: it does not exist or cannot be read.
    """
    require(bool(source.strip()), "The name of the dataset is empty: name a file, a folder or a dataset on the Hub.")
    require(
        "://" not in source or exists(Path(source)),
        f"{source!r} is a URL, and URLs are not read: download the file and name it, or name the dataset on the Hub, "
        "such as me/reviews.",
    )
    kind = locate_source(source)
    rows: SplitFiles | DatasetDict
    with explain_read_failures(source):
        if kind == "local":
            require(exists(Path(source)), f"There is no file or folder {source!r}.")
            if revision is not None:
                logger.warning("%s is not on the Hub: --revision %s has no effect.", source, revision)
            rows = find_splits(Path(source), subset)
        elif kind == "built-in":
            require(subset is None, f"{BUILT_IN!r} has no subset {subset!r}: leave it out.")
            if revision is not None:
                logger.warning("%s is built in: --revision %s has no effect.", BUILT_IN, revision)
            rows = load_order_matters()
        else:
            require(
                source not in _PACKAGED_DATASETS_MODULES,  # would read all such files below the current folder
                f"{source!r} is a format, not a dataset: name a file, a folder or a dataset on the Hub.",
            )
            files = find_hub_files(source, subset, revision)
            rows = load_dataset(source, name=subset, revision=revision) if files is None else files
        if arguments is not None:
            paths = [one for files in rows.files.values() for one in files] if isinstance(rows, SplitFiles) else []
            kinds = {FORMATS.get(find_suffix(one), "parquet") for one in paths}
            warn_of_unused(source, kinds, arguments)
        if isinstance(rows, SplitFiles):
            chosen = rows.file_arguments(FileArguments() if arguments is None else arguments.of_files())
            names = _standard_names(rows.files)
            return {names[one]: _open_files(one, rows, chosen) for one in rows.files}
    names = _standard_names(rows)
    return {names[one]: LoadedSplit(rows[one], f"{one} split of {source!r}") for one in rows}


def _open_files(name: str, found: SplitFiles, arguments: FileArguments) -> Split:
    files = found.files[name]
    is_parquet = FORMATS.get(find_suffix(files[0])) == "parquet"
    other = next((one for one in files if (FORMATS.get(find_suffix(one)) == "parquet") != is_parquet), None)
    require(
        other is None,
        f"The {name} split has Parquet and other files, {str(files[0])!r} and {str(other)!r}: write all in one format.",
    )
    kind = ParquetSplit if is_parquet else FileSplit
    return kind(name, files, arguments, found.features)


def _standard_names(splits: Iterable[str]) -> dict[str, str]:
    """
    Map the splits to standard names, each used once. If two splits share one, the split that already has it keeps it.
    """
    names: dict[str, str] = {}
    for split in sorted(splits, key=lambda split: split != standard_name(split)):
        standard = standard_name(split)
        names[split] = split if standard in names.values() else standard
    return names


def read_texts(
    source: str,
    split: str,
    columns: list[str] | None = None,
    *,
    flags: tuple[str, str] = ("split", "text_column"),
    arguments: FileArguments | None = None,
) -> Dataset:
    """
    Read texts, without labels, into the column `text`. Rows whose text is missing are left out; empty texts stay.

    Args:
        source: As for [`open_dataset`], with the subset after a colon.
        split: Any split that the source has.
        columns: The column with the text, or several to be joined. Default: guessed from the names.
        flags: Names of the flags for split and columns, for errors.
        arguments: How to read text files.

    Raises:
        InputError: it does not exist, cannot be read, or has no such split or column.
    """
    splits = open_dataset(*split_subset(source), arguments=arguments)
    require(
        split in splits, f"{source!r} has no split {split!r}; it has {as_text(splits)}: name one with --{flags[0]}."
    )
    opened = splits[split]
    texts = opened.text_columns()
    if opened.is_plain and columns:
        warn_once(logger, f"{source}: each line is a text, so --{flags[1]} has no effect.")
        columns = None
    columns = columns or [guess_text_column(texts, opened.columns, flags[1])]
    missing = [column for column in columns if opened.find(column) is None]
    require(
        not missing,
        f"{source!r} has no column {as_text(missing)} with texts; those with texts are {as_text(texts)}: name one with "
        f"--{flags[1]}.",
    )
    with explain_read_failures(source):
        rows = opened.read(columns)
    wrong = [name for name in columns if "string" not in str(getattr(rows.features[name], "dtype", ""))]
    require(
        not wrong,
        f"{source!r} has no column {as_text(wrong)} with texts; those with texts are {as_text(texts)}: name one with "
        f"--{flags[1]}.",
    )
    number = rows.num_rows
    rows = rows.filter(
        lambda *parts: [None not in row for row in zip(*parts, strict=True)], input_columns=columns, batched=True
    )
    require(rows.num_rows > 0, f"{source!r} has no text in the column {as_text(columns)}: all its values are missing.")
    if missing_rows := number - rows.num_rows:
        told = f"{missing_rows:,} of {number:,} rows have no text in the column {as_text(columns)}: left out."
        logger.warning("%s: %s", source, told)
    features = Features({"text": Value("string")})
    return rows.map(
        lambda *parts: {"text": [JOINT.join(row) for row in zip(*parts, strict=True)]},
        input_columns=columns,
        remove_columns=columns,
        batched=True,
        features=features,
    )


def locate_source(source: str) -> Literal["built-in", "local", "hub"]:
    """Return where a source is. Anything that could be a file or folder counts as local."""
    if source == BUILT_IN:
        return "built-in"
    path = Path(source)
    is_path = exists(path) or find_suffix(path) in FORMATS or source.startswith((".", "/", "~")) or "\\" in source
    return "local" if is_path else "hub"


@contextlib.contextmanager
def explain_read_failures(source: str) -> Iterator[None]:
    """Turn a failure to read a source into an `InputError` of one sentence."""
    try:
        yield
    except InputError:
        raise
    except DatasetNotFoundError as error:
        raise InputError(
            f"There is no dataset {source!r} on the Hub, and no file or folder of that name: {error} If it is private "
            "or your own, `hf auth login` first."
        ) from error
    except ConnectionError as error:
        raise InputError(f"{source!r} is not a file or folder here, and the Hub does not answer: {error}") from error
    except _READ_FAILURES as error:
        cause = error.__cause__ or error
        if isinstance(cause, InputError):
            raise cause from error
        if "corresponds to no data" in str(error):
            raise InputError(f"{source!r} has no rows.") from error
        if "Not enough disk space" in str(error) or explain_save_failure(cause):
            raise InputError(
                f"{source!r} could not be read: the cache of datasets, {str(datasets.config.HF_DATASETS_CACHE)!r}, "
                f"cannot be written ({first_line(cause)}). Free some space, or name another with HF_DATASETS_CACHE."
            ) from error
        raise InputError(f"{source!r} could not be read: {type(cause).__name__}: {str(cause).strip()}") from error
