"""Settings of model and training."""

import importlib.util
import re
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal

from ..utils.errors import require
from ..utils.settings import require_at_least, setting
from .defaults import LONG_TEXTS, MANY_LABELS, PRETRAINED_RATE, RANDOM_RATE

MAX_LAYERS = 1_000
OF_BAG_OF_WORDS = ("embedding_size", "hidden_size", "word_dropout", "classifier_dropout", "embedding_range")


@dataclass
class TaskArguments:
    """The task to train for."""

    flag_group: ClassVar[str] = "Model"

    task: str = setting(
        "text-classification",
        "Task to train for. translation has settings of its own: train --task translation --help.",
    )


@dataclass
class ModelArguments:
    """Which model to train. The defaults suit a few thousand to a hundred thousand texts."""

    flag_group: ClassVar[str] = "Model"

    model_type: Literal["lstm", "bag-of-words"] = setting(
        "lstm", "The LSTM family, or a baseline that ignores word order."
    )
    transformer: str | None = setting(
        None,
        "Fine-tune this Transformer (Hub id or folder) with its tokenizer instead. Of the other model settings, only "
        "--config_overrides and --class_weights then have an effect, and --max_length is 256 by default, "
        "--learning_rate 5e-5, --num_train_epochs 3 (more with few rows), --per_device_train_batch_size 32, "
        "--lr_scheduler_type linear.",
    )
    config_overrides: str | None = setting(
        None,
        "Changes to that Transformer's configuration, as NAME=VALUE,NAME=VALUE. On a CPU, BERT trains "
        "faster on long texts with attention_probs_dropout_prob=0.",
    )
    cell_type: Literal["lstm", "gru"] = setting("lstm", "LSTM or GRU cell.")
    embedding_size: int | None = setting(
        None,
        "Dimensions of a word vector; if --embeddings has more, PCA reduces them. Default: 200, or those "
        "of --embeddings.",
    )
    hidden_size: int = setting(200, "Dimensions of the hidden state of each direction.")
    num_hidden_layers: int = setting(1, "Recurrent layers.")
    bidirectional: bool = setting(True, "Read each text in both directions.")
    pooling: Literal["last", "mean", "max", "concat", "attention"] = setting(
        "concat", "How the outputs of all tokens are combined into one vector."
    )
    word_dropout: float = setting(
        0.1, "Share of the vocabulary's words whose vectors are dropped (embedding dropout in AWD-LSTM)."
    )
    embedding_dropout: float = setting(0.3, "Locked dropout on the word vectors (input dropout in AWD-LSTM).")
    hidden_dropout: float = setting(0.3, "Locked dropout between recurrent layers.")
    recurrent_dropout: float = setting(0.0, "Dropout on the recurrent weights (DropConnect).")
    classifier_dropout: float = setting(0.4, "Dropout before the classifier.")
    embedding_range: float = setting(0.1, "Standard deviation of randomly initialized word vectors.")
    class_weights: Literal["balanced"] | None = setting(
        None, "Weight each label in inverse proportion to its number of rows."
    )

    pretrained: str | None = setting(
        None,
        "Initialize from this language model, made by modeling-lstm pretrain (run folder or Hub id): its "
        "tokenizer, word vectors and recurrent layers, with their sizes and directions.",
        group="Language model",
    )
    pretrained_revision: str | None = setting(
        None, "Branch, tag or commit of --pretrained on the Hub.", group="Language model"
    )

    embeddings: str | None = setting(
        None,
        "Word vectors to start from: a file (GloVe, word2vec, fastText), a folder or Hub id of a static "
        "model, ID:FILE on the Hub, or transformer:NAME for a Transformer's input embeddings and tokenizer.",
        group="Word vectors",
    )
    embeddings_revision: str | None = setting(
        None, "Branch, tag or commit of --embeddings on the Hub.", group="Word vectors"
    )
    center_embeddings: bool = setting(True, "Subtract the mean of --embeddings from them.", group="Word vectors")
    scale_embeddings: bool = setting(
        True, "Scale --embeddings to the standard deviation --embedding_range.", group="Word vectors"
    )

    def __post_init__(self) -> None:
        require_at_least(self, embedding_size=1)
        require(
            self.num_hidden_layers <= MAX_LAYERS,
            f"--num_hidden_layers must be at most {MAX_LAYERS}, found {self.num_hidden_layers}.",
        )
        require(
            self.transformer is None or self.embeddings is None,
            "--embeddings is for an LSTM or a bag of words: leave it out with --transformer.",
        )
        for name, value in (("transformer", self.transformer), ("embeddings", self.embeddings)):
            require(
                self.pretrained is None or value is None,
                f"--{name} and --pretrained both say what to start from: leave one of them out.",
            )
        require(
            self.pretrained is None or self.model_type == "lstm",
            f"--pretrained is for an LSTM or a GRU, not for --model_type {self.model_type}.",
        )
        for name in ("pretrained", "embeddings"):
            require(
                getattr(self, name) is not None or getattr(self, f"{name}_revision") is None,
                f"--{name}_revision needs --{name}.",
            )
        require(
            self.transformer is not None or self.config_overrides is None,
            "--config_overrides is for a Transformer (--transformer NAME): other models have flags for their settings.",
        )

    def config_fields(self) -> dict[str, Any]:
        """Return the fields of the model's configuration. A bag of words has only some of them."""
        names = OF_BAG_OF_WORDS if self.model_type == "bag-of-words" else self._config_names()
        return {name: getattr(self, name) for name in names} | {
            "embedding_size": 200 if self.embedding_size is None else self.embedding_size
        }

    def without_effect(self) -> set[str]:
        """Return the names of the settings that this kind of model does not have."""
        names = set(self._config_names())
        return names if self.transformer is not None else names - self.config_fields().keys()

    def _config_names(self) -> list[str]:
        apart = ("model_type", "transformer", "config_overrides", "class_weights", "pretrained", "pretrained_revision")
        return [one.name for one in fields(self) if one.name not in apart and "embeddings" not in one.name]


