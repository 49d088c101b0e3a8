"""Settings of an evaluation."""

from dataclasses import dataclass, field

from ..data.arguments import FileArguments


@dataclass
class EvaluationArguments(FileArguments):
    """Which split of which data to evaluate a run on."""

    split: str = field(default="test", metadata={"help": "Split to evaluate."})
    dataset: str | None = field(
        default=None,
        metadata={"help": "Another data set than the one of the training; all rows of it, if it is a file."},
    )
    text_column: list[str] | None = field(default=None, metadata={"help": "Its column, or several, with the text."})
    label_column: list[str] | None = field(
        default=None, metadata={"help": "Its column with the label, or one for each label that hold 0 or 1."}
    )
    output_dir: str | None = field(
        default=None,
        metadata={
            "help": "Folder for scores and plots. Default: evaluation/SPLIT in the run folder; of a Hub id, none."
        },
    )
    revision: str | None = field(default=None, metadata={"help": "Branch, tag or commit of a run on the Hub."})
    batch_size: int = field(default=128, metadata={"help": "Rows in a batch."})
    resamples: int = field(default=1000, metadata={"help": "Draws for the 95 %% intervals that are not exact."})
    seed: int = field(default=0, metadata={"help": "Seed of these draws."})
