"""Settings of predictions and exports."""

from dataclasses import dataclass, field
from typing import Literal

from ..data.arguments import FileArguments


@dataclass
class PredictionArguments(FileArguments):
    """What to classify and where to write the answers."""

    input: str | None = field(
        default=None,
        metadata={
            "help": "CSV, TSV, JSON lines, Parquet or .txt file (a text in each line), also .gz; - is standard input."
        },
    )
    text_column: list[str] | None = field(
        default=None, metadata={"help": "Column, or several to be joined, with the text."}
    )
    output: str | None = field(default=None, metadata={"help": "File to write: .csv, .tsv, .jsonl or .parquet."})
    keep_columns: list[str] | None = field(
        default=None, metadata={"help": "Columns of --input that --output has too, or all."}
    )
    all_scores: bool = field(
        default=False, metadata={"help": "Also give the score of every label, in columns score_LABEL."}
    )
    batch_size: int = field(default=32, metadata={"help": "Rows in a batch."})
    backend: Literal["torch", "onnxruntime"] = field(
        default="torch", metadata={"help": "What runs the model; onnxruntime takes a folder that export wrote."}
    )
    max_characters: int = field(default=500_000, metadata={"help": "A longer text is an error."})
    revision: str | None = field(default=None, metadata={"help": "Branch, tag or commit of a run on the Hub."})


@dataclass
class ExportArguments:
    """What to export."""

    precision: Literal["fp32", "int8"] = field(
        default="fp32", metadata={"help": "Numbers of the weights; int8 is smaller, faster and a little less exact."}
    )
    revision: str | None = field(default=None, metadata={"help": "Branch, tag or commit of a run on the Hub."})