_setting = partial(setting, group="Training")


@dataclass
class TrainerSettings:
    """
    The settings of `LstmTrainingArguments` that `--help` lists: its own, and those of `transformers.TrainingArguments`
    that most people need. They are defined here because importing that class takes seconds.
    """

    flag_group: ClassVar[str] = "transformers.TrainingArguments"  # of the settings not listed here

    output_dir: str = _setting("", "Run folder: model, tokenizer, run.json and checkpoints.", group="Output")
    overwrite: bool = _setting(False, "Replace an existing run in the run folder.", group="Output")
    resume_from_checkpoint: str | None = _setting(
        None, "Continue an interrupted training: last, or a checkpoint folder.", group="Output"
    )
    save_strategy: str = _setting("epoch", "When to save a checkpoint: epoch, steps, best or no.", group="Output")
    save_steps: float | None = _setting(
        None,
        "Steps, or share of all steps, between two checkpoints. Default: 500; with --eval_strategy steps, as many as "
        "between two evaluations.",
        group="Output",
    )
    save_total_limit: int | None = _setting(
        2,
        "Checkpoints to keep, the best and the last among them. With 1, only the best stays when training ends.",
        group="Output",
    )
    logging_steps: float = _setting(50, "Steps between two lines of the log.", group="Output")
    report_to: None | str | list[str] = _setting("none", "Where to log to: none, tensorboard, all, ...", group="Output")
    disable_tqdm: bool | None = _setting(None, "Hide progress bars. Default: show them.", group="Output")

    num_train_epochs: float = _setting(
        5.0,
        "Passes over the train split. With few rows, an LSTM classifier makes more by default: up to 30, or "
        "as many as make 300 steps.",
    )
    max_steps: int = _setting(-1, "Total number of optimizer steps; replaces --num_train_epochs. -1: not set.")
    learning_rate: float = _setting(2e-3, "Peak learning rate of AdamW.")
    embedding_learning_rate: float | None = _setting(
        None,
        "Learning rate of the word vectors; 0 freezes them. Default: --learning_rate; with --embeddings, "
        f"{PRETRAINED_RATE} times that; without, if the task has at least {MANY_LABELS} labels and its texts at least "
        f"{LONG_TEXTS} tokens on average, {RANDOM_RATE:g} times that.",
    )
    lr_scheduler_type: str = _setting("cosine", "Learning rate schedule after the warm-up: cosine, linear, ...")
    warmup_steps: float = _setting(0.1, "Linear warm-up, in steps or as a share of all steps.")
    per_device_train_batch_size: int = _setting(
        64, "Rows in a training batch. With the default epochs and fewer than 2,000 rows, an LSTM classifier uses 32."
    )
    per_device_eval_batch_size: int = _setting(128, "Rows in an evaluation batch.")
    gradient_accumulation_steps: int = _setting(1, "Batches whose gradients are accumulated before a step.")
    train_sampling_strategy: str = _setting(
        "group_by_length", "How rows are grouped into batches: group_by_length, random, sequential, batch_rebalance."
    )
    weight_decay: float = _setting(0.01, "Weight decay of AdamW.")
    max_grad_norm: float = _setting(1.0, "Clip gradients to this norm; 0: do not clip.")
    label_smoothing_factor: float = _setting(0.0, "Label smoothing; 0: none.")
    average_epochs: float = _setting(
        0.0,
        "Evaluate and keep an average of the weights over about this many epochs; 0: no average. With the "
        "default epochs and fewer than 20,000 rows, an LSTM classifier uses 0.5.",
    )
    adversarial_size: float = _setting(
        0.0,
        "Adversarial training: repeat each batch with word vectors perturbed by this share of their length, such as "
        "0.25. Doubles the time; 0: none.",
    )
    layer_decay: float = _setting(
        1.0,
        "Divide the learning rate by this from each layer to the one below (Howard and Ruder, 2018: 2.6). The word "
        "vectors are the lowest layer, unless --embedding_learning_rate sets theirs.",
        group="Language model",
    )
    frozen_epochs: int = _setting(
        0,
        "Gradual unfreezing (Howard and Ruder, 2018): train only the new layers at first, and one more layer, from the "
        "top down, after every N epochs; 0: train all layers at once.",
        group="Language model",
    )
    eval_strategy: str = _setting("epoch", "When to evaluate on validation: epoch, steps or no.")
    eval_steps: float | None = _setting(
        None, "Steps, or share of all steps, between two evaluations. Default: --logging_steps."
    )
    metric_for_best_model: str = _setting(
        "auto",
        "Validation score that selects the best checkpoint; auto: accuracy, mean_squared_error for regression, "
        "chrf for translations, perplexity for language models (loss with both directions).",
    )
    load_best_model_at_end: bool = _setting(True, "Keep the best checkpoint, not the last.")
    early_stopping_patience: int | None = _setting(
        None, "Stop after this many evaluations without a better score. Default: never."
    )
    early_stopping_min_steps: int = _setting(0, "Steps before --early_stopping_patience may stop the training.")
    seed: int = _setting(42, "Random seed for the weights, the dropout and the order of the rows.")

    push_to_hub: bool = _setting(False, "Push the run folder to the Hub when it is complete.", group="Hub")
    hub_model_id: str | None = _setting(
        None, "Repository to push to, me/name. Default: the run folder's name.", group="Hub"
    )
    hub_private_repo: bool | None = _setting(None, "Create that repository as private.", group="Hub")
    hub_token: str | None = _setting(None, "Token to push with. Default: the one of hf auth login.", group="Hub")
    hub_strategy: str = _setting("end", "When to push. Only end is supported: when the run is complete.", group="Hub")

    use_cpu: bool = _setting(False, "Train on the CPU even if there is a GPU.", group="Advanced")
    bf16: bool | None = _setting(
        None,
        "Train in bfloat16 mixed precision. Default: on a CPU, if a trial at the start of the training shows that "
        "it is faster.",
        group="Advanced",
    )
    torch_compile: bool = _setting(False, "Compile the model with torch.compile.", group="Advanced")
    dataloader_num_workers: int = _setting(0, "Processes that prepare batches; 0: the main process.", group="Advanced")
    dataloader_pin_memory: bool = _setting(False, "Pin memory; only useful with a GPU.", group="Advanced")
    restore_callback_states_from_checkpoint: bool = _setting(
        True, "When resuming, continue the count of --early_stopping_patience.", group="Advanced"
    )


def read_trainer_names() -> set[str] | None:
    """
    Return the names of all settings of `transformers.TrainingArguments`, and a few other words, from the source of that
    class, which takes seconds to import. Return `None` if there is no source or the class inherits settings.
    """
    found = importlib.util.find_spec("transformers")
    path = Path(found.origin or "").parent / "training_args.py" if found is not None else None
    text = path.read_text(encoding="utf-8") if path is not None and path.is_file() else ""
    return set(re.findall(r"^    (\w+):", text, re.MULTILINE)) if "\nclass TrainingArguments:\n" in text else None
