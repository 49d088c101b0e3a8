"""Settings of a comparison."""

from dataclasses import dataclass, field
from typing import Literal

from ..utils.errors import require


@dataclass
class CompareArguments:
    """What to compare, by what, and how thoroughly."""

    systems: list[str] | None = field(
        default=None,
        metadata={
            "help": "lstm, gru, bag-of-words, tfidf, fasttext, transformer:NAME, recipes (.yaml), run folders, folders "
            "of run folders, or MODULE:CLASS of one's own. Default: the first five, for numbers without fasttext."
        },
    )
    output: str = field(default="", metadata={"help": "Folder of the runs, the tables, the plots and the report."})
    metric: str = field(
        default="auto",
        metadata={
            "help": "Score that counts: accuracy, macro_f1, macro_recall, f1_LABEL, mean_absolute_error, pearson... "
            "auto is accuracy, for numbers mean_squared_error."
        },
    )
    seeds: int = field(default=3, metadata={"help": "Runs of each system."})
    trials: int = field(default=3, metadata={"help": "Settings of each system tried on validation; 1: its first."})
    trial_rows: int = field(default=10_000, metadata={"help": "Training rows of a trial, if there are more."})
    shares: list[float] = field(
        default_factory=lambda: [0.01, 0.1],
        metadata={"help": "Shares of the training rows for the learning curves; 1 alone: no curves."},
    )
    embeddings: str | None = field(
        default=None, metadata={"help": "Word vectors that lstm, gru and bag-of-words begin with, as for train."}
    )
    class_weights: Literal["balanced"] | None = field(
        default=None, metadata={"help": "Let every system count rare labels more."}
    )
    bf16: bool = field(default=False, metadata={"help": "Train the networks in bf16, where the processor has it."})
    transformer_seeds: int | None = field(
        default=None, metadata={"help": "Runs of each Transformer, if fewer than --seeds: they take long."}
    )
    transformer_max_length: int = field(default=256, metadata={"help": "Tokens of a text that a Transformer reads."})
    transformer_overrides: str | None = field(
        default=None, metadata={"help": "Changes of a Transformer's configuration, as --config_overrides of train."}
    )
    threads: int | None = field(default=None, metadata={"help": "Threads for training and for measuring."})
    resamples: int = field(
        default=2_000,
        metadata={
            "help": "Draws for the intervals and tests of scores other than accuracy, whose are exact; at least."
        },
    )

    def __post_init__(self) -> None:
        require(bool(self.output), "Name the folder of the comparison with --output.")
        smallest = {"seeds": 1, "transformer_seeds": 1, "trials": 1, "trial_rows": 10, "resamples": 100, "threads": 1}
        for name, least in smallest.items():
            value = getattr(self, name)
            require(value is None or value >= least, f"--{name} must be at least {least}, found {value}.")
        for share in self.shares:
            require(0.0 < share <= 1.0, f"--shares must be greater than 0 and at most 1, found {share}.")
