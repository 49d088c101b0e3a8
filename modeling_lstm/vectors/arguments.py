"""Settings for training word vectors."""

from dataclasses import MISSING, dataclass
from typing import ClassVar, Literal

from ..data.arguments import FileArguments
from ..utils.errors import require
from ..utils.settings import require_at_least, setting


@dataclass
class VectorTrainingArguments(FileArguments):
    """Which text to train word vectors on, and how."""

    flag_group: ClassVar[str] = "Training"

    dataset: str = setting(
        MISSING,
        "Hub id (or id:subset), file or folder of CSV, TSV, JSON Lines, Parquet or .txt; needs no labels.",
        group="Data",
    )
    output_dir: str = setting(MISSING, "Folder to write the vectors to.", group="Output")
    text_column: str | None = setting(None, "Column with the text. Default: recognized by its name.", group="Data")
    split: str = setting("train", "Split with the text.", group="Data")
    algorithm: Literal["skipgram", "cbow", "fasttext"] = setting(
        "skipgram", "word2vec (skip-gram or CBOW), or fastText (skip-gram with character n-grams)."
    )
    size: int = setting(100, "Dimensions of a vector.")
    window: int = setting(5, "Words of context on each side of a word, at most.")
    min_frequency: int = setting(5, "Minimum number of occurrences for a word to get a vector.")
    vocab_size: int = setting(100_000, "Maximum size of the vocabulary.")
    lowercase: bool = setting(True, "Ignore the difference between upper and lower case.")
    epochs: int = setting(5, "Passes over the text.")
    negative: int = setting(5, "Negative samples for each true context.")
    sample: float = setting(1e-4, "Frequency above which a word is randomly skipped.")
    buckets: int = setting(100_000, "Hash buckets for the n-grams of fastText.")
    workers: int | None = setting(
        None, "Threads; with more than 1, the vectors differ from run to run. Default: one for each core."
    )
    seed: int = setting(42, "Random seed.")

    def __post_init__(self) -> None:
        positive = ("size", "window", "min_frequency", "epochs", "negative", "buckets", "workers")
        require_at_least(self, vocab_size=2, **dict.fromkeys(positive, 1))
        require(self.seed >= 0, f"--seed must not be negative, found {self.seed}.")
        require(0 <= self.sample < 1, f"--sample must be at least 0 and below 1, found {self.sample}.")
