"""The commands, each with its module, a one-line description and its usage."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True)
class Command:
    """
    A command. Its module defines `make_NAME_parser` and `run_NAME`, which takes the arguments after the name and
    returns the exit status. Modules that are slow to import are imported only when the command runs.

    Args:
        module: A module of this folder.
        about: What the command does.
        usage: The arguments after the name.
    """

    module: str
    about: str
    usage: str


COMMANDS = {
    "train": Command("training", "train a model", "[RECIPE.yaml] --dataset ... --output_dir RUN"),
    "distill": Command(
        "training", "train a classifier with a teacher", "[RECIPE.yaml] --teacher RUN --dataset ... --output_dir RUN"
    ),
    "pretrain": Command(
        "pretraining", "train a language model on text", "[RECIPE.yaml] --dataset TEXT ... --output_dir LM"
    ),
    "search": Command(
        "search", "search for the best settings of a classifier", "--dataset ... --trials 30 --output_dir FOLDER"
    ),
    "evaluate": Command("evaluation", "score a run on a split", "RUN --split test"),
    "predict": Command(
        "inference",
        "classify or translate texts, or fill in masks",
        "RUN 'a sentence' ... | --input FILE --output FILE",
    ),
    "generate": Command("inference", "write text with a language model", "LM ['The film' ...]"),
    "export": Command("inference", "export a run to ONNX", "RUN [FOLDER] [--precision int8]"),
    "card": Command("publishing", "write a run's model card, for review", "RUN me/name [--license apache-2.0] ..."),
    "push": Command(
        "publishing", "share a run on the Hub", "RUN me/name [--private] [--revision BRANCH] [--create_pr]"
    ),
    "compare": Command("comparison", "compare systems on your data", "--dataset ... --systems ... --output_dir FOLDER"),
    "explain": Command("explanation", "explain a prediction", "RUN 'a sentence' ['another'] [--output FILE]"),
    "demo": Command("explanation", "try a model in the browser and inspect it", "RUN [--beside RUN ...] [--port 7860]"),
    "vectors": Command("vectors", "word vectors", "train | nearest VECTORS WORD ... | compare A B [WORD ...] | push"),
}
VECTORS_COMMANDS = {
    "vectors train": Command("vectors", "train word vectors on text", "--dataset ... --output_dir VECTORS"),
    "vectors nearest": Command("vectors", "list the nearest words", "VECTORS WORD ..."),
    "vectors compare": Command("vectors", "show where two collections differ", "VECTORS VECTORS [WORD ...]"),
    "vectors push": Command("vectors", "share vectors on the Hub", "VECTORS me/name"),
}
# Variants of commands: for tasks other than classification, or with a preset
TASK_COMMANDS = {
    "train --preset best": Command(
        "training",
        "train the best LSTM it can for the given data, in stages",
        "--dataset ... [--teacher NAME] [--unlabeled TEXT ...] --output_dir RUN",
    ),
    "train --task translation": Command(
        "training",
        "train a translation model",
        "[RECIPE.yaml] --dataset ... --source_column EN --target_column ES --output_dir RUN",
    ),
    "pretrain --task fill-mask": Command(
        "pretraining",
        "train a masked language model on text",
        "[RECIPE.yaml] --dataset TEXT ... --output_dir LM",
    ),
    "compare --task translation": Command(
        "comparison", "compare translators", "--systems NAME=RUN ... --output_dir FOLDER"
    ),
}
ALL = COMMANDS | VECTORS_COMMANDS | TASK_COMMANDS


def run(name: str, given: list[str]) -> int:
    """Run a command with the arguments after its name. Returns the exit status."""
    return _function(f"run_{name}", name)(given)


def make_parser(name: str) -> Any:
    """Make the parser of a command. Each subcommand of `vectors` has its own, under a name like `vectors train`."""
    return find_maker(name)()


def find_maker(name: str) -> Any:
    """Return the function that makes the parser of a command."""
    return _function(f"make_{name}_parser", name)


def _function(function: str, command: str) -> Any:
    name = function.replace(" --task ", "_").replace(" --preset ", "_").replace(" ", "_").replace("-", "_")
    return getattr(import_module(f".{ALL[command].module}", __package__), name)
