"""Settings of a translation model."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from ..training.arguments import MAX_LAYERS
from ..utils.errors import require
from ..utils.settings import require_at_least, setting

# Defaults that differ from those of classifiers
TRANSLATION_DEFAULTS: dict[str, Any] = {
    "num_train_epochs": 15.0,
    "per_device_train_batch_size": 128,
    "per_device_eval_batch_size": 64,
    "learning_rate": 2e-3,
    "label_smoothing_factor": 0.1,
}
# Settings that do not apply to translation models: the only allowed value, and the reason
FIXED: dict[str, tuple[Any, str]] = {
    "adversarial_size": (0.0, "it is for classifiers"),
    "prediction_loss_only": (False, "translations are scored"),
    "frozen_epochs": (0, "it is for --pretrained"),
    "layer_decay": (1.0, "it is for --pretrained"),
}
# Defaults for a Transformer trained from scratch, and its configuration
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

    attention: Literal["none", "luong", "bahdanau"] = setting(
        "luong",
        "What the decoder sees of the source: only its last state (none), or at each word all states by "
        "attention with a multiplicative (luong) or additive (bahdanau) score.",
    )
    cell_type: Literal["lstm", "gru"] = setting("lstm", "LSTM or GRU cell.")
    embedding_size: int = setting(256, "Dimensions of a word vector.")
    encoder_hidden_size: int = setting(256, "Dimensions of the encoder state in each direction.")
    hidden_size: int = setting(512, "Dimensions of the decoder state.")
    num_encoder_layers: int = setting(1, "Number of recurrent layers of the encoder.")
    num_hidden_layers: int = setting(1, "Number of recurrent layers of the decoder.")
    encoder: str | None = setting(
        None,
        "Read the source with this Transformer (Hub id or folder, such as a BERT or MiniLM) and its "
        "tokenizer instead of a recurrent encoder. The Transformer is fine-tuned, too.",
    )
    encoder_learning_rate: float = setting(5e-5, "Learning rate of that Transformer; the rest has --learning_rate.")
    tie_word_embeddings: bool = setting(
        True, "Use the same vectors to read and score target words, and for the source if shared."
    )
    word_dropout: float = setting(
        0.0, "Share of the vocabulary's words whose vectors are dropped (embedding dropout in AWD-LSTM)."
    )
    embedding_dropout: float = setting(0.2, "Locked dropout on the word vectors.")
    hidden_dropout: float = setting(0.2, "Locked dropout between recurrent layers.")
    recurrent_dropout: float = setting(0.0, "Dropout on the recurrent weights (DropConnect).")
    output_dropout: float = setting(0.2, "Locked dropout on the input of the softmax.")
    embedding_range: float = setting(0.3, "Standard deviation of randomly initialized word vectors.")
    num_beams: int = setting(4, "Number of beams to translate with after training.")
    length_penalty: float = setting(1.0, "Beam search divides the score of a translation by its length to this power.")
    transformer_config: str | None = setting(
        None,
        "Train a Transformer from scratch instead, given its model type (marian, bart, ...) or a "
        "config.json. The other model settings then have no effect.",
    )
    transformer: str | None = setting(
        None, "Fine-tune this sequence-to-sequence Transformer (Hub id or folder) with its tokenizer instead."
    )
    config_overrides: str | None = setting(
        None, "Changes to the Transformer's configuration, as NAME=VALUE,NAME=VALUE: encoder_layers=3."
    )

    def __post_init__(self) -> None:
        for name in ("num_encoder_layers", "num_hidden_layers"):
            layers = getattr(self, name)
            require(layers <= MAX_LAYERS, f"--{name} must be at most {MAX_LAYERS}, found {layers}.")
        require_at_least(self, num_beams=1)
        rate = self.encoder_learning_rate
        require(0 <= rate < math.inf, f"--encoder_learning_rate must be finite and not negative, found {rate}.")
        chosen = [name for name in ("encoder", "transformer_config", "transformer") if getattr(self, name) is not None]
        require(
            len(chosen) <= 1,
            f"--{' and --'.join(chosen)} cannot be combined: keep only one of them.",
        )
        require(
            self.transformer_config is not None or self.transformer is not None or self.config_overrides is None,
            "--config_overrides is for --transformer_config or --transformer: other models have flags for their "
            "settings.",
        )

    def config_fields(self) -> dict[str, Any]:
        """Return the fields of an [`LstmEncoderDecoderConfig`]."""
        apart = {"encoder", "encoder_learning_rate", "transformer_config", "transformer", "config_overrides"}
        apart |= {"num_beams", "length_penalty"}
        return {name: value for name, value in vars(self).items() if name not in apart}


@dataclass
class PairTokenizerArguments:
    """How texts become tokens."""

    flag_group: ClassVar[str] = "Tokenizer"

    tokenizer_algorithm: Literal["bpe", "unigram"] = setting("bpe", "Learn subwords with BPE or a unigram model.")
    vocab_size: int = setting(8_000, "Maximum size of a vocabulary.")
    min_frequency: int = setting(2, "How often two subwords must be adjacent in train for BPE to merge them.")
    lowercase: bool = setting(False, "Convert text to lower case.")
    shared_vocabulary: bool = setting(True, "Use one vocabulary for both source and target; false: one for each.")
