"""From names on the command line to systems."""

import importlib
import os
import sys
from pathlib import Path
from typing import Any

from ..hub.downloads import is_hub_id
from ..utils.errors import InputError, as_list, require
from .fasttext_classifier import FastText
from .neural import LSTM_SETTINGS, TRANSFORMER_SETTINGS, NeuralSystem, RunFolders
from .systems import System
from .tfidf import Tfidf

NETWORKS: dict[str, dict[str, Any]] = {
    "lstm": {"cell_type": "lstm"},
    "gru": {"cell_type": "gru"},
    "bag-of-words": {"model_type": "bag-of-words"},
}
PREFIX = "transformer:"


def open_system(
    name: str,
    *,
    embeddings: str | None = None,
    bf16: bool = False,
    transformer_max_length: int = 256,
    transformer_seeds: int | None = None,
    transformer_overrides: str | None = None,
) -> System:
    """
    The system of a name: `lstm`, `gru`, `bag-of-words`, `tfidf`, `fasttext`, `transformer:HUB_ID_OR_FOLDER`, a recipe
    (`NAME.yaml`), a run folder, a folder of run folders, the Hub id of a run, or `MODULE:CLASS` of one's own; `TITLE=`
    before it gives it another name in tables.

    Args:
        name: The name.
        embeddings: Word vectors that `lstm`, `gru` and `bag-of-words` begin with.
        bf16: Train networks in bf16.
        transformer_max_length: Tokens that a Transformer reads.
        transformer_seeds: Runs of a Transformer, if fewer than of others.
        transformer_overrides: Changes of a Transformer's configuration, as `--config_overrides` of `train`.

    Raises:
        InputError: there is no such system.
    """
    title, sign, rest = name.partition("=")
    if sign and not Path(name).exists():
        system = open_system(
            rest,
            embeddings=embeddings,
            bf16=bf16,
            transformer_max_length=transformer_max_length,
            transformer_seeds=transformer_seeds,
            transformer_overrides=transformer_overrides,
        )
        system.name = title
        return system
    common: dict[str, Any] = {"bf16": bf16}
    if name in NETWORKS:
        base = common | NETWORKS[name] | ({"embeddings": embeddings} if embeddings else {})
        return NeuralSystem(name, base, LSTM_SETTINGS, kind=name)
    if name == "tfidf":
        return Tfidf()
    if name == "fasttext":
        return FastText()
    if name.startswith(PREFIX):
        system = _transformer(name.removeprefix(PREFIX), common, transformer_max_length, transformer_overrides)
        system.most_seeds = transformer_seeds
        return system
    if name.endswith((".yaml", ".yml")):
        return NeuralSystem.from_recipe(Path(name))
    if Path(name).is_dir() or ("/" in name and is_hub_id(name)):
        return RunFolders.open(name)
    return _open_class(name)


def _transformer(model: str, common: dict[str, Any], max_length: int, overrides: str | None) -> NeuralSystem:
    """A Transformer of the Hub or of a folder."""
    base = common | {"transformer": model, "max_length": max_length, "train_max_length": max_length}
    base |= {"config_overrides": overrides} if overrides else {}
    return NeuralSystem(Path(model).name, base, TRANSFORMER_SETTINGS, kind=f"{PREFIX}{model}")


def _open_class(name: str) -> System:
    """The system of `MODULE:CLASS`, for which modules of the working folder count too."""
    module, _, attribute = name.partition(":")
    known = as_list([*NETWORKS, "tfidf", "fasttext"])
    others = "transformer:NAME, a recipe, a run folder, a Hub id (OWNER/NAME), or MODULE:CLASS"
    require(bool(attribute), f"There is no system {name!r}: name one of {known}; or {others}.")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        found = getattr(importlib.import_module(module), attribute)
        system = found() if isinstance(found, type) else found
    except Exception as error:  # whatever a user's own code raises
        raise InputError(f"The system {name!r} cannot be opened: {type(error).__name__}: {error}") from error
    require(isinstance(system, System), f"{name!r} is no modeling_lstm.comparison.System.")
    return system
