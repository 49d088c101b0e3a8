"""Common to all figures: they are readable in black and white, show names literally, and are reproducible."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

LINES = ("-", "--", ":", "-.")
MARKERS = "osD^vP*X<>hp"
_SETTINGS: Any = {
    "svg.hashsalt": "modeling-lstm",  # otherwise the ids in an SVG differ each time
    "svg.fonttype": "path",
    "text.parse_math": False,  # a dollar sign is shown as such
}


@contextmanager
def escape_text() -> Iterator[None]:
    """Draw and save figures within this context, or in a function that has it as a decorator."""
    with matplotlib.rc_context(_SETTINGS), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # characters missing from the font become boxes
        yield


def shorten(text: str, longest: int = 18) -> str:
    """Shorten a word or a name for a figure, and replace control characters, which XML forbids."""
    text = "".join(character if character.isprintable() else "\ufffd" for character in text)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def can_draw(text: str) -> bool:
    """Return whether the font has all characters of a text."""
    font = font_manager.get_font(font_manager.findfont(font_manager.FontProperties()))
    return all(font.get_char_index(ord(character)) for character in text)


def style(number: int) -> dict[str, Any]:
    """Return the line style and the marker of a curve, by its number."""
    return {"linestyle": LINES[number % len(LINES)], "marker": MARKERS[number % len(MARKERS)]}


def use_logarithmic_axis(axes: Axes, which: str = "x") -> None:
    """Make an axis (`x` or `y`) logarithmic, with numbers written out. Call it after everything is drawn."""
    axes.set(**{f"{which}scale": "log"})
    axis = getattr(axes, f"{which}axis")
    low, high = axis.get_view_interval()
    steps = LogLocator(subs=(1, 2, 5) if high < 30 * low else (1,))
    axis.set_major_locator(steps if high > 5 * low else MaxNLocator(4))
    axis.set_major_formatter("{x:,.10g}")
    axis.set_minor_formatter(NullFormatter())


def save(figure: Figure, file: Any, kind: str) -> None:
    """Save a figure to a file or path, as png or svg. The same figure gives the same bytes."""
    with escape_text():
        figure.savefig(file, format=kind, dpi=150, metadata={"Date": None} if kind == "svg" else {})


def to_svg(figure: Figure) -> str:
    """Return a figure as an `<svg>` element."""
    file = io.StringIO()
    save(figure, file, "svg")
    text = file.getvalue()
    return text[text.index("<svg") :]
