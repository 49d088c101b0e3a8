"""From settings to a fresh model: an LSTM, a GRU, a bag of words, or a Transformer with a new classifier."""

from dataclasses import dataclass, field, fields
from typing import Any, Literal

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

from .data import TextData
from .embeddings import InitialEmbeddings
from .errors import InputError, require
from .hub import is_hub_id
from .runs import check_vocabulary
from .trainer import LstmTrainingArguments, word_table

MOST_LAYERS = 1_000


@dataclass
class ModelArguments:
    """Which model to train. The defaults suit a few thousand to a hundred thousand real texts (README.md)."""

    model_type: Literal["lstm", "bag-of-words"] = field(
        default="lstm", metadata={"help": "The LSTM family, or the network that cannot see word order."}
    )
    transformer: str | None = field(
        default=None,
        metadata={
            "help": "Fine-tune this Transformer (Hub id or folder) instead, with its tokenizer; other settings of the "
            "model are then without effect."
        },
    )
    config_overrides: str | None = field(
        default=None,
        metadata={
            "help": "Settings of that Transformer's configuration to change, as NAME=VALUE,NAME=VALUE: a BERT learns "
            "long texts faster on a CPU with attention_probs_dropout_prob=0."
        },
    )
    cell_type: Literal["lstm", "gru"] = field(default="lstm", metadata={"help": "LSTM or GRU cell."})
    embedding_size: int | None = field(
        default=None,
        metadata={"help": "Numbers in a word vector: 200, or as many as --embeddings have; fewer by PCA."},
    )
    hidden_size: int = field(default=200, metadata={"help": "Numbers in the state of each direction."})
    num_hidden_layers: int = field(default=1, metadata={"help": "Recurrent layers."})
    bidirectional: bool = field(default=True, metadata={"help": "Read each text in both directions."})
    pooling: Literal["last", "mean", "max", "concat", "attention"] = field(
        default="concat", metadata={"help": "How the outputs of a text become one vector."}
    )
    word_dropout: float = field(default=0.1, metadata={"help": "Share of whole words whose vectors are dropped."})
    embedding_dropout: float = field(default=0.3, metadata={"help": "Locked dropout on the word vectors."})
    hidden_dropout: float = field(default=0.3, metadata={"help": "Locked dropout between recurrent layers."})
    recurrent_dropout: float = field(default=0.0, metadata={"help": "Dropout on the recurrent weights."})
    classifier_dropout: float = field(default=0.4, metadata={"help": "Dropout before the classifier."})
    embedding_range: float = field(default=0.1, metadata={"help": "Standard deviation of new word vectors."})
    class_weights: Literal["balanced"] | None = field(
        default=None, metadata={"help": "Weigh rare labels more, in inverse proportion to their rows."}
    )

    embeddings: str | None = field(
        default=None,
        metadata={
            "help": "Word vectors to start with: a file (GloVe, word2vec, fastText), a folder or Hub id of a static "
            "model, ID:FILE on the Hub, or transformer:NAME for a Transformer's input embeddings and tokenizer."
        },
    )
    embeddings_revision: str | None = field(
        default=None, metadata={"help": "Branch, tag or commit of --embeddings on the Hub."}
    )
    center_embeddings: bool = field(default=True, metadata={"help": "Take the mean of --embeddings away from them."})
    scale_embeddings: bool = field(
        default=True, metadata={"help": "Scale --embeddings to the standard deviation --embedding_range."}
    )

    def __post_init__(self) -> None:
        require(
            self.embedding_size is None or self.embedding_size >= 1,
            f"--embedding_size must be at least 1, found {self.embedding_size}.",
        )
        require(
            self.num_hidden_layers <= MOST_LAYERS,
            f"--num_hidden_layers must be at most {MOST_LAYERS}, found {self.num_hidden_layers}.",
        )
        require(
            self.transformer is None or self.embeddings is None,
            "--embeddings is for an LSTM or a bag of words: leave it out with --transformer.",
        )
        require(
            self.transformer is not None or self.config_overrides is None,
            "--config_overrides is for a Transformer (--transformer NAME): other models have flags for their settings.",
        )

    def config_fields(self) -> dict[str, Any]:
        """The fields of the model's configuration; a bag of words has only some of them."""
        apart = ("model_type", "transformer", "config_overrides", "class_weights")
        names = [one.name for one in fields(self) if one.name not in apart]
        names = [name for name in names if "embeddings" not in name]
        if self.model_type == "bag-of-words":
            names = ["embedding_size", "hidden_size", "word_dropout", "classifier_dropout", "embedding_range"]
        return {name: getattr(self, name) for name in names} | {
            "embedding_size": 200 if self.embedding_size is None else self.embedding_size
        }


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
