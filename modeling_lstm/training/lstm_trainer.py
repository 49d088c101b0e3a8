"""`LstmTrainer`: the `Trainer` of all networks here."""

import contextlib
import functools
import json
import math
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from datasets import Dataset
from safetensors import SafetensorError
from torch.utils.data import RandomSampler
from transformers import EvalPrediction, PreTrainedModel, Trainer, TrainingArguments
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
from transformers.trainer import TRAINING_ARGS_NAME
from transformers.trainer_pt_utils import BatchRebalanceSampler, LengthGroupedSampler
from transformers.trainer_utils import has_length

from ..hub.uploads import open_repository
from ..models.modeling_lstm import IGNORED, LstmPreTrainedModel, classification_loss
from ..tasks.base import Task
from ..utils.errors import InputError, name_error, require
from .adversarial import find_perturbation, perturb_embeddings, watch_embeddings
from .averaging import WeightAverage
from .callbacks import Averaging, BestCheckpoint, EarlyStopping, ProcessSeed, RowUpdates
from .layers import Unfreezing, lower_rates, set_rate
from .optimizer import RowAdamW, choose_optimizer, clip_gradients
from .samplers import EpochSampler, RandomEpochSampler, RebalancedEpochSampler, divide_batches

ORIGIN = "trained_with.json"  # a file in each checkpoint
WATCHING = ("reduce_lr_on_plateau", "greedy")  # schedules that depend on scores
IN_BF16 = "bf16"  # key in that file, besides the data and settings that must match on resuming


