"""`LstmTrainer`: `Trainer` with batches of like lengths that can be repeated, and a learning rate for word vectors."""

import contextlib
import json
import math
from collections.abc import Iterator, Sized
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from datasets import Dataset
from torch.utils.data import RandomSampler
from transformers import (
    EarlyStoppingCallback,
    PreTrainedModel,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
    set_seed,
)
from transformers.trainer import TRAINING_ARGS_NAME
from transformers.trainer_pt_utils import BatchRebalanceSampler, LengthGroupedSampler
from transformers.trainer_utils import has_length

from .adversarial import pushed, watched, worst_push
from .averaging import EVERY, WeightAverage
from .errors import InputError, require
from .hub import create_repository
from .limits import check_choices, check_numbers, check_optimizer, check_parts
from .modeling_lstm import classification_loss
from .optimizer import RowAdamW, clip_gradients
from .processes import processes

# What suits fine-tuning a Transformer, where that differs from the defaults below, which suit an LSTM
TRANSFORMER_DEFAULTS = {
    "learning_rate": 5e-5,
    "num_train_epochs": 3.0,
    "per_device_train_batch_size": 32,
    "lr_scheduler_type": "linear",
    "max_length": 256,
}
ORIGIN = "trained_with.json"  # in each checkpoint
PRETRAINED_RATE = 0.3  # of the learning rate, for vectors that begin as --embeddings; chosen on validation


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
        check_optimizer(self, LstmTrainer.get_optimizer_cls_and_kwargs)


