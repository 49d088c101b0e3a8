"""A griffe extension that adapts docstrings in transformers' style, and settings, for the reference."""

import importlib
import re
from dataclasses import fields, is_dataclass
from typing import Any

from griffe import Attribute, Class, ExprCall, Extension, Object

LINK = re.compile(r"\[(`[^`\]]+`)\](?![(\[])")  # [`LstmModel`], a link in transformers' own documentation
TYPE = re.compile(r"^(\s+\w[\w, ]*) \((.+?)\):", re.MULTILINE)  # vocab_size (`int`, defaults to 10000):
INHERITED = re.compile(r"Same as in the base class|(Refused: )?Trainer's")  # how an override's docstring begins
SETTING = "_setting"  # the function that makes a field from a default and a help text
# The commands whose pages describe the fields of dataclasses
COMMANDS = {
    "CompareArguments": "compare",
    "CorpusArguments": "pretrain",
    "DataArguments": "train",
    "DistillationArguments": "distill",
    "EvaluationArguments": "evaluate",
    "ExportArguments": "export",
    "GenerationArguments": "generate",
    "LanguageModelArguments": "pretrain",
    "MaskedLanguageModelArguments": "pretrain",
    "ModelArguments": "train",
    "PairArguments": "train",
    "PairTokenizerArguments": "train",
    "PredictionArguments": "predict",
    "PushArguments": "push",
    "SearchArguments": "search",
    "TokenizerArguments": "train",
    "TranslationModelArguments": "train",
    "VectorTrainingArguments": "vectors",
}


class TransformersStyle(Extension):
    """Removes markup that only transformers' documentation knows, and shows defaults and help texts of settings."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        if obj.docstring is not None:
            text = LINK.sub(_link, obj.docstring.value)
            obj.docstring.value = TYPE.sub(lambda found: f"{found[1]} ({found[2].replace('`', '')}):", text)

    def on_attribute_instance(self, *, attr: Attribute, **_: Any) -> None:
        """Replace `_setting(default, help)` by its default, before the signature is made from it."""
        if isinstance(attr.value, ExprCall) and attr.value.canonical_path.endswith(SETTING):
            attr.value = attr.value.arguments[0]

    def on_class_members(self, *, cls: Class, **_: Any) -> None:
        """Leave out overrides that transformers documents, and list the help texts of settings."""
        for name, member in list(cls.members.items()):
            if member.docstring is not None and INHERITED.match(member.docstring.value):
                del cls.members[name]
        if cls.docstring is not None and cls.name.endswith("TrainingArguments"):
            cls.docstring.value += _settings(cls.path)


def _link(found: re.Match[str]) -> str:
    command = COMMANDS.get(found[1].strip("`"))
    return found[1] if command is None else f"[{found[1]}](commands/{command}.md)"


def _settings(path: str) -> str:
    """Return a docstring section with the help texts of a dataclass's fields."""
    module, _, name = path.rpartition(".")
    kind = getattr(importlib.import_module(module), name)
    lines = [
        f"    {one.name}: {one.metadata['help']}"
        for one in (fields(kind) if is_dataclass(kind) else ())
        if "group" in one.metadata
    ]
    return "\n\nArgs:\n" + "\n".join(lines) if lines else ""
