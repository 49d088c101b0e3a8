"""From settings to a fresh language model: an LSTM, a GRU, or a Transformer by its configuration."""

import json
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedConfig, PreTrainedModel

from ..models.configuration_lstm import LstmConfig
from ..tasks.language_modeling import LanguageModeling
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
    size = len(tokenizer)
    ids = {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in ("pad", "bos", "eos")}
    ids["bos_token_id"] = ids["eos_token_id"]  # before a text as after it
    if arguments.transformer_config is not None:
        config = _transformer_config(arguments, {"vocab_size": size} | ids)
    else:
        try:
            config = LstmConfig(vocab_size=size, **ids, **task.config_fields(), **arguments.config_fields(size))
        except StrictDataclassError as error:
            raise InputError(f"The model cannot be built: {str(error.__cause__ or error).strip()}") from error
    try:
        model = AutoModelForCausalLM.from_config(config)
    except (RuntimeError, TypeError, ValueError, MemoryError) as error:  # sizes that do not fit each other or memory
        cause = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(f"The model cannot be built, its sizes cannot be used: {cause}") from error
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
        if arguments.config_overrides is not None:
            config.update_from_string(arguments.config_overrides)
    except (OSError, ValueError, TypeError, StrictDataclassError) as error:
        raise InputError(
            f"--transformer_config takes a kind of model that transformers knows, such as gpt2, or a config.json, and "
            f"--config_overrides settings of it; found {name!r}: {str(error).splitlines()[0]}"
        ) from error
    return config