class LstmTrainer(Trainer):
    """`Trainer` whose length-grouped batches depend on seed and epoch only: a resumed run sees the same ones."""

    loss_is_scaled_for_ga = False  # every loss here is the mean of its batch

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        if hasattr(getattr(self.model, "config", None), "label_smoothing"):
            self.label_smoother = None  # the model's own loss does it, together with class weights; Trainer's cannot
        self.average: WeightAverage | None = None
        self.resumed_from: str | None = None
        self.origin: dict[str, str] | None = None  # what checkpoints tell of their data
        self._shares: list[float] = []  # of the losses of the next batches, see `get_batch_samples`
        self._share = 1.0
        if getattr(self.args, "average_epochs", 0) > 0:
            self.add_callback(_Averaging(self))
        if patience := getattr(self.args, "early_stopping_patience", None):
            self.add_callback(_EarlyStopping(patience))
        self.add_callback(_RowUpdates(self))
        self.add_callback(_OwnChance())

    @staticmethod
    def get_optimizer_cls_and_kwargs(args: TrainingArguments, model: PreTrainedModel | None = None) -> tuple[Any, Any]:
        """Trainer's optimizer, but [`RowAdamW`] in place of AdamW on a CPU, where a step over a table takes long."""
        optimizer, kwargs = Trainer.get_optimizer_cls_and_kwargs(args, model)
        is_plain = args.device.type == "cpu" and args.world_size == 1 and not args.torch_compile
        # an average of the weights walks over the whole table anyway
        is_read_whole = getattr(args, "average_epochs", 0) > 0
        if optimizer is torch.optim.AdamW and is_plain and not is_read_whole and args.adam_beta1 < args.adam_beta2:
            optimizer = RowAdamW
        return optimizer, kwargs

    def create_optimizer(self, model: torch.nn.Module | None = None) -> torch.optim.Optimizer:
        """Trainer's optimizer, with a group apart for the word vectors where they have their own learning rate."""
        is_new = self.optimizer is None
        optimizer = super().create_optimizer(model)
        rate = getattr(self.args, "embedding_learning_rate", None)
        if is_new and rate:
            table = word_table(self.model)
            group = next(one for one in optimizer.param_groups if any(p is table for p in one["params"]))
            group["params"] = [p for p in group["params"] if p is not table]
            optimizer.add_param_group(group | {"params": [table], "lr": rate})
        return optimizer

    def row_optimizer(self) -> RowAdamW | None:
        """The optimizer, if it is one that updates the rows of a table when they are needed."""
        optimizer = getattr(self.optimizer, "optimizer", self.optimizer)  # accelerate wraps it
        return optimizer if isinstance(optimizer, RowAdamW) else None

    def training_step(self, model: torch.nn.Module, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Trainer's, and its adversarial twin where `--adversarial_size` asks for it."""
        self._share = self._shares.pop(0) if self._shares else 1.0
        size = getattr(self.args, "adversarial_size", 0.0)
        if size == 0:
            return super().training_step(model, *args, **kwargs)
        embedding = cast(Any, self.model).get_input_embeddings()
        with watched(embedding) as vectors:
            loss = super().training_step(model, *args, **kwargs)
        with pushed(embedding, worst_push(vectors[0], size, self.accelerator.reduce)):
            super().training_step(model, *args, **kwargs)
        return loss

    def get_batch_samples(self, *args: Any, **kwargs: Any) -> tuple[list[Any], Any]:
        """
        Trainer's; of several processes each learns what its part of a batch weighs.

        The gradients of the processes are averaged, and each is one of a mean. So that the average is the gradient of
        the mean over all rows, also where one process has fewer of them, each loss is multiplied by the number of its
        rows (or with class weights their sum), divided by the mean of these numbers over the processes.
        """
        batches, items = super().get_batch_samples(*args, **kwargs)
        if self.args.world_size > 1 and batches:
            counts = torch.tensor([self._weight_of(one) for one in batches], device=self.args.device)
            means = cast(torch.Tensor, self.accelerator.reduce(counts, "mean"))
            self._shares = (counts / means).tolist()
        return batches, items

    def _weight_of(self, batch: dict[str, Any]) -> float:
        """What the mean over the rows of a batch divides their losses by."""
        labels = batch.get("labels")
        weights = getattr(self.compute_loss_func, "weights", None)
        config: Any = getattr(self.model, "config", None)
        if weights is None and getattr(config, "problem_type", None) == "single_label_classification":
            weights = getattr(config, "class_weights", None)
        if weights is None or labels is None or bool((labels < 0).any()):
            return float(len(batch["input_ids"]))
        return float(torch.tensor(weights)[labels.cpu()].sum())

    def compute_loss(
        self, model: torch.nn.Module, inputs: dict[str, Any], return_outputs: bool = False, *_: Any, **__: Any
    ) -> Any:
        """The loss of [`batch_loss`]; in training with several processes multiplied as in [`get_batch_samples`]."""
        loss, outputs = self.batch_loss(model, inputs)
        if model.training:
            loss = loss * self._share
        return (loss, outputs) if return_outputs else loss

    def batch_loss(self, model: torch.nn.Module, inputs: dict[str, Any]) -> tuple[torch.Tensor, Any]:
        """The mean loss of the rows, and what the model puts out."""
        # without a number of items: no loss here is a sum that is divided by it
        return cast(Any, super().compute_loss(model, inputs, return_outputs=True))

    def loss_of(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """The usual loss of rows whose logits are known, of shape `(rows, labels)`."""
        model: Any = self.model
        if self.compute_loss_func is not None:  # before the other, as Trainer asks them
            return self.compute_loss_func({"logits": logits}, labels)
        if self.label_smoother is not None:
            return self.label_smoother({"logits": logits}, labels)
        if hasattr(model.config, "label_smoothing"):
            return classification_loss(model.config, logits, labels)
        return model.loss_function(labels=labels, pooled_logits=logits, config=model.config)

    def evaluation_loop(self, *args: Any, **kwargs: Any) -> Any:
        """Trainer's, whose loss is one of all rows, and of none twice, with several processes too."""
        output: Any = super().evaluation_loop(*args, **kwargs)
        losses = [name for name in output.metrics if name.endswith("_loss") and not name.endswith("_log_loss")]
        if self.args.world_size > 1 and losses and isinstance(output.predictions, np.ndarray):
            found = self.loss_of(torch.from_numpy(output.predictions), torch.from_numpy(output.label_ids))
            output.metrics[losses[0]] = float(found)
        return output

    def _clip_grad_norm(self, model: torch.nn.Module) -> torch.Tensor:
        if self.row_optimizer() is None:
            return super()._clip_grad_norm(model)
        return clip_gradients(model.parameters(), self.args.max_grad_norm)

    def _get_grad_norm(self, model: torch.nn.Module, grad_norm: torch.Tensor | None = None) -> float:
        if grad_norm is None and self.row_optimizer() is not None:
            grad_norm = clip_gradients(model.parameters(), float("inf"))
        return super()._get_grad_norm(model, grad_norm)

    def _get_train_sampler(self, train_dataset: Dataset | None = None) -> torch.utils.data.Sampler | None:
        sampler = super()._get_train_sampler(train_dataset)
        if isinstance(sampler, LengthGroupedSampler):
            sampler = _EpochSampler(sampler, self)
        elif isinstance(sampler, RandomSampler):
            sampler = _RandomEpochSampler(sampler.data_source, self)
        if self.args.world_size > 1 and sampler is not None and not isinstance(sampler, BatchRebalanceSampler):
            sampler = _Parts(sampler, self.args)
        return sampler

    def get_train_dataloader(self) -> torch.utils.data.DataLoader:
        """
        Trainer's.

        Raises:
            InputError: `--dataloader_drop_last` leaves no batch.
        """
        loader = super().get_train_dataloader()
        require(
            not has_length(loader) or len(loader) > 0,
            f"--dataloader_drop_last leaves no batch: there are {self.num_examples(loader)} rows to train on, and "
            f"{self.args.train_batch_size * self.args.world_size} in a batch (--per_device_train_batch_size).",
        )
        return loader

    def get_eval_dataloader(self, *args: Any, **kwargs: Any) -> torch.utils.data.DataLoader:
        """Trainer's, with all rows: `--dataloader_drop_last` is about batches to train on."""
        chosen, self.args.dataloader_drop_last = self.args.dataloader_drop_last, False
        try:
            return super().get_eval_dataloader(*args, **kwargs)
        finally:
            self.args.dataloader_drop_last = chosen

    def _save_rng_state(self, output_dir: str) -> None:
        super()._save_rng_state(output_dir)
        self.accelerator.wait_for_everyone()  # the file that makes a checkpoint whole is written after this

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        """`Trainer.evaluate`; during training of the average of the weights, where there is one."""
        model: Any = self.model
        with self.average.applied(model) if self.average and self.is_in_train else contextlib.nullcontext():
            return super().evaluate(*args, **kwargs)

    def init_hf_repo(self, token: str | None = None, private: bool | None = None) -> None:
        """Trainer's, before training starts; what the Hub says against it as one sentence."""
        args = self.args
        if not self.is_world_process_zero():
            return
        name = args.hub_model_id or Path(args.output_dir).absolute().name  # type: ignore[arg-type]
        private = bool(args.hub_private_repo if private is None else private)
        self.hub_model_id: Any = create_repository(name, "model", private=private, token=token or args.hub_token)
        self.push_in_progress: Any = None

    def push_to_hub(self, *args: Any, **kwargs: Any) -> Any:
        """Refused: Trainer's would replace the card that a person wrote, and lacks `run.json`."""
        raise InputError("Push a run when it is complete: modeling-lstm push RUN me/name, or sharing.push.")

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Any] | None = None) -> None:
        if not self.args.should_save:
            return
        super()._save(output_dir, state_dict)
        if self.origin is not None and output_dir is not None:
            Path(output_dir, ORIGIN).write_text(json.dumps(self.origin, indent=2, ensure_ascii=False), encoding="utf-8")
        Path(output_dir or str(self.args.output_dir), TRAINING_ARGS_NAME).unlink(missing_ok=True)  # a pickle
        if self.average and output_dir is not None:
            self.average.save(output_dir)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: torch.nn.Module | None = None) -> None:
        super()._load_from_checkpoint(resume_from_checkpoint, model)
        self.resumed_from = resume_from_checkpoint

    def _load_best_model(self) -> None:
        super()._load_best_model()
        model: Any = self.model
        if self.average and self.state.best_model_checkpoint is not None:
            self.average.load(self.state.best_model_checkpoint)
            self.average.copy_to(model)


