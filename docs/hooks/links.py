"""An MkDocs hook: links to files that are not pages of the site lead to the repository."""

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.plugins import get_plugin_logger

log = get_plugin_logger("links")
LINK = re.compile(r"(?<=\]\()(\.\./[^)#\s]*)")


def on_page_markdown(markdown: str, page: Any, config: Any, **_: Any) -> str:
    """Turn links such as `../recipes/trec.yaml`, outside docs/, into addresses. Warn if a file does not exist."""
    root = Path(config.docs_dir).parent
    folder = posixpath.join(Path(config.docs_dir).name, posixpath.dirname(page.file.src_uri))

    def address(found: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(folder, found[0]))
        if path.startswith(f"{Path(config.docs_dir).name}/"):
            return found[0]
        if not (root / path).exists():
            log.warning(f"{page.file.src_uri} links to {path}, which does not exist")
        kind = "tree" if (root / path).is_dir() else "blob"
        return f"{config.repo_url.rstrip('/')}/{kind}/main/{path}"

    return LINK.sub(address, markdown)
