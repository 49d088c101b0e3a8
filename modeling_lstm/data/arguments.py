"""Settings of data and tokenizer. This module imports little, so that a command line can list its flags quickly."""

from dataclasses import MISSING, dataclass
from pathlib import Path
from typing import ClassVar, Literal

from ..utils.errors import InputError, as_text, require
from ..utils.files import exists
from ..utils.settings import require_at_least, setting
from .formats.encodings import BYTE_ORDER_MARK

ProblemType = Literal["single_label_classification", "multi_label_classification", "regression"]


@dataclass(kw_only=True)
class FileArguments:
    """How to read text files. By default, this is detected from each file where possible."""

    delimiter: str | None = setting(
        None,
        "Delimiter of CSV files: one character, or tab. Default: detected (comma, semicolon, tab or |).",
        group="Files",
    )
    encoding: str | None = setting(
        None,
        "Encoding of text files, such as cp1252 or utf-16-le. Default: from a byte order mark, else UTF-8.",
        group="Files",
    )
    quoting: Literal["double", "none"] | None = setting(
        None,
        "double: double quotes may enclose fields; none: a quotation mark is an ordinary character. "
        "Default: double, or for tab-separated files whichever fits their rows.",
        group="Files",
    )

    def of_files(self) -> "FileArguments":
        """Return only the file settings, without those of a subclass."""
        return FileArguments(delimiter=self.delimiter, encoding=self.encoding, quoting=self.quoting)

    def delimiter_character(self) -> str | None:
        """Return the delimiter as one character, or `None` if it is to be detected."""
        if self.delimiter is None:
            return None
        character = "\t" if self.delimiter in ("tab", "\\t") else self.delimiter
        require(
            len(character) == 1 and character not in '"\r\n\0' + BYTE_ORDER_MARK,
            f"--delimiter must be one character, or tab; found {self.delimiter!r}.",
        )
        return character


@dataclass
class SourceArguments(FileArguments):
    """Which dataset to read."""

    flag_group: ClassVar[str] = "Data"

    dataset: str = setting(
        MISSING,
        "Hub id (or id:subset), file or folder of CSV, TSV, JSON Lines or Parquet, or order-matters (built in).",
    )
    subset: str | None = setting(None, "Subset (configuration) of a dataset on the Hub.")
    revision: str | None = setting(None, "Branch, tag or commit of a dataset on the Hub.")
    train_dataset: str | None = setting(
        None, "Another dataset to take the train split from, for example the phrases of its sentences."
    )

    def __post_init__(self) -> None:
        if self.subset is None:
            self.dataset, self.subset = split_subset(self.dataset)
        self.delimiter_character()


@dataclass
class ColumnArguments(SourceArguments):
    """Which columns hold text and label."""

    text_column: list[str] | None = setting(
        None, "Column with the text, or several columns to join. Default: recognized by its name."
    )
    label_column: list[str] | None = setting(
        None, "Column with the label, or one column of 0 and 1 for each label. Default: recognized by its name."
    )
    labels: list[str] | None = setting(
        None, "Names of the labels, in the order of their numbers. Default: the names in the data."
    )
    group_column: str | None = setting(
        None, "Rows with the same value in this column stay together when rows are held out for validation or test."
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("text_column", "label_column"):
            if isinstance(column := getattr(self, name), str):  # as records of a single column store it
                setattr(self, name, column := [column])
            if column is not None and len(set(column)) < len(column):
                raise InputError(f"--{name} names a column twice, found {as_text(column)}: leave one of them out.")
        if self.labels is not None and len(set(self.labels)) < len(self.labels):
            raise InputError(f"--labels must be different names, found {as_text(self.labels)}.")


MAX_HELD_OUT = 0.95  # largest share of train


def check_share(name: str, share: float | None) -> None:
    """Raise [`InputError`] for a share of train to hold out that leaves nothing on one side."""
    if share is not None and not 0.0 < share <= MAX_HELD_OUT:
        raise InputError(f"--{name} must be more than 0 and at most {MAX_HELD_OUT}, found {share}.")


# Settings that determine which rows are in train, validation and test. A classifier also has `group_column`
SPLIT_SETTINGS = ("dataset", "subset", "revision", "train_dataset", "validation_share", "test_share", "split_seed")


@dataclass
class SplitArguments(SourceArguments):
    """How a dataset is split, and how much of it is read."""

    validation_share: float = setting(0.1, "Share of train to hold out for validation if there is no validation split.")
    test_share: float | None = setting(
        None, "Share of train to hold out for test, before validation, if there is no test split."
    )
    split_seed: int = setting(42, "Seed of these splits, independent of the training seed.")
    max_train_samples: int | None = setting(
        None, "Train on only this many rows, drawn with --split_seed; each label keeps its share."
    )
    max_characters: int = setting(
        500_000, "Longest text allowed: a longer one usually means an unclosed quotation mark."
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("validation_share", "test_share"):
            check_share(name, getattr(self, name))
        require_at_least(self, max_train_samples=2)


@dataclass
class DataArguments(SplitArguments, ColumnArguments):
    """Which texts and labels to use."""

    problem_type: ProblemType | None = setting(
        None, "Type of task. Default: inferred from the labels; to predict a number, set regression."
    )
    max_length: int = setting(512, "Maximum tokens per text; longer texts are truncated.")
    train_max_length: int | None = setting(
        None,
        "Maximum tokens per training text, if fewer than --max_length: an LSTM trained on the beginnings "
        "of long texts can read whole ones. Default: --max_length.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        require_at_least(self, max_length=1)
        if self.train_max_length is not None and not 1 <= self.train_max_length <= self.max_length:
            raise InputError(
                f"--train_max_length must be from 1 to --max_length {self.max_length}, found {self.train_max_length}."
            )


LENGTHS = ("max_length", "train_max_length")  # of DataArguments, in tokens
OF_NEW_TOKENIZER = ("tokenizer_algorithm", "vocab_size", "min_frequency", "lowercase")


@dataclass
class TokenizerArguments:
    """How texts become tokens."""

    flag_group: ClassVar[str] = "Tokenizer"

    tokenizer: str | None = setting(
        None, "Hub id or folder of a tokenizer to use as it is. Default: a new one trained on the train split."
    )
    tokenizer_algorithm: Literal["word", "bpe", "wordpiece", "unigram", "whitespace"] = setting(
        "word",
        "word: whole words; bpe, wordpiece or unigram: learned subwords; whitespace: split only at spaces, "
        "for text that is already tokenized.",
    )
    vocab_size: int = setting(30_000, "Maximum size of the vocabulary.")
    min_frequency: int = setting(2, "How often a word must occur in train to enter the vocabulary.")
    lowercase: bool = setting(True, "Ignore the difference between upper and lower case.")
    trim_vocabulary: int = setting(
        0,
        "Trim a vocabulary that comes with --embeddings (transformer:NAME or a static model) to single "
        "characters and tokens that occur at least this often in the training texts; 0 keeps all.",
        group="Word vectors",
    )

    def __post_init__(self) -> None:
        require(self.trim_vocabulary >= 0, f"--trim_vocabulary must be 0 or more, found {self.trim_vocabulary}.")


def split_subset(source: str) -> tuple[str, str | None]:
    """Split `id:subset` or `folder:subset` into its two parts; the subset is `None` if there is none."""
    name, colon, subset = source.rpartition(":")
    is_whole = not colon or "://" in source or subset.startswith(("\\", "/")) or exists(Path(source))
    return (source, None) if is_whole else (name, subset)
