"""HTML from templates."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader


def render_template(path: Path, /, **content: Any) -> str:
    """Render a Jinja template, which may include others from its folder. All text is escaped."""
    return Environment(loader=FileSystemLoader(path.parent), autoescape=True).get_template(path.name).render(**content)
