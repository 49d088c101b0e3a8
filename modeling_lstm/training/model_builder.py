"""From settings to a fresh model: an LSTM, a GRU, a bag of words, or a Transformer with a new classifier."""

import json
from collections.abc import Mapping
from dataclasses import fields as dataclass_fields
from pathlib import Path
from typing import Any

import transformers
from huggingface_hub.errors import StrictDataclassError
from transformers import (
    AutoConfig,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from ..hub.downloads import is_hub_id
from ..hub.refusals import explain_cause
from ..runs.run_folders import check_vocabulary
from ..tasks.base import TEXT_CLASSIFICATION, Task
from ..utils.errors import InputError, explain_errors, first_line, require
from ..vectors.initial_embeddings import InitialEmbeddings
from .arguments import ModelArguments
from .lstm_trainer import word_table
from .trainer_arguments import LstmTrainingArguments

_NO_TRANSFORMER = "There is no Transformer {!r} that can be fine-tuned"


def build_model(
    arguments: ModelArguments,
    tokenizer: PreTrainedTokenizerBase,
    task: Task,
    args: LstmTrainingArguments,
    vectors: InitialEmbeddings | None = None,
    loss_fields: dict[str, Any] | None = None,
) -> PreTrainedModel:
    """
    A fresh model for the tokenizer's vocabulary and the task, with word vectors where there are any.

    Args:
        arguments: Which model.
        tokenizer: Its tokenizer.
        task: What it is for.
        args: How it will be trained.
        vectors: What its word vectors begin as.
        loss_fields: What the configuration of an LSTM says of the loss.

    Raises:
        InputError: sizes that cannot be used, or no such Transformer.
    """
    if arguments.transformer is not None:
        return _open_transformer(arguments.transformer, task, arguments.config_overrides)
    fields = {"vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id} | task.config_fields()
    fields |= (loss_fields or {}) | arguments.config_fields()
    model = construct(task, make_config(arguments.model_type, fields))
    check_vocabulary(tokenizer, model.config)
    if vectors is not None:
        vectors.write_into(word_table(model), tokenizer.pad_token_id)
    require(
        model.supports_gradient_checkpointing or not args.gradient_checkpointing,
        f"--gradient_checkpointing is of no use to a {arguments.model_type} model: leave it out.",
    )
    return model


def open_config(name: str, overrides: str | None = None) -> PreTrainedConfig:
    """
    The configuration of a Transformer of the Hub or a folder.

    Raises:
        InputError: there is no such Transformer.
    """
    with explain_errors(_NO_TRANSFORMER.format(name), explain_cause):
        config = AutoConfig.from_pretrained(name)
    if overrides is not None:
        override(config, overrides)
    return config


def make_config(model_type: str, fields: dict[str, Any]) -> PreTrainedConfig:
    """
    The configuration of one of our models.

    Raises:
        InputError: a field has a value that cannot be used.
    """
    try:
        return AutoConfig.for_model(model_type, **fields)
    except StrictDataclassError as error:
        raise InputError(f"The model cannot be built: {str(error.__cause__ or error).strip()}") from error


def transformer_config(
    name: str,
    fields: Mapping[str, Any],
    overrides: str | None,
    example: str,
    sizes: Mapping[str, Any] | None = None,
) -> PreTrainedConfig:
    """
    The configuration of a Transformer that learns from scratch.

    Args:
        name: A kind of model that transformers knows, or a `config.json`.
        fields: What it must say: the vocabulary and its special tokens.
        overrides: What else it says, as `--config_overrides` has it.
        example: A kind of model, for the error.
        sizes: What a kind (but no file) says where it has such a setting.

    Raises:
        InputError: there is no such kind or file, or a setting that cannot be used.
    """
    try:
        if Path(name).suffix == ".json":
            stored = json.loads(Path(name).read_text(encoding="utf-8"))
        else:
            usual = AutoConfig.for_model(name)
            stored = {key: value for key, value in (sizes or {}).items() if hasattr(usual, key)} | {"model_type": name}
        stored |= fields
        if overrides is not None:  # read by a configuration, which knows the types
            changed = AutoConfig.for_model(**stored)
            override(changed, overrides)
            names = [one.partition("=")[0] for one in overrides.split(",")]
            stored |= {key: getattr(changed, key) for key in names}
        return AutoConfig.for_model(**stored)
    except (OSError, ValueError, TypeError, StrictDataclassError) as error:
        raise InputError(
            f"--transformer_config takes a kind of model that transformers knows, such as {example}, or a "
            f"config.json; found {name!r}: {first_line(error)}"
        ) from error


def construct(task: Task, config: PreTrainedConfig) -> PreTrainedModel:
    """
    A fresh model of a configuration, with what the task puts on top.

    Raises:
        InputError: the sizes do not fit each other or the memory, or are too large for a number.
    """
    try:
        return getattr(transformers, task.auto_class).from_config(config)
    except (RuntimeError, TypeError, ValueError, MemoryError) as error:
        cause = first_line(error)
        raise InputError(f"The model cannot be built, its sizes cannot be used: {cause}") from error


def _open_transformer(name: str, task: Task, overrides: str | None) -> PreTrainedModel:
    """A Transformer with a fresh head for the task."""
    with explain_errors(_NO_TRANSFORMER.format(name), explain_cause):
        config = AutoConfig.from_pretrained(name, **_with_number(task.config_fields()))
        if overrides is not None:
            override(config, overrides)
        if (
            task.name == TEXT_CLASSIFICATION
            and getattr(config, "is_decoder", False)
            and hasattr(config, "type_vocab_size")
        ):
            config.is_decoder = False  # one of BERT's kin that was a language model classifies by its first token
        model = getattr(transformers, task.auto_class).from_pretrained(
            name, config=config, ignore_mismatched_sizes=True
        )
    model.accepts_loss_kwargs = False  # its loss is a mean: without this, accumulated gradients would be summed
    return model


def override(config: PreTrainedConfig, overrides: str) -> None:
    """
    Change settings of a Transformer's configuration as `--config_overrides` says.

    Raises:
        InputError: there is no such setting, or it has another type.
    """
    try:
        config.update_from_string(overrides)
    except (ValueError, TypeError) as error:
        raise InputError(
            f"--config_overrides takes NAME=VALUE,NAME=VALUE with settings of the Transformer's config.json; found "
            f"{overrides!r}: {error}."
        ) from error


def _with_number(fields: dict[str, Any]) -> dict[str, Any]:
    """Fields of a configuration, with the number of labels, by which `from_pretrained` sizes the head."""
    return fields | ({"num_labels": len(fields["id2label"])} if "id2label" in fields else {})


def adopt_model(model: Any, tokenizer: PreTrainedTokenizerBase, task: Task) -> PreTrainedModel:
    """
    A model that somebody else made, with the names of the task's labels in its configuration.

    Raises:
        InputError: it is no `PreTrainedModel`, or does not fit the task or the tokenizer.
    """
    require(
        isinstance(model, PreTrainedModel), f"model_init must give a PreTrainedModel, found a {type(model).__name__}."
    )
    fields = task.config_fields()
    if "id2label" in fields:
        labels, outputs = len(fields["id2label"]), model.config.num_labels
        require(
            labels == outputs,
            f"The model of model_init has num_labels={outputs}, the task has {labels} labels: make its configuration "
            "with **task.config_fields().",
        )
    model.config.update(fields)
    check_vocabulary(tokenizer, model.config)
    return model


def describe_model(arguments: ModelArguments | None, model: PreTrainedModel) -> dict[str, Any]:
    """What `run.json` says of a model beside its parameters; without `arguments` it was made by `model_init`."""
    config: Any = model.config
    if arguments is None:
        known = [one.name for one in dataclass_fields(ModelArguments) if hasattr(config, one.name)]
        settings = {name: getattr(config, name) for name in known} | {"model_type": config.model_type}
    elif arguments.transformer is None:
        settings = arguments.config_fields() | {"model_type": arguments.model_type}
    else:
        names = ("hidden_size", "num_hidden_layers", "model_type")
        settings = {name: getattr(config, name, None) for name in names}
        settings |= {"transformer": arguments.transformer, "is_from_hub": is_hub_id(arguments.transformer)}
        settings |= {"config_overrides": arguments.config_overrides} if arguments.config_overrides else {}
    return settings
