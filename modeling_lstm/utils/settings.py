"""Turn settings by name into the dataclasses that hold them, and into flags."""

import difflib
import json
import math
import shlex
import types
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import MISSING, field, fields
from enum import Enum
from numbers import Integral, Real
from os import PathLike, fspath
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from .errors import InputError, as_text, require

Kind = TypeVar("Kind")
MAX_SEED = 2**32 - 1  # the largest that NumPy accepts
TRANSFORMER_PREFIX = "transformer:"  # before the name of a Transformer, where other kinds of names are possible, too
OBJECTS = ("embeddings",)  # settings that may be an object instead of a name
SECRETS = ("hub_token",)  # never written to a record
# What other tools call a setting
SYNONYMS = {
    "epochs": "num_train_epochs",
    "num_epochs": "num_train_epochs",
    "batch_size": "per_device_train_batch_size",
    "lr": "learning_rate",
    "output": "output_dir",
    "out": "output_dir",
    "dropout": "classifier_dropout",
}
PLAIN = (str, Real, PathLike, Enum, dict)  # types of settings that can be typed
_KINDS: dict[type, tuple[tuple[type, ...], str]] = {
    bool: ((bool,), "True or False"),
    int: ((Integral,), "a whole number"),
    float: ((Real,), "a number"),
}


def setting(default: Any, text: str, *, group: str | None = None, factory: Callable[[], Any] | None = None) -> Any:
    """
    Define a field of a settings class.

    Args:
        default: Its default; `MISSING` if it must be given or has a `factory`.
        text: What `--help` says of it.
        group: Its group in `--help`. Default: the class's `flag_group`.
        factory: Makes the default, if that can change, as a list can.
    """
    metadata = {"help": text} | ({"group": group} if group else {})
    if factory is not None:
        return field(default_factory=factory, metadata=metadata)
    return field(default=default, metadata=metadata)


def require_at_least(settings: Any, **least: float) -> None:
    """Raise [`InputError`] unless each of the named settings is at least the given number, or is `None`."""
    for name, limit in least.items():
        value = getattr(settings, name)
        require(value is None or value >= limit, f"--{name} must be at least {limit}, found {value}.")


def build_settings(kinds: Sequence[type], values: Mapping[str, Any]) -> list[Any]:
    """
    Distribute values among dataclasses by the names of their fields.

    Args:
        kinds: Dataclasses that have no field name in common.
        values: The given settings; others keep their defaults.

    Raises:
        InputError: a name is unknown, a setting without default is missing, or a value cannot be used.
    """
    known = {one.name: kind for kind in kinds for one in fields(kind) if one.init}
    for name in values:
        if name not in known:
            near = find_similar(name, known)
            raise InputError(f"Unknown setting {name!r}{f': did you mean {as_text(near)}?' if near else '.'}")
    found = []
    for kind in kinds:
        hints = get_type_hints(kind)
        given = {name: _fit(name, values[name], hints[name]) for name in values if known[name] is kind}
        for one in fields(kind):
            is_optional = one.default is None or type(None) in get_args(hints[one.name])
            if one.name in given and given[one.name] is None and not is_optional:
                # for several values, `None` stands for the default
                is_one = one.default_factory is MISSING and get_origin(hints[one.name]) not in (Union, types.UnionType)
                remedy = "give a value" if one.default is MISSING else "leave it out"
                require(not is_one, f"--{one.name} cannot be None: {remedy}.")
                del given[one.name]
        missing = [
            one.name
            for one in fields(kind)
            if one.init and one.default is MISSING and one.default_factory is MISSING and one.name not in given
        ]
        require(not missing, f"The setting {as_text(missing)} is missing: give --{' and --'.join(missing)}.")
        try:
            found.append(kind(**given))
        except InputError:
            raise
        except (ValueError, ImportError, TypeError, LookupError, AttributeError, OSError, RuntimeError) as error:
            # from a library's own checks
            raise InputError(f"The settings cannot be used: {str(error).strip() or type(error).__name__}") from error
        for name in given:
            check_seed(name, given[name])
    return found