class _OwnChance(TrainerCallback):
    """Lets each of several processes draw dropout masks of its own; what a checkpoint holds of it is read later."""

    def on_train_begin(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        if args.process_index > 0:
            set_seed((args.seed + args.process_index) % 2**32)


class _RowUpdates(TrainerCallback):
    """Lets the optimizer follow the table of word vectors while training runs."""

    def __init__(self, trainer: LstmTrainer):
        self.trainer = trainer

    def on_train_begin(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        embedding = cast(Any, self.trainer.model).get_input_embeddings()
        optimizer = self.trainer.row_optimizer()
        self.end = optimizer.follow(embedding) if optimizer and embedding.weight.requires_grad else None

    def on_train_end(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        if self.end is not None:
            self.end()


class _EarlyStopping(EarlyStoppingCallback):
    """The library's, which goes on counting but does not stop before `--early_stopping_min_steps`."""

    def on_evaluate(
        self, args: Any, state: TrainerState, control: TrainerControl, metrics: Any = None, **_: Any
    ) -> None:
        was_stopping = control.should_training_stop
        super().on_evaluate(args, state, control, metrics)
        if state.global_step < getattr(args, "early_stopping_min_steps", 0):
            control.should_training_stop = was_stopping


class _Averaging(TrainerCallback):
    """Begins the average when training begins or goes on, and updates it after each step."""

    def __init__(self, trainer: LstmTrainer):
        self.trainer = trainer
        self.model: Any = trainer.model

    def on_train_begin(self, args: Any, state: TrainerState, control: TrainerControl, **found: Any) -> None:
        batches = found["train_dataloader"]
        epoch = math.ceil(len(batches) / args.gradient_accumulation_steps) if has_length(batches) else state.max_steps
        self.trainer.average = WeightAverage(self.model, args.average_epochs * epoch)
        if self.trainer.resumed_from is not None:
            self.trainer.average.load(self.trainer.resumed_from)

    def on_step_end(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        if self.trainer.average and (state.global_step % EVERY == 0 or state.global_step < EVERY):
            self.trainer.average.update(self.model, state.global_step)

    def on_train_end(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        if self.trainer.average and not args.load_best_model_at_end:
            self.trainer.average.copy_to(self.model)


class _EpochSampler(LengthGroupedSampler):
    def __init__(self, sampler: LengthGroupedSampler, trainer: Trainer):
        super().__init__(sampler.batch_size * trainer.args.world_size, lengths=sampler.lengths)
        self.trainer = trainer

    def __iter__(self) -> Iterator[int]:
        args = self.trainer.args
        seed = args.seed if args.data_seed is None else args.data_seed
        epoch = int(self.trainer.state.epoch or 0)
        self.generator = torch.Generator().manual_seed(1_000_003 * seed + epoch)
        return super().__iter__()


class _RandomEpochSampler(torch.utils.data.Sampler[int]):
    """A random order that depends on seed and epoch only: the one that accelerate gives to an uninterrupted run."""

    def __init__(self, rows: Sized, trainer: Trainer):
        self.rows, self.trainer = rows, trainer

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[int]:
        args = self.trainer.args
        seed = args.seed if args.data_seed is None else args.data_seed
        generator = torch.Generator().manual_seed(seed + int(self.trainer.state.epoch or 0))
        return iter(torch.randperm(len(self.rows), generator=generator).tolist())


class _Parts(BatchRebalanceSampler):
    """
    Of each batch that a single process would take, the part of one process.

    The parts differ by one row at most. Where a batch has fewer rows than there are processes, all of them take it
    whole, which leaves the average of their gradients as it is. A `BatchRebalanceSampler` is what Trainer takes for a
    sampler whose batches are such parts already.
    """

    def __init__(self, sampler: torch.utils.data.Sampler, args: TrainingArguments):
        self.whole = torch.utils.data.BatchSampler(
            sampler, args.train_batch_size * args.world_size, args.dataloader_drop_last
        )
        self.drop_last = args.dataloader_drop_last
        self.rank, self.processes = args.process_index, args.world_size

    def set_epoch(self, epoch: int) -> None:
        """Nothing: the order of the rows follows the epoch of the trainer."""

    def __len__(self) -> int:
        return len(self.whole)

    def __iter__(self) -> Iterator[list[int]]:
        for batch in self.whole:
            yield batch[self.rank :: self.processes] if len(batch) >= self.processes else batch


def word_table(model: Any) -> torch.nn.Parameter:
    """The embedding table of a model, of shape `(vocab_size, embedding_size)`."""
    return model.get_input_embeddings().weight
