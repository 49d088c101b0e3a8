"""Settings of a language model, and of a masked one."""

from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal

from ..tasks.base import FILL_MASK, TEXT_GENERATION
from ..training.arguments import MAX_LAYERS
from ..utils.errors import require
from ..utils.settings import setting

PRETRAINING_TASKS = (TEXT_GENERATION, FILL_MASK)
MAX_FULL_SOFTMAX = 10_000  # the largest vocabulary for which --softmax auto uses the full softmax

# Defaults that differ from those of `train`
PRETRAINING_DEFAULTS: dict[str, Any] = {
    "learning_rate": 3e-3,
    "num_train_epochs": 4.0,
    "per_device_train_batch_size": 32,
    "per_device_eval_batch_size": 16,
    "warmup_steps": 0.05,
    "train_sampling_strategy": "sequential",
}
# A masked language model predicts few tokens of a batch: an epoch takes a fraction of the time, and teaches less
MASKED_PRETRAINING_DEFAULTS = PRETRAINING_DEFAULTS | {"num_train_epochs": 16.0, "train_sampling_strategy": "random"}
# Settings of `train` that do not apply to pretraining: the only allowed value, and the reason
FIXED: dict[str, tuple[Any, str]] = {
    "dataloader_num_workers": (0, "blocks of text are in memory and need no other process"),
    "auto_find_batch_size": (False, "each row of a batch continues the same row of the previous batch"),
    "train_sampling_strategy": ("sequential", "blocks of text follow each other"),
    "adversarial_size": (0.0, "it is for classifiers"),
    "label_smoothing_factor": (0.0, "there are no labels"),
    "prediction_loss_only": (False, "perplexity is computed from the loss"),
    "frozen_epochs": (0, "there is nothing to freeze"),
    "layer_decay": (1.0, "it is for classifiers that start from a language model"),
}
MASKED_FIXED = {name: one for name, one in FIXED.items() if name != "auto_find_batch_size"} | {
    "train_sampling_strategy": ("random", "blocks of text have the same length and are read in random order"),
}
FIXED_TOKENIZER: dict[str, tuple[Any, str]] = {"trim_vocabulary": (0, "it is for --embeddings of train")}


@dataclass
class LanguageTaskArguments:
    """The task to train a language model for."""

    flag_group: ClassVar[str] = "Model"

    task: Literal["text-generation"] = setting(
        TEXT_GENERATION,
        "Task of the model, by its name on the Hub. fill-mask trains a masked language model instead: see pretrain "
        "--task fill-mask --help.",
    )


@dataclass
class MaskedTaskArguments:
    """The task to train a masked language model for."""

    flag_group: ClassVar[str] = "Model"

    task: Literal["fill-mask"] = setting(FILL_MASK, "Task of the model, by its name on the Hub.")


@dataclass
class NetworkArguments:
    """The recurrent network to train."""

    flag_group: ClassVar[str] = "Model"

    cell_type: Literal["lstm", "gru"] = setting("lstm", "LSTM or GRU cell.")
    embedding_size: int = setting(200, "Dimensions of a word vector.")
    hidden_size: int = setting(300, "Dimensions of the state of each direction.")
    num_hidden_layers: int = setting(1, "Number of recurrent layers.")
    tie_word_embeddings: bool = setting(True, "Score a token with the word vectors themselves.")
    word_dropout: float = setting(
        0.1, "Share of the vocabulary's words whose vectors are dropped (embedding dropout in AWD-LSTM)."
    )
    embedding_dropout: float = setting(0.2, "Locked dropout on the word vectors (input dropout in AWD-LSTM).")
    hidden_dropout: float = setting(0.2, "Locked dropout between recurrent layers.")
    recurrent_dropout: float = setting(0.2, "Dropout on the recurrent weights (DropConnect).")
    output_dropout: float = setting(0.2, "Locked dropout on the input of the softmax.")
    embedding_range: float = setting(0.05, "Standard deviation of randomly initialized word vectors.")

    def __post_init__(self) -> None:
        require(
            self.num_hidden_layers <= MAX_LAYERS,
            f"--num_hidden_layers must be at most {MAX_LAYERS}, found {self.num_hidden_layers}.",
        )

    def network_fields(self) -> dict[str, Any]:
        """Return the fields of an [`LstmConfig`]."""
        return {field.name: getattr(self, field.name) for field in fields(NetworkArguments)}


@dataclass
class MaskedLanguageModelArguments(NetworkArguments):
    """Which masked language model to train."""

    mlm_probability: float = setting(0.15, "Share of the tokens to predict. Most of them are masked.")

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            0.0 < self.mlm_probability < 1.0,
            f"--mlm_probability must be between 0 and 1, found {self.mlm_probability}.",
        )


@dataclass
class LanguageModelArguments(NetworkArguments):
    """Which language model to train."""

    direction: Literal["forward", "backward", "both"] = setting(
        "forward",
        "Predict the next token, the previous one, or both with the same word vectors, as needed for a "
        "bidirectional classifier. Text is generated forward.",
    )
    softmax: Literal["auto", "full", "adaptive", "sampled"] = setting(
        "auto",
        "Predict over the whole vocabulary (full), over clusters of it (adaptive), or in training over a "
        f"sample of it (sampled). auto: full up to {MAX_FULL_SOFTMAX:,} tokens, above that sampled.",
    )
    sampled_candidates: int = setting(2048, "Size of the sample for a sampled softmax.")
    adaptive_cutoffs: list[int] | None = setting(
        None, "The id of the first token of each cluster. Default: 0.1 and 0.5 of the vocabulary size."
    )
    transformer_config: str | None = setting(
        None,
        "Train a Transformer instead, given its model type (gpt2, llama, ...) or a config.json. The other "
        "model settings then have no effect.",
    )
    config_overrides: str | None = setting(
        None, "Changes to that configuration, as NAME=VALUE,NAME=VALUE: n_layer=4,n_embd=256,n_head=4."
    )

    def __post_init__(self) -> None:
        super().__post_init__()
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
        usual = "full" if vocab_size <= MAX_FULL_SOFTMAX else "sampled"
        return self.network_fields() | {
            "softmax": usual if self.softmax == "auto" else self.softmax,
            "sampled_candidates": self.sampled_candidates,
            "adaptive_cutoffs": self.adaptive_cutoffs,
        }


def check_pretraining_task(task: str) -> None:
    """Raise [`InputError`] for a task that `pretrain` is not for."""
    require(task in PRETRAINING_TASKS, f"--task of pretrain must be {' or '.join(PRETRAINING_TASKS)}, found {task!r}.")
