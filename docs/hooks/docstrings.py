"""An extension of griffe: docstrings in transformers' style, as the reference shows them."""

import re
from typing import Any

from griffe import Extension, Object

LINK = re.compile(r"\[(`[^`\]]+`)\](?![(\[])")  # [`LstmModel`], a link in transformers' own documentation
TYPE = re.compile(r"^(\s+\w[\w, ]*) \((.+?)\):", re.MULTILINE)  # vocab_size (`int`, defaults to 10000):


class TransformersStyle(Extension):
    """Takes away what only transformers' own documentation understands."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        if obj.docstring is not None:
            text = LINK.sub(r"\1", obj.docstring.value)
            obj.docstring.value = TYPE.sub(lambda found: f"{found[1]} ({found[2].replace('`', '')}):", text)
