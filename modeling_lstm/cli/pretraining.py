"""`pretrain`."""

from typing import Any

from ..data.arguments import TokenizerArguments
from ..data.corpus_arguments import CorpusArguments
from ..pretraining.arguments import (
    FIXED,
    FIXED_TOKENIZER,
    MASKED_FIXED,
    MASKED_PRETRAINING_DEFAULTS,
    PRETRAINING_DEFAULTS,
    LanguageModelArguments,
    LanguageTaskArguments,
    MaskedLanguageModelArguments,
    MaskedTaskArguments,
    check_pretraining_task,
)
from ..tasks.base import TEXT_GENERATION, job_class
from ..training.arguments import TrainerSettings
from ..utils.processes import fail_once
from ..utils.ray_cluster import RayArguments
from .parsing import CommandParser
from .registry import find_maker
from .training import COMMANDS_OF_TASKS, OTHER_TASKS, add_help, check_given, find_setting, run_job


def make_pretrain_parser(trainer: Any = TrainerSettings) -> CommandParser:
    """The parser of `pretrain`, with the Trainer settings that `--help` shows, or others."""
    kinds = (LanguageTaskArguments, CorpusArguments, LanguageModelArguments, TokenizerArguments, trainer, RayArguments)
    parser = add_help(CommandParser("pretrain", *kinds))
    parser.describe(OTHER_TASKS)
    parser.set_defaults(**PRETRAINING_DEFAULTS)
    parser.hide(FIXED | FIXED_TOKENIZER)
    return parser


def make_pretrain_fill_mask_parser(trainer: Any = TrainerSettings) -> CommandParser:
    """The parser of `pretrain --task fill-mask`, with the Trainer settings that `--help` shows, or others."""
    kinds = (MaskedTaskArguments, CorpusArguments, MaskedLanguageModelArguments, TokenizerArguments, trainer)
    parser = add_help(CommandParser("pretrain --task fill-mask", *kinds, RayArguments))
    parser.describe(OTHER_TASKS)
    parser.set_defaults(**MASKED_PRETRAINING_DEFAULTS)
    parser.hide(MASKED_FIXED | FIXED_TOKENIZER)
    return parser


def run_pretrain(given: list[str]) -> int:
    """Train a language model on text."""
    task = find_setting(given, "task", TEXT_GENERATION)
    with fail_once():
        check_pretraining_task(task)
    check_given(given, find_maker(COMMANDS_OF_TASKS[task]))
    return run_job("pretrain", job_class(task), given)