class LstmTrainer(Trainer):
    """
    `Trainer` for the LSTM family, with the settings of [`LstmTrainingArguments`].

    - Length-grouped batches depend only on seed and epoch: a resumed run sees the same ones.
    - The word vectors, and with `layer_decay` each layer, have a learning rate of their own.
    - With `average_epochs`, an average of the weights is evaluated and kept.
    - With `adversarial_size`, each batch is repeated with perturbed word vectors (Miyato et al., 2017).
    - With several processes, the gradient is that of one process with the whole batch. With labels at tokens, and with
      gradient accumulation too, it is that of the mean over all tokens of a step.
    - Of checkpoints with equal scores, the one with the lowest loss is the best.

    `push_to_hub` raises [`InputError`]: a run is pushed when it is complete.
    """

    loss_is_scaled_for_ga = False  # every loss here is the mean of its batch

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        if self.args.metric_for_best_model == "auto":  # a run has set it by its task
            self.args.metric_for_best_model, self.args.greater_is_better = "loss", False
        if self._smooth(self.model):
            self.label_smoother = None
        self.average: WeightAverage | None = None
        self.resumed_from: str | None = None
        self.origin: dict[str, str] | None = None  # what checkpoints record of their data and settings
        self._shares: list[float] = []  # factors for the losses of the next batches, see `get_batch_samples`
        self._share = 1.0
        if epochs := getattr(self.args, "frozen_epochs", 0):
            self.add_callback(Unfreezing(epochs))  # before the average is made, which holds what is trained
        if getattr(self.args, "average_epochs", 0) > 0:
            self.add_callback(Averaging(self))
        if patience := getattr(self.args, "early_stopping_patience", None):
            self.add_callback(EarlyStopping(patience))
        self.add_callback(BestCheckpoint(self))
        self.add_callback(RowUpdates(self))
        self.add_callback(ProcessSeed())

    def call_model_init(self, *args: Any, **kwargs: Any) -> Any:
        """Trainer's method, which also sets the label smoothing of the model."""
        model = super().call_model_init(*args, **kwargs)
        self._smooth(model)
        return model

    def _smooth(self, model: Any) -> bool:
        """Set label smoothing in a model's own loss, which combines it with class weights; `False` if it has none."""
        config: Any = getattr(model, "config", None)
        share = self.args.label_smoothing_factor
        if not hasattr(config, "label_smoothing"):
            return False
        if share > 0:
            predicts_tokens = type(model).__name__.endswith(("ForCausalLM", "ForMaskedLM"))
            require(not predicts_tokens, "--label_smoothing_factor is not for language models: leave it out.")
            kind = getattr(config, "problem_type", None)
            require(
                kind in (None, "single_label_classification"),
                f"--label_smoothing_factor needs single labels; this model is for {kind}: leave it out.",
            )
            config.label_smoothing = share
        return True

    @staticmethod
    def get_optimizer_cls_and_kwargs(args: TrainingArguments, model: PreTrainedModel | None = None) -> tuple[Any, Any]:
        """Trainer's optimizer, but [`RowAdamW`] instead of AdamW on a CPU, where a step over a table is slow."""
        return choose_optimizer(args, model)

    def create_optimizer(self, model: torch.nn.Module | None = None) -> torch.optim.Optimizer:
        """Trainer's optimizer, with a separate group for word vectors that have their own learning rate."""
        is_new = self.optimizer is None
        rate = getattr(self.args, "embedding_learning_rate", None)
        if rate == 0:
            for table in self.word_tables():
                table.requires_grad_(False)
        optimizer = super().create_optimizer(model)
        decay = getattr(self.args, "layer_decay", 1.0)
        if is_new and decay != 1.0:
            lower_rates(optimizer, self.model, decay)
        if is_new and rate:
            set_rate(optimizer, self.word_tables(), rate)
        if (followed := self.followed_table()) is not None:
            followed.sparse = True  # set now: DistributedDataParallel reads it only once, on creation
        return optimizer

    def word_tables(self) -> list[torch.nn.Parameter]:
        """Return the embedding tables that `--embedding_learning_rate` is for."""
        return [word_table(self.model)]

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """Trainer's schedule. One that depends on scores also learns whether greater is better."""
        if self.args.lr_scheduler_type in WATCHING:
            mode = "max" if self.args.greater_is_better else "min"
            given: Any = self.args.lr_scheduler_kwargs or {}  # a dictionary: a string was parsed as JSON
            self.args.lr_scheduler_kwargs = {"mode": mode} | given
        # some schedules divide by the steps, which may be none when a run is resumed
        return super().create_scheduler(max(1, num_training_steps), optimizer)

    def row_optimizer(self) -> RowAdamW | None:
        """Return the optimizer if it updates the rows of a table only when they are needed."""
        optimizer = getattr(self.optimizer, "optimizer", self.optimizer)  # accelerate wraps it
        return optimizer if isinstance(optimizer, RowAdamW) else None

    def followed_table(self) -> torch.nn.Embedding | None:
        """Return the word vectors if the optimizer updates only the rows of a batch's words."""
        model: Any = self.model
        embedding, output = model.get_input_embeddings(), model.get_output_embeddings()
        is_tied = output is not None and output.weight is embedding.weight  # then each step moves all rows
        # Some encoders read with another module that shares the weight: its gradient would not be sparse
        tables = [one for one in model.modules() if isinstance(one, torch.nn.Embedding)]
        is_shared = sum(one.weight is embedding.weight for one in tables) > 1
        # DistributedDataParallel expects a sparse gradient in every step, even while the table is frozen
        is_frozen_first = self.args.world_size > 1 and getattr(self.args, "frozen_epochs", 0) > 0
        is_followed = self.row_optimizer() is not None and embedding.weight.requires_grad
        return embedding if is_followed and not (is_tied or is_shared or is_frozen_first) else None

    def _determine_best_metric(self, metrics: dict[str, float], trial: Any) -> bool:
        """
        Same as in the base class, but of checkpoints with equal scores, the one with the lowest loss is the best. Few
        validation rows often have equal scores; the first of these checkpoints has hardly been trained.
        """
        best_step = self.state.best_global_step
        if super()._determine_best_metric(metrics, trial):
            return True
        history = [entry for entry in self.state.log_history if "eval_loss" in entry and entry["step"] == best_step]
        name = f"eval_{str(self.args.metric_for_best_model).removeprefix('eval_')}"
        is_better = (
            bool(history)
            and metrics.get(name) == self.state.best_metric
            and metrics.get("eval_loss", math.inf) < history[0]["eval_loss"]
        )
        if is_better:
            self.state.best_global_step = self.state.global_step
        return is_better

    def training_step(self, model: torch.nn.Module, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Trainer's step and, with `--adversarial_size`, one for the perturbed batch."""
        self._share = self._shares.pop(0) if self._shares else 1.0
        size = getattr(self.args, "adversarial_size", 0.0)
        if size == 0:
            return super().training_step(model, *args, **kwargs)
        embedding = cast(Any, self.model).get_input_embeddings()
        with watch_embeddings(embedding) as vectors:
            loss = super().training_step(model, *args, **kwargs)
        kind = type(self.model).__name__
        require(
            bool(vectors),
            f"--adversarial_size does not work with {kind}, which does not use the usual word vectors: leave it out.",
        )
        with perturb_embeddings(embedding, find_perturbation(vectors[0], size, self.accelerator.reduce)):
            super().training_step(model, *args, **kwargs)
        return loss

    def get_batch_samples(self, *args: Any, **kwargs: Any) -> tuple[list[Any], Any]:
        """
        Trainer's batches. If a step has several, of one process or of several, also find the weights of their losses.

        The gradients of these batches are averaged, and each is the gradient of a mean. To make the average the
        gradient of the mean over all rows, even if one batch has fewer of them, each loss is multiplied by the number
        of its rows (or the sum of their class weights, or the number of labels at tokens), divided by the mean of these
        numbers over the batches of the step.
        """
        batches, items = super().get_batch_samples(*args, **kwargs)
        if batches and (self.args.world_size > 1 or len(batches) > 1):
            counts = torch.tensor([self._weight_of(one) for one in batches], device=self.args.device)
            counts = counts / self._count_copies(batches)
            mean = cast(torch.Tensor, self.accelerator.reduce(counts, "mean")).mean()
            self._shares = (counts / mean.clamp(min=1e-6)).tolist()  # all may be 0, of masked tokens
        return batches, items

    def _count_copies(self, batches: list[dict[str, Any]]) -> torch.Tensor:
        """
        Return how many processes have the same rows, for each batch: all of them, if a batch has fewer rows than there
        are processes (see [`samplers.BatchParts`]), otherwise one.
        """
        processes, device = self.args.world_size, self.args.device
        if processes == 1:
            return torch.ones(len(batches), device=device)
        rows = [next(value for value in one.values() if isinstance(value, torch.Tensor)) for one in batches]
        digests = torch.tensor([[hash(tuple(one.flatten().tolist())) for one in rows]], device=device)
        every = cast(torch.Tensor, self.accelerator.gather(digests))
        are_few = torch.tensor([len(one) < processes for one in rows], device=device)
        return torch.where(are_few & (every == every[0]).all(dim=0), float(processes), 1.0)

    def _weight_of(self, batch: dict[str, Any]) -> float:
        """Return the divisor in the mean of the losses of a batch's rows or tokens."""
        labels = batch.get("labels")
        if _has_token_labels(batch):
            chosen: Any = labels != IGNORED
            model: Any = self.accelerator.unwrap_model(self.model)
            if is_causal(type(model).__name__):  # a token is predicted from the one before it
                chosen, mask = chosen[:, 1:], batch.get("attention_mask")
                if mask is not None and isinstance(model, LstmPreTrainedModel):  # which predicts nothing from padding
                    chosen = chosen & (mask[:, :-1] > 0)
            return float(chosen.sum())
        weights = self._class_weights()
        if weights is None or labels is None or bool((labels < 0).any()):
            return float(len(batch["input_ids"]))
        return float(torch.tensor(weights)[labels.cpu()].sum())

    def _class_weights(self) -> Any:
        weights = getattr(self.compute_loss_func, "weights", None)
        config: Any = getattr(self.model, "config", None)
        if weights is None and getattr(config, "problem_type", None) == "single_label_classification":
            weights = getattr(config, "class_weights", None)
        return weights

    def compute_loss(
        self, model: torch.nn.Module, inputs: dict[str, Any], return_outputs: bool = False, *_: Any, **__: Any
    ) -> Any:
        """Return the loss of [`batch_loss`], in training multiplied by the factor of [`get_batch_samples`]."""
        loss, outputs = self.batch_loss(model, inputs)
        if model.training:
            loss = loss * self._share
        return (loss, outputs) if return_outputs else loss

    def batch_loss(self, model: torch.nn.Module, inputs: dict[str, Any]) -> tuple[torch.Tensor, Any]:
        """Return the mean loss of the rows, and the model's outputs."""
        # without a number of items: no loss here is a sum to be divided by it
        return cast(Any, super().compute_loss(model, inputs, return_outputs=True))

    def loss_of(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Return the usual loss for given logits, of shape `(rows, labels)`."""
        model: Any = self.model
        if self.compute_loss_func is not None:  # first, as in Trainer
            return self.compute_loss_func({"logits": logits}, labels)
        if self.label_smoother is not None:
            return self.label_smoother({"logits": logits}, labels)
        if hasattr(model.config, "label_smoothing"):
            return classification_loss(model.config, logits, labels)
        return model.loss_function(labels=labels, pooled_logits=logits, config=model.config)

    def evaluation_loop(self, *args: Any, **kwargs: Any) -> Any:
        """
        Trainer's evaluation. With several processes or class weights, a classifier's loss is that of all rows at once.
        """
        output: Any = super().evaluation_loop(*args, **kwargs)
        losses = [name for name in output.metrics if name.endswith("_loss") and not name.endswith("_log_loss")]
        is_by_batch = self.args.world_size > 1 or self._class_weights() is not None
        found = output.predictions
        if is_by_batch and losses and isinstance(found, np.ndarray) and found.ndim == 2:  # not a row for each token
            loss = self.loss_of(torch.from_numpy(found), torch.from_numpy(output.label_ids))
            output.metrics[losses[0]] = float(loss)
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
            sampler = EpochSampler(sampler, self)
        elif isinstance(sampler, RandomSampler):
            sampler = RandomEpochSampler(sampler.data_source, self)
        elif isinstance(sampler, BatchRebalanceSampler):
            sampler = RebalancedEpochSampler(sampler, self)
        if sampler is None or isinstance(sampler, BatchRebalanceSampler):
            return sampler
        return divide_batches(sampler, self.args)

    def get_train_dataloader(self) -> torch.utils.data.DataLoader:
        """
        Trainer's data loader.

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
        """Trainer's data loader, with all rows: `--dataloader_drop_last` applies only to training."""
        chosen, self.args.dataloader_drop_last = self.args.dataloader_drop_last, False
        try:
            return super().get_eval_dataloader(*args, **kwargs)
        finally:
            self.args.dataloader_drop_last = chosen

    def _save_rng_state(self, output_dir: str) -> None:
        super()._save_rng_state(output_dir)
        self.accelerator.wait_for_everyone()  # the file that completes a checkpoint is written after this

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        """Evaluate as Trainer does; during training with the average of the weights, if there is one."""
        with self.averaged_weights(self.model):
            return super().evaluate(*args, **kwargs)

    def averaged_weights(self, model: Any) -> contextlib.AbstractContextManager[None]:
        """Give a model the average of its weights within a block, if it is in training and there is one."""
        return self.average.apply(model) if self.average and self.is_in_train else contextlib.nullcontext()

    def init_hf_repo(self, token: str | None = None, private: bool | None = None) -> None:
        """Trainer's method, called before training starts. It explains a refusal by the Hub in one sentence."""
        args = self.args
        if not self.is_world_process_zero():
            return
        name = args.hub_model_id or Path(args.output_dir).absolute().name  # type: ignore[arg-type]
        private = bool(args.hub_private_repo if private is None else private)
        self.hub_model_id: Any = open_repository(name, "model", private=private, token=token or args.hub_token)
        self.push_in_progress: Any = None

    def push_to_hub(self, *args: Any, **kwargs: Any) -> Any:
        """Refused: Trainer's push would replace a hand-written model card, and lacks `run.json`."""
        raise InputError("Push a run when it is complete: modeling-lstm push RUN me/name, or modeling_lstm.push.")

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Any] | None = None) -> None:
        if not self.args.should_save:
            return
        super()._save(output_dir, state_dict)
        if self.origin is not None and output_dir is not None:
            text = json.dumps(self.origin | {IN_BF16: bool(self.args.bf16)}, indent=2, ensure_ascii=False)
            Path(output_dir, ORIGIN).write_text(text, encoding="utf-8")
        Path(output_dir or str(self.args.output_dir), TRAINING_ARGS_NAME).unlink(missing_ok=True)  # a pickle
        if self.average and output_dir is not None:
            self.average.save(output_dir)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: torch.nn.Module | None = None) -> None:
        with _explain_damage(resume_from_checkpoint):
            super()._load_from_checkpoint(resume_from_checkpoint, model)
        self.resumed_from = resume_from_checkpoint

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        with _explain_damage(checkpoint):
            super()._load_optimizer_and_scheduler(checkpoint)

    def _load_rng_state(self, checkpoint: str | None) -> None:
        with _explain_damage(checkpoint):
            super()._load_rng_state(checkpoint)

    def _load_best_model(self) -> None:
        super()._load_best_model()
        model: Any = self.model
        if self.average and self.state.best_model_checkpoint is not None:
            self.average.load(self.state.best_model_checkpoint)
            self.average.copy_to(model)


