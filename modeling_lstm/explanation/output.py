"""From a run and sentences to an explanation in the terminal or in a file."""

from pathlib import Path
from typing import Any

from ..inference.answering import data_of_training
from ..inference.translator import Translator
from ..runs.record import check_joined
from ..runs.run_folders import load_run, run_folder, task_of_run
from ..tasks.base import TEXT_GENERATION
from ..utils.errors import require
from ..utils.figures import save
from ..utils.files import write_file, write_text
from .alignment import alignment_json, draw_alignments, make_alignment_page, show_alignments
from .explainer import Explanation, explain
from .figure import draw
from .html_page import make_page
from .terminal import show

ENDINGS = (".png", ".svg", ".html", ".json")


def explain_texts(
    run: str, texts: list[str], label: str | None = None, output: str | None = None, revision: str | None = None
) -> None:
    """
    Explain a run's answers to some texts: of a classifier what each word contributed, of a translator where it looked.

    Args:
        run: Run folder or Hub id.
        texts: The texts.
        label: The label to explain; by default each text's own.
        output: File to write, of a kind that its ending says; without it, the terminal.
        revision: Branch, tag or commit on the Hub.

    Raises:
        InputError: the run, a text, the label or the file cannot be used.
    """
    path = None if output is None else Path(output).resolve()
    if path is not None:
        require(path.suffix.lower() in ENDINGS, f"--output must end in one of {', '.join(ENDINGS)}, found {output!r}.")
        require(not path.is_dir(), f"--output {output!r} is a folder: name a file.")
    task = task_of_run(run_folder(run, revision), run)
    require(
        task.name != TEXT_GENERATION,
        f"{run!r} is a model for {TEXT_GENERATION}, which gives no label to explain: modeling-lstm generate {run} TEXT",
    )
    opened = load_run(run, revision)
    if opened[0].config.is_encoder_decoder:
        require(label is None, "A translation has no label: leave out --label.")
        aligned = [Translator(*opened).align(text) for text in texts]
        _write(path, aligned, show_alignments, alignment_json, make_alignment_page, draw_alignments)
    else:
        data = data_of_training(run, revision)
        for text in texts:
            check_joined(text, data)
        found = [explain(opened, text, label) for text in texts]
        _write(path, found, show, Explanation.to_json, make_page, draw)


def _write(path: Path | None, found: list[Any], show: Any, to_json: Any, to_html: Any, draw: Any) -> None:
    """Show what was found in the terminal, or write it in the way that the ending of the file says."""
    if path is None:
        show(found)
    elif path.suffix.lower() == ".json":
        write_text(path, "[" + ",\n".join(map(to_json, found)) + "]\n")
    elif path.suffix.lower() == ".html":
        write_text(path, to_html(found))
    else:
        with write_file(path) as temporary:
            save(draw(found), temporary, path.suffix[1:].lower())
