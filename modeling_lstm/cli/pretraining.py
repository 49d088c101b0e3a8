"""`pretrain`."""

from typing import Any

from ..data.arguments import TokenizerArguments
from ..data.corpus_arguments import CorpusArguments
from ..pretraining.arguments import (
    FIXED,
    FIXED_TOKENIZER,
    PRETRAINING_DEFAULTS,
    LanguageModelArguments,
    LanguageTaskArguments,
)
from ..training.arguments import TrainerSettings
from ..utils.ray_cluster import RayArguments
from .parsing import CommandParser
from .training import add_help, check_given, run_job


def make_pretrain_parser(trainer: Any = TrainerSettings) -> CommandParser:
    """The parser of `pretrain`, with the Trainer settings that `--help` shows, or others."""
    kinds = (LanguageTaskArguments, CorpusArguments, LanguageModelArguments, TokenizerArguments, trainer, RayArguments)
    parser = add_help(CommandParser("pretrain", *kinds))
    parser.set_defaults(**PRETRAINING_DEFAULTS)
    parser.hide(FIXED | FIXED_TOKENIZER)
    return parser


def run_pretrain(given: list[str]) -> int:
    """Train a language model on text."""
    check_given(given, make_pretrain_parser)
    from ..pretraining.pretraining_job import PretrainingJob

    return run_job("pretrain", PretrainingJob, given)
