"""An explanation as a single HTML file: colored words with their contributions, and the figure."""

from pathlib import Path

import numpy as np

from ..utils.figures import to_svg
from ..utils.templates import render_template
from .explainer import Explanation
from .figure import draw


def make_page(explanations: list[Explanation]) -> str:
    """Make a self-contained HTML page without scripts."""
    shown = [
        {"verdict": one.verdict(), "found": one.contributions, "words": color_words(one), "warnings": one.warnings}
        for one in explanations
    ]
    return render_template(Path(__file__).with_name("page.html"), explanations=shown, svg=to_svg(draw(explanations)))


def color_words(one: Explanation) -> list[dict[str, str]]:
    """Return the text, color and contributions of each word."""
    values = one.contributions.integrated_gradients
    most = max(float(np.abs(values).max()), 1e-9)
    words = []
    for word, value, left_out in zip(one.words, values, one.contributions.leave_one_out, strict=True):
        color = "33, 102, 172" if value >= 0 else "178, 24, 43"
        title = f"{value:+.2f} by integrated gradients, {left_out:+.2f} by leaving it out"
        words.append({"text": word, "color": f"rgba({color}, {0.75 * abs(value) / most:.2f})", "title": title})
    return words
