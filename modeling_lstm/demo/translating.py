"""The page of a translator: a text, its translation, and where attention looked."""

from typing import Any

from ..explanation.alignment import alignment_table
from ..inference.translator import Translator
from ..runs.record import RECORD, read_record
from ..runs.run_folders import run_folder
from .errors import check_length, show_errors

MAX_CHARACTERS = 500
MAX_BEAMS = 8
# By language code of the text
EXAMPLES = {
    "en": ("I like tea.", "The old man who lives next door is a doctor.", "She didn't want to go to school today."),
    "es": ("Me gusta el té.", "El viejo que vive al lado es médico.", "Ella no quería ir a la escuela hoy."),
}


class TranslationPage:
    """
    The translator behind a page.

    Args:
        run: Run folder or Hub id of a translator.
    """

    def __init__(self, run: str):
        self.translator = Translator.from_run(run)
        record = run_folder(run) / RECORD
        self.examples = EXAMPLES.get(read_record(record.parent)["task"]["source"], ()) if record.is_file() else ()
        self.beams = int(self.translator.model.generation_config.num_beams or 1)
        self.max_beams = max(MAX_BEAMS, self.beams)
        self.has_attention = getattr(self.translator.model.config, "attention", "none") != "none"

    def show(self, text: str, beams: int) -> tuple[str, str]:
        """Translate a text. Returns the translation and the attention as HTML; empty strings for an empty text."""
        check_length(text, MAX_CHARACTERS)
        if not text.strip():
            return "", ""
        if not self.has_attention:
            return self.translator([text], num_beams=int(beams))[0], ""
        found = self.translator.align(text, num_beams=int(beams))
        return found.translation, alignment_table(found)


def build_translation_page(run: str) -> Any:
    """
    Build the page for a translator, as `gradio.Blocks`.

    Raises:
        InputError: the run cannot be used.
    """
    import gradio as gr

    answers = TranslationPage(run)

    @show_errors()
    def show(text: str, beams: int) -> tuple[str, str]:
        return answers.show(text or "", beams)

    with gr.Blocks(title="An LSTM that translates", analytics_enabled=False) as page:
        gr.Markdown("# An LSTM that translates\nType a sentence; darker cells show where it looked for each word.")
        text = gr.Textbox(
            next(iter(answers.examples), ""), label="Text", lines=2, max_length=MAX_CHARACTERS, elem_id="text"
        )
        with gr.Row():
            ask = gr.Button("Translate", variant="primary", elem_id="translate")
            beams = gr.Slider(1, answers.max_beams, value=answers.beams, step=1, label="Beams")
        if answers.examples:
            gr.Examples([[one] for one in answers.examples], text)
        translation = gr.Textbox(label="Translation", lines=2, interactive=False, elem_id="translation")
        alignment = gr.HTML(elem_id="alignment")
        gr.on(
            [ask.click, text.submit, page.load],
            show,
            [text, beams],
            [translation, alignment],
            api_name="translate",
            show_progress="minimal",
        )
    return page
