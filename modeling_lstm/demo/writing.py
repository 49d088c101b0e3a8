"""The page of a language model: it continues a text and shows the most probable next tokens."""

import contextlib
from typing import Any

from ..inference.arguments import MIN_TEMPERATURE
from ..inference.generation import TextGenerator, append_continuation
from ..utils.errors import InputError
from .errors import show_errors

MAX_CHARACTERS = 2_000
MAX_TOKENS = 200
MAX_TEMPERATURE = 1.5
SHOWN = 10  # number of next tokens to show
EXAMPLES = ("The film", "I expected", "It could have been")


class WritingPage:
    """
    The language model behind a page. It reads the last `MAX_CHARACTERS` characters of a text.

    Args:
        run: Run folder or Hub id of a language model.
    """

    def __init__(self, run: str):
        self.generator = TextGenerator.from_run(run)

    def guess(self, text: str) -> dict[str, float]:
        """Return the most probable next tokens and their probabilities."""
        return dict(self.generator.next_tokens(text[-MAX_CHARACTERS:], SHOWN))

    def write(self, text: str, tokens: int, temperature: float) -> str:
        """Continue a text. Returns the text with its continuation; temperature 0 always picks the likeliest token."""
        how: dict[str, Any] = {"do_sample": temperature >= MIN_TEMPERATURE}
        if temperature >= MIN_TEMPERATURE:
            how |= {"temperature": temperature, "top_p": 0.95, "top_k": 0}
        (more,) = self.generator([text[-MAX_CHARACTERS:]], max_new_tokens=int(tokens), **how)
        return append_continuation(text, more)


def build_writing_page(run: str) -> Any:
    """
    Build the page for a language model, as `gradio.Blocks`.

    Raises:
        InputError: the run cannot be used.
    """
    import gradio as gr

    writer = WritingPage(run)

    @show_errors()
    def guess(text: str) -> dict[str, float]:
        return writer.guess(text or "")

    @show_errors()
    def write(text: str, tokens: int, temperature: float) -> tuple[str, dict[str, float]]:
        written = writer.write(text or "", tokens, temperature)
        with contextlib.suppress(InputError):  # the model may have no position for one more token
            return written, writer.guess(written)
        return written, {}

    with gr.Blocks(title="A language model", analytics_enabled=False) as page:
        gr.Markdown("# A language model\nType a beginning; the model continues it word by word.")
        text = gr.Textbox(EXAMPLES[0], label="Text", lines=4, elem_id="text")
        with gr.Row():
            go_on = gr.Button("Continue", variant="primary", elem_id="go-on")
            tokens = gr.Slider(1, MAX_TOKENS, value=20, step=1, label="Words")
            temperature = gr.Slider(
                0.0, MAX_TEMPERATURE, value=0.8, step=0.1, label="Temperature (0: the likeliest word)"
            )
        gr.Examples([[one] for one in EXAMPLES], text)
        following = gr.Label(label="What may come next", num_top_classes=SHOWN, elem_id="next")
        gr.on([text.submit, page.load], guess, text, following, api_name="guess", show_progress="minimal")
        go_on.click(write, [text, tokens, temperature], [text, following], api_name="write")
    return page
