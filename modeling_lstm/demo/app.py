"""The page: type a sentence, move or leave out words, and see the models' answers."""

import itertools
import os
from functools import partial
from typing import Any

from ..runs.run_folders import run_folder, task_of_run
from ..tasks.base import FILL_MASK, TEXT_CLASSIFICATION, TEXT_GENERATION, TRANSLATION
from ..utils.errors import InputError, require, require_extra
from .answers import MAX_CHARACTERS, ClassifierPage
from .filling import build_filling_page
from .translating import build_translation_page
from .writing import build_writing_page

EXAMPLES = (
    "I wish I could say the movie was great but I can't.",
    "I expected to hate it, but I loved every minute.",
    "It could have been wonderful; instead it is dull.",
)

CHANGES = ("Leave out", "Move left", "Move right")
OTHER_PAGES = {
    TEXT_GENERATION: build_writing_page,
    TRANSLATION: build_translation_page,
    FILL_MASK: build_filling_page,
}
# The end of a sentence in the card of a Space
DESCRIPTIONS = {
    TEXT_CLASSIFICATION: "type a sentence, and see what an LSTM makes of it, word by word.",
    TEXT_GENERATION: "type a beginning; a language model continues it and shows its most likely next tokens.",
    TRANSLATION: "type a sentence, and see its translation and, with attention, where the model looked for each word.",
    FILL_MASK: "type a sentence with a mask, and see which tokens a masked language model fills in.",
}


def build(run: str, beside: list[str] | None = None) -> Any:
    """
    Build the page for a model, as `gradio.Blocks`; `.launch()` serves it.

    Args:
        run: Run folder or Hub id of a classifier of the LSTM family, a language model, or a translator.
        beside: Run folders or Hub ids of other models whose answers and times to show.

    Raises:
        InputError: gradio is not installed, or a run cannot be used.
    """
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    with require_extra("demo", "The page needs gradio"):
        import gradio as gr
    page = OTHER_PAGES.get(task_of_run(run_folder(run), run).name)
    if page is not None:
        require(not beside, "The page of a language model or translator shows only one model: leave out --beside.")
        return page(run)
    answers = ClassifierPage(run, beside or [])

    def show(text: str) -> tuple[str, str, Any, str]:
        shown = answers.show(text or "")
        words = [(word, number) for number, word in enumerate(shown.words)]
        return shown.answers, shown.explanation, gr.Radio(choices=words, value=None, visible=bool(words)), text or ""

    def change(how: str, text: str, chosen: int | None, read: str) -> tuple[str, str, str, Any, str]:
        chosen = chosen if text == read else None  # otherwise the words belong to an earlier text
        return (changed := move_word(answers, text or "", chosen, how)), *show(changed)

    with gr.Blocks(title="Inside an LSTM", analytics_enabled=False) as page:
        gr.Markdown("# Inside an LSTM\nType a sentence; then leave out or move a word and see the answer change.")
        sentence = gr.Textbox(EXAMPLES[0], label="Sentence", lines=2, max_length=MAX_CHARACTERS, elem_id="sentence")
        with gr.Row():
            ask = gr.Button("Ask", variant="primary", elem_id="ask")
            buttons = {how: gr.Button(how, elem_id=how.lower().replace(" ", "-")) for how in CHANGES}
        words = gr.Radio([], label="Words: choose one", visible=False, elem_id="words")
        read = gr.State("")  # the text that the words belong to
        gr.Examples([[text] for text in EXAMPLES], sentence)
        verdict, explanation = gr.HTML(elem_id="answers"), gr.HTML(elem_id="explanation")
        shown = [verdict, explanation, words, read]
        gr.on([ask.click, sentence.submit, page.load], show, sentence, shown, api_name="show", show_progress="minimal")
        for how, button in buttons.items():
            name = how.lower().replace(" ", "_")
            button.click(partial(change, how), [sentence, words, read], [sentence, *shown], api_name=name)
    return page


def move_word(answers: ClassifierPage, text: str, chosen: int | None, how: str) -> str:
    """
    Leave out a word of a text or swap it with its neighbor. All other characters stay the same, except for a space
    added where words would otherwise touch. If the change is not possible, the text is returned unchanged.
    """
    try:
        spans = answers.encode(text).char_spans
    except InputError:
        return text
    if not isinstance(chosen, int) or not 0 <= chosen < len(spans):
        return text
    words = [text[begin:end] for begin, end in spans]
    gaps = [text[end:begin] for (_, end), (begin, _) in itertools.pairwise(spans)]
    if how == "Leave out":
        del words[chosen]
        beside = gaps[max(0, chosen - 1) : chosen + 1]
        gaps[max(0, chosen - 1) : chosen + 1] = [beside[0] or beside[1] or " "] if 0 < chosen < len(spans) - 1 else []
    else:
        first = chosen if how == "Move right" else chosen - 1
        if not 0 <= first < len(words) - 1:
            return text
        words[first], words[first + 1] = words[first + 1], words[first]
        gaps[max(0, first - 1) : first + 2] = [gap or " " for gap in gaps[max(0, first - 1) : first + 2]]
    inside = "".join(part for both in itertools.zip_longest(words, gaps, fillvalue="") for part in both)
    return text[: spans[0][0]] + inside + text[spans[-1][1] :]


def serve(run: str, beside: list[str], port: int) -> None:
    """
    Serve the page on localhost until interrupted.

    Raises:
        InputError: the port is taken, or [`build`] raises.
    """
    require(1 <= port <= 65_535, f"--port must be from 1 to 65535, found {port}.")
    page = build(run, beside)
    import gradio as gr

    for name in ("no_proxy", "NO_PROXY"):  # gradio asks the page whether it is there, not through a proxy
        os.environ[name] = ",".join(filter(None, [os.environ.get(name), "127.0.0.1"]))
    theme = gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["monospace"])  # nothing is fetched
    try:
        page.launch(server_name="127.0.0.1", server_port=port, share=False, theme=theme, footer_links=[])
    except OSError as error:
        raise InputError(f"Port {port} cannot be used: choose another with --port.") from error
