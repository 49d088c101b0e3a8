"""Settings of model and training."""

from dataclasses import dataclass, field, fields
from typing import Any, Literal

from ..utils.errors import require

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
