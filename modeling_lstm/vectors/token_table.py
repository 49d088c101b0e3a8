"""`TokenTable`: a tokenizer with a vector for each token, from a static model or a Transformer."""

import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import AutoModel, AutoTokenizer

from ..hub.refusals import explain_cause
from ..models.tokenization_lstm import LstmTokenizer
from ..utils.errors import InputError, explain_errors, require
from .static_models import BETWEEN, PADDING, UNKNOWN, StaticModel
from .vocabulary_trimming import trim_tokenizer

logger = logging.getLogger(__name__)


@dataclass(repr=False, eq=False)
class TokenTable:
    """
    A tokenizer and one vector for each of its tokens, by token id.

    Args:
        tokenizer: The source's tokenizer, which splits every word into subwords that have vectors.
        vectors (`np.ndarray` of shape `(len(tokenizer), dimension)`, float32): Their vectors. The vector of a padding
            token that had to be added may be missing, and is then zero. Surplus rows, which belong to no token, are
            removed.

    Raises:
        InputError: there are fewer vectors than tokens, or they hold NaN or infinity.
    """

    tokenizer: LstmTokenizer
    vectors: np.ndarray

    def __post_init__(self) -> None:
        tokens, rows = len(self.tokenizer), len(self.vectors)
        if rows == tokens - 1 == self.tokenizer.pad_token_id:
            self.vectors = np.concatenate([self.vectors, np.zeros((1, self.dimension), np.float32)])
        require(tokens <= len(self.vectors), f"The tokenizer has {tokens} tokens, but there are only {rows} vectors.")
        self.vectors = self.vectors[:tokens].astype(np.float32)
        last = max(self.tokenizer.get_vocab().values())
        require(last < tokens, f"The tokenizer has {tokens} tokens, but ids up to {last}: some stand for no token.")
        require(bool(np.isfinite(self.vectors).all()), "The table of vectors holds NaN or infinity.")

    @property
    def dimension(self) -> int:
        """Dimensions of a vector."""
        return self.vectors.shape[1]

    def trim(self, texts: Iterable[Sequence[str]], occurrences: int) -> "TokenTable":
        """
        Return the table without the tokens that texts do not need; see [`trim_tokenizer`].

        Args:
            texts: The texts, in batches.
            occurrences: How often a token must occur in them to be kept.

        Raises:
            InputError: this kind of tokenizer cannot be trimmed.
        """
        begun = time.perf_counter()
        counts = np.zeros(len(self.tokenizer), dtype=np.int64)
        for some in texts:
            encodings = self.tokenizer.backend_tokenizer.encode_batch_fast(list(some))
            numbers = np.array([number for encoding in encodings for number in encoding.ids], dtype=np.int64)
            counts += np.bincount(numbers, minlength=len(counts))
        tokenizer, rows = trim_tokenizer(self.tokenizer, np.flatnonzero(counts >= occurrences).tolist())
        old, new = len(self.tokenizer), len(tokenizer)
        logger.info("Vocabulary trimmed from %d to %d tokens in %.0f s", old, new, time.perf_counter() - begun)
        return TokenTable(tokenizer, self.vectors[rows])


def _adopt(
    backend: Tokenizer,
    vectors: np.ndarray,
    special: tuple[str | None, str | None, str | None],
    max_length: int,
    separator: bool,
) -> TokenTable:
    """
    Make a table from another model's tokenizer and vectors. `special` names its tokens for padding, for unknown text
    and between two texts. A `[SEP]` that has to be added gets the vector of the last of these, or zeros.
    """
    pad, unknown, theirs = special
    known = backend.get_vocab_size()
    tokenizer = LstmTokenizer.adopt(backend, pad, unknown, max_length, separator)
    separator_id = tokenizer.sep_token_id
    if separator_id is not None and separator_id >= known:
        added = np.zeros((len(tokenizer) - known, vectors.shape[1]), dtype=np.float32)
        if theirs is not None:
            added[separator_id - known] = vectors[backend.token_to_id(theirs)]
        vectors = np.concatenate([vectors[:known], added])
    return TokenTable(tokenizer, vectors)


def read_transformer_table(source: str, revision: str | None, max_length: int, separator: bool = False) -> TokenTable:
    """
    Read the input embeddings of a Transformer (folder or Hub id) and its tokenizer. With `separator`, the tokenizer
    also knows `[SEP]` between several texts. Code in the repository is not run.

    Raises:
        InputError: there is none, or it has no fast tokenizer or no weights in safetensors.
    """
    common = {"revision": revision, "trust_remote_code": False}
    with explain_errors(f"There is no Transformer at {source!r} whose embeddings can be read", explain_cause):
        tokenizer = AutoTokenizer.from_pretrained(source, **common)
        model = AutoModel.from_pretrained(source, use_safetensors=True, dtype=torch.float32, **common)
        vectors = model.get_input_embeddings().weight.detach().numpy().copy()
    if not tokenizer.is_fast:
        raise InputError(f"The tokenizer of {source!r} has no tokenizer.json, which training needs: choose another.")
    special = (tokenizer.pad_token, tokenizer.unk_token, tokenizer.sep_token)
    return _adopt(tokenizer.backend_tokenizer, vectors, special, max_length, separator)


def read_static_table(model: StaticModel, max_length: int, separator: bool = False) -> TokenTable:
    """Return the table of a static model that knows subwords. For `separator`, see [`read_transformer_table`]."""
    special = (model.special(PADDING), model.special(UNKNOWN), model.special(BETWEEN))
    return _adopt(model.tokenizer, model.table, special, max_length, separator)
