"""Show the explanations of a run's answers in the terminal, or write them to a file."""

import shlex
from pathlib import Path
from typing import Any

from ..inference.answering import data_of_training
from ..inference.translator import Translator
from ..runs.record import check_joined
from ..runs.run_folders import load_run, run_folder, task_of_run
from ..tasks.base import TEXT_CLASSIFICATION, TRANSLATION
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
    Explain a run's answers to some texts: the contribution of each word for a classifier, the attention for a
    translator.

    Args:
        run: Run folder or Hub id.
        texts: The texts.
        label: The label to explain; by default the predicted label of each text.
        output: File to write; its ending determines the format. By default, explanations are shown in the terminal.
        revision: Branch, tag or commit on the Hub.

    Raises:
        InputError: the run, a text, the label or the file cannot be used.
    """
    path = None if output is None else Path(output).resolve()
    if path is not None:
        require(path.suffix.lower() in ENDINGS, f"--output must end in one of {', '.join(ENDINGS)}, found {output!r}.")
        require(not path.is_dir(), f"--output {output!r} is a folder: name a file.")
    folder = run_folder(run, revision)
    task = task_of_run(folder, run)
    require(
        task.name in (TEXT_CLASSIFICATION, TRANSLATION),
        f"{run!r} is a model for {task.name}, which has no label to explain: "
        f"modeling-lstm {task.command} {shlex.quote(run)} TEXT",
    )
    opened = load_run(folder, name=run)
    if opened[0].config.is_encoder_decoder:
        require(label is None, "A translation has no label: leave out --label.")
        aligned = [Translator(*opened).align(text) for text in texts]
        _write(path, aligned, show_alignments, alignment_json, make_alignment_page, draw_alignments)
    else:
        data = data_of_training(folder, run)
        for text in texts:
            check_joined(text, data)
        found = [explain(opened, text, label) for text in texts]
        _write(path, found, show, Explanation.to_json, make_page, draw)


def _write(path: Path | None, found: list[Any], show: Any, to_json: Any, to_html: Any, draw: Any) -> None:
    """Show the explanations in the terminal, or write them in the format given by the ending of the file."""
    if path is None:
        show(found)
    elif path.suffix.lower() == ".json":
        write_text(path, "[" + ",\n".join(map(to_json, found)) + "]\n")
    elif path.suffix.lower() == ".html":
        write_text(path, to_html(found))
    else:
        with write_file(path) as temporary:
            save(draw(found), temporary, path.suffix[1:].lower())
