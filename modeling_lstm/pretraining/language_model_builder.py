"""Build a new language model from settings: an LSTM, a GRU, or a Transformer from its configuration."""

from typing import Any

import torch
from transformers import PreTrainedModel

from ..data.tokenization import max_positions
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
    Build a new language model for the vocabulary of a tokenizer.

    Args:
        arguments: The settings of the model.
        tokenizer: The tokenizer.
        task: The task, which includes the direction.
        counts: How often each token occurs in the text, `(vocab_size,)`, for a sampled softmax.
        block_size: Number of tokens of a training block.

    Raises:
        InputError: A size cannot be used, or there is no such Transformer.
    """
    size, end = len(tokenizer), tokenizer.eos_token_id
    ids = {"pad_token_id": tokenizer.pad_token_id, "bos_token_id": end, "eos_token_id": end}  # before and after a text
    if tokenizer.pad_token_id == end:  # as in GPT-2: a token that must learn
        ids["pad_token_id"] = None
    if arguments.transformer_config is not None:
        name, overrides = arguments.transformer_config, arguments.config_overrides
        config: Any = transformer_config(name, {"vocab_size": size} | ids, overrides, "gpt2")
        limit = max_positions(config)
        require(
            limit is None or block_size <= limit,
            f"The Transformer reads {limit} tokens at most, found --block_size {block_size}: lower it.",
        )
        config.trained_tokens = block_size  # it must not be evaluated on longer texts than it was trained on
        if hasattr(config, "is_decoder"):  # otherwise models like BERT would see the tokens to predict
            config.is_decoder = True
    else:
        fields = {"vocab_size": size} | ids | task.config_fields() | arguments.config_fields(size)
        config = make_config("lstm", fields)
    model: Any = construct(task, config)
    if counts is not None and getattr(config, "softmax", None) == "sampled":
        model.set_token_frequencies(counts)
    return model
