"""From settings to a fresh language model: an LSTM, a GRU, or a Transformer by its configuration."""

import json
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
from transformers import AutoConfig, PreTrainedConfig, PreTrainedModel

from ..tasks.language_modeling import LanguageModeling
from ..training.model_builder import construct, make_config, override
from ..utils.errors import InputError
from .arguments import LanguageModelArguments


def build_language_model(
    arguments: LanguageModelArguments, tokenizer: Any, task: LanguageModeling, counts: torch.Tensor | None = None
) -> PreTrainedModel:
    """
    A fresh language model for the tokenizer's vocabulary.

    Args:
        arguments: Which one.
        tokenizer: Its tokenizer.
        task: The direction.
        counts: How often each token occurs in the text, `(vocab_size,)`, for a sampled softmax.

    Raises:
        InputError: sizes that cannot be used, or no such Transformer.
    """
    size, end = len(tokenizer), tokenizer.eos_token_id
    ids = {"pad_token_id": tokenizer.pad_token_id, "bos_token_id": end, "eos_token_id": end}  # before and after a text
    if arguments.transformer_config is not None:
        config = _transformer_config(arguments, {"vocab_size": size} | ids)
    else:
        fields = {"vocab_size": size} | ids | task.config_fields() | arguments.config_fields(size)
        config = make_config("lstm", fields)
    model: Any = construct(task, config)
    if counts is not None and getattr(config, "softmax", None) == "sampled":
        model.set_token_frequencies(counts)
    return model


def _transformer_config(arguments: LanguageModelArguments, fields: dict[str, Any]) -> PreTrainedConfig:
    """The configuration of a Transformer, by its kind or a file, for a vocabulary."""
    name = str(arguments.transformer_config)
    try:
        if Path(name).suffix == ".json":
            stored = json.loads(Path(name).read_text(encoding="utf-8"))
            config = AutoConfig.for_model(**(stored | fields))
        else:
            config = AutoConfig.for_model(name, **fields)
    except (OSError, ValueError, TypeError, StrictDataclassError) as error:
        raise InputError(
            f"--transformer_config takes a kind of model that transformers knows, such as gpt2, or a config.json; "
            f"found {name!r}: {str(error).splitlines()[0]}"
        ) from error
    if arguments.config_overrides is not None:
        override(config, arguments.config_overrides)
    return config
