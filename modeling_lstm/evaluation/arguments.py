"""Settings of an evaluation."""

from dataclasses import dataclass, fields
from typing import Any, ClassVar

from ..data.arguments import FileArguments
from ..utils.errors import require
from ..utils.settings import require_at_least, setting


@dataclass
class EvaluationArguments(FileArguments):
    """Which split of which data to evaluate a run on."""

    flag_group: ClassVar[str] = "Data"

    split: str = setting("test", "Split to evaluate.")
    dataset: str | None = setting(
        None, "Another dataset. All rows of a file are used. Default: the one the run was trained on."
    )
    text_column: list[str] | None = setting(
        None, "Text column of --dataset, or several columns to join. Default: as in training."
    )
    label_column: list[str] | None = setting(
        None, "Label column of --dataset, or a column of 0 and 1 for each label. Default: as in training."
    )
    output_dir: str | None = setting(
        None,
        "Folder for scores and plots. Default: evaluation/SPLIT in the run folder; none for a Hub id.",
        group="Output",
    )
    revision: str | None = setting(None, "Branch, tag or commit of a run on the Hub.", group="Options")
    batch_size: int = setting(128, "Number of rows in a batch.", group="Options")
    resamples: int = setting(1000, "Bootstrap samples for the 95%% intervals that are not exact.", group="Options")
    seed: int = setting(0, "Seed of the bootstrap. Translations use sacrebleu's own seed.", group="Options")

    def of_other_data(self) -> dict[str, Any]:
        """Return the data settings of another dataset, which replace those of the training."""
        apart = dict.fromkeys(("subset", "revision", "train_dataset", "group_column", "max_train_samples"))
        return {"dataset": self.dataset} | apart | vars(self.of_files())

    def __post_init__(self) -> None:
        require_at_least(self, batch_size=1, resamples=100)
        names = ("text_column", "label_column", *(one.name for one in fields(FileArguments)))
        given = next((name for name in names if getattr(self, name) is not None), None)
        require(self.dataset is not None or given is None, f"--{given} is for another dataset: name it with --dataset.")
