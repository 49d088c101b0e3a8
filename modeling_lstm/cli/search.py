"""`search`."""

import shlex

from ..data.arguments import DataArguments
from ..search.arguments import SearchArguments
from ..utils.flags import parse_given
from .parsing import CommandParser


def make_search_parser() -> CommandParser:
    """The parser of `search`."""
    return CommandParser("search", SearchArguments, DataArguments)


def run_search(given: list[str]) -> int:
    """Search for the best settings of a classifier."""
    arguments, _ = make_search_parser().read(given)
    settings = parse_given((SearchArguments, DataArguments), given, "search")
    from ..search.searching import RECIPE, search_settings
    from ..search.studies import score_of
    from ..utils.display import format_number

    found = search_settings(command=shlex.join(["modeling-lstm", "search", *given]), **settings)
    best = found["best"]
    score = format_number(score_of(best))
    print(f"validation {best['metric']} {score}, trial number {best['number']}; {len(found['trials'])} trials")
    print(f"modeling-lstm train {shlex.quote(f'{arguments.output_dir}/{RECIPE}')} --output_dir RUN")
    return 0
