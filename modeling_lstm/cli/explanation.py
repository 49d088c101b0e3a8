"""`explain` and `demo`."""

from ..utils.errors import require
from .parsing import CommandParser, require_no_files

PORT = 7860


def make_explain_parser() -> CommandParser:
    """The parser of `explain`."""
    parser = CommandParser("explain")
    parser.add_argument("run", metavar="RUN", help="Run folder or Hub id.")
    parser.add_argument("texts", nargs="+", metavar="TEXT", help="A sentence, or several to compare.")
    parser.add_argument("--label", help="Label to explain. Default: the predicted label.")
    parser.add_argument("--output", help="File to write: .png, .svg, .html or .json. Default: a table in the terminal.")
    parser.add_argument("--revision", help="Branch, tag or commit of a run on the Hub.")
    return parser


def run_explain(given: list[str]) -> int:
    """Explain a prediction."""
    (rest,) = make_explain_parser().read(given)
    require_no_files(rest.texts, "give the sentences to explain.")
    from ..explanation.output import explain_texts

    explain_texts(rest.run, rest.texts, rest.label, rest.output, rest.revision)
    return 0


def make_demo_parser() -> CommandParser:
    """The parser of `demo`."""
    parser = CommandParser("demo")
    parser.add_argument("run", metavar="RUN", help="Run folder or Hub id of a model of the LSTM family.")
    parser.add_argument("--beside", nargs="*", default=[], help="Other runs whose predictions and times to show.")
    parser.add_argument("--port", type=int, help=f"Port on this machine. Default: {PORT}.")
    parser.add_argument("--push_to_space", help="Push the page to this Hub Space (me/name) instead of serving it.")
    parser.add_switch("--private", "Create a private Space.")
    parser.add_argument(
        "--requirements",
        help="File with extra lines for the Space's requirements.txt, such as the --extra-index-url of torch for CPUs.",
    )
    return parser


def run_demo(given: list[str]) -> int:
    """Serve a page that runs a model and shows how it works, or push the page to a Space."""
    (rest,) = make_demo_parser().read(given)
    if rest.push_to_space is not None:
        require(rest.port is None, "--port has no effect with --push_to_space: leave out one of them.")
        from ..demo.space import push_space

        how = {"private": rest.private, "more_requirements": rest.requirements}
        print(push_space(rest.run, rest.beside, rest.push_to_space, **how))
    else:
        for name in ("private", "requirements"):
            is_unused = getattr(rest, name) in (None, False)
            require(is_unused, f"--{name} has no effect without --push_to_space: add that, or leave out --{name}.")
        from ..demo.app import serve

        serve(rest.run, rest.beside, PORT if rest.port is None else rest.port)
    return 0
