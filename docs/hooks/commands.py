"""An MkDocs hook that makes the command reference, one page per command, from the parsers of the command line."""

import argparse
from collections.abc import Iterator
from typing import Any

from mkdocs.structure.files import File, Files

FOLDER = "reference/commands"
# Groups that few people need: their tables are collapsed
FOLDED = ("transformers.TrainingArguments",)
TITLES = {"": "Settings", "options": "Settings", "positional arguments": "Arguments"}


def command_parsers() -> dict[str, argparse.ArgumentParser]:
    """Return the parser of each command, in the order of the command line."""
    from modeling_lstm.cli.registry import COMMANDS, TASK_COMMANDS, VECTORS_COMMANDS, make_parser

    names = [name for name in COMMANDS if name != "vectors"] + [*TASK_COMMANDS, *VECTORS_COMMANDS]
    return {name: make_parser(name) for name in names}


def on_files(files: Files, config: Any) -> Files:
    """Add a page for each command. Subcommands of `vectors` share a page, and so do the tasks of a command."""
    pages: dict[str, list[argparse.ArgumentParser]] = {}
    for command, parser in command_parsers().items():
        pages.setdefault(command.split()[0], []).append(parser)
    for name, parsers in pages.items():
        files.append(_page(config, name, "\n".join(_command(name, parser) for parser in parsers)))
    lines = [f"| [`{name}`]({name}.md) | {_text(_summary(parsers))} |" for name, parsers in pages.items()]
    head = "# Commands\n\nAll commands, as described by their parsers.\n\n| command | description |\n|---|---|\n"
    files.append(_page(config, "index", head + "\n".join(lines) + "\n"))
    return files


def _page(config: Any, name: str, text: str) -> File:
    return File.generated(config, f"{FOLDER}/{name}.md", content=text)


def _summary(parsers: list[argparse.ArgumentParser]) -> str:
    texts = [(parser.description or "").partition(": modeling-lstm")[0] for parser in parsers]
    return "; ".join(text[:1].upper() + text[1:].rstrip(".") for text in texts)


def _command(page: str, parser: argparse.ArgumentParser) -> str:
    """Return the section of a command: description, usage and a table for each group of settings."""
    command = parser.prog.removeprefix("modeling-lstm ")
    level = "#" if command == page else "##"
    lines = [f"{level} {command}", ""] if command == page else _first_head(page, command)
    lines += [_text(_summary([parser])) + ".", "", "```text", *_usage(parser), "```", ""]
    parser.format_help()  # sorts the groups
    for group in parser._action_groups:
        rows = [*_rows(group)]
        if not rows:
            continue
        title = TITLES.get(group.title or "", group.title)
        table = ["| setting | default | meaning |", "|---|---|---|", *rows]
        if group.title in FOLDED:
            lines += [f'??? note "{title}"', "", *(f"    {line}" for line in table), ""]
        else:
            lines += [f"{level}# {title}", "", *table, ""]
    return "\n".join(lines)


def _first_head(page: str, command: str) -> list[str]:
    title = [f"# {page}", ""] if command == f"{page} train" else []
    return [*title, f"## {command}", ""]


def _usage(parser: argparse.ArgumentParser) -> list[str]:
    """Return the parser's usage or, without one, a line with positional arguments by name and flags as SETTINGS."""
    if parser.usage:
        return [parser.usage.replace("%(prog)s", parser.prog)]
    names = [_value(one) for one in parser._get_positional_actions()]
    recipe = (
        ["[RECIPE.yaml]"] if parser.prog.split()[-1] in ("train", "distill") and "vectors" not in parser.prog else []
    )
    return [" ".join([parser.prog, *recipe, *names, "[SETTINGS]"])]


def _rows(group: Any) -> Iterator[str]:
    for action in group._group_actions:
        names = [name for name in action.option_strings if not name.startswith(("--no_", "--no-"))]
        is_twin = bool(action.option_strings) and not names
        if is_twin or action.help == argparse.SUPPRESS or isinstance(action, argparse._HelpAction):
            continue
        name = max(names, key=len) if names else _value(action)
        choices = "" if action.choices is None else f" One of {', '.join(f'`{one}`' for one in action.choices)}."
        yield f"| `{name}` | {_default(action)} | {_text(action.help or '')}{choices} |"


def _value(action: argparse.Action) -> str:
    name = str(action.metavar or action.dest).upper()
    return {"*": f"[{name} ...]", "+": f"{name} [{name} ...]", "?": f"[{name}]"}.get(str(action.nargs), name)


def _default(action: argparse.Action) -> str:
    found = action.default
    if action.required or not action.option_strings:
        return "required" if str(action.nargs) not in "*?" else ""
    if found is None or found == "" or found == [] or found == argparse.SUPPRESS:
        return ""
    if isinstance(found, bool):
        found = str(found).lower()
    shown = " ".join(map(str, found)) if isinstance(found, list | tuple) else getattr(found, "value", found)
    return f"`{shown}`"


def _text(text: str) -> str:
    """Escape plain text for a table cell."""
    text = " ".join(text.replace("%%", "%").split())
    for sign in ("\\", "|", "<", ">", "*", "_", "[", "]"):
        text = text.replace(sign, {"<": "&lt;", ">": "&gt;"}.get(sign, "\\" + sign))
    return text
