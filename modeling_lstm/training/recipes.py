"""Recipes: YAML files with the settings that differ from the defaults."""

import json
import re
import shlex
from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml

from ..utils.errors import InputError, as_text, require
from ..utils.flags import parse_given
from ..utils.settings import find_repeated

# Settings that show which command a recipe is for
OTHER_COMMANDS = {"preset": "train", "unlabeled": "distill", "teacher": "distill"}
_TYPES = {
    "bool": (r"(true|True|TRUE|false|False|FALSE)$", "tTfF"),
    "int": (r"[-+]?\d+$", "-+0123456789"),
    "float": (r"[-+]?(\d+\.\d*|\.\d+|\d+(?=[eE]))([eE][-+]?\d+)?$", "-+.0123456789"),
}
_NULL = "tag:yaml.org,2002:null"


class _Recipe(yaml.SafeLoader):
    """YAML 1.1 with the numbers and booleans of YAML 1.2: 1e-4 is a number, 010 is ten, and `no` is a word."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in known if tag.rpartition(":")[2] not in _TYPES]
        for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


for _name, (_pattern, _first) in _TYPES.items():
    _Recipe.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", re.compile(_pattern), list(_first))
_Recipe.add_constructor("tag:yaml.org,2002:int", lambda _, node: int(node.value))


def read_recipe(path: Path, kinds: tuple[type, ...]) -> dict[str, Any]:
    """
    Read the settings of a recipe, by name.

    Args:
        path: The YAML file.
        kinds: The dataclasses that the settings belong to.

    Raises:
        InputError: there is no such file, it cannot be read, or a setting does not exist.
    """
    loader, recipe = _open_recipe(path)
    unset = [str(name.value) for name, value in recipe.value if value.tag == _NULL]
    flags = _to_flags(path, loader, recipe)
    known = {one.name for kind in kinds for one in fields(kind)}
    for name, command in OTHER_COMMANDS.items():
        is_other = name not in known and any(flag.partition("=")[0] == f"--{name}" for flag in flags)
        require(not is_other, f"{str(path)!r} is a recipe of another command: modeling-lstm {command} {path}")
    unknown = [name for name in unset if name.replace("-", "_") not in known | OTHER_COMMANDS.keys()]
    require(
        not unknown, f"The recipe {str(path)!r} has {as_text(unknown)} without a value, and there is no such setting."
    )
    return parse_given(kinds, flags, "train")


def _open_recipe(path: Path) -> tuple[yaml.SafeLoader, yaml.MappingNode]:
    """Return what reads the values of a recipe, and its settings."""
    if not path.is_file():
        raise InputError(f"There is no recipe {str(path)!r}.")
    if path.suffix.lower() not in (".yaml", ".yml"):
        typed = f"write --dataset {shlex.quote(str(path))} if that is the data"
        raise InputError(f"A recipe is a YAML file, found {str(path)!r}: {typed}.")
    try:
        loader = _Recipe(path.read_text(encoding="utf-8"))
        recipe = loader.get_single_node()
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"The recipe {str(path)!r} is not valid YAML: {_on_one_line(error)}") from error
    if not isinstance(recipe, yaml.MappingNode):
        raise InputError(f"The recipe {str(path)!r} must hold lines of the form 'setting: value'.")
    return loader, recipe


def recipe_flags(path: Path) -> list[str]:
    """Return the settings of a YAML recipe as command-line flags, so that later flags override them."""
    return _to_flags(path, *_open_recipe(path))


def _to_flags(path: Path, loader: yaml.SafeLoader, recipe: yaml.MappingNode) -> list[str]:
    twice = find_repeated(str(name.value).replace("-", "_") for name, _ in recipe.value) or _find_twins(recipe)
    require(not twice, f"The recipe {str(path)!r} has {as_text(twice)} more than once: keep only one of each.")
    empty = [name.value for name, value in recipe.value if isinstance(value, yaml.SequenceNode) and not value.value]
    require(not empty, f"The recipe {str(path)!r} sets {as_text(empty)} to an empty list: leave it out.")
    flags: list[str] = []
    try:
        loader.flatten_mapping(recipe)
        for name, value in recipe.value:
            values = _as_flags(loader, value)
            if len(values) == 1 and values[0].startswith("-"):  # or it would be taken for a flag
                flags.append(f"--{name.value}={values[0]}")
            elif values:
                flags += [f"--{name.value}", *values]
    except (yaml.YAMLError, ValueError, KeyError) as error:
        raise InputError(f"The recipe {str(path)!r} has an unreadable value: {_on_one_line(error)}") from error
    return flags


def _find_twins(node: yaml.Node) -> list[str]:
    """Return the names that a mapping, or one inside it, has more than once."""
    if isinstance(node, yaml.SequenceNode):
        return [name for one in node.value for name in _find_twins(one)]
    if not isinstance(node, yaml.MappingNode):
        return []
    return find_repeated(str(name.value) for name, _ in node.value) + [
        name for _, value in node.value for name in _find_twins(value)
    ]


def _as_flags(loader: yaml.SafeLoader, value: yaml.Node) -> list[str]:
    """Return what to type after a flag for a value of a recipe: numbers and names as they are written there."""
    if isinstance(value, yaml.SequenceNode):
        return [one.value if isinstance(one, yaml.ScalarNode) else _as_json(loader, one) for one in value.value]
    if isinstance(value, yaml.MappingNode):
        return [_as_json(loader, value)]
    if value.tag == _NULL:
        return []
    is_bool = value.tag == "tag:yaml.org,2002:bool"
    return [str(loader.construct_object(value)) if is_bool else value.value]


def _as_json(loader: yaml.SafeLoader, value: yaml.Node) -> str:
    return json.dumps(loader.construct_object(value, deep=True), default=str)


def _on_one_line(error: Exception) -> str:
    return " ".join(str(error).split())
