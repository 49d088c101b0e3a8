"""Settings for training word vectors."""

import os
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from ..data.arguments import FileArguments
from ..utils.errors import require


@dataclass
class VectorTrainingArguments(FileArguments):
    """Which text to train word vectors on, and how."""

    flag_group: ClassVar[str] = "Training"

    dataset: str = field(
        metadata={
            "help": "Hub id (or id:subset), file or folder of CSV, TSV, JSON Lines, Parquet or .txt; needs no labels.",
            "group": "Data",
        }
    )
    output_dir: str = field(metadata={"help": "Folder to write the vectors to.", "group": "Output"})
    text_column: str | None = field(default=None, metadata={"help": "Column with the text.", "group": "Data"})
    split: str = field(default="train", metadata={"help": "Split with the text.", "group": "Data"})
    algorithm: Literal["skipgram", "cbow", "fasttext"] = field(
        default="skipgram",
        metadata={"help": "word2vec (skip-gram or CBOW), or fastText (skip-gram with character n-grams)."},
    )
    size: int = field(default=100, metadata={"help": "Dimensions of a vector."})
    window: int = field(default=5, metadata={"help": "Words of context on each side of a word."})
    min_frequency: int = field(
        default=5, metadata={"help": "Minimum number of occurrences for a word to get a vector."}
    )
    vocab_size: int = field(default=100_000, metadata={"help": "Maximum size of the vocabulary."})
    lowercase: bool = field(default=True, metadata={"help": "Ignore the difference between upper and lower case."})
    epochs: int = field(default=5, metadata={"help": "Passes over the text."})
    negative: int = field(default=5, metadata={"help": "Negative samples for each true context."})
    sample: float = field(default=1e-4, metadata={"help": "Frequency above which a word is randomly skipped."})
    buckets: int = field(default=100_000, metadata={"help": "Hash buckets for the n-grams of fastText."})
    workers: int = field(
        default=os.cpu_count() or 1, metadata={"help": "Threads; with more than 1, the vectors differ from run to run."}
    )
    seed: int = field(default=42, metadata={"help": "Random seed."})

    def __post_init__(self) -> None:
        positive = ("size", "window", "min_frequency", "vocab_size", "epochs", "negative", "buckets", "workers")
        for name in positive:
            require(getattr(self, name) >= 1, f"--{name} must be at least 1, found {getattr(self, name)}.")
        require(self.seed >= 0, f"--seed must not be negative, found {self.seed}.")
        require(0 <= self.sample < 1, f"--sample must be at least 0 and below 1, found {self.sample}.")
