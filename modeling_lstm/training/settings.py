"""From command-line flags and YAML recipes to dataclasses of settings."""

import json
import math
import re
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, NoReturn

import yaml

from ..utils.errors import InputError, require

LARGEST_SEED = 2**32 - 1  # that NumPy takes


class _Recipe(yaml.SafeLoader):
    """YAML 1.1 with the numbers of YAML 1.2, where 1e-4 is one without a point."""


_Recipe.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+$"), list("-+.0123456789")
)


def flag_parser(command: str, description: str, *dataclass_types: Any) -> Any:
    """An `HfArgumentParser` whose errors are one sentence."""
    from transformers import HfArgumentParser

    class Parser(HfArgumentParser):
        def error(self, message: str) -> NoReturn:  # without the usage, which is a page long
            raise InputError(f"{message} (modeling-lstm {command} --help lists the settings)")

    parser = Parser(dataclass_types, prog=f"modeling-lstm {command}", description=description, allow_abbrev=False)
    parser.register("type", float, _finite)
    parser.register("type", int, _whole)
    return parser


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _whole(text: str) -> int:
    number = int(text)
    if abs(number) >= 2**63:  # what torch and Arrow take
        raise ValueError(text)
    return number


def parse(parser: Any, given: list[str]) -> tuple[Any, ...]:
    """The dataclasses, and where there are flags beside theirs a namespace of those."""
    try:
        found = parser.parse_args_into_dataclasses(given)
    except InputError:
        raise
    except (ValueError, ImportError, TypeError, KeyError, OSError, RuntimeError, NotImplementedError) as error:
        # what the library's own checks say
        raise InputError(f"The settings cannot be used: {str(error).strip() or type(error).__name__}") from error
    for settings in found:
        for name in (one.name for one in fields(settings)) if is_dataclass(settings) else ():
            value = getattr(settings, name)
            if name.endswith("seed") and value is not None:
                require(0 <= value <= LARGEST_SEED, f"--{name} must be from 0 to {LARGEST_SEED}, found {value}.")
    return found


def training_settings(given: list[str], description: str = "", *, distill: bool = False) -> tuple[Any, ...]:
    """The dataclasses that [`train`] takes, from command-line flags; that of a distillation where asked."""
    from ..data.arguments import DataArguments, TokenizerArguments
    from .arguments import ModelArguments
    from .trainer import TRANSFORMER_DEFAULTS
    from .trainer_arguments import LstmTrainingArguments

    types: tuple[Any, ...] = (ModelArguments, TokenizerArguments, DataArguments, LstmTrainingArguments)
    defaults: dict[str, Any] = {}
    if distill:
        from ..distillation import STUDENT_DEFAULTS, DistillationArguments

        types += (DistillationArguments,)
        defaults = STUDENT_DEFAULTS
    if any(flag.partition("=")[0] == "--transformer" for flag in given):
        defaults = TRANSFORMER_DEFAULTS
    parser = flag_parser("distill" if distill else "train", description, *types)
    parser.set_defaults(**defaults)
    return parse(parser, given)


def read_recipe(path: Path) -> list[str]:
    """The settings of a YAML recipe as command-line flags, so that flags given later override them."""
    if not path.is_file():
        raise InputError(f"There is no recipe {str(path)!r}.")
    try:
        loader = _Recipe(path.read_text(encoding="utf-8"))
        recipe = loader.get_single_node()
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"The recipe {str(path)!r} is no valid YAML: {error}") from error
    if not isinstance(recipe, yaml.MappingNode):
        raise InputError(f"The recipe {str(path)!r} must hold lines of the form 'setting: value'.")
    flags: list[str] = []
    try:
        loader.flatten_mapping(recipe)
        for name, value in recipe.value:
            values = _as_flags(loader, value)
            flags += [f"--{name.value}", *values] if values else []
    except (yaml.YAMLError, ValueError) as error:
        raise InputError(f"The recipe {str(path)!r} holds what cannot be read: {error}") from error
    return flags


def _as_flags(loader: yaml.SafeLoader, value: yaml.Node) -> list[str]:
    """What is typed after a flag for a value of a recipe: numbers and names as they are written there."""
    if isinstance(value, yaml.SequenceNode):
        return [one.value if isinstance(one, yaml.ScalarNode) else _as_json(loader, one) for one in value.value]
    if isinstance(value, yaml.MappingNode):
        return [_as_json(loader, value)]
    if value.tag == "tag:yaml.org,2002:null":
        return []
    return [str(loader.construct_object(value)) if value.tag == "tag:yaml.org,2002:bool" else value.value]


def _as_json(loader: yaml.SafeLoader, value: yaml.Node) -> str:
    return json.dumps(loader.construct_object(value, deep=True), default=str)
