"""The command line, `modeling-lstm COMMAND ...`: flags to settings, and one command run."""

import logging
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..utils.errors import InputError, save_failure, without_tokens
from ..utils.flags import flag_parser, parse
from ..utils.processes import end_launch, failing_once, is_main, is_told_here, leave_launch

COMMANDS = {
    "train": "train a classifier: modeling-lstm train [RECIPE.yaml] --dataset ... --output_dir RUN",
    "distill": "train a classifier that learns from a teacher: modeling-lstm distill --teacher RUN --dataset ...",
    "evaluate": "score a run on a split: modeling-lstm evaluate RUN --split test",
    "predict": "classify texts: modeling-lstm predict RUN 'a sentence' ... | --input FILE --output FILE",
    "export": "write a run as ONNX: modeling-lstm export RUN FOLDER [--precision int8]",
    "card": "write a run's model card, to look at: modeling-lstm card RUN me/name [--license apache-2.0] ...",
    "push": "share a run on the Hub: modeling-lstm push RUN me/name [--private] [--revision BRANCH] [--create_pr]",
    "compare": "systems on your data side by side: modeling-lstm compare --dataset ... --systems ... --output FOLDER",
    "explain": "why a model says so: modeling-lstm explain RUN 'a sentence' ['another'] [--output FILE]",
    "demo": "try a model and look into it on a page: modeling-lstm demo RUN [--beside RUN ...] [--port 7860]",
    "vectors": "word vectors: modeling-lstm vectors train | nearest VECTORS WORD ... | compare A B [WORD ...] | push",
}
VECTORS_COMMANDS = {
    "vectors train": "learn word vectors from text: modeling-lstm vectors train --dataset ... --output_dir VECTORS",
    "vectors nearest": "the nearest words: modeling-lstm vectors nearest VECTORS WORD ...",
    "vectors compare": "where two collections differ: modeling-lstm vectors compare VECTORS VECTORS [WORD ...]",
    "vectors push": "share vectors on the Hub: modeling-lstm vectors push VECTORS me/name",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit status: 0, or 2 for input that cannot be used."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0] not in COMMANDS:
        return _usage(given, COMMANDS)
    if given[0] not in ("train", "distill"):  # the others are no work for several processes
        if not is_main():
            return 0
        leave_launch()
    logging.basicConfig(level=logging.INFO if is_main() else logging.ERROR, format="%(message)s", stream=sys.stderr)
    # large pages for torch's large tensors: the gradient of a word table is allocated anew in every step
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    for noisy in ("httpx", "httpx2", "datasets", "filelock", "fsspec", "absl", "matplotlib", "gensim", "smart_open"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        status = _RUNNERS[given[0]](given[1:])
        if arguments is None:  # the process was started for this command alone
            end_launch()
        return status
    except InputError as error:
        return _complain(str(error))
    except BrokenPipeError:  # the reader of the output has enough, as in `... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if cause := save_failure(error):
            return _complain(cause)
        raise
    except KeyboardInterrupt:
        print("modeling-lstm: interrupted", file=sys.stderr)
        return 130


def _parser(command: str, *dataclass_types: Any) -> Any:
    return flag_parser(command, (COMMANDS | VECTORS_COMMANDS)[command], *dataclass_types)


def _complain(message: str) -> int:
    if is_told_here():
        print(f"modeling-lstm: error: {without_tokens(' '.join(message.split()))}", file=sys.stderr)  # one line
    return 2


def _usage(given: list[str], commands: dict[str, str]) -> int:
    width = 2 + max(map(len, commands))
    lines = ["usage: modeling-lstm COMMAND ...", "", *(f"  {name:<{width}}{what}" for name, what in commands.items())]
    lines += ["", "modeling-lstm COMMAND --help lists the settings."]
    asked = bool(given) and given[0] in ("-h", "--help")
    if given and given[0] == "--version":
        from .. import __version__

        print(f"modeling-lstm {__version__}")
        return 0
    if given and not asked:
        lines.insert(0, f"modeling-lstm: error: unknown command {given[0]!r}")
    print("\n".join(lines), file=sys.stdout if asked else sys.stderr)
    return 0 if asked else 2


def _train(given: list[str], name: str = "train") -> int:
    from ..distillation.runner import DistillationJob
    from ..training.job import TrainingJob
    from ..training.recipes import read_recipe
    from ..utils.flags import parse_given

    kind = DistillationJob if name == "distill" else TrainingJob
    command = shlex.join(["modeling-lstm", name, *_without_secrets(given)])
    with failing_once():
        settings = {}
        if given and not given[0].startswith("-"):
            settings, given = read_recipe(Path(given[0]), kind.kinds), given[1:]
        settings |= parse_given(kind.kinds, given, name, COMMANDS[name])
        job = kind(command=command, **settings)
    record: Any = job.run()
    if not is_main():
        return 0
    best = record["best"]["metric"]
    score = record["metrics"]["validation"][best]
    minutes = record["seconds"]["total"] / 60
    print(f"validation {best} {score:.4f} after {minutes:.1f} minutes; saved in {job.training.output_dir}")
    if "distillation" in record:
        print(_gap(record["distillation"]["gap"]["validation"]))
    return 0


def _distill(given: list[str]) -> int:
    return _train(given, "distill")


def _gap(gap: dict[str, Any]) -> str:
    limits = "" if gap["interval"] is None else " ({:+.4f} to {:+.4f})".format(*gap["interval"])
    return f"teacher {gap['teacher']:.4f}; student less teacher {gap['difference']:+.4f}{limits}"


def _without_secrets(given: list[str]) -> list[str]:
    """The flags without tokens, which a record must not tell."""
    shown = []
    for before, flag in zip(["", *given], given, strict=False):
        name, sign, _ = flag.partition("=")
        if before.replace("-", "_") == "__hub_token":
            flag = "TOKEN"
        elif sign and name.replace("-", "_") == "__hub_token":
            flag = f"{name}=TOKEN"
        shown.append(without_tokens(flag))
    return shown


def _evaluate(given: list[str]) -> int:
    from ..evaluation.arguments import EvaluationArguments
    from ..evaluation.evaluator import evaluate

    parser = _parser("evaluate", EvaluationArguments)
    parser.add_argument("run", help="Run folder or Hub id.")
    arguments, rest = parse(parser, given)
    result = evaluate(rest.run, arguments)
    for name, score in result["scores"].items():
        low, high = result["intervals"].get(name, (None, None))
        interval = "" if low is None else f"   95 % interval {low:.4f} to {high:.4f}"
        print(f"{name:<24}{score:8.4f}{interval}")
    if "gap" in result:
        print(_gap(result["gap"]))
    where = f"; plots and JSON in {result['folder']}" if "folder" in result else ""
    print(f"{result['rows']} rows of {arguments.split} in {result['seconds']:.1f} seconds{where}")
    return 0


def _predict(given: list[str]) -> int:
    from ..inference.arguments import PredictionArguments
    from ..inference.prediction import predict

    parser = _parser("predict", PredictionArguments)
    parser.add_argument("run", help="Run folder or Hub id.")
    parser.add_argument("texts", nargs="*", metavar="text", help="Sentences to classify.")
    arguments, rest = parse(parser, given)
    outcome = predict(rest.run, rest.texts, arguments)
    if isinstance(outcome, int):
        print(f"{outcome} rows written to {arguments.output}")
        return 0
    for row in outcome:
        label, score = row["label"], row["score"]
        if isinstance(label, list):
            label, score = ", ".join(label) or "-", max(score, default=0.0)
        scores = [f"{name.removeprefix('score_')} {row[name]:.4f}" for name in row if name.startswith("score_")]
        print(f"{label}\t{', '.join(scores) or f'{score:.4f}'}\t{row['text']}")
    return 0


def _export(given: list[str]) -> int:
    from ..inference.arguments import ExportArguments
    from ..inference.export import export

    parser = _parser("export", ExportArguments)
    parser.add_argument("run", help="Run folder or Hub id.")
    parser.add_argument("output_dir", help="Folder to write.")
    arguments, rest = parse(parser, given)
    found = export(rest.run, rest.output_dir, arguments)
    print(
        f"{found['size_mb']:.1f} MB in {rest.output_dir}; logits within {found['largest_difference']:.1g} of the run's"
    )
    return 0


def _card(given: list[str]) -> int:
    from ..publishing.arguments import CardArguments
    from ..publishing.sharing import write_card

    parser = _sharing_parser("card", CardArguments)
    parser.add_argument("--overwrite_card", action="store_true", help="Replace a card that a person wrote.")
    parser.add_argument("--comparison", help="Folder of a comparison on the run's data, to be told of.")
    arguments, rest = parse(parser, given)
    if rest.comparison is not None:
        from ..comparison.report import add_to_run

        add_to_run(Path(rest.run), Path(rest.comparison))
    print(write_card(rest.run, rest.repository, arguments, overwrite=rest.overwrite_card))
    return 0


def _push(given: list[str]) -> int:
    from ..publishing.arguments import CardArguments, PushArguments
    from ..publishing.sharing import push

    arguments, card, rest = parse(_sharing_parser("push", PushArguments, CardArguments), given)
    print(push(rest.run, rest.repository, arguments, card))
    return 0


def _sharing_parser(command: str, *dataclass_types: Any) -> Any:
    parser = _parser(command, *dataclass_types)
    parser.add_argument("run", help="Run folder.")
    parser.add_argument("repository", help="Id on the Hub: me/name.")
    return parser


def _compare(given: list[str]) -> int:
    from ..comparison import CompareArguments, compare
    from ..data.arguments import DataArguments

    command = shlex.join(["modeling-lstm", "compare", *given])
    arguments, data = parse(_parser("compare", CompareArguments, DataArguments), given)
    compare(arguments.systems, data, arguments, command=command)
    print((Path(arguments.output) / "comparison.md").read_text(encoding="utf-8"))
    print(f"Tables, plots and report.html in {arguments.output}", file=sys.stderr)
    return 0


def _explain(given: list[str]) -> int:
    from ..explanation.output import explain_texts

    parser = _parser("explain")
    parser.add_argument("run", help="Run folder or Hub id.")
    parser.add_argument("texts", nargs="+", metavar="text", help="A sentence, or several to set side by side.")
    parser.add_argument("--label", help="Explain this label, not the one that the model gives.")
    parser.add_argument("--output", help="File to write: .png, .svg, .html or .json. Without: a table in the terminal.")
    parser.add_argument("--revision", help="Branch, tag or commit of a run on the Hub.")
    (rest,) = parse(parser, given)
    explain_texts(rest.run, rest.texts, rest.label, rest.output, rest.revision)
    return 0


def _demo(given: list[str]) -> int:
    from ..demo.app import serve
    from ..demo.space import push_space

    parser = _parser("demo")
    parser.add_argument("run", help="Run folder or Hub id of a model of the LSTM family.")
    parser.add_argument("--beside", nargs="*", default=[], help="Other runs, whose answers and times stand beside.")
    parser.add_argument("--port", type=int, default=7860, help="Port on this machine.")
    parser.add_argument("--push_to_space", help="Push the page to this Space of the Hub, me/name, and do not serve it.")
    parser.add_argument("--private", action="store_true", help="Make a private Space.")
    parser.add_argument(
        "--requirements",
        help="File with lines for the Space's requirements.txt: --extra-index-url of torch for CPUs, say.",
    )
    (rest,) = parse(parser, given)
    if rest.push_to_space is not None:
        how = {"private": rest.private, "more_requirements": rest.requirements}
        print(push_space(rest.run, rest.beside, rest.push_to_space, **how))
    else:
        serve(rest.run, rest.beside, rest.port)
    return 0


def _vectors(given: list[str]) -> int:
    command = " ".join(["vectors", *given[:1]])
    if command not in VECTORS_COMMANDS:
        return _usage(given, VECTORS_COMMANDS)
    return _RUNNERS[command](given[1:])


def _vectors_train(given: list[str]) -> int:
    from ..vectors.arguments import VectorTrainingArguments
    from ..vectors.learning import train_vectors

    command = shlex.join(["modeling-lstm", "vectors", "train", *given])
    (arguments,) = parse(_parser("vectors train", VectorTrainingArguments), given)
    vectors = train_vectors(arguments, command=command)
    seconds = vectors.record["seconds"]
    print(
        f"{len(vectors)} words of {vectors.dimension} numbers in {seconds:.0f} seconds; saved in {arguments.output_dir}"
    )
    return 0


def _vectors_nearest(given: list[str]) -> int:
    from ..vectors.similarity import load_vectors

    parser = _parser("vectors nearest")
    parser.add_argument("vectors", help="Anything that train --embeddings takes.")
    parser.add_argument("words", nargs="+", metavar="word", help="Words to find the neighbours of.")
    parser.add_argument("--number", type=int, default=10, help="Neighbours of each word.")
    (rest,) = parse(parser, given)
    vectors = load_vectors(rest.vectors)
    for word in rest.words:
        found = vectors.nearest(word, rest.number)
        print(f"{word}\t" + "  ".join(f"{other} {cosine:.2f}" for other, cosine in found))
    return 0


def _vectors_compare(given: list[str]) -> int:
    from ..vectors.similarity import NEIGHBOURS, compare, load_vectors

    parser = _parser("vectors compare")
    parser.add_argument("first", help="Anything that train --embeddings takes.")
    parser.add_argument("second", help="Another one.")
    parser.add_argument("words", nargs="*", metavar="word", help="Words to show in any case.")
    parser.add_argument("--number", type=int, default=5, help="Neighbours of a word and most different words to show.")
    (rest,) = parse(parser, given)
    found = compare(load_vectors(rest.first), load_vectors(rest.second), rest.words, rest.number)
    print(
        f"{found.shared} words are in both. Of their {NEIGHBOURS} nearest neighbours the commonest words share "
        f"{100 * found.agreement:.1f} % (by chance {100 * found.chance:.1f} %)."
    )
    for title, words in (("", found.words), ("Most different:", found.most_different)):
        if words:
            print(title)
        for one in words:
            print(f"{one.word}\t{100 * one.agreement:.0f} %\t{', '.join(one.first)}\t{', '.join(one.second)}")
    return 0


def _vectors_push(given: list[str]) -> int:
    from ..vectors import WordVectors

    parser = _parser("vectors push")
    parser.add_argument("vectors", help="Folder that vectors train wrote.")
    parser.add_argument("repository", help="Id on the Hub: me/name.")
    parser.add_argument("--private", action="store_true", help="Make a private repository.")
    parser.add_argument("--revision", help="Branch to push to.")
    parser.add_argument("--overwrite_card", action="store_true", help="Replace the card there, even a person's.")
    (rest,) = parse(parser, given)
    vectors = WordVectors.from_pretrained(rest.vectors)
    how = {"private": rest.private, "revision": rest.revision, "overwrite_card": rest.overwrite_card}
    print(vectors.push_to_hub(rest.repository, **how))
    return 0


_RUNNERS: dict[str, Callable[[list[str]], int]] = {
    "train": _train,
    "distill": _distill,
    "evaluate": _evaluate,
    "predict": _predict,
    "export": _export,
    "card": _card,
    "push": _push,
    "compare": _compare,
    "explain": _explain,
    "demo": _demo,
    "vectors": _vectors,
    "vectors train": _vectors_train,
    "vectors nearest": _vectors_nearest,
    "vectors compare": _vectors_compare,
    "vectors push": _vectors_push,
}


if __name__ == "__main__":
    sys.exit(main())
