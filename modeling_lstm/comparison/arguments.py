"""Settings of a comparison."""

from dataclasses import MISSING, dataclass
from typing import ClassVar, Literal

from ..utils.errors import require
from ..utils.settings import require_at_least, setting

TEST_SHARE = 0.2  # share of train held out if there is no test split


@dataclass
class CompareArguments:
    """Which systems to compare, by which metric, and how thoroughly."""

    flag_group: ClassVar[str] = "Systems"

    systems: list[str] | None = setting(
        None,
        "What to compare: lstm, gru, bag-of-words, tfidf, fasttext, transformer:NAME, recipes (.yaml), run "
        "folders, folders of run folders, Hub ids of runs, or your own class as MODULE:CLASS. Default: the first "
        "five, without fasttext for regression.",
    )
    output_dir: str = setting("", "Folder for runs, tables, plots and the report.", group="Output")
    metric: str = setting(
        "auto",
        "Metric to compare by: accuracy, macro_f1, macro_recall, f1_LABEL, mean_absolute_error, pearson, "
        "...; auto: accuracy, or mean_squared_error for regression.",
    )
    seeds: int = setting(3, "Runs of each system.")
    trials: int = setting(
        3,
        "Number of settings of each system to try on validation; 1: only its default; above 3, more "
        "settings of networks are drawn from the search space.",
    )
    trial_rows: int = setting(10_000, "Maximum number of training rows of a trial.")
    shares: list[float] = setting(
        MISSING, "Shares of the training rows to draw learning curves for; 1: no curves.", factory=lambda: [0.01, 0.1]
    )
    embeddings: str | None = setting(None, "Word vectors to initialize lstm, gru and bag-of-words from, as for train.")
    class_weights: Literal["balanced"] | None = setting(None, "Give rare labels more weight in every system.")
    bf16: bool = setting(False, "Train the networks in bf16.")
    transformer_seeds: int | None = setting(None, "Runs of each Transformer, since these take long. Default: --seeds.")
    transformer_max_length: int = setting(256, "Maximum number of tokens a Transformer reads.")
    transformer_overrides: str | None = setting(
        None, "Changes to the Transformer's configuration, like --config_overrides of train."
    )
    threads: int | None = setting(None, "Threads for training and timing. Default: chosen by torch.")
    resamples: int = setting(
        2_000, "Minimum number of samples for intervals and exchanges for tests; those of accuracy are exact."
    )

    def __post_init__(self) -> None:
        require(bool(self.output_dir), "Name the folder of the comparison with --output_dir.")
        require_at_least(self, seeds=1, transformer_seeds=1, trials=1, trial_rows=10, resamples=100, threads=1)
        require_at_least(self, transformer_max_length=1)
        require(
            (self.transformer_seeds or 1) <= self.seeds,
            f"--transformer_seeds must be at most --seeds {self.seeds}, found {self.transformer_seeds}.",
        )
        for share in self.shares:
            require(0.0 < share <= 1.0, f"--shares must be greater than 0 and at most 1, found {share}.")
