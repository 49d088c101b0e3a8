"""The initial word vectors of a training run: where they come from, and how they are adapted to the model."""

import logging

from datasets import Dataset
from transformers import PreTrainedTokenizerBase

from ..data.arguments import TokenizerArguments
from ..utils.errors import require
from ..vectors.initial_embeddings import InitialEmbeddings, match_embeddings
from ..vectors.token_table import TokenTable
from ..vectors.word_sources import WordSource, is_from_hub, open_vectors
from .arguments import ModelArguments

logger = logging.getLogger(__name__)


def open_word_source(
    model: ModelArguments, tokenizer: TokenizerArguments, max_length: int, has_pairs: bool
) -> WordSource | TokenTable | None:
    """Open the source of the word vectors, if there is one. Some sources bring a tokenizer along."""
    if model.transformer is not None:
        require(
            tokenizer.tokenizer in (None, model.transformer),
            f"{model.transformer} has its own tokenizer: leave out --tokenizer.",
        )
    source = None
    if model.embeddings is not None:
        source = open_vectors(model.embeddings, model.embeddings_revision, max_length, has_pairs)
    require(
        tokenizer.trim_vocabulary == 0 or isinstance(source, TokenTable),
        "--trim_vocabulary is for a vocabulary that comes with word vectors, as with --embeddings transformer:NAME; "
        "for one that is learned from the texts, use --min_frequency and --vocab_size.",
    )
    if isinstance(source, TokenTable):
        require(
            tokenizer.tokenizer is None,
            f"--embeddings {model.embeddings} comes with its own tokenizer: leave out --tokenizer.",
        )
        logger.info("The tokenizer, with its vocabulary of %d, comes with the word vectors", len(source.tokenizer))
    return source


def prepare_vectors(
    source: WordSource | TokenTable, tokenizer: PreTrainedTokenizerBase, train: Dataset, arguments: ModelArguments
) -> InitialEmbeddings:
    """Return the word vectors of the vocabulary, reduced, centered and scaled as the settings say."""
    vectors = match_embeddings(source, tokenizer, train)
    vectors.report |= {
        "source": str(arguments.embeddings),
        "is_from_hub": is_from_hub(arguments.embeddings),
        "revision": arguments.embeddings_revision,
        "centered": arguments.center_embeddings,
        "scaled": arguments.scale_embeddings,
    }
    if arguments.embedding_size is not None:
        vectors = vectors.reduce(arguments.embedding_size)
    if arguments.center_embeddings:
        vectors = vectors.center()
    return vectors.scale(arguments.embedding_range) if arguments.scale_embeddings else vectors
