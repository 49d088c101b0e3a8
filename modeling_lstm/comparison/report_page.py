"""The page of a report: Markdown, plots, and a self-contained HTML file."""

from dataclasses import dataclass
from pathlib import Path

from ..utils.files import write_text
from ..utils.markdown import make_table
from ..utils.templates import render_template


@dataclass
class ReportTable:
    """A table with a title and a note on how to read it. Columns after the first `words` columns contain numbers."""

    title: str
    note: str
    heads: list[str]
    rows: list[list[str]]
    words: int = 1

    def to_markdown(self) -> str:
        """Return the title, table and note as Markdown."""
        heads, *rows = ([cell.replace("|", "\\|") for cell in row] for row in (self.heads, *self.rows))
        return f"## {self.title}\n\n{make_table(heads, rows, words=self.words)}\n\n{self.note}\n"


def render_report(
    folder: Path,
    title: str,
    summary: list[str],
    tables: list[ReportTable],
    pictures: dict[str, tuple[str, str]],
    command: str | None,
) -> None:
    """
    Write a report as Markdown, plots and one HTML file.

    Args:
        folder: The output folder.
        title: The title of the report.
        summary: The paragraphs at the start of the report.
        tables: The tables. In the HTML file, the first two come before the plots.
        pictures: For each file name (without its suffix), a caption and the plot as SVG.
        command: The command as it was typed.
    """
    lines = [f"# {title}\n", *(f"{line}\n" for line in summary), *(one.to_markdown() for one in tables)]
    lines += [f"## {caption}\n\n![{caption}]({name}.svg)\n" for name, (caption, _) in pictures.items()]
    for name, (_, svg) in pictures.items():
        write_text(folder / f"{name}.svg", svg)
    write_text(folder / "comparison.md", "\n".join(lines))
    content = {"title": title, "summary": summary, "tables": tables, "command": command}
    html = render_template(Path(__file__).with_name("report.html"), pictures=pictures.values(), **content)
    write_text(folder / "report.html", html)
