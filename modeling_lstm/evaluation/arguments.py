"""Settings of an evaluation."""

from dataclasses import dataclass, field, fields
from typing import ClassVar

from ..data.arguments import FileArguments
from ..utils.errors import require


@dataclass
class EvaluationArguments(FileArguments):
    """Which split of which data to evaluate a run on."""

    flag_group: ClassVar[str] = "Data"

    split: str = field(default="test", metadata={"help": "Split to evaluate."})
    dataset: str | None = field(
        default=None,
        metadata={"help": "Another data set. All rows of a file are used. Default: the one the run was trained on."},
    )
    text_column: list[str] | None = field(
        default=None,
        metadata={"help": "Text column of --dataset, or several columns to join. Default: as in training."},
    )
    label_column: list[str] | None = field(
        default=None,
        metadata={"help": "Label column of --dataset, or a column of 0 and 1 for each label. Default: as in training."},
    )
    output_dir: str | None = field(
        default=None,
        metadata={
            "help": "Folder for scores and plots. Default: evaluation/SPLIT in the run folder; none for a Hub id.",
            "group": "Output",
        },
    )
    revision: str | None = field(
        default=None, metadata={"help": "Branch, tag or commit of a run on the Hub.", "group": "Options"}
    )
    batch_size: int = field(default=128, metadata={"help": "Number of rows in a batch.", "group": "Options"})
    resamples: int = field(
        default=1000,
        metadata={"help": "Bootstrap samples for the 95 %% intervals that are not exact.", "group": "Options"},
    )
    seed: int = field(
        default=0,
        metadata={"help": "Seed of the bootstrap. Translations use sacrebleu's own seed.", "group": "Options"},
    )

    def __post_init__(self) -> None:
        for name, least in (("batch_size", 1), ("resamples", 100)):
            require(getattr(self, name) >= least, f"--{name} must be at least {least}, found {getattr(self, name)}.")
        names = ("text_column", "label_column", *(one.name for one in fields(FileArguments)))
        given = next((name for name in names if getattr(self, name) is not None), None)
        require(
            self.dataset is not None or given is None, f"--{given} is for another data set: name it with --dataset."
        )
