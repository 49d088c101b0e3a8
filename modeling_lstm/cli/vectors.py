"""`vectors train`, `vectors nearest`, `vectors compare` and `vectors push`."""

import shlex
from pathlib import Path

from ..publishing.arguments import PushArguments
from ..vectors.arguments import VectorTrainingArguments
from . import show_usage
from .parsing import CommandParser
from .registry import VECTORS_COMMANDS, run


def run_vectors(given: list[str]) -> int:
    """Run a subcommand of `vectors`."""
    command = " ".join(["vectors", *given[:1]])
    if command not in VECTORS_COMMANDS:
        return show_usage(given, VECTORS_COMMANDS, "vectors")
    return run(command, given[1:])


def make_vectors_train_parser() -> CommandParser:
    """The parser of `vectors train`."""
    return CommandParser("vectors train", VectorTrainingArguments)


def run_vectors_train(given: list[str]) -> int:
    """Train word vectors on text."""
    (arguments,) = make_vectors_train_parser().read(given)
    from ..vectors.learning import train_vectors

    vectors = train_vectors(arguments, command=shlex.join(["modeling-lstm", "vectors", "train", *given]))
    seconds = vectors.record["seconds"]
    size = f"{len(vectors)} words of {vectors.dimension} dimensions"
    print(f"{size} in {seconds:.0f} seconds; saved in {arguments.output_dir}")
    return 0


def make_vectors_nearest_parser() -> CommandParser:
    """The parser of `vectors nearest`."""
    parser = CommandParser("vectors nearest")
    parser.add_argument("vectors", metavar="VECTORS", help="Anything that train --embeddings takes.")
    parser.add_argument("words", nargs="+", metavar="WORD", help="Words whose neighbors to list.")
    parser.add_argument("--number", type=int, default=10, help="Neighbors to list for each word.")
    return parser


def run_vectors_nearest(given: list[str]) -> int:
    """List the nearest words."""
    (rest,) = make_vectors_nearest_parser().read(given)
    from ..vectors.similarity import load_vectors

    vectors = load_vectors(rest.vectors)
    vectors.check_words(rest.words)
    for word in rest.words:
        found = vectors.nearest(word, rest.number)
        print(f"{word}\t" + "  ".join(f"{other} {cosine:.2f}" for other, cosine in found))
    return 0


def make_vectors_compare_parser() -> CommandParser:
    """The parser of `vectors compare`."""
    parser = CommandParser("vectors compare")
    parser.add_argument("first", metavar="VECTORS", help="Anything that train --embeddings takes.")
    parser.add_argument("second", metavar="VECTORS", help="The other collection.")
    parser.add_argument("words", nargs="*", metavar="WORD", help="Words to always show.")
    parser.add_argument("--number", type=int, default=5, help="Neighbors of a word, and most different words, to show.")
    return parser


def run_vectors_compare(given: list[str]) -> int:
    """Show where two collections of word vectors differ."""
    (rest,) = make_vectors_compare_parser().read(given)
    from ..vectors.similarity import NEIGHBORS, compare_vectors, load_vectors

    found = compare_vectors(load_vectors(rest.first), load_vectors(rest.second), rest.words, rest.number)
    print(
        f"{found.shared} words are in both. Of their {NEIGHBORS} nearest neighbors, the first {found.compared} share "
        f"{100 * found.agreement:.1f}% (by chance {100 * found.chance:.1f}%)."
    )
    for title, words in (("", found.words), ("Most different:", found.most_different)):
        if words:
            print(title)
        for one in words:
            print(f"{one.word}\t{100 * one.agreement:.0f}%\t{', '.join(one.first)}\t{', '.join(one.second)}")
    return 0


def make_vectors_push_parser() -> CommandParser:
    """The parser of `vectors push`."""
    parser = CommandParser("vectors push", PushArguments)
    parser.add_argument("vectors", metavar="VECTORS", help="Folder written by vectors train.")
    parser.add_argument("repository", metavar="me/name", help="Id on the Hub.")
    return parser


def run_vectors_push(given: list[str]) -> int:
    """Share word vectors on the Hub."""
    arguments, rest = make_vectors_push_parser().read(given)
    from ..hub.card_marks import read_own_card
    from ..hub.uploads import CARD
    from ..vectors.word_vectors import WordVectors

    vectors = WordVectors.from_pretrained(rest.vectors)
    print(vectors.push_to_hub(rest.repository, card=read_own_card(Path(rest.vectors, CARD)), **vars(arguments)))
    return 0
