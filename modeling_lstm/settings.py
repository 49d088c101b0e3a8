"""From command-line flags and YAML recipes to dataclasses of settings."""

import json
from pathlib import Path
from typing import Any, NoReturn

import yaml

from .errors import InputError


def flag_parser(command: str, description: str, *dataclass_types: Any) -> Any:
    """An `HfArgumentParser` whose errors are one sentence."""
    from transformers import HfArgumentParser

    class Parser(HfArgumentParser):
        def error(self, message: str) -> NoReturn:  # without the usage, which is a page long
            raise InputError(f"{message} (modeling-lstm {command} --help lists the settings)")

    return Parser(dataclass_types, prog=f"modeling-lstm {command}", description=description, allow_abbrev=False)


def parse(parser: Any, given: list[str]) -> tuple[Any, ...]:
    """The dataclasses, and where there are flags beside theirs a namespace of those."""
    try:
        return parser.parse_args_into_dataclasses(given)
    except (ValueError, ImportError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(str(error).strip()) from error


def training_settings(given: list[str], description: str = "", *, distill: bool = False) -> tuple[Any, ...]:
    """The dataclasses that [`train`] takes, from command-line flags; that of a distillation where asked."""
    from .building import ModelArguments
    from .data import DataArguments
    from .preprocessing import TokenizerArguments
    from .trainer import TRANSFORMER_DEFAULTS, LstmTrainingArguments

    types: tuple[Any, ...] = (ModelArguments, TokenizerArguments, DataArguments, LstmTrainingArguments)
    defaults: dict[str, Any] = {}
    if distill:
        from .distillation import STUDENT_DEFAULTS, DistillationArguments

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
        recipe = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"The recipe {str(path)!r} is no valid YAML: {error}") from error
    if not isinstance(recipe, dict):
        raise InputError(f"The recipe {str(path)!r} must hold lines of the form 'setting: value'.")
    flags: list[str] = []
    for name, value in recipe.items():
        if value is None:
            continue
        values = value if isinstance(value, list) else [json.dumps(value) if isinstance(value, dict) else value]
        flags += [f"--{name}", *(str(one) for one in values)]
    return flags
