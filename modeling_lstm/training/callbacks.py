"""What happens between the steps of a training."""

import math
from typing import Any

from transformers import (
    EarlyStoppingCallback,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    set_seed,
)
from transformers.trainer_utils import has_length

from .averaging import WeightAverage


class ProcessSeed(TrainerCallback):
    """Lets each of several processes draw dropout masks of its own; what a checkpoint holds of it is read later."""

    def on_train_begin(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        if args.process_index > 0:
            set_seed((args.seed + args.process_index) % 2**32)


class RowUpdates(TrainerCallback):
    """Lets the optimizer follow the table of word vectors while training runs."""

    def __init__(self, trainer: Any):
        self.trainer = trainer

    def on_train_begin(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        embedding = self.trainer.followed_table()
        self.end = self.trainer.row_optimizer().follow(embedding) if embedding is not None else None

    def on_train_end(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        if self.end is not None:
            self.end()


class EarlyStopping(EarlyStoppingCallback):
    """The library's, which goes on counting but does not stop before `--early_stopping_min_steps`."""

    def on_evaluate(
        self, args: Any, state: TrainerState, control: TrainerControl, metrics: Any = None, **_: Any
    ) -> None:
        was_stopping = control.should_training_stop
        super().on_evaluate(args, state, control, metrics)
        if state.global_step < getattr(args, "early_stopping_min_steps", 0):
            control.should_training_stop = was_stopping


class Averaging(TrainerCallback):
    """Begins the average when training begins or goes on, and offers it the weights after each step."""

    def __init__(self, trainer: Any):
        self.trainer = trainer
        self.model: Any = trainer.model

    def on_train_begin(self, args: Any, state: TrainerState, control: TrainerControl, **found: Any) -> None:
        batches = found["train_dataloader"]
        epoch = math.ceil(len(batches) / args.gradient_accumulation_steps) if has_length(batches) else state.max_steps
        rows = self.trainer.row_optimizer()
        self.trainer.average = WeightAverage(self.model, args.average_epochs * epoch, rows and rows.settle)
        if self.trainer.resumed_from is not None:
            self.trainer.average.load(self.trainer.resumed_from)

    def on_step_end(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        if self.trainer.average:
            self.trainer.average.update(self.model, state.global_step)

    def on_train_end(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        if self.trainer.average and not (args.load_best_model_at_end and state.best_model_checkpoint):
            self.trainer.average.copy_to(self.model)
