"""Settings of the text that a language model learns from."""

from dataclasses import MISSING, dataclass
from typing import ClassVar

from ..utils.errors import require
from ..utils.settings import require_at_least, setting
from .arguments import FileArguments, ProblemType, check_share


@dataclass
class CorpusArguments(FileArguments):
    """Which text to learn a language model from."""

    flag_group: ClassVar[str] = "Data"

    dataset: list[str] = setting(
        MISSING,
        "Text: one or more Hub ids (or id:subset), files or folders of CSV, TSV, JSON Lines, Parquet or "
        ".txt. Labels are not needed.",
    )
    text_column: str | None = setting(None, "Column with the text. Default: recognized by its name.")
    split: str = setting("train", "Split to learn from.")
    validation_dataset: str | None = setting(None, "Text to hold out. Default: the validation splits of --dataset.")
    validation_share: float = setting(0.05, "Share of the texts to hold out if there is no validation split.")
    split_seed: int = setting(42, "Seed of that split, independent of --seed.")
    exclude: list[str] | None = setting(
        None,
        "Datasets whose validation and test texts are left out of the text to learn from, such as the one "
        "that a classifier will be evaluated on. If one has no validation split, the rows that train would hold "
        "out are left out.",
    )
    label_column: list[str] | None = setting(
        None, "The --label_column that train would use to hold them out. Default: recognized by its name."
    )
    group_column: str | None = setting(None, "The --group_column that train would use to hold them out.")
    problem_type: ProblemType | None = setting(None, "The --problem_type that train would use to hold them out.")
    exclude_validation_share: float = setting(
        0.1, "The --validation_share that train would hold out of an excluded dataset."
    )
    exclude_test_share: float | None = setting(
        None, "The --test_share that train would hold out of an excluded dataset."
    )
    max_train_samples: int | None = setting(None, "Learn from only this many texts.")
    block_size: int = setting(
        70, "Tokens of a block of text. A language model carries its state from block to block, but no gradient."
    )
    shuffle_texts: bool = setting(
        False, "Shuffle the texts in each epoch. Only for texts that do not continue one another."
    )

    def __post_init__(self) -> None:
        self.delimiter_character()
        require(len(self.dataset) > 0, "Name the text to learn from with --dataset.")
        require(
            0.0 < self.validation_share < 1.0,
            f"--validation_share must be between 0 and 1, found {self.validation_share}.",
        )
        for name in ("exclude_validation_share", "exclude_test_share"):
            check_share(name, getattr(self, name))
        require_at_least(self, block_size=2, max_train_samples=1)

    def columns(self) -> list[str] | None:
        """Return the text column as a list, or `None` if none is named."""
        return None if self.text_column is None else [self.text_column]
