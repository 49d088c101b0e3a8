"""Settings for prediction, text generation and export."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from ..data.arguments import FileArguments
from ..utils.errors import require
from ..utils.ray_cluster import RayArguments

COLDEST = 1e-3  # lowest temperature: divided by less, logits overflow 32 bits


@dataclass
class PredictionArguments(FileArguments, RayArguments):
    """What to classify or translate, and where to write the answers."""

    flag_group: ClassVar[str] = "Data"

    input: str | None = field(
        default=None,
        metadata={
            "help": "File with texts: CSV, TSV, JSON Lines, Parquet or .txt (one text per line), also .gz; - is "
            "standard input, one text per line. With --engine ray also a folder, a quoted pattern, or a URL: s3://..."
        },
    )
    text_column: list[str] | None = field(
        default=None,
        metadata={"help": "Column with the text, or several columns to join. Default: recognized by its name."},
    )
    output: str | None = field(
        default=None,
        metadata={
            "help": "File to write: .csv, .tsv, .jsonl or .parquet; with --engine ray a folder for Parquet files.",
            "group": "Output",
        },
    )
    keep_columns: list[str] | None = field(
        default=None, metadata={"help": "Columns of --input to copy to --output, or all.", "group": "Output"}
    )
    all_scores: bool = field(
        default=False,
        metadata={"help": "Also write the score of every label, in columns score_LABEL.", "group": "Output"},
    )
    batch_size: int = field(default=32, metadata={"help": "Rows in a batch.", "group": "Options"})
    backend: Literal["auto", "torch", "onnxruntime"] = field(
        default="auto",
        metadata={
            "help": "What runs the model. auto: ONNX Runtime for an export, also one inside the run; otherwise torch.",
            "group": "Options",
        },
    )
    damaged: Literal["stop", "skip"] = field(
        default="stop",
        metadata={
            "help": "With --engine ray, if a file is damaged: write nothing, or answer the others and report it.",
            "group": "Several machines",
        },
    )
    max_characters: int = field(
        default=500_000, metadata={"help": "Maximum number of characters in a text.", "group": "Options"}
    )
    revision: str | None = field(
        default=None, metadata={"help": "Branch, tag or commit of a run on the Hub.", "group": "Options"}
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.batch_size >= 1, f"--batch_size must be at least 1, found {self.batch_size}.")


@dataclass
class ExportArguments:
    """What to export."""

    precision: Literal["fp32", "int8"] = field(
        default="fp32", metadata={"help": "Precision of the weights: int8 is smaller, faster and a little less exact."}
    )
    revision: str | None = field(default=None, metadata={"help": "Branch, tag or commit of a run on the Hub."})


@dataclass
class GenerationArguments:
    """How to write text with a language model."""

    flag_group: ClassVar[str] = "Options"

    max_new_tokens: int = field(default=50, metadata={"help": "Maximum number of tokens to write."})
    number: int = field(default=1, metadata={"help": "Texts to write for each prompt."})
    batch_size: int = field(default=64, metadata={"help": "Texts to write at a time."})
    output: str | None = field(
        default=None,
        metadata={
            "help": "File to write the texts to, in the column text: .csv, .tsv, .jsonl or .parquet.",
            "group": "Output",
        },
    )
    do_sample: bool = field(
        default=True, metadata={"help": "Sample each token; false: always take the most likely one."}
    )
    temperature: float = field(default=0.8, metadata={"help": "Below 1, likely tokens are sampled more often."})
    top_k: int = field(default=0, metadata={"help": "Sample from this many of the most likely tokens; 0: from all."})
    top_p: float = field(
        default=0.95, metadata={"help": "Sample from the most likely tokens that add up to this probability."}
    )
    num_beams: int = field(default=1, metadata={"help": "Search with this many beams; useful with --do_sample false."})
    seed: int = field(default=0, metadata={"help": "Random seed."})
    revision: str | None = field(default=None, metadata={"help": "Branch, tag or commit of a model on the Hub."})

    def __post_init__(self) -> None:
        for name in ("max_new_tokens", "number", "batch_size", "num_beams"):
            require(getattr(self, name) >= 1, f"--{name} must be at least 1, found {getattr(self, name)}.")
        require(
            self.temperature >= COLDEST,
            f"--temperature must be at least {COLDEST}, found {self.temperature}: to always take the most likely "
            "token, write --do_sample false.",
        )
        require(self.top_k >= 0, f"--top_k must be 0 or more, found {self.top_k}.")
        require(0 < self.top_p <= 1, f"--top_p must be greater than 0 and at most 1, found {self.top_p}.")
        require(
            self.number == 1 or self.do_sample or self.num_beams >= self.number,
            f"--number {self.number} texts without sampling need as many beams: --num_beams {self.number}.",
        )
