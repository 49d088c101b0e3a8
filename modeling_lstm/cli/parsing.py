"""The `--help` of a command: settings in groups, the most used first, each with its default."""

import argparse
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import Field
from pathlib import Path
from typing import Any

from ..utils.errors import require
from ..utils.files import exists
from ..utils.flags import FlagParser, true_or_false
from .registry import ALL

# In display order. A setting belongs to the group in its metadata, or else to the group of its class
GROUPS = (
    *("Arguments", "Data", "Output", "Systems", "Search", "Distillation", "Model", "Tokenizer", "Training"),
    *(
        "Language model",
        "Word vectors",
        "Options",
        "Several machines",
        "Files",
        "Card",
        "Hub",
        "Advanced",
        "transformers.TrainingArguments",
        "Help",
    ),
)


def require_no_files(texts: Iterable[str], remedy: str) -> None:
    """Raise [`InputError`] for a text that is the name of a file, which would be read as a text."""
    name = next((one for one in texts if Path(one).suffix and exists(Path(one)) and Path(one).is_file()), None)
    require(name is None, f"{name!r} is a file, not a text: {remedy.replace('FILE', str(name))}")


_VALUES = {int: "N", float: "X", true_or_false: "true|false"}  # placeholders for values of a type
_WIDTH = 120


class HelpFormatter(argparse.HelpFormatter):
    """An argparse formatter that adds the default of each setting and hides the negated `--no_NAME` flags."""

    def __init__(self, prog: str):
        super().__init__(prog, max_help_position=32, width=_WIDTH)

    def _get_help_string(self, action: argparse.Action) -> str:
        text = action.help or ""
        if not action.option_strings or action.nargs == 0:
            return text
        if "Default:" in text and not action.default:
            return text
        if action.required or action.default == "":
            return f"{text} (required)"
        shown = _as_typed(action.default).replace("%", "%%")
        return f"{text} (default: {shown})"

    def _get_default_metavar_for_optional(self, action: argparse.Action) -> str:
        return _VALUES.get(action.type, "TEXT")

    def add_arguments(self, actions: Iterable[argparse.Action]) -> None:
        """Add arguments as argparse does, except the `--no_NAME` flags: `--NAME false` does the same."""
        super().add_arguments(
            one for one in actions if not any(name.startswith("--no_") for name in one.option_strings)
        )


class CommandParser(FlagParser):
    """
    The [`FlagParser`] of a command, with its help. Add other arguments than those of the dataclasses as to any parser.

    Args:
        command: The command's name in the registry.
        kinds: The dataclasses.
    """

    def __init__(self, command: str, *kinds: Any):
        entry = ALL[command]
        about = f"{entry.about[0].upper()}{entry.about[1:]}."
        usage = textwrap.fill(
            f"modeling-lstm {command} {entry.usage}",
            _WIDTH - len("usage: "),
            subsequent_indent=" " * 7,
            break_on_hyphens=False,
        )
        super().__init__(command, *kinds, usage=usage, description=about, formatter_class=HelpFormatter)
        self._positionals.title, self._optionals.title = "Arguments", "Options"
        self.group("Help").add_argument("-h", "--help", action="help", help="Show this help and exit.")

    def group(self, title: str) -> Any:
        """Return the group with this title, created if necessary."""
        known = {group.title: group for group in self._action_groups}
        return known.get(title) or self.add_argument_group(title)

    def group_of(self, kind: Any, field: Field[Any]) -> Any:
        """Return the group named by the setting or its class."""
        title = str(field.metadata.get("group") or getattr(kind, "flag_group", "Options"))
        return self if title == "Options" else self.group(title)

    def add_switch(self, flag: str, about: str) -> None:
        """Add a flag that takes `true`, `false` or no value, like the Boolean fields of a dataclass."""
        self.add_argument(flag, type=true_or_false, nargs="?", const=True, default=False, help=about)

    def hide(self, settings: Iterable[str]) -> None:
        """Hide settings that do not apply to this command's models from the help."""
        for action in self._actions:
            if action.dest in settings:
                action.help = argparse.SUPPRESS

    def describe(self, texts: Mapping[str, str]) -> None:
        """Replace the descriptions of settings by those for this command's task."""
        for action in self._actions:
            action.help = texts.get(action.dest, action.help)

    def tell_defaults(self, texts: Mapping[str, str]) -> None:
        """Replace the displayed defaults of settings by descriptions, where the default depends on other settings."""
        for action in self._actions:
            if action.dest in texts:
                about = str(action.help).partition(" Default: ")[0]
                action.help, action.default = f"{about} Default: {texts[action.dest]}.", None

    def format_help(self) -> str:
        """Format the help as argparse does, with the groups in the order of [`GROUPS`]."""
        self._action_groups.sort(key=lambda group: GROUPS.index(str(group.title)))
        return super().format_help()


def _as_typed(default: Any) -> str:
    """Format a default as a user would type it."""
    if isinstance(default, (list, tuple)):
        return " ".join(map(_as_typed, default)) or "none"
    if isinstance(default, bool):
        return str(default).lower()
    return "none" if default is None else str(default)
