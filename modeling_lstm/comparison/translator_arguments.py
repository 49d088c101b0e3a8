"""Settings of a comparison of translators."""

from dataclasses import MISSING, dataclass
from typing import ClassVar

from ..tasks.base import TRANSLATION
from ..utils.errors import require
from ..utils.settings import require_at_least, setting


@dataclass
class TranslatorsArguments:
    """Which translators to compare, and on which texts."""

    flag_group: ClassVar[str] = "Systems"

    systems: list[str] = setting(
        MISSING,
        "Run folders, Hub ids of runs, or folders of run folders with different seeds, as NAME=FOLDER. "
        "The others are compared with the first.",
    )
    output_dir: str = setting(MISSING, "Folder for tables, plots and the report.", group="Output")
    task: str = setting(TRANSLATION, "Task of the systems.")
    split: str = setting("test", "Split to translate.", group="Data")
    dataset: str | None = setting(
        None, "Other pairs, all from a single split. Default: the dataset of the training.", group="Data"
    )
    threads: int | None = setting(None, "Threads of each system. Default: chosen by torch.")
    resamples: int = setting(1_000, "Bootstrap samples for intervals, and exchanges for tests.")

    def __post_init__(self) -> None:
        require(len(self.systems) > 0, "Name the systems with --systems NAME=FOLDER.")
        require(bool(self.output_dir), "Name the folder of the comparison with --output_dir.")
        require_at_least(self, resamples=100, threads=1)
