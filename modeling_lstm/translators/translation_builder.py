"""Build a translation model from settings: an LSTM or GRU, also with a Transformer encoder, or a Transformer."""

from typing import Any

import torch
import transformers
from transformers import AutoConfig, AutoModel, PreTrainedModel

from ..data.token_limits import max_positions
from ..hub.refusals import explain_cause
from ..models.registration import OWN_MODEL_TYPES
from ..models.tokenization_lstm import target_tokenizer
from ..tasks.translation import Translation
from ..training.model_builder import construct, make_config, override, transformer_config
from ..utils.errors import explain_errors, require
from .arguments import SCRATCH_CONFIG, TranslationModelArguments

# Fields that name tokens to write or not to write
OF_OTHER_TOKENS = ("bad_words_ids", "forced_bos_token_id", "forced_eos_token_id", "suppress_tokens")


def build_translation_model(
    arguments: TranslationModelArguments, tokenizer: Any, task: Translation, loss_fields: dict[str, Any], length: int
) -> PreTrainedModel:
    """
    Build a model for the source and target vocabularies. It is new, except for a pretrained encoder or Transformer.

    Args:
        arguments: The settings of the model.
        tokenizer: The source tokenizer; see [`target_tokenizer`].
        task: The task.
        loss_fields: The fields for the loss in the configuration of an LSTM.
        length: Maximum number of tokens of a translation.

    Raises:
        InputError: A size cannot be used, or there is no such Transformer.
    """
    other = target_tokenizer(tokenizer)
    ids = {name: getattr(other, name) for name in ("pad_token_id", "eos_token_id")} | {
        "bos_token_id": other.eos_token_id,
        "decoder_start_token_id": other.eos_token_id,
    }
    model: Any
    if arguments.transformer is not None:
        model = _open_trained(arguments.transformer, arguments.config_overrides)
        _check_positions(model.config, length)
    elif arguments.transformer_config is not None:
        require(
            other is tokenizer,
            "--transformer_config needs one vocabulary for both texts: leave out --shared_vocabulary false.",
        )
        config = _scratch_config(arguments, {"vocab_size": len(tokenizer)} | ids, length)
        _check_positions(config, length)
        model = construct(task, config)
    else:
        fields: dict[str, Any] = {"vocab_size": len(other)} | ids | loss_fields | arguments.config_fields()
        if arguments.encoder is not None:
            encoder = _pretrained_encoder(arguments.encoder)
            _check_positions(encoder.config, length)
            fields["encoder_config"] = encoder.config.to_dict()
        elif other is not tokenizer:
            fields["source_vocab_size"] = len(tokenizer)
        model = construct(task, make_config("lstm-encoder-decoder", fields))
        if arguments.encoder is not None:
            model.encoder.model.load_state_dict(encoder.state_dict())
    if arguments.transformer is None:
        model.generation_config.update(**ids)
    model.generation_config.update(num_beams=arguments.num_beams, max_length=length)
    is_searched = arguments.num_beams > 1
    penalty = arguments.length_penalty if is_searched else None
    model.generation_config.update(length_penalty=penalty, early_stopping=is_searched or None)
    return model


def _pretrained_encoder(name: str) -> PreTrainedModel:
    """Open a pretrained Transformer encoder without a head."""
    with explain_errors(f"There is no Transformer {name!r} for --encoder", explain_cause):
        config = AutoConfig.from_pretrained(name)
        require(not config.is_encoder_decoder, f"{name!r} is an encoder-decoder model, but --encoder needs an encoder.")
        require(
            config.model_type not in OWN_MODEL_TYPES,
            f"{name!r} is a model of type {config.model_type}, but --encoder needs a Transformer.",
        )
        return AutoModel.from_pretrained(name, dtype=torch.float32)


def _open_trained(name: str, overrides: str | None) -> PreTrainedModel:
    """Open a pretrained sequence-to-sequence Transformer."""
    with explain_errors(f"There is no sequence-to-sequence Transformer {name!r} that can be fine-tuned", explain_cause):
        config = AutoConfig.from_pretrained(name)
        override(config, overrides)
        return transformers.AutoModelForSeq2SeqLM.from_pretrained(name, config=config, dtype=torch.float32)


def _scratch_config(arguments: TranslationModelArguments, fields: dict[str, Any], length: int) -> Any:
    """Make the configuration of a Transformer, from a file or a model type, which gets sizes for small datasets."""
    name = str(arguments.transformer_config)
    sizes = SCRATCH_CONFIG | {"max_position_embeddings": max(512, length + 2)}
    config = transformer_config(name, fields, arguments.config_overrides, "marian", sizes)
    # a file may be that of a model with other tokens, and Marian ends the longest translations with token 0
    known = {"decoder_vocab_size": fields["vocab_size"]} | dict.fromkeys(OF_OTHER_TOKENS)
    for field, value in known.items():
        if hasattr(config, field):
            setattr(config, field, value)
    require(config.is_encoder_decoder, f"--transformer_config {name} is not an encoder-decoder model: try marian.")
    return config


def _check_positions(config: Any, length: int) -> None:
    """Raise an error if texts may be longer than a Transformer can read."""
    limit = max_positions(config)
    require(
        limit is None or length <= limit,
        f"The Transformer reads {limit} tokens at most, found --max_length {length}: lower it.",
    )
