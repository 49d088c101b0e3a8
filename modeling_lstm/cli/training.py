"""`train` and `distill`."""

import contextlib
import itertools
import shlex
from pathlib import Path
from typing import Any

from ..data.arguments import DataArguments, TokenizerArguments
from ..data.pair_arguments import PairArguments
from ..distillation.arguments import STUDENT_DEFAULTS, DistillationArguments
from ..presets.arguments import BEST_DEFAULTS, OptionalTeacherArguments, PresetArguments
from ..tasks.base import FILL_MASK, TEXT_CLASSIFICATION, TEXT_GENERATION, TRANSLATION
from ..training.arguments import ModelArguments, TaskArguments, TrainerSettings, read_trainer_names
from ..translators.arguments import FIXED, TRANSLATION_DEFAULTS, PairTokenizerArguments, TranslationModelArguments
from ..utils.display import format_number
from ..utils.errors import InputError, hide_tokens, require
from ..utils.files import is_within
from ..utils.flags import parse_given
from ..utils.processes import fail_once, is_main
from ..utils.ray_cluster import RayArguments
from .evaluation import describe_gap
from .parsing import CommandParser
from .registry import find_maker


def make_train_parser(trainer: Any = TrainerSettings) -> CommandParser:
    """The parser of `train`, with the Trainer settings that `--help` shows, or others."""
    kinds = (TaskArguments, PresetArguments, DataArguments, ModelArguments, TokenizerArguments, trainer, RayArguments)
    return add_help(CommandParser("train", *kinds))


def make_train_best_parser(trainer: Any = TrainerSettings) -> CommandParser:
    """The parser of `train --preset best`, with the Trainer settings that `--help` shows, or others."""
    kinds = (TaskArguments, PresetArguments, DataArguments, OptionalTeacherArguments, ModelArguments)
    parser = add_help(CommandParser("train --preset best", *kinds, TokenizerArguments, trainer, RayArguments))
    parser.tell_defaults(BEST_DEFAULTS)
    return parser


# Descriptions of settings where the usual ones are about classifiers
OTHER_TASKS = {
    "num_train_epochs": "Passes over the train split.",
    "per_device_train_batch_size": "Rows in a training batch.",
    "average_epochs": "Evaluate and keep an average of the weights over about this many epochs; 0: no average.",
    "embedding_learning_rate": "Learning rate of the word vectors; 0 freezes them. Default: --learning_rate.",
}
OF_TRANSLATION = OTHER_TASKS | {
    "dataset": "Hub id (or id:subset), file or folder of CSV, TSV, JSON Lines or Parquet with pairs of texts.",
    "train_dataset": "Another dataset to take the train split from.",
    "max_train_samples": "Train on only this many pairs, drawn with --split_seed.",
}


def make_train_translation_parser(trainer: Any = TrainerSettings) -> CommandParser:
    """The parser of `train --task translation`, with the Trainer settings that `--help` shows, or others."""
    kinds = (TaskArguments, PairArguments, TranslationModelArguments, PairTokenizerArguments, trainer, RayArguments)
    parser = add_help(CommandParser("train --task translation", *kinds))
    parser.describe(OF_TRANSLATION)
    parser.set_defaults(task=TRANSLATION, **TRANSLATION_DEFAULTS)
    parser.hide(FIXED)
    return parser


# For tasks with their own training settings, the command whose parser reads them
COMMANDS_OF_TASKS = {
    TRANSLATION: "train --task translation",
    TEXT_GENERATION: "pretrain",
    FILL_MASK: "pretrain --task fill-mask",
}


def make_distill_parser(trainer: Any = TrainerSettings) -> CommandParser:
    """The parser of `distill`, with the Trainer settings that `--help` shows, or others."""
    kinds = (TaskArguments, DataArguments, DistillationArguments, ModelArguments, TokenizerArguments)
    parser = add_help(CommandParser("distill", *kinds, trainer, RayArguments))
    parser.set_defaults(**STUDENT_DEFAULTS)
    return parser


def add_help(parser: CommandParser) -> CommandParser:
    """Add the arguments of every training command: a recipe and `--help-all`."""
    parser.add_argument("recipe", nargs="?", metavar="RECIPE.yaml", help="Settings; flags override them.")
    more = "Show this help with all other settings of transformers.TrainingArguments and exit."
    parser.group("Help").add_argument("--help-all", action="help", help=more)
    return parser


