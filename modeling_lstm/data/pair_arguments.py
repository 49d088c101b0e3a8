"""Settings of text pairs: a source, and the target to be made from it."""

from dataclasses import dataclass
from typing import ClassVar

from ..utils.errors import require
from ..utils.settings import require_at_least, setting
from .arguments import SplitArguments


@dataclass
class PairArguments(SplitArguments):
    """Which pairs of texts to use."""

    flag_group: ClassVar[str] = "Data"

    source_column: str | None = setting(
        None, "Column with the text to translate, or a language of a translation column."
    )
    target_column: str | None = setting(None, "Column with its translation, or a language of a translation column.")
    max_length: int = setting(
        128, "Maximum tokens per text; longer training pairs are left out, longer texts to translate truncated."
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        require_at_least(self, max_length=2)
        require(
            self.source_column is None or self.source_column != self.target_column,
            f"--source_column and --target_column are both {self.source_column!r}.",
        )
