"""Settings of word vectors learned from one's own text."""

import os
from dataclasses import dataclass, field
from typing import Literal

from ..data.arguments import FileArguments
from ..utils.errors import require


@dataclass
class VectorTrainingArguments(FileArguments):
    """Which text to learn word vectors from, and how."""

    dataset: str = field(
        metadata={"help": "Hub id (or id:subset), file or folder of CSV, TSV, JSON lines or Parquet; no labels needed."}
    )
    output_dir: str = field(metadata={"help": "Folder to write the vectors to."})
    text_column: str | None = field(default=None, metadata={"help": "Column with the text."})
    split: str = field(default="train", metadata={"help": "Split with the text."})
    algorithm: Literal["skipgram", "cbow", "fasttext"] = field(
        default="skipgram",
        metadata={"help": "word2vec by skip-gram or CBOW, or fastText (skip-gram with n-grams of letters)."},
    )
    size: int = field(default=100, metadata={"help": "Numbers in a vector."})
    window: int = field(default=5, metadata={"help": "Words to each side that are a word's context."})
    min_frequency: int = field(default=5, metadata={"help": "Occurrences that a word needs."})
    vocab_size: int = field(default=100_000, metadata={"help": "Most words."})
    lowercase: bool = field(default=True, metadata={"help": "Fold upper and lower case."})
    epochs: int = field(default=5, metadata={"help": "Passes over the text."})
    negative: int = field(default=5, metadata={"help": "Random words that a true context is told apart from."})
    sample: float = field(default=1e-4, metadata={"help": "Share of the text above which a word is skipped at random."})
    buckets: int = field(default=100_000, metadata={"help": "fastText: buckets that n-grams are hashed into."})
    workers: int = field(
        default=os.cpu_count() or 1, metadata={"help": "Threads; only 1 gives the same vectors every time."}
    )
    seed: int = field(default=42, metadata={"help": "Seed of the first vectors."})

    def __post_init__(self) -> None:
        positive = ("size", "window", "min_frequency", "vocab_size", "epochs", "negative", "buckets", "workers")
        for name in positive:
            require(getattr(self, name) >= 1, f"--{name} must be at least 1, found {getattr(self, name)}.")
        require(self.seed >= 0, f"--seed must not be negative, found {self.seed}.")
        require(0 <= self.sample < 1, f"--sample must be at least 0 and below 1, found {self.sample}.")
