"""`card` and `push`."""

from pathlib import Path
from typing import Any

from ..publishing.arguments import CardArguments, PushArguments
from .parsing import CommandParser


def make_card_parser() -> CommandParser:
    """The parser of `card`."""
    parser = _make_parser("card", CardArguments)
    parser.add_switch("--overwrite_card", "Replace a card that was written by hand.")
    parser.add_argument("--comparison", help="Folder of a comparison on the run's data, to add to the card.")
    return parser


def make_push_parser() -> CommandParser:
    """The parser of `push`."""
    return _make_parser("push", PushArguments, CardArguments)


def _make_parser(command: str, *kinds: Any) -> CommandParser:
    parser = CommandParser(command, *kinds)
    parser.add_argument("run", metavar="RUN", help="Run folder.")
    parser.add_argument("repository", metavar="me/name", help="Id on the Hub.")
    return parser


def run_card(given: list[str]) -> int:
    """Write a run's model card."""
    arguments, rest = make_card_parser().read(given)
    from ..publishing.sharing import write_card

    compared = None
    if rest.comparison is not None:
        from ..comparison.result import compared_systems

        compared = compared_systems(Path(rest.run), Path(rest.comparison))
    print(write_card(rest.run, rest.repository, arguments, overwrite=rest.overwrite_card, compared=compared))
    return 0


def run_push(given: list[str]) -> int:
    """Share a run on the Hub."""
    arguments, card, rest = make_push_parser().read(given)
    from ..publishing.sharing import push

    print(push(rest.run, rest.repository, arguments, card))
    return 0
