"""Callbacks that run between the steps of a training run."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import (
    EarlyStoppingCallback,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    set_seed,
)
from transformers.trainer_utils import has_length

from ..utils.errors import require
from .averaging import WeightAverage


class ProcessSeed(TrainerCallback):
    """Seeds each process differently, for dropout masks of its own. A checkpoint's random state is loaded later."""

    def on_train_begin(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        if args.process_index > 0:
            set_seed((args.seed + args.process_index) % 2**32)


class RowUpdates(TrainerCallback):
    """Makes the optimizer follow the table of word vectors during training ([`RowAdamW.follow`])."""

    def __init__(self, trainer: Any):
        self.trainer = trainer
        self.end: Callable[[], None] | None = None

    def on_train_begin(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self.on_train_end(args, state, control)  # `auto_find_batch_size` may begin again
        embedding = self.trainer.followed_table()
        self.end = self.trainer.row_optimizer().follow(embedding) if embedding is not None else None

    def on_train_end(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        if self.end is not None:
            self.end()
            self.end = None


class EarlyStopping(EarlyStoppingCallback):
    """`EarlyStoppingCallback` that counts from the start but does not stop before `--early_stopping_min_steps`."""

    def on_train_begin(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self.early_stopping_patience = args.early_stopping_patience  # a checkpoint restores its own
        super().on_train_begin(args, state, control)

    def on_evaluate(
        self, args: Any, state: TrainerState, control: TrainerControl, metrics: Any = None, **_: Any
    ) -> None:
        was_stopping = control.should_training_stop
        super().on_evaluate(args, state, control, metrics)
        if state.global_step < getattr(args, "early_stopping_min_steps", 0):
            control.should_training_stop = was_stopping


class BestCheckpoint(TrainerCallback):
    """Tells a resumed training where its best checkpoint is now, and how often to evaluate, save and log."""

    def __init__(self, trainer: Any):
        self.trainer = trainer

    def on_train_begin(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        if self.trainer.resumed_from is not None:
            state.best_model_checkpoint = find_best(self.trainer.resumed_from, args)
            state.compute_steps(args, state.max_steps)  # a checkpoint restores its own


def find_best(checkpoint: str, args: Any) -> str | None:
    """
    Return the best checkpoint at the time when `checkpoint` was saved; `None` if there was none. Both may have been
    moved, so it is looked for beside `checkpoint` first, then at the recorded path.

    Args:
        checkpoint: The checkpoint to resume from.
        args: The settings of the training.

    Raises:
        InputError: it is missing, and `load_best_model_at_end` is set.
    """
    recorded = TrainerState.load_from_json(str(Path(checkpoint) / "trainer_state.json")).best_model_checkpoint
    if recorded is None:
        return None
    folder = Path(args.output_dir)
    if Path(checkpoint).resolve().parent != folder.resolve():
        folder = Path(checkpoint).parent
    beside = folder / Path(recorded).name
    found = next((str(one) for one in (beside, Path(recorded)) if one.is_dir()), None)
    require(
        found is not None or not args.load_best_model_at_end,
        f"The best checkpoint before {checkpoint!r} is missing: put it back as {str(beside)!r}, or start over with "
        "--overwrite.",
    )
    return found


class Averaging(TrainerCallback):
    """Creates the average when training starts or resumes, and passes it the weights after each step."""

    def __init__(self, trainer: Any):
        self.trainer = trainer

    def on_train_begin(self, args: Any, state: TrainerState, control: TrainerControl, **found: Any) -> None:
        self.model = found["model"]  # not known before: `model_init` may make another
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
