"""The page of a masked language model: it proposes words for a mask."""

from typing import Any

from ..inference.mask_filling import MaskFiller
from .errors import check_length, show_errors

MAX_CHARACTERS = 2_000
EXAMPLES = ("The film was {}.", "I {} this film.", "It could have been {}, but it is dull.")


class FillingPage:
    """
    The masked language model behind a page.

    Args:
        run: Run folder or Hub id of a masked language model.
    """

    def __init__(self, run: str):
        self.filler = MaskFiller.from_run(run)
        mask = self.filler.tokenizer.mask_token
        self.examples = [one.format(mask) for one in EXAMPLES]

    def fill(self, text: str) -> dict[str, float]:
        """Return the most probable tokens for the mask of a text and their probabilities."""
        check_length(text, MAX_CHARACTERS)
        (row,) = self.filler([text])
        return {one.token: one.score for one in row}


def build_filling_page(run: str) -> Any:
    """
    Build the page for a masked language model, as `gradio.Blocks`.

    Raises:
        InputError: the run cannot be used.
    """
    import gradio as gr

    filler = FillingPage(run)

    @show_errors()
    def fill(text: str) -> dict[str, float]:
        return filler.fill(text or "")

    with gr.Blocks(title="A masked language model", analytics_enabled=False) as page:
        mask = filler.filler.tokenizer.mask_token
        gr.Markdown(f"# A masked language model\nType a sentence with `{mask}` in the place of a word.")
        text = gr.Textbox(filler.examples[0], label="Text", lines=2, elem_id="text")
        ask = gr.Button("Fill in", variant="primary", elem_id="ask")
        gr.Examples([[one] for one in filler.examples], text)
        found = gr.Label(label="What the model fills in", elem_id="found")
        gr.on([ask.click, text.submit, page.load], fill, text, found, api_name="fill", show_progress="minimal")
    return page
