"""What all figures have in common: they can be read in black and white, show names as they are, and repeat exactly."""

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
    "svg.hashsalt": "modeling-lstm",  # else the ids in an SVG differ from one time to the next
    "svg.fonttype": "path",
    "text.parse_math": False,  # a dollar sign in a name or a word is a dollar sign
}


@contextmanager
def escape_text() -> Iterator[None]:
    """Draw and save within this."""
    with matplotlib.rc_context(_SETTINGS), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # characters that the font lacks are boxes
        yield


def shorten(text: str, longest: int = 18) -> str:
    """A word or a name as a figure shows it; XML takes no control characters."""
    text = "".join(character if character.isprintable() else "\ufffd" for character in text)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def can_draw(text: str) -> bool:
    """Whether the font has all characters of a text."""
    font = font_manager.get_font(font_manager.findfont(font_manager.FontProperties()))
    return all(font.get_char_index(ord(character)) for character in text)


def style(number: int) -> dict[str, Any]:
    """Line and marker of the curve of that number."""
    return {"linestyle": LINES[number % len(LINES)], "marker": MARKERS[number % len(MARKERS)]}


def use_logarithmic_axis(axes: Axes, which: str = "x") -> None:
    """Make an axis (`x` or `y`) logarithmic, its numbers written out; after all is drawn."""
    axes.set(**{f"{which}scale": "log"})
    axis = getattr(axes, f"{which}axis")
    low, high = axis.get_view_interval()
    steps = LogLocator(subs=(1, 2, 5) if high < 30 * low else (1,))
    axis.set_major_locator(steps if high > 5 * low else MaxNLocator(4))
    axis.set_major_formatter("{x:,.10g}")
    axis.set_minor_formatter(NullFormatter())


def save(figure: Figure, file: Any, kind: str) -> None:
    """Write a figure to a file or its name, as png or svg; the same figure gives the same bytes."""
    with escape_text():
        figure.savefig(file, format=kind, dpi=150, metadata={"Date": None} if kind == "svg" else {})


def to_svg(figure: Figure) -> str:
    """A figure as an `<svg>` element."""
    file = io.StringIO()
    save(figure, file, "svg")
    text = file.getvalue()
    return text[text.index("<svg") :]