def run_train(given: list[str]) -> int:
    """Train a model for a task."""
    task, preset = find_setting(given, "task", TEXT_CLASSIFICATION), find_setting(given, "preset")
    command = "train --preset best" if preset else COMMANDS_OF_TASKS.get(task, "train")
    check_given(given, find_maker(command))
    from ..training.job import find_job

    with fail_once():
        kind = find_job(task, preset or None)
    return run_job("train", kind, given)


def find_setting(given: list[str], setting: str, default: str = "") -> str:
    """Return the value of a setting in the recipe or the flags; the last one counts."""
    flags = given
    with contextlib.suppress(InputError):  # reported later, when the settings of the recipe are read
        flags = _expand_recipe(given)
    found = default
    for flag, value in itertools.pairwise([*flags, ""]):
        name, sign, own = flag.partition("=")
        if name == f"--{setting}":
            found = own if sign else value
    return found


def _split_recipe(given: list[str]) -> tuple[Path | None, list[str]]:
    """Return the recipe, if the arguments begin with one, and the flags."""
    is_recipe = bool(given) and not given[0].startswith("-")
    return (Path(given[0]), given[1:]) if is_recipe else (None, given)


def _expand_recipe(given: list[str]) -> list[str]:
    """Return the settings of the recipe, if there is one, as flags before the others."""
    from ..training.recipes import recipe_flags

    recipe, flags = _split_recipe(given)
    return flags if recipe is None else [*recipe_flags(recipe), *flags]


def run_distill(given: list[str]) -> int:
    """Train a classifier with a teacher."""
    task = find_setting(given, "task", TEXT_CLASSIFICATION)
    with fail_once():
        require(task == TEXT_CLASSIFICATION, f"distill trains classifiers: --task {task} has no teachers.")
    check_given(given, make_distill_parser)
    from ..distillation.student_job import DistillationJob

    return run_job("distill", DistillationJob, given)


def check_given(given: list[str], make_parser: Any) -> None:
    """Show the help and exit if it was requested; otherwise check the flags for mistakes."""
    if {"--help-all", "--help_all"} & set(given):
        from ..training.trainer_arguments import LstmTrainingArguments

        make_parser(LstmTrainingArguments).parse_args(["--help"])
    if {"-h", "--help"} & set(given):
        make_parser().parse_args(["--help"])
    _check_flags(given, make_parser())


def _check_flags(given: list[str], parser: CommandParser) -> None:
    """Report mistakes in the flags or the recipe before the import of `transformers`, which takes seconds."""
    names = read_trainer_names()
    if names is not None:
        with fail_once():
            parser.check(_expand_recipe(given), names)


def run_job(name: str, kind: Any, given: list[str]) -> int:
    """Run a training job of class `kind` with the arguments after the command. Returns the exit status."""
    from ..training.recipes import read_recipe

    command = shlex.join(["modeling-lstm", name, *_hide_secrets(given)])
    with fail_once():
        recipe, flags = _split_recipe(given)
        settings = {} if recipe is None else read_recipe(recipe, kind.kinds)
        job = kind(command=command, **settings | parse_given(kind.kinds, flags, name))
        require(
            recipe is None or not job.training.overwrite or not is_within(recipe, Path(job.training.output_dir)),
            f"--overwrite would delete the recipe {str(recipe)!r} with the old run: move it elsewhere.",
        )
    record = job.run()
    if not is_main():
        return 0
    best = record["best"]["metric"]
    score = record["metrics"]["validation"][best]
    minutes = record["seconds"]["total"] / 60
    print(f"validation {best} {format_number(score)} after {minutes:.1f} minutes; saved in {job.training.output_dir}")
    if "distillation" in record:
        print(describe_gap(record["distillation"]["gap"]["validation"]))
    return 0


def _hide_secrets(given: list[str]) -> list[str]:
    """Replace tokens in the flags, so that no record contains them."""
    shown = []
    for before, flag in zip(["", *given], given, strict=False):
        name, sign, _ = flag.partition("=")
        if before.replace("-", "_") == "__hub_token":
            flag = "TOKEN"
        elif sign and name.replace("-", "_") == "__hub_token":
            flag = f"{name}=TOKEN"
        shown.append(hide_tokens(flag))
    return shown
