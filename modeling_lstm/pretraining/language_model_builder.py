"""From settings to a fresh language model: an LSTM, a GRU, or a Transformer by its configuration."""

from typing import Any

import torch
from transformers import PreTrainedModel

from ..data.tokenization import most_tokens
from ..evaluation.perplexity import BLOCK
from ..tasks.language_modeling import LanguageModeling
from ..training.model_builder import construct, make_config, transformer_config
from ..utils.errors import require
from .arguments import LanguageModelArguments


def build_language_model(
    arguments: LanguageModelArguments,
    tokenizer: Any,
    task: LanguageModeling,
    counts: torch.Tensor | None = None,
    block_size: int = BLOCK,
) -> PreTrainedModel:
    """
    A fresh language model for the tokenizer's vocabulary.

    Args:
        arguments: Which one.
        tokenizer: Its tokenizer.
        task: The direction.
        counts: How often each token occurs in the text, `(vocab_size,)`, for a sampled softmax.
        block_size: Tokens of a block of its training.

    Raises:
        InputError: sizes that cannot be used, or no such Transformer.
    """
    size, end = len(tokenizer), tokenizer.eos_token_id
    ids = {"pad_token_id": tokenizer.pad_token_id, "bos_token_id": end, "eos_token_id": end}  # before and after a text
    if arguments.transformer_config is not None:
        name, overrides = arguments.transformer_config, arguments.config_overrides
        config: Any = transformer_config(name, {"vocab_size": size} | ids, overrides, "gpt2")
        places = most_tokens(config)
        require(
            places is None or block_size <= places,
            f"The Transformer has places for {places} tokens, found --block_size {block_size}: lower it.",
        )
        config.trained_tokens = block_size  # in what it has never read there is nothing to evaluate
        if hasattr(config, "is_decoder"):  # BERT's kin would see the tokens that they are to predict
            config.is_decoder = True
    else:
        fields = {"vocab_size": size} | ids | task.config_fields() | arguments.config_fields(size)
        config = make_config("lstm", fields)
    model: Any = construct(task, config)
    if counts is not None and getattr(config, "softmax", None) == "sampled":
        model.set_token_frequencies(counts)
    return model
