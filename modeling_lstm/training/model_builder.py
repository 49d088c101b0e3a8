"""Build a new model from settings: an LSTM, a GRU, a bag of words, or a Transformer with a new classifier."""

import json
from collections.abc import Mapping
from dataclasses import fields as dataclass_fields
from pathlib import Path
from typing import Any

import torch
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
from ..runs.environment import physical_memory
from ..runs.run_folders import check_vocabulary
from ..tasks.base import TEXT_CLASSIFICATION, Task
from ..utils.errors import InputError, as_text, explain_errors, first_line, require
from ..vectors.initial_embeddings import InitialEmbeddings, check_reduction
from ..vectors.token_table import TokenTable
from ..vectors.word_sources import WordSource
from .arguments import ModelArguments
from .lstm_trainer import word_table
from .regression_head import scale_head
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
    Build a model for the tokenizer's vocabulary and the task, with initial word vectors if there are any.

    Args:
        arguments: The model settings.
        tokenizer: The tokenizer.
        task: The task.
        args: The training settings.
        vectors: The initial word vectors.
        loss_fields: The fields of an LSTM's configuration that define its loss. A Transformer uses those for numbers.

    Raises:
        InputError: the sizes cannot be used, or there is no such Transformer.
    """
    if arguments.transformer is not None:
        model = _open_transformer(arguments.transformer, task, arguments.config_overrides)
        if loss_fields and "target_mean" in loss_fields:
            scale_head(model, loss_fields["target_mean"], loss_fields["target_scale"])
        return model
    fields = {"vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id} | task.config_fields()
    fields |= (loss_fields or {}) | arguments.config_fields()
    model = construct(task, make_config(arguments.model_type, fields))
    check_vocabulary(tokenizer, model.config)
    if vectors is not None:
        vectors.write_into(word_table(model), tokenizer.pad_token_id)
    require(
        model.supports_gradient_checkpointing or not args.gradient_checkpointing,
        f"--gradient_checkpointing has no effect on {arguments.model_type} models: leave it out.",
    )
    return model


def open_config(name: str, overrides: str | None = None) -> PreTrainedConfig:
    """
    Load the configuration of a Transformer from the Hub or a folder.

    Raises:
        InputError: there is no such Transformer.
    """
    with explain_errors(_NO_TRANSFORMER.format(name), explain_cause):
        config = AutoConfig.from_pretrained(name)
    override(config, overrides)
    return config


def make_config(model_type: str, fields: dict[str, Any]) -> PreTrainedConfig:
    """
    Create the configuration of a model of this package.

    Raises:
        InputError: a field has a value that cannot be used.
    """
    try:
        return AutoConfig.for_model(model_type, **fields)
    except StrictDataclassError as error:
        raise InputError(f"The model cannot be built: {str(error.__cause__ or error).strip()}") from error


def check_network(arguments: ModelArguments, source: WordSource | TokenTable | None) -> None:
    """
    Raise [`InputError`] for sizes that cannot be used, as far as that is known before the vocabulary is.

    Args:
        arguments: The model settings.
        source: Where the initial word vectors come from.
    """
    if arguments.transformer is not None or arguments.pretrained is not None:
        return
    make_config(arguments.model_type, arguments.config_fields())
    if isinstance(source, TokenTable) and arguments.embedding_size is not None:
        check_reduction(arguments.embedding_size, *source.vectors.shape)


def transformer_config(
    name: str,
    fields: Mapping[str, Any],
    overrides: str | None,
    example: str,
    sizes: Mapping[str, Any] | None = None,
) -> PreTrainedConfig:
    """
    Create the configuration of a Transformer that is trained from scratch.

    Args:
        name: A model type that transformers knows, or a `config.json`.
        fields: Required fields: the vocabulary size and the special tokens.
        overrides: Further changes, in the format of `--config_overrides`.
        example: An example of a model type, for the error message.
        sizes: Values for a model type (not for a file), each used only if the type has that setting.

    Raises:
        InputError: there is no such model type or file, or a setting cannot be used.
    """
    names = [] if overrides is None else [one.partition("=")[0] for one in overrides.split(",")]
    given = [one for one in names if one in fields]
    require(not given, f"--config_overrides {as_text(given)}: the tokenizer decides this. Leave it out.")
    try:
        if Path(name).suffix == ".json":
            stored = json.loads(Path(name).read_text(encoding="utf-8"))
        else:
            usual = AutoConfig.for_model(name)
            stored = {key: value for key, value in (sizes or {}).items() if hasattr(usual, key)} | {"model_type": name}
        stored |= fields
        if overrides is not None:  # parsed by a configuration, which knows the types
            changed = AutoConfig.for_model(**stored)
            override(changed, overrides)
            stored |= {key: getattr(changed, key) for key in names}
        return AutoConfig.for_model(**stored)
    except (OSError, ValueError, TypeError, StrictDataclassError) as error:
        raise InputError(
            f"--transformer_config takes a model type that transformers knows, such as {example}, or a "
            f"config.json; found {name!r}: {first_line(error)}"
        ) from error


def construct(task: Task, config: PreTrainedConfig) -> PreTrainedModel:
    """
    Create a new model in fp32 from a configuration, with the task's head.

    Raises:
        InputError: the sizes do not fit together or into memory, or are too large for an integer.
    """
    config.dtype = torch.float32  # a given config.json may say otherwise
    auto = getattr(transformers, task.auto_class)
    with explain_errors("The model cannot be built with these sizes", first_line):
        with torch.random.fork_rng(devices=[]), torch.device("meta"):  # takes no memory, and draws no random numbers
            _check_memory(auto.from_config(config).num_parameters())
        return auto.from_config(config)


def _check_memory(parameters: int) -> None:
    """Raise [`InputError`] for a model whose training cannot fit into the memory of this machine."""
    memory = physical_memory()
    # weights, and without a GPU their gradients; an optimizer needs more
    needed = parameters * (4 if torch.accelerator.is_available() else 8)
    require(
        memory is None or needed <= memory,
        f"The model would have {parameters / 1e6:,.0f} million parameters, for which training needs more than "
        f"{needed / 2**30:,.0f} GiB of memory; this machine has {(memory or 0) / 2**30:,.0f} GiB. Choose smaller "
        "sizes: --hidden_size and --embedding_size or, for a Transformer, --config_overrides.",
    )


def _open_transformer(name: str, task: Task, overrides: str | None) -> PreTrainedModel:
    """Load a Transformer with a new head for the task, in fp32: updates would be lost in half precision."""
    with explain_errors(_NO_TRANSFORMER.format(name), explain_cause):
        config = AutoConfig.from_pretrained(name, **task.config_fields())
        override(config, overrides)
        if (
            task.name == TEXT_CLASSIFICATION
            and getattr(config, "is_decoder", False)
            and hasattr(config, "type_vocab_size")
        ):
            config.is_decoder = False  # a BERT-like language model classifies by its first token
        model = getattr(transformers, task.auto_class).from_pretrained(
            name, config=config, ignore_mismatched_sizes=True, dtype=torch.float32
        )
    model.accepts_loss_kwargs = False  # its loss is a mean: without this, accumulated gradients would be summed
    return model


def override(config: PreTrainedConfig, overrides: str | None) -> None:
    """
    Apply `--config_overrides`, if given, to a Transformer's configuration.

    Raises:
        InputError: there is no such setting, or it has another type.
    """
    if overrides is None:
        return
    try:
        config.update_from_string(overrides)
    except (ValueError, TypeError) as error:
        raise InputError(
            f"--config_overrides takes NAME=VALUE,NAME=VALUE with settings of the Transformer's config.json; found "
            f"{overrides!r}: {error}."
        ) from error


def adopt_model(model: Any, tokenizer: PreTrainedTokenizerBase, task: Task) -> PreTrainedModel:
    """
    Check a model that `model_init` made, and put the task's label names into its configuration.

    Raises:
        InputError: the model is not a `PreTrainedModel`, or does not fit the task or the tokenizer.
    """
    require(
        isinstance(model, PreTrainedModel), f"model_init must return a PreTrainedModel, found a {type(model).__name__}."
    )
    fields = task.config_fields()
    if "id2label" in fields:
        labels, outputs = len(fields["id2label"]), model.config.num_labels
        require(
            labels == outputs,
            f"The model of model_init has num_labels={outputs}, but the task has {labels} labels: make its "
            "configuration with **task.config_fields().",
        )
        own, names = (list(one.values()) for one in (model.config.id2label, fields["id2label"]))
        require(
            own == names or sorted(own) != sorted(names),
            f"The model of model_init has its labels in the order {own}, but the data have {names}: cast the label "
            f"column to datasets.ClassLabel(names={own}).",
        )
    model.config.update(fields)
    check_vocabulary(tokenizer, model.config)
    return model


def describe_transformer(config: Any) -> dict[str, Any]:
    """Return what the `model` entry of `run.json` says of the sizes of a Transformer."""
    return {name: getattr(config, name, None) for name in ("hidden_size", "num_hidden_layers", "model_type")}


def describe_model(arguments: ModelArguments | None, model: PreTrainedModel) -> dict[str, Any]:
    """Return the `model` entry of `run.json`, without `parameters`; no `arguments` if `model_init` made the model."""
    config: Any = model.config
    if arguments is None:
        known = [one.name for one in dataclass_fields(ModelArguments) if hasattr(config, one.name)]
        settings = {name: getattr(config, name) for name in known} | {"model_type": config.model_type}
    elif arguments.transformer is None:
        settings = arguments.config_fields() | {"model_type": arguments.model_type}
    else:
        settings = describe_transformer(config)
        settings |= {"transformer": arguments.transformer, "is_from_hub": is_hub_id(arguments.transformer)}
        settings |= {"config_overrides": arguments.config_overrides} if arguments.config_overrides else {}
    return settings
