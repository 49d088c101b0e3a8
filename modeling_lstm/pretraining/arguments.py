"""Settings of a language model."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from ..training.arguments import MOST_LAYERS
from ..utils.errors import require
from ..utils.settings import setting

MOST_FULL = 10_000  # the largest vocabulary for which --softmax auto uses the full softmax

# Defaults that differ from those of `train`
PRETRAINING_DEFAULTS: dict[str, Any] = {
    "learning_rate": 3e-3,
    "num_train_epochs": 4.0,
    "per_device_train_batch_size": 32,
    "per_device_eval_batch_size": 16,
    "warmup_steps": 0.05,
    "train_sampling_strategy": "sequential",
}
# Settings of `train` that do not apply to pretraining: the only allowed value, and the reason
FIXED: dict[str, tuple[Any, str]] = {
    "dataloader_num_workers": (0, "blocks of text are in memory and need no other process"),
    "auto_find_batch_size": (False, "each row of a batch continues the same row of the previous batch"),
    "train_sampling_strategy": ("sequential", "blocks of text follow each other"),
    "adversarial_size": (0.0, "a batch is read once, after the previous one"),
    "label_smoothing_factor": (0.0, "there are no labels"),
    "prediction_loss_only": (False, "perplexity is computed from the loss"),
    "frozen_epochs": (0, "there is nothing to freeze"),
    "layer_decay": (1.0, "it is for --pretrained"),
}
FIXED_TOKENIZER: dict[str, tuple[Any, str]] = {"trim_vocabulary": (0, "it is for --embeddings of train")}


@dataclass
class LanguageTaskArguments:
    """The task to train a model for."""

    flag_group: ClassVar[str] = "Model"

    task: Literal["text-generation"] = setting("text-generation", "What the model is for; its name on the Hub.")


@dataclass
class LanguageModelArguments:
    """Which language model to train."""

    flag_group: ClassVar[str] = "Model"

    direction: Literal["forward", "backward", "both"] = setting(
        "forward",
        "Predict the next token, the previous one, or both with the same word vectors, as needed for a "
        "bidirectional classifier. Text is generated forward.",
    )
    cell_type: Literal["lstm", "gru"] = setting("lstm", "LSTM or GRU cell.")
    embedding_size: int = setting(200, "Dimensions of a word vector.")
    hidden_size: int = setting(300, "Dimensions of the state of each direction.")
    num_hidden_layers: int = setting(1, "Number of recurrent layers.")
    tie_word_embeddings: bool = setting(True, "Score the next token with the word vectors themselves.")
    softmax: Literal["auto", "full", "adaptive", "sampled"] = setting(
        "auto",
        "Predict over the whole vocabulary (full), over clusters of it (adaptive), or in training over a "
        f"sample of it (sampled). auto: full up to {MOST_FULL:,} tokens, above that sampled.",
    )
    sampled_candidates: int = setting(2048, "Size of the sample for a sampled softmax.")
    adaptive_cutoffs: list[int] | None = setting(
        None, "The id of the first token of each cluster. Default: 0.1 and 0.5 of the vocabulary size."
    )
    word_dropout: float = setting(
        0.1, "Share of the vocabulary's words whose vectors are dropped (embedding dropout in AWD-LSTM)."
    )
    embedding_dropout: float = setting(0.2, "Locked dropout on the word vectors (input dropout in AWD-LSTM).")
    hidden_dropout: float = setting(0.2, "Locked dropout between recurrent layers.")
    recurrent_dropout: float = setting(0.2, "Dropout on the recurrent weights (DropConnect).")
    output_dropout: float = setting(0.2, "Locked dropout on the input of the softmax.")
    embedding_range: float = setting(0.05, "Standard deviation of randomly initialized word vectors.")
    transformer_config: str | None = setting(
        None,
        "Train a Transformer instead, given its model type (gpt2, llama, ...) or a config.json. The other "
        "model settings then have no effect.",
    )
    config_overrides: str | None = setting(
        None, "Changes to that configuration, as NAME=VALUE,NAME=VALUE: n_layer=4,n_embd=256,n_head=4."
    )

    def __post_init__(self) -> None:
        require(
            self.num_hidden_layers <= MOST_LAYERS,
            f"--num_hidden_layers must be at most {MOST_LAYERS}, found {self.num_hidden_layers}.",
        )
        require(
            self.transformer_config is not None or self.config_overrides is None,
            "--config_overrides is for --transformer_config: other models have flags for their settings.",
        )
        require(
            self.transformer_config is None or self.direction == "forward",
            f"--direction {self.direction} needs a recurrent model: leave out --transformer_config.",
        )

    def config_fields(self, vocab_size: int) -> dict[str, Any]:
        """Return the fields of an [`LstmConfig`]."""
        apart = ("direction", "softmax", "transformer_config", "config_overrides")
        fields = {name: value for name, value in vars(self).items() if name not in apart}
        usual = "full" if vocab_size <= MOST_FULL else "sampled"
        return fields | {"softmax": usual if self.softmax == "auto" else self.softmax}
