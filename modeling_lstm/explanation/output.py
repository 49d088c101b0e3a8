"""From a run and sentences to an explanation in the terminal or in a file."""

from pathlib import Path

from ..runs.run_folders import load_run
from ..utils.errors import require
from ..utils.figures import save
from ..utils.files import write_file, write_text
from .explainer import explain
from .figure import draw
from .html_page import make_page
from .terminal import show

ENDINGS = (".png", ".svg", ".html", ".json")


def explain_texts(
    run: str, texts: list[str], label: str | None = None, output: str | None = None, revision: str | None = None
) -> None:
    """
    Explain a run's answers to some texts.

    Args:
        run: Run folder or Hub id.
        texts: The texts.
        label: The label to explain; by default each text's own.
        output: File to write, of a kind that its ending says; without it, the terminal.
        revision: Branch, tag or commit on the Hub.

    Raises:
        InputError: the run, a text, the label or the file cannot be used.
    """
    path = None if output is None else Path(output)
    if path is not None:
        require(path.suffix in ENDINGS, f"--output must end in one of {', '.join(ENDINGS)}, found {output!r}.")
        require(path.parent.is_dir(), f"There is no folder {str(path.parent)!r} for --output.")
    model, tokenizer = load_run(run, revision)
    found = [explain((model, tokenizer), text, label) for text in texts]
    if path is None:
        show(found)
    elif path.suffix == ".json":
        write_text(path, "[" + ",\n".join(one.to_json() for one in found) + "]\n")
    elif path.suffix == ".html":
        write_text(path, make_page(found))
    else:
        with write_file(path) as temporary:
            save(draw(found), temporary, path.suffix[1:])
