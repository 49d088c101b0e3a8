"""Turn word vectors into the initial embeddings of a model: matching, coverage, reduction, centering and scaling."""

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from sklearn.decomposition import PCA
from transformers import PreTrainedTokenizerBase

from ..utils.errors import as_text, require
from .token_table import TokenTable
from .word_matching import find_special_ids, find_whole_words
from .word_sources import WordSource

logger = logging.getLogger(__name__)

MISSING_NAMED = 20  # most frequent tokens without a vector, named in the report


def check_reduction(size: int, number: int, dimension: int) -> None:
    """Raise [`InputError`] if so many vectors of this dimension cannot be reduced to `size` dimensions."""
    most = min(number, dimension)
    require(
        size == dimension or size <= most,
        f"--embedding_size {size} is more than the vectors allow: there are {number} of {dimension} dimensions, so at "
        f"most {most}. Leave it out to keep their size.",
    )


@dataclass
class InitialEmbeddings:
    """
    Vectors to start a model's embedding with.

    Args:
        vectors (`np.ndarray` of shape `(found, dimension)`, float32): The vectors that were found.
        rows: Their token ids.
        report: Coverage, for the log and `run.json`.
    """

    vectors: np.ndarray
    rows: np.ndarray
    report: dict[str, Any]

    @property
    def dimension(self) -> int:
        """Dimensions of a vector."""
        return self.vectors.shape[1]

    def reduce(self, size: int) -> "InitialEmbeddings":
        """
        Return the vectors reduced to `size` dimensions: their first principal components (PCA over the vocabulary), not
        centered.

        Raises:
            InputError: `size` is more than the vectors allow.
        """
        if size == self.dimension:
            return self
        check_reduction(size, *self.vectors.shape)
        pca = PCA(size, svd_solver="covariance_eigh").fit(self.vectors)
        kept = round(float(pca.explained_variance_ratio_.sum()), 4)
        logger.info(
            "Vectors reduced from %d to %d dimensions, %.1f %% of the variance", self.dimension, size, 100 * kept
        )
        report = self.report | {"reduced_from": self.dimension, "variance_kept": kept}
        return InitialEmbeddings((self.vectors @ pca.components_.T).astype(np.float32), self.rows, report)

    def center(self) -> "InitialEmbeddings":
        """Return the vectors minus their mean (Mu and Viswanath, 2018, first step)."""
        return InitialEmbeddings(self.vectors - self.vectors.mean(axis=0), self.rows, self.report)

    def scale(self, deviation: float) -> "InitialEmbeddings":
        """Return the vectors times one factor, so that their values have the standard deviation of random vectors."""
        factor = deviation / max(float(self.vectors.std()), 1e-12)
        return InitialEmbeddings(self.vectors * np.float32(factor), self.rows, self.report)

    def write_into(self, table: torch.Tensor, padding: int | None) -> None:
        """Copy the vectors into an embedding table, a `torch.Tensor` of shape `(vocab_size, dimension)`."""
        with torch.no_grad():
            table[torch.from_numpy(self.rows)] = torch.from_numpy(self.vectors).to(table.dtype)
            if padding is not None:
                table[padding] = 0


def match_embeddings(
    source: WordSource | TokenTable, tokenizer: PreTrainedTokenizerBase, train: Dataset
) -> InitialEmbeddings:
    """
    Find vectors for the vocabulary, and report what share of it and of the tokens in `train` they cover.

    Args:
        source: What [`open_vectors`] returned.
        tokenizer: The model's tokenizer. For a [`TokenTable`], it is the table's own.
        train: Tokenized rows with the column `input_ids`.

    Raises:
        InputError: no token has a vector.
    """
    counts = np.bincount(_running_tokens(train), minlength=len(tokenizer))
    if isinstance(source, TokenTable):
        known = np.ones(len(tokenizer), dtype=bool)
        known[list(find_special_ids(tokenizer))] = False
        return _report(tokenizer, counts, known, source.vectors, np.arange(len(tokenizer)), {"exact": int(known.sum())})
    words = find_whole_words(tokenizer)
    vectors, how = source.find([word for word in words if word is not None])
    rows = np.array([n for n, word in enumerate(words) if word in vectors], dtype=np.int64)
    require(
        len(rows) > 0,
        f"Not one of the {len(tokenizer)} tokens of the vocabulary ({as_text(w for w in words if w)[:60]}...) has a "
        "vector in --embeddings. Is this the right file, language and spelling? With --tokenizer_algorithm word the "
        "vocabulary holds whole words.",
    )
    known = np.zeros(len(tokenizer), dtype=bool)
    known[rows] = True
    ways = list(how.values())
    return _report(
        tokenizer,
        counts,
        known,
        np.stack([vectors[words[row]] for row in rows]),
        rows,
        {way: ways.count(way) for way in ("exact", "other spelling", "subwords") if way in ways},
    )


def _report(
    tokenizer: PreTrainedTokenizerBase,
    counts: np.ndarray,
    known: np.ndarray,
    vectors: np.ndarray,
    rows: np.ndarray,
    ways: dict[str, int],
) -> InitialEmbeddings:
    special = np.zeros(len(counts), dtype=bool)
    special[[number for number in find_special_ids(tokenizer) if number != tokenizer.unk_token_id]] = True
    running = int(counts[~special].sum())
    missing = np.flatnonzero(~known & ~special & (counts > 0))
    commonest = missing[np.argsort(-counts[missing], kind="stable")][:MISSING_NAMED]
    report: dict[str, Any] = {
        "dimension": int(vectors.shape[1]),
        "running_tokens_covered": round(float(counts[known].sum() / max(1, running)), 4),
        "vocabulary_covered": round(float(known.sum() / max(1, (~special).sum())), 4),
        "found": ways,
        "commonest_missing": {
            token: int(count)
            for token, count in zip(tokenizer.convert_ids_to_tokens(commonest.tolist()), counts[commonest], strict=True)
        },
    }
    named = " ".join(report["commonest_missing"]) or "none"
    logger.info(
        "Vectors of %d dimensions cover %.1f %% of the running tokens of train and %.1f %% of the vocabulary (%s). "
        "Most frequent without: %s",
        report["dimension"],
        100 * report["running_tokens_covered"],
        100 * report["vocabulary_covered"],
        ", ".join(f"{count} {way}" for way, count in ways.items()),
        named,
    )
    return InitialEmbeddings(np.ascontiguousarray(vectors), rows, report)


def _running_tokens(rows: Dataset) -> np.ndarray:
    """Return all token ids of a split in one array."""
    chunks = rows.with_format("arrow").select_columns("input_ids")[:]["input_ids"].chunks
    return np.concatenate([chunk.flatten().to_numpy(zero_copy_only=False) for chunk in chunks] or [np.zeros(0, int)])
