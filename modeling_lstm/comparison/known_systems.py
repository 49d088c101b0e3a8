"""Open systems by the names used on the command line."""

import importlib
import os
import sys
from pathlib import Path
from typing import Any

from ..hub.downloads import is_hub_id
from ..utils.errors import as_text, explain_errors, require
from ..utils.settings import TRANSFORMER_PREFIX
from .arguments import CompareArguments
from .fasttext_classifier import FastText
from .neural import LSTM_SETTINGS, TRANSFORMER_SETTINGS, NeuralSystem, RunFolders
from .systems import System
from .tfidf import Tfidf

NETWORKS: dict[str, dict[str, Any]] = {
    "lstm": {"cell_type": "lstm"},
    "gru": {"cell_type": "gru"},
    "bag-of-words": {"model_type": "bag-of-words"},
}


def open_system(name: str, arguments: CompareArguments) -> System:
    """
    Open the system with a given name: `lstm`, `gru`, `bag-of-words`, `tfidf`, `fasttext`,
    `transformer:HUB_ID_OR_FOLDER`, a recipe (`NAME.yaml`), a run folder, a folder of run folders, the Hub id of a run,
    or `MODULE:CLASS` for your own class. The prefix `TITLE=` sets the name shown in tables.

    Args:
        name: The name.
        arguments: Settings of the comparison, some of which apply to the training of networks.

    Raises:
        InputError: there is no such system.
    """
    title, rest = split_title(name)
    if title is not None:
        require(bool(title and rest), f"{name!r} is neither a system nor TITLE=SYSTEM: write lstm or 'My LSTM=lstm'.")
        system = open_system(rest, arguments)
        system.name = title
        return system
    if name in NETWORKS:
        base: dict[str, Any] = {"bf16": arguments.bf16} | NETWORKS[name]
        base |= {"embeddings": arguments.embeddings} if arguments.embeddings else {}
        return NeuralSystem(name, base, LSTM_SETTINGS, kind=name)
    if name == "tfidf":
        return Tfidf()
    if name == "fasttext":
        return FastText()
    if name.startswith(TRANSFORMER_PREFIX):
        return _transformer(name.removeprefix(TRANSFORMER_PREFIX), arguments)
    if name.endswith((".yaml", ".yml")):
        return NeuralSystem.from_recipe(Path(name))
    if Path(name).is_dir() or ("/" in name and is_hub_id(name)):
        return RunFolders.open(name)
    return _open_class(name)


def split_title(name: str) -> tuple[str | None, str]:
    """Split `TITLE=SYSTEM` into its two parts; the title is `None` if there is none, as in a path with this sign."""
    title, sign, rest = name.partition("=")
    return (title, rest) if sign and not Path(name).exists() else (None, name)


def _transformer(model: str, arguments: CompareArguments) -> NeuralSystem:
    """Make the system of a Transformer from the Hub or a folder."""
    length, overrides = arguments.transformer_max_length, arguments.transformer_overrides
    base: dict[str, Any] = {"bf16": arguments.bf16, "transformer": model}
    base |= {"max_length": length, "train_max_length": length}
    base |= {"config_overrides": overrides} if overrides else {}
    system = NeuralSystem(Path(model).name, base, TRANSFORMER_SETTINGS, kind=f"{TRANSFORMER_PREFIX}{model}")
    system.max_seeds = arguments.transformer_seeds
    return system


def _open_class(name: str) -> System:
    """Open the system `MODULE:CLASS`. The module may also be in the current directory."""
    module, _, attribute = name.partition(":")
    known = as_text([*NETWORKS, "tfidf", "fasttext"])
    others = "transformer:NAME, a recipe, a run folder, a Hub id (OWNER/NAME), or MODULE:CLASS"
    require(bool(attribute), f"There is no system {name!r}: choose one of {known}; or {others}.")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    with explain_errors(f"The system {name!r} cannot be opened"):
        found = getattr(importlib.import_module(module), attribute)
        system = found() if isinstance(found, type) else found
    require(isinstance(system, System), f"{name!r} is not a modeling_lstm.comparison.System.")
    return system
