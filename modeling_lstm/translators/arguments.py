"""Settings of a model that translates."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from ..training.arguments import MOST_LAYERS
from ..utils.errors import require

# What suits a model that translates, where that differs from the defaults of `train`
TRANSLATION_DEFAULTS: dict[str, Any] = {
    "num_train_epochs": 15.0,
    "per_device_train_batch_size": 128,
    "per_device_eval_batch_size": 64,
    "learning_rate": 2e-3,
    "label_smoothing_factor": 0.1,
}
# Settings of a training that have no place in this one: their only good value, and why
FIXED: dict[str, tuple[Any, str]] = {
    "adversarial_size": (0.0, "it is for classifiers"),
    "prediction_loss_only": (False, "translations are scored"),
    "frozen_epochs": (0, "it is for --pretrained"),
    "layer_decay": (1.0, "it is for --pretrained"),
}
# The same of a Transformer that learns from scratch, and what its configuration says
SCRATCH_DEFAULTS: dict[str, Any] = TRANSLATION_DEFAULTS | {"learning_rate": 1e-3}
SCRATCH_CONFIG: dict[str, Any] = {
    "d_model": 256,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_ffn_dim": 1024,
    "decoder_ffn_dim": 1024,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "dropout": 0.1,
    "attention_dropout": 0.1,
    "activation_dropout": 0.1,
    "scale_embedding": True,
    "tie_word_embeddings": True,
}
FINE_TUNING_DEFAULTS: dict[str, Any] = {
    "num_train_epochs": 3.0,
    "per_device_train_batch_size": 32,
    "per_device_eval_batch_size": 32,
    "learning_rate": 5e-5,
    "lr_scheduler_type": "linear",
}


@dataclass
class TranslationModelArguments:
    """Which model to train."""

    flag_group: ClassVar[str] = "Model"

    attention: Literal["none", "luong", "bahdanau"] = field(
        default="luong",
        metadata={
            "help": "What is seen of the source at each word: its last state alone, or by attention all of its states, "
            "with a multiplicative (luong) or an additive (bahdanau) score."
        },
    )
    cell_type: Literal["lstm", "gru"] = field(default="lstm", metadata={"help": "LSTM or GRU cell."})
    embedding_size: int = field(default=256, metadata={"help": "Dimensions of a word vector."})
    encoder_hidden_size: int = field(
        default=256, metadata={"help": "Dimensions of the state of each direction of the encoder."}
    )
    hidden_size: int = field(default=512, metadata={"help": "Dimensions of the state of the decoder."})
    num_encoder_layers: int = field(default=1, metadata={"help": "Recurrent layers of the encoder."})
    num_hidden_layers: int = field(default=1, metadata={"help": "Recurrent layers of the decoder."})
    encoder: str | None = field(
        default=None,
        metadata={
            "help": "Read the source with this Transformer (Hub id or folder; a BERT, a MiniLM) and its tokenizer, "
            "which is fine-tuned too, in place of a recurrent encoder."
        },
    )
    tie_word_embeddings: bool = field(
        default=True, metadata={"help": "Read and score words with the same vectors, of both texts if they share them."}
    )
    word_dropout: float = field(
        default=0.0,
        metadata={"help": "Share of the vocabulary's words whose vectors are dropped (embedding dropout in AWD-LSTM)."},
    )
    embedding_dropout: float = field(default=0.2, metadata={"help": "Locked dropout on the word vectors."})
    hidden_dropout: float = field(default=0.2, metadata={"help": "Locked dropout between recurrent layers."})
    recurrent_dropout: float = field(default=0.0, metadata={"help": "Dropout on the recurrent weights (DropConnect)."})
    output_dropout: float = field(default=0.2, metadata={"help": "Locked dropout on what the softmax reads."})
    embedding_range: float = field(
        default=0.3, metadata={"help": "Standard deviation of randomly initialized word vectors."}
    )
    num_beams: int = field(default=4, metadata={"help": "Beams of the search for a translation, once it is trained."})
    length_penalty: float = field(
        default=1.0, metadata={"help": "Power of the length by which the score of a translation is divided."}
    )
    transformer_config: str | None = field(
        default=None,
        metadata={
            "help": "Train a Transformer from scratch instead, from a kind of configuration (marian, bart, ...) or a "
            "config.json: the other settings of the model then have no effect."
        },
    )
    transformer: str | None = field(
        default=None,
        metadata={
            "help": "Fine-tune this sequence-to-sequence Transformer (Hub id or folder) with its tokenizer instead."
        },
    )
    config_overrides: str | None = field(
        default=None,
        metadata={"help": "Changes to the Transformer's configuration, as NAME=VALUE,NAME=VALUE: encoder_layers=3."},
    )

    def __post_init__(self) -> None:
        for name in ("num_encoder_layers", "num_hidden_layers"):
            layers = getattr(self, name)
            require(layers <= MOST_LAYERS, f"--{name} must be at most {MOST_LAYERS}, found {layers}.")
        require(self.num_beams >= 1, f"--num_beams must be at least 1, found {self.num_beams}.")
        chosen = [name for name in ("encoder", "transformer_config", "transformer") if getattr(self, name) is not None]
        require(
            len(chosen) <= 1,
            f"--{' and --'.join(chosen)} each say what the model is made of: leave all but one of them out.",
        )
        require(
            self.transformer_config is not None or self.transformer is not None or self.config_overrides is None,
            "--config_overrides is for --transformer_config or --transformer: other models have flags for their "
            "settings.",
        )

    def config_fields(self) -> dict[str, Any]:
        """The fields of an [`LstmEncoderDecoderConfig`]."""
        apart = ("encoder", "num_beams", "length_penalty", "transformer_config", "transformer", "config_overrides")
        return {name: value for name, value in vars(self).items() if name not in apart}


@dataclass
class PairTokenizerArguments:
    """How texts become tokens."""

    flag_group: ClassVar[str] = "Tokenizer"

    tokenizer_algorithm: Literal["bpe", "unigram"] = field(
        default="bpe", metadata={"help": "Subwords learned by BPE or by a unigram model."}
    )
    vocab_size: int = field(default=8_000, metadata={"help": "Largest size of a vocabulary."})
    min_frequency: int = field(
        default=2, metadata={"help": "How often two subwords must stand side by side in train for BPE to merge them."}
    )
    lowercase: bool = field(default=False, metadata={"help": "Ignore the difference between upper and lower case."})
    shared_vocabulary: bool = field(
        default=True, metadata={"help": "One vocabulary for both texts; false: one for each."}
    )
