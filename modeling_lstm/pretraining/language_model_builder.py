"""Build a new language model from settings: an LSTM, a GRU, or a Transformer from its configuration."""

from typing import Any

import torch
from transformers import PreTrainedModel

from ..data.token_limits import max_positions
from ..evaluation.perplexity import BLOCK
from ..tasks.language_modeling import LanguageModeling
from ..training.model_builder import construct, make_config, transformer_config
from ..utils.errors import explain_errors, require
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
        overrides = arguments.config_overrides
        config: Any = transformer_config(arguments.transformer_config, {"vocab_size": size} | ids, overrides, "gpt2")
        limit = max_positions(config)
        require(
            limit is None or block_size <= limit,
            f"The Transformer reads {limit} tokens at most, found --block_size {block_size}: lower it.",
        )
        config.trained_tokens = block_size  # it must not be evaluated on longer texts than it was trained on
        for name in ("is_decoder", "causal"):  # otherwise models like BERT and XLM would see the tokens to predict
            if hasattr(config, name):
                setattr(config, name, True)
    else:
        fields = {"vocab_size": size} | ids | task.config_fields() | arguments.config_fields(size)
        config = make_config("lstm", fields)
    model: Any = construct(task, config)
    if arguments.transformer_config is not None:
        _check_transformer(model, block_size, arguments.transformer_config)
    if counts is not None and getattr(config, "softmax", None) == "sampled":
        model.set_token_frequencies(counts)
    return model


@torch.no_grad()
def _check_transformer(model: Any, block_size: int, name: str) -> None:
    """
    Raise if a new Transformer carries a state from block to block, if its predictions depend on later tokens, or if it
    cannot learn from blocks of this size.
    """
    chosen = f"--transformer_config {name} cannot be used"
    require(not model._is_stateful, f"{chosen}: it is a recurrent network. Choose a Transformer, such as gpt2.")
    ids = torch.arange(min(8, block_size)).repeat(2, 1) % model.config.vocab_size
    ids[1, -1] = (ids[1, -1] + 1) % model.config.vocab_size
    with explain_errors(chosen):
        first, second = model.eval()(ids, attention_mask=torch.ones_like(ids)).logits[:, :-1]
    require(
        torch.allclose(first, second, atol=1e-4),
        f"{chosen}: it sees the tokens that it must predict. Choose a causal Transformer, such as gpt2 or llama.",
    )
    block = torch.arange(block_size)[None] % model.config.vocab_size
    with explain_errors(chosen), torch.random.fork_rng(devices=[]):
        model.train()(block, attention_mask=torch.ones_like(block), labels=block)
