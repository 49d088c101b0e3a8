"""A hook of MkDocs: the Python reference follows public names to the modules that define them."""

import importlib
import re
from typing import Any

from mkdocs.plugins import get_plugin_logger

log = get_plugin_logger("names")
DIRECTIVE = re.compile(r"^::: ([\w.]+)\.(\w+)$", re.MULTILINE)
# Names of the page that the package does not have yet; remove them here when it does
MISSING = {
    *("TrainingJob", "train", "distill", "evaluate", "predict", "load_run", "TextClassifier", "explain", "trace"),
    *("compare", "export", "push", "train_vectors", "WordVectors"),
}


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Write `::: modeling_lstm.train` as the name of the module and the function there."""

    def resolved(found: re.Match[str]) -> str:
        package, name = importlib.import_module(found[1]), found[2]
        if name not in getattr(package, "__all__", ()):
            if name not in MISSING:
                log.warning(f"{found[1]} has no public name {name}")
            return ""
        one = getattr(package, name)
        return f"::: {one.__module__}.{name}"

    shown = DIRECTIVE.sub(resolved, markdown)
    if page.file.src_uri == "reference/python.md":
        names = importlib.import_module("modeling_lstm").__all__
        for name in sorted(set(names) - {found[2] for found in DIRECTIVE.finditer(markdown)}):
            log.warning(f"{page.file.src_uri} does not describe {name}")
        # a title whose names are all missing goes too
        shown = re.sub(r"^## [^\n]+\n\s*(?=## |\Z)", "", shown, flags=re.MULTILINE)
    return shown