# What reading a truncated file, or one with other content, raises
_DAMAGE = pickle.UnpicklingError, EOFError, SafetensorError, LookupError, TypeError, AttributeError


@contextlib.contextmanager
def _explain_damage(checkpoint: str | None) -> Iterator[None]:
    """Turn errors of a damaged checkpoint into an [`InputError`], but not those of a checkpoint of another model."""
    try:
        yield
    except Exception as error:  # whatever torch and safetensors raise
        if not isinstance(error, _DAMAGE) and "PytorchStreamReader" not in str(error):
            raise  # too little memory, for example
        raise InputError(
            f"The checkpoint {checkpoint!r} cannot be read. Remove it to resume from an earlier one, or start over "
            f"with --overwrite: {name_error(error)}"
        ) from error


def _has_token_labels(batch: dict[str, Any]) -> bool:
    """Whether a batch has a label at each token. Several labels of a text are numbers with a decimal point."""
    labels = batch.get("labels")
    return isinstance(labels, torch.Tensor) and labels.ndim == 2 and not labels.is_floating_point()


@functools.cache
def is_causal(name: str) -> bool:
    """Whether models of a class predict the next token at each one, so that the labels are shifted inside them."""
    names = MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values()
    return name in {one for some in names for one in ([some] if isinstance(some, str) else some)}


def word_table(model: Any) -> torch.nn.Parameter:
    """Return the embedding table of a model, of shape `(vocab_size, embedding_size)`."""
    return model.get_input_embeddings().weight


def make_score_function(task: Task) -> Callable[[EvalPrediction], dict[str, float]]:
    """Return the function that `Trainer` calls to turn predictions and labels into scores."""

    def compute(prediction: EvalPrediction) -> dict[str, float]:
        predictions = np.asarray(prediction.predictions)
        require(bool(np.isfinite(predictions).all()), "Training diverged: lower --learning_rate.")
        return task.scores(predictions, np.asarray(prediction.label_ids))

    return compute
