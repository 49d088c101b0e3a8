"""An MkDocs hook: the Python reference follows public names to the modules that define them."""

import re
from typing import Any

from mkdocs.plugins import get_plugin_logger

log = get_plugin_logger("names")
PAGE = "reference/python.md"
DIRECTIVE = re.compile(r"^::: modeling_lstm\.(\w+)$", re.MULTILINE)


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Replace names such as `::: modeling_lstm.train` by those in the defining module. Warn about missing names."""
    if page.file.src_uri != PAGE:
        return markdown
    import modeling_lstm

    public = set(modeling_lstm.__all__)
    named = set(DIRECTIVE.findall(markdown))
    for name in sorted(named - public):
        log.warning(f"{PAGE} describes {name}, which modeling_lstm does not have")
    for name in sorted(public - named):
        log.warning(f"{PAGE} does not describe {name}")

    def resolved(found: re.Match[str]) -> str:
        name = found[1]
        return f"::: {getattr(modeling_lstm, name).__module__}.{name}" if name in public else ""

    shown = DIRECTIVE.sub(resolved, markdown)
    # drop titles whose names are all missing
    return re.sub(r"^## [^\n]+\n\s*(?=## |\Z)", "", shown, flags=re.MULTILINE)
