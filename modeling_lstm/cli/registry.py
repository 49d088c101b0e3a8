"""The commands: the module of each, what it does in one line, and what is typed after its name."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True)
class Command:
    """
    A command. Its module defines `run_NAME`, from the words after the name to the exit status, and `make_NAME_parser`;
    what takes long to import is imported there when the command runs.

    Args:
        module: A module of this folder.
        about: What the command does.
        usage: What is typed after the name.
    """

    module: str
    about: str
    usage: str


COMMANDS = {
    "train": Command("training", "train a model", "[RECIPE.yaml] --dataset ... --output_dir RUN"),
    "distill": Command(
        "training", "train a classifier that learns from a teacher", "[RECIPE.yaml] --teacher RUN --dataset ..."
    ),
    "pretrain": Command(
        "pretraining", "learn a language model from text", "[RECIPE.yaml] --dataset TEXT ... --output_dir LM"
    ),
    "search": Command(
        "search", "search for the settings of a classifier", "--dataset ... --trials 30 --output_dir FOLDER"
    ),
    "evaluate": Command("evaluation", "score a run on a split", "RUN --split test"),
    "predict": Command("inference", "classify or translate texts", "RUN 'a sentence' ... | --input FILE --output FILE"),
    "generate": Command("inference", "write text with a language model", "LM ['The film' ...]"),
    "export": Command("inference", "write a run as ONNX", "RUN [FOLDER] [--precision int8]"),
    "card": Command("publishing", "write a run's model card, to look at", "RUN me/name [--license apache-2.0] ..."),
    "push": Command(
        "publishing", "share a run on the Hub", "RUN me/name [--private] [--revision BRANCH] [--create_pr]"
    ),
    "compare": Command("comparison", "compare systems on your data", "--dataset ... --systems ... --output_dir FOLDER"),
    "explain": Command("explanation", "explain a prediction", "RUN 'a sentence' ['another'] [--output FILE]"),
    "demo": Command("explanation", "try a model on a page and look into it", "RUN [--beside RUN ...] [--port 7860]"),
    "vectors": Command("vectors", "word vectors", "train | nearest VECTORS WORD ... | compare A B [WORD ...] | push"),
}
VECTORS_COMMANDS = {
    "vectors train": Command("vectors", "learn word vectors from text", "--dataset ... --output_dir VECTORS"),
    "vectors nearest": Command("vectors", "list the nearest words", "VECTORS WORD ..."),
    "vectors compare": Command("vectors", "show where two collections differ", "VECTORS VECTORS [WORD ...]"),
    "vectors push": Command("vectors", "share vectors on the Hub", "VECTORS me/name"),
}
# What a command takes for another task than classification, or with a preset
TASK_COMMANDS = {
    "train --preset best": Command(
        "training",
        "train the best model that is known here for what is given, in stages",
        "--dataset ... [--teacher NAME] [--unlabeled TEXT ...] --output_dir RUN",
    ),
    "train --task translation": Command(
        "training",
        "train a model that translates",
        "[RECIPE.yaml] --dataset ... --source_column EN --target_column ES ...",
    ),
    "compare --task translation": Command(
        "comparison", "compare translators", "--systems NAME=RUN ... --output_dir FOLDER"
    ),
}
ALL = COMMANDS | VECTORS_COMMANDS | TASK_COMMANDS


def run(name: str, given: list[str]) -> int:
    """Run a command with the words after its name. Returns the exit status."""
    return _function(f"run_{name}", name)(given)


def make_parser(name: str) -> Any:
    """The parser of a command; that of `vectors` is one of each of its own commands."""
    return find_maker(name)()


def find_maker(name: str) -> Any:
    """The function that makes the parser of a command."""
    return _function(f"make_{name}_parser", name)


def _function(function: str, command: str) -> Any:
    name = function.replace(" --task ", "_").replace(" --preset ", "_").replace(" ", "_")
    return getattr(import_module(f".{ALL[command].module}", __package__), name)
