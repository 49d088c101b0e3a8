"""`predict`, `generate` and `export`."""

from ..inference.arguments import ExportArguments, GenerationArguments, PredictionArguments
from ..utils.display import format_number, to_one_line
from .parsing import CommandParser, require_no_files


def make_predict_parser() -> CommandParser:
    """The parser of `predict`."""
    parser = CommandParser("predict", PredictionArguments)
    parser.add_argument("run", metavar="RUN", help="Run folder, Hub id, or folder written by export.")
    parser.add_argument(
        "texts", nargs="*", metavar="TEXT", help="Texts to classify, to translate, or with a mask to fill in."
    )
    return parser


def run_predict(given: list[str]) -> int:
    """Classify or translate texts, or fill in their masks."""
    arguments, rest = make_predict_parser().read(given)
    require_no_files(rest.texts, "to answer its rows, write --input FILE")
    from ..inference.prediction import predict

    outcome = predict(rest.run, rest.texts or None, arguments)
    if isinstance(outcome, int):
        print(f"{outcome} rows written to {arguments.output or arguments.output_dir}")
        return 0
    for row in outcome:
        if "translation" in row:
            print(row["translation"])
            continue
        if "token" in row:
            tokens = (f"{token} {score:.4f}" for token, score in zip(row["token"], row["score"], strict=True))
            print(", ".join(tokens), to_one_line(row["text"]), sep="\t")
            continue
        label, score = row["label"], row["score"]
        if isinstance(label, list):
            label, score = ", ".join(label) or "-", max(score, default=None)
        scores = [f"{name.removeprefix('score_')} {row[name]:.4f}" for name in row if name.startswith("score_")]
        told = ", ".join(scores) or ("-" if score is None else format_number(score))
        print("\t".join(to_one_line(field) for field in (label, told, row["text"])))
    return 0


def make_generate_parser() -> CommandParser:
    """The parser of `generate`."""
    parser = CommandParser("generate", GenerationArguments)
    parser.add_argument("run", metavar="LM", help="Run folder or Hub id of a language model.")
    parser.add_argument("prompts", nargs="*", metavar="TEXT", help="Beginnings of texts. Default: none.")
    return parser


def run_generate(given: list[str]) -> int:
    """Write text with a language model."""
    arguments, rest = make_generate_parser().read(given)
    require_no_files(rest.prompts, "give the beginning of a text.")
    from ..inference.generation import generate

    texts = generate(rest.run, rest.prompts or None, arguments)
    print(f"{len(texts)} texts written to {arguments.output}" if arguments.output else "\n".join(texts))
    return 0


def make_export_parser() -> CommandParser:
    """The parser of `export`."""
    parser = CommandParser("export", ExportArguments)
    parser.add_argument("run", metavar="RUN", help="Run folder or Hub id.")
    parser.add_argument(
        "output_dir", metavar="FOLDER", nargs="?", help="Folder to write. Default: onnx in the run folder."
    )
    return parser


def run_export(given: list[str]) -> int:
    """Write a run as ONNX."""
    arguments, rest = make_export_parser().read(given)
    from ..inference.onnx_export import export

    found = export(rest.run, rest.output_dir, arguments)
    print(
        f"{found['size_mb']:.1f} MB in {found['folder']}; logits within {found['largest_difference']:.1g} of the run's"
    )
    return 0
