"""Settings for prediction, text generation and export."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from ..data.arguments import FileArguments
from ..utils.errors import require
from ..utils.ray_cluster import RayArguments
from ..utils.settings import require_at_least, setting

MIN_TEMPERATURE = 1e-3  # divided by less, logits overflow 32 bits


@dataclass
class PredictionArguments(FileArguments, RayArguments):
    """What to classify or translate, and where to write the answers."""

    flag_group: ClassVar[str] = "Data"

    input: str | None = setting(
        None,
        "File with texts: CSV, TSV, JSON Lines, Parquet or .txt (one text per line), also .gz; - is "
        "standard input, one text per line. With --engine ray also a folder, a quoted pattern, or a URL: s3://...",
    )
    text_column: list[str] | None = setting(
        None, "Column with the text, or several columns to join. Default: as in training, or recognized by its name."
    )
    output: str | None = setting(None, "File to write: .csv, .tsv, .jsonl or .parquet.", group="Output")
    output_dir: str | None = setting(None, "With --engine ray: folder to write Parquet files to.", group="Output")
    keep_columns: list[str] | None = setting(None, "Columns of --input to copy to the output, or all.", group="Output")
    all_scores: bool = setting(False, "Also write the score of every label, in columns score_LABEL.", group="Output")
    batch_size: int = setting(32, "Rows in a batch.", group="Options")
    num_beams: int | None = setting(
        None, "Beams of a translator; 1 is fastest. Default: those that it was trained with.", group="Options"
    )
    backend: Literal["auto", "torch", "onnxruntime"] = setting(
        "auto",
        "What runs the model. auto: ONNX Runtime for an export, also one inside the run; otherwise torch.",
        group="Options",
    )
    damaged: Literal["stop", "skip"] = setting(
        "stop",
        "With --engine ray, if a file is damaged: write nothing, or answer the others and report it.",
        group="Several machines",
    )
    max_characters: int = setting(500_000, "Maximum number of characters in a text.", group="Options")
    revision: str | None = setting(None, "Branch, tag or commit of a run on the Hub.", group="Options")

    def __post_init__(self) -> None:
        super().__post_init__()
        require_at_least(self, batch_size=1, num_beams=1)
        is_ray = self.engine == "ray"
        require(not is_ray or self.output is None, "--engine ray writes a folder: name it with --output_dir.")
        require(is_ray or self.output_dir is None, "--output_dir is for --engine ray: name a file with --output.")
        require(is_ray or self.damaged == "stop", f"--damaged {self.damaged} is for --engine ray: leave it out.")


@dataclass
class ExportArguments:
    """What to export."""

    precision: Literal["fp32", "int8"] = setting(
        "fp32", "Precision of the weights: int8 is smaller, faster and a little less exact."
    )
    revision: str | None = setting(None, "Branch, tag or commit of a run on the Hub.")


@dataclass
class GenerationArguments:
    """How to write text with a language model."""

    flag_group: ClassVar[str] = "Options"

    max_new_tokens: int = setting(50, "Maximum number of tokens to write.")
    number: int = setting(1, "Texts to write for each prompt.")
    batch_size: int = setting(64, "Texts to write at a time.")
    output: str | None = setting(
        None, "File to write the texts to, in the column text: .csv, .tsv, .jsonl or .parquet.", group="Output"
    )
    do_sample: bool = setting(True, "Sample each token; false: always take the most likely one.")
    temperature: float = setting(0.8, "Below 1, likely tokens are sampled more often.")
    top_k: int = setting(0, "Sample from this many of the most likely tokens; 0: from all.")
    top_p: float = setting(0.95, "Sample from the most likely tokens that add up to this probability.")
    num_beams: int = setting(1, "Search for the most likely text with this many beams; needs --do_sample false.")
    seed: int = setting(0, "Random seed.")
    revision: str | None = setting(None, "Branch, tag or commit of a model on the Hub.")

    def __post_init__(self) -> None:
        require_at_least(self, max_new_tokens=1, number=1, batch_size=1, num_beams=1)
        require(
            self.temperature >= MIN_TEMPERATURE,
            f"--temperature must be at least {MIN_TEMPERATURE}, found {self.temperature}: to always take the most "
            "likely token, write --do_sample false.",
        )
        require(self.top_k >= 0, f"--top_k must be 0 or more, found {self.top_k}.")
        require(0 < self.top_p <= 1, f"--top_p must be greater than 0 and at most 1, found {self.top_p}.")
        require(
            self.num_beams == 1 or not self.do_sample,
            f"--num_beams {self.num_beams} searches for the most likely text, but by default each token is sampled: "
            "add --do_sample false.",
        )
        require(
            self.number == 1 or self.do_sample or self.num_beams >= self.number,
            f"--number {self.number} texts without sampling need as many beams: --num_beams {self.number}.",
        )
