"""Static models: a table in safetensors with a tokenizer, from Model2Vec, sentence-transformers or `vectors train`."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from tokenizers import Tokenizer, models

from ..hub.downloads import download
from ..utils.errors import InputError, as_text, explain_errors, require
from ..utils.files import exists

WEIGHTS, TOKENIZER, CONFIG = "model.safetensors", "tokenizer.json", "config.json"
SUBFOLDER = "0_StaticEmbedding"  # where older releases of sentence-transformers put the files
PADDING, UNKNOWN = ("[PAD]", "<pad>", "<|padding|>"), ("[UNK]", "<unk>")
BETWEEN = ("[SEP]", "</s>")  # between two texts


@dataclass
class StaticModel:
    """
    A tokenizer and one vector for each of its tokens.

    Args:
        tokenizer: The tokenizer.
        table (`np.ndarray` of shape `(tokens, dimension)`, float32): The vectors by token id.
        ngrams (`np.ndarray` of shape `(buckets, dimension)`, float32, *optional*): Vectors of character n-grams.
        config: The content of `config.json`.
    """

    tokenizer: Tokenizer
    table: np.ndarray
    ngrams: np.ndarray | None = None
    config: dict[str, Any] = field(default_factory=dict)

    @property
    def has_whole_words(self) -> bool:
        """Whether the tokenizer knows only whole words. If so, other words should be learned, not left unknown."""
        return isinstance(self.tokenizer.model, models.WordLevel)

    def special(self, names: tuple[str, ...]) -> str | None:
        """Return the first of the names that is a token, or `None`."""
        return next((name for name in names if self.tokenizer.token_to_id(name) is not None), None)


def read_static(source: str, revision: str | None = None) -> StaticModel:
    """
    Read a static model from a folder or the Hub.

    Integer tables are converted to floats as they are. Model2Vec's mapping from tokens to rows and its token weights
    are applied, as Model2Vec does itself.

    Raises:
        InputError: there is none, or its files do not belong to a static model or are damaged.
    """
    folder = _find_folder(source, revision)
    try:
        with safe_open(folder / WEIGHTS, framework="numpy") as file:
            names = set(file.keys())
            name = next((one for one in ("embeddings", "embedding.weight") if one in names), None)
            if name is None or len(file.get_slice(name).get_shape()) != 2:
                raise InputError(
                    f"{source!r} is not a static model: its safetensors hold no table of embeddings. For the input "
                    f"embeddings of a Transformer, write transformer:{source}."
                )
            table = file.get_tensor(name).astype(np.float32)
            extra = {one: file.get_tensor(one) for one in names & {"mapping", "weights", "ngrams"}}
        if "mapping" in extra:
            require(bool((extra["mapping"] >= 0).all()), f"{source!r} is damaged: its mapping has rows below 0.")
            table = table[extra["mapping"]]
        if "weights" in extra:
            table = table * extra["weights"].astype(np.float32).reshape(len(table), 1)
        with explain_errors(f"The {TOKENIZER} of {source!r} cannot be read"):
            tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8")) if (folder / CONFIG).is_file() else {}
    except InputError:
        raise
    except (SafetensorError, TypeError, ValueError, IndexError, OSError) as error:
        raise InputError(f"{source!r} holds no readable static model: {error}") from error
    tokens = 1 + max(tokenizer.get_vocab().values(), default=-1)  # some numbers may stand for no token
    require(len(table) >= tokens, f"{source!r} has tokens up to number {tokens - 1}, but only {len(table)} vectors.")
    require(bool(np.isfinite(table).all()), f"{source!r} is damaged: its vectors hold NaN or infinity.")
    ngrams = extra.get("ngrams")
    if ngrams is not None:
        require(
            ngrams.ndim == 2 and ngrams.shape[1] == table.shape[1],
            f"{source!r} is damaged: its n-grams have the shape {ngrams.shape}, its words {table.shape[1]} dimensions.",
        )
        require(bool(np.isfinite(ngrams).all()), f"{source!r} is damaged: its n-grams hold NaN or infinity.")
    return StaticModel(tokenizer, table[:tokens], ngrams, config if isinstance(config, dict) else {})


def _find_folder(source: str, revision: str | None) -> Path:
    """
    Return the folder with a table and its tokenizer: a local folder or a repository on the Hub, or the subfolder in it.

    Raises:
        InputError: there is none, or it lacks one of the files.
    """
    needed, folder = [TOKENIZER, WEIGHTS], Path(source)
    is_local = exists(folder)
    if not is_local:
        names = [*needed, CONFIG]
        folder = download(source, revision, names + [f"{SUBFOLDER}/{name}" for name in names])
    for one in (folder, folder / SUBFOLDER):
        if all((one / name).is_file() for name in needed):
            return one
    missing = [name for name in needed if not (folder / name).is_file()]
    file = f"{source}/FILE" if is_local else f"{source}:FILE"
    raise InputError(
        f"{source!r} lacks {as_text(missing)}, which a folder of vectors needs. For a single file of vectors, write "
        f"{file}; for a Transformer, transformer:{source}."
    )
