"""Settings of predictions and exports."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from ..data.arguments import FileArguments


@dataclass
class PredictionArguments(FileArguments):
    """What to classify and where to write the answers."""

    flag_group: ClassVar[str] = "Data"

    input: str | None = field(
        default=None,
        metadata={
            "help": "File to classify: CSV, TSV, JSON Lines, Parquet or .txt (one text a line), also .gz; - is "
            "standard input."
        },
    )
    text_column: list[str] | None = field(
        default=None,
        metadata={"help": "Column with the text, or several columns to join. Default: recognized by its name."},
    )
    output: str | None = field(
        default=None, metadata={"help": "File to write: .csv, .tsv, .jsonl or .parquet.", "group": "Output"}
    )
    keep_columns: list[str] | None = field(
        default=None, metadata={"help": "Columns of --input to copy to --output, or all.", "group": "Output"}
    )
    all_scores: bool = field(
        default=False,
        metadata={"help": "Also give the score of every label, in columns score_LABEL.", "group": "Output"},
    )
    batch_size: int = field(default=32, metadata={"help": "Rows in a batch.", "group": "Options"})
    backend: Literal["torch", "onnxruntime"] = field(
        default="torch",
        metadata={"help": "What runs the model: onnxruntime for a folder that export wrote.", "group": "Options"},
    )
    max_characters: int = field(default=500_000, metadata={"help": "Longest text allowed.", "group": "Options"})
    revision: str | None = field(
        default=None, metadata={"help": "Branch, tag or commit of a run on the Hub.", "group": "Options"}
    )


@dataclass
class ExportArguments:
    """What to export."""

    precision: Literal["fp32", "int8"] = field(
        default="fp32", metadata={"help": "Precision of the weights: int8 is smaller, faster and a little less exact."}
    )
    revision: str | None = field(default=None, metadata={"help": "Branch, tag or commit of a run on the Hub."})
