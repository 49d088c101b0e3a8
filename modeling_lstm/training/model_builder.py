"""From settings to a fresh model: an LSTM, a GRU, a bag of words, or a Transformer with a new classifier."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from huggingface_hub.errors import StrictDataclassError
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from ..data.loading import TextData
from ..hub.downloads import is_hub_id
from ..runs.run_folders import check_vocabulary
from ..utils.errors import InputError, require
from ..vectors.initial_embeddings import InitialEmbeddings
from .arguments import ModelArguments
from .trainer import word_table
from .trainer_arguments import LstmTrainingArguments


def build_model(
    arguments: ModelArguments,
    tokenizer: PreTrainedTokenizerBase,
    data: TextData,
    args: LstmTrainingArguments,
    vectors: InitialEmbeddings | None = None,
) -> PreTrainedModel:
    """A fresh model for the tokenizer's vocabulary and the data's labels, with word vectors where there are any."""
    if arguments.transformer is not None:
        return _pretrained(arguments.transformer, data, arguments.config_overrides)
    weights = class_weights_of(arguments, data)
    try:
        config = AutoConfig.for_model(
            arguments.model_type,
            vocab_size=len(tokenizer),
            pad_token_id=tokenizer.pad_token_id,
            **_labels(data),
            class_weights=weights,
            label_smoothing=args.label_smoothing_factor,
            **arguments.config_fields(),
        )
    except StrictDataclassError as error:
        raise InputError(f"The model cannot be built: {str(error.__cause__ or error).strip()}") from error
    try:
        model = AutoModelForSequenceClassification.from_config(config)
    except (RuntimeError, TypeError, MemoryError) as error:  # sizes for which there is no memory, or no number
        cause = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(f"The model cannot be built, its sizes cannot be used: {cause}") from error
    check_vocabulary(tokenizer, model.config.vocab_size)
    if vectors is not None:
        vectors.write_into(word_table(model), tokenizer.pad_token_id)
    word_table(model).requires_grad_(args.embedding_learning_rate != 0)
    require(
        model.supports_gradient_checkpointing or not args.gradient_checkpointing,
        f"--gradient_checkpointing is of no use to a {arguments.model_type} model: leave it out.",
    )
    return model


def _pretrained(name: str, data: TextData, overrides: str | None) -> PreTrainedModel:
    """A Transformer with a fresh classifier on top."""
    try:
        config = AutoConfig.from_pretrained(name, num_labels=len(data.label_names), **_labels(data))
        if overrides is not None:
            _override(config, overrides)
        model = AutoModelForSequenceClassification.from_pretrained(name, config=config, ignore_mismatched_sizes=True)
    except InputError:
        raise
    except Exception as error:  # whatever the libraries raise
        cause = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(f"There is no Transformer {name!r} that can be fine-tuned: {cause}") from error
    model.accepts_loss_kwargs = False  # its loss is a mean: without this, accumulated gradients would be summed
    return model


def _override(config: PreTrainedConfig, overrides: str) -> None:
    try:
        config.update_from_string(overrides)
    except (ValueError, TypeError) as error:
        raise InputError(
            f"--config_overrides takes NAME=VALUE,NAME=VALUE with settings of the Transformer's config.json; found "
            f"{overrides!r}: {error}."
        ) from error


def _labels(data: TextData) -> dict[str, Any]:
    """What a configuration says of the labels."""
    numbers = dict(enumerate(data.label_names))
    names = {name: number for number, name in numbers.items()}
    return {"id2label": numbers, "label2id": names, "problem_type": data.problem_type}


def described(arguments: ModelArguments, model: PreTrainedModel) -> dict[str, Any]:
    config: Any = model.config
    if arguments.transformer is None:
        settings = arguments.config_fields() | {"model_type": arguments.model_type}
    else:
        names = ("hidden_size", "num_hidden_layers", "model_type")
        settings = {name: getattr(config, name, None) for name in names}
        settings |= {"transformer": arguments.transformer, "is_from_hub": is_hub_id(arguments.transformer)}
        settings |= {"config_overrides": arguments.config_overrides} if arguments.config_overrides else {}
    return settings | {"parameters": model.num_parameters()}


def class_weights_of(arguments: ModelArguments, data: TextData) -> list[float] | None:
    """n / (labels * n_label), as scikit-learn's "balanced", where the settings ask for it."""
    if arguments.class_weights is None:
        return None
    if data.problem_type != "single_label_classification":
        raise InputError(f"--class_weights balanced needs single labels; this task is {data.problem_type}.")
    counts = np.bincount(np.asarray(data.splits["train"]["label"][:]), minlength=len(data.label_names))
    return [float(weight) for weight in counts.sum() / (len(counts) * np.maximum(counts, 1))]


@dataclass
class WeightedLoss:
    """The loss of a Transformer with class weights, which its own cannot take; the LSTM's own does."""

    weights: list[float]
    smoothing: float

    def __call__(self, outputs: Any, labels: torch.Tensor, num_items_in_batch: Any = None) -> torch.Tensor:
        logits = outputs["logits"]
        weight = torch.tensor(self.weights, dtype=logits.dtype, device=logits.device)
        return torch.nn.functional.cross_entropy(logits, labels, weight, label_smoothing=self.smoothing)


def weighted_loss(arguments: ModelArguments, data: TextData, smoothing: float) -> WeightedLoss | None:
    """What Trainer is to take for the loss, where the model's own does not do what the settings ask for."""
    weights = class_weights_of(arguments, data)
    return None if weights is None or arguments.transformer is None else WeightedLoss(weights, smoothing)