def pick_settings(kind: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of the values that are settings of a dataclass."""
    return {one.name: values[one.name] for one in fields(kind) if one.name in values}


def find_repeated(names: Iterable[str]) -> list[str]:
    """Return the names that occur more than once, in alphabetical order."""
    return sorted(name for name, count in Counter(names).items() if count > 1)


def find_similar(name: str, known: Collection[str], number: int = 3) -> list[str]:
    """Return the settings that an unknown name may mean: known synonyms, or similar spellings."""
    if SYNONYMS.get(name) in known:
        return [SYNONYMS[name]]
    return difflib.get_close_matches(name, known, n=number)


def settings_of(kind: type[Kind], given: Kind | None, settings: Mapping[str, Any]) -> Kind:
    """Return the settings that a function was called with: a dataclass, or keywords named like its fields."""
    require(given is None or not settings, "Give the settings as one object or as keywords, not both.")
    return build_settings([kind], settings)[0] if given is None else given


def settings_of_all(kinds: Sequence[type], given: Sequence[Any], settings: Mapping[str, Any]) -> list[Any]:
    """Return the settings that a function was called with: one object of each dataclass, or keywords for all."""
    if all(one is None for one in given):
        return build_settings(kinds, settings)
    names = as_text(kind.__name__ for kind in kinds)
    require(None not in given and not settings, f"Give all settings as objects ({names}) or all as keywords, not both.")
    return list(given)


def _fit(name: str, value: Any, hint: Any) -> Any:
    """Convert a value to the form of its field: one text to a list, a path to text, a whole number to a float."""
    value = [simplify(one) for one in value] if isinstance(value, list | tuple) else simplify(value)
    kinds = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    if str not in kinds and (parts := [get_args(kind) for kind in kinds if get_origin(kind) is list]):
        value = [value] if isinstance(value, str) else value
        require(value is None or isinstance(value, list), f"--{name} must be a list, found {value!r:.60}.")
        if value is not None and parts == [(str,)]:
            value = [str(one) if isinstance(one, Integral) else one for one in value]
    _check_type(name, value, kinds)
    choices = [choice for kind in kinds if get_origin(kind) is Literal for choice in get_args(kind)]
    require(
        not choices or value in choices or (value is None and type(None) in kinds),
        f"--{name} must be one of {as_text(choices)}, found {value!r}.",
    )
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return float(value) if is_whole and float in kinds and int not in kinds else value


def simplify(value: Any) -> Any:
    """Return a path as text, and a number of NumPy as one of Python, which JSON can hold. Others stay as they are."""
    if isinstance(value, PathLike):
        return fspath(value)
    return value.item() if hasattr(value, "item") and getattr(value, "shape", None) == () else value


def _check_type(name: str, value: Any, kinds: Sequence[Any]) -> None:
    """Raise for a value of another type, such as text for a number. Text never counts as a truth value."""
    plain = [kind for kind in kinds if kind is not type(None)]
    if value is None or len(plain) != 1 or plain[0] not in (*_KINDS, str):
        return
    if plain[0] is str:
        require(
            not name.endswith("dataset") or isinstance(value, str | list),
            f"--{name} must be a Hub id, a file or a folder, found a {type(value).__name__}. Write data to a file "
            "first: data.to_parquet('train.parquet').",
        )
        is_fitting = isinstance(value, str | Enum) or name in OBJECTS
        require(is_fitting, f"--{name} must be one text, found {value!r:.60}.")
        return
    allowed, what = _KINDS[plain[0]]
    is_fitting = isinstance(value, allowed) and (plain[0] is bool or not isinstance(value, bool))
    require(is_fitting, f"--{name} must be {what}, found {value!r}.")
    require(plain[0] is not float or math.isfinite(value), f"--{name} must be finite, found {value!r}.")


def check_seed(name: str, value: Any) -> None:
    """Raise [`InputError`] for a seed that NumPy does not accept."""
    if name.endswith("seed") and isinstance(value, int):
        require(0 <= value <= MAX_SEED, f"--{name} must be from 0 to {MAX_SEED}, found {value}.")


def without_secrets(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that a record may contain."""
    return {name: value for name, value in settings.items() if name not in SECRETS}


def to_command(name: str, settings: Mapping[str, Any]) -> str | None:
    """
    Return the command with some settings, for a record. Secrets are left out. `None` if a setting is an object in
    memory, such as word vectors, which cannot be typed.
    """
    values = [one for value in settings.values() for one in (value if isinstance(value, list | tuple) else [value])]
    if not all(one is None or isinstance(one, PLAIN) for one in values):
        return None
    return shlex.join(["modeling-lstm", name, *to_flags(without_secrets(settings))])


def to_flags(settings: Mapping[str, Any]) -> list[str]:
    """Return some settings as flags, with dictionaries as JSON. Those that are `None` are left out."""
    flags: list[str] = []
    for name, value in settings.items():
        if value is not None:
            values = value if isinstance(value, list | tuple) else [value]
            texts = (json.dumps(one) if isinstance(one, dict) else str(getattr(one, "value", one)) for one in values)
            flags += [f"--{name}", *texts]
    return flags
