"""`transformers.TrainingArguments` with defaults that suit an LSTM."""

from dataclasses import dataclass, field

import torch
from transformers import (
    TrainingArguments,
)

from ..utils.errors import require
from ..utils.processes import processes
from .defaults import PRETRAINED_RATE
from .limits import check_choices, check_numbers, check_optimizer, check_parts
from .optimizer import choose_optimizer


@dataclass
class LstmTrainingArguments(TrainingArguments):
    """`transformers.TrainingArguments` with defaults that suit an LSTM, and some settings more."""

    output_dir: str = field(default="", metadata={"help": "Run folder: model, tokenizer, run.json and checkpoints."})
    learning_rate: float = field(default=2e-3, metadata={"help": "Peak learning rate of AdamW."})
    num_train_epochs: float = field(default=5.0, metadata={"help": "Passes over the train split."})
    per_device_train_batch_size: int = field(default=64, metadata={"help": "Rows in a training batch."})
    per_device_eval_batch_size: int = field(default=128, metadata={"help": "Rows in an evaluation batch."})
    weight_decay: float = field(default=0.01, metadata={"help": "Weight decay of AdamW."})
    warmup_steps: float = field(default=0.1, metadata={"help": "Steps, or share of all steps, of linear warm-up."})
    lr_scheduler_type: str = field(
        default="cosine", metadata={"help": "Course of the learning rate after the warm-up."}
    )
    eval_strategy: str = field(default="epoch", metadata={"help": "When to evaluate on validation."})
    save_strategy: str = field(default="epoch", metadata={"help": "When to save a checkpoint."})
    save_total_limit: int | None = field(default=1, metadata={"help": "Checkpoints kept beside the best one."})
    load_best_model_at_end: bool = field(default=True, metadata={"help": "Keep the best checkpoint, not the last."})
    metric_for_best_model: str = field(
        default="auto",
        metadata={"help": "Validation score that decides; auto is accuracy, for numbers mean_squared_error."},
    )
    train_sampling_strategy: str = field(default="group_by_length", metadata={"help": "How rows are put into batches."})
    logging_steps: float = field(default=50, metadata={"help": "Steps between two lines of the log."})
    dataloader_pin_memory: bool = field(default=False, metadata={"help": "Pin memory (only of use with a GPU)."})
    embedding_learning_rate: float | None = field(
        default=None,
        metadata={
            "help": "Learning rate of the word vectors; 0 freezes them. Default: --learning_rate, or with --embeddings "
            f"{PRETRAINED_RATE} of it."
        },
    )
    average_epochs: float = field(
        default=0.0,
        metadata={
            "help": "Evaluate and keep an average of the weights over about so many epochs, 0.5 say; 0: the weights "
            "themselves."
        },
    )
    adversarial_size: float = field(
        default=0.0,
        metadata={
            "help": "Train each batch a second time with its word vectors pushed against the model, each text's by "
            "this share of the length of a word vector, 0.25 say; 0: not. Takes twice as long."
        },
    )
    early_stopping_patience: int | None = field(
        default=None, metadata={"help": "Stop after that many evaluations without a better score."}
    )
    early_stopping_min_steps: int = field(
        default=0, metadata={"help": "Steps before which --early_stopping_patience does not stop."}
    )
    overwrite: bool = field(default=False, metadata={"help": "Replace the run that is in the run folder."})
    hub_strategy: str = field(
        default="end", metadata={"help": "Only end: --push_to_hub pushes the run folder when it is complete."}
    )
    restore_callback_states_from_checkpoint: bool = field(
        default=True, metadata={"help": "Go on counting for early stopping where a resumed run was cut off."}
    )

    def __post_init__(self) -> None:
        require(bool(self.output_dir), "Name the run folder with --output_dir.")
        check_numbers(self)
        check_choices(self)
        require(
            self.early_stopping_patience is None or self.load_best_model_at_end,
            "--early_stopping_patience needs --load_best_model_at_end true.",
        )
        require(
            self.early_stopping_min_steps == 0 or self.early_stopping_patience is not None,
            "--early_stopping_min_steps needs --early_stopping_patience.",
        )
        require(
            self.hub_strategy == "end",
            f"--hub_strategy must be end, found {self.hub_strategy}: a run folder is pushed when it is complete.",
        )
        if (self.bf16 or processes() > 1) and not torch.accelerator.is_available():
            self.use_cpu = True  # without it transformers takes bf16 for a mistake, and leaves processes on their own
        super().__post_init__()
        check_parts(self)
        check_optimizer(self, choose_optimizer)
