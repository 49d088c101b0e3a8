"""`LanguageModelTrainer`: a `Trainer` that carries the state of a recurrent model from batch to batch."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from transformers import TrainerCallback

from ..models.cache_lstm import LstmCache
from ..tasks.language_modeling import LanguageModeling
from ..training.samplers import divide_batches
from ..training.task_trainer import TaskTrainer
from ..utils.errors import require
from .blocks import Blocks, BlockSampler

DIRECTIONS = ("forward", "backward")
STATE = "recurrent_state_{}.safetensors"  # in a checkpoint, one for each process


class LanguageModelTrainer(TaskTrainer):
    """
    A [`TaskTrainer`] for truncated backpropagation through time on [`Blocks`]. Its checkpoints also hold the state of
    the recurrence.

    Args:
        task: The task, which determines the direction and the scores.
        args: Arguments of [`TaskTrainer`]. `train_dataset` must be [`Blocks`], `eval_dataset` tokenized texts.
    """

    task: LanguageModeling

    def __init__(self, *args: Any, task: LanguageModeling, **kwargs: Any):
        self.caches: dict[str, LstmCache] = {}
        super().__init__(*args, task=task, **kwargs)
        self.add_callback(_EpochStates(self))

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        blocks: Any = self.train_dataset
        assert isinstance(blocks, Blocks)
        sampler: Any = BlockSampler(blocks, self)
        return divide_batches(sampler, self.args)

    def batch_loss(self, model: torch.nn.Module, inputs: dict[str, Any]) -> tuple[torch.Tensor, Any]:
        """Return the mean loss of the directions, and the output of the model."""
        losses, outputs = [], None
        is_stateful = self.accelerator.unwrap_model(model)._is_stateful
        for name in DIRECTIONS:
            if f"{name}_inputs" not in inputs:
                continue
            targets = inputs[f"{name}_targets"]
            more: dict[str, Any] = {"labels": targets}
            if is_stateful:
                is_second = name == "backward" and self.task.direction == "both"
                more = {"past_key_values": self.caches.get(name), "use_cache": True, "backward": is_second}
            outputs = model(inputs[f"{name}_inputs"], shift_labels=targets, **more)
            if is_stateful:
                self.caches[name] = outputs.past_key_values.detach()
            losses.append(outputs.loss)
        return torch.stack(losses).mean(), outputs

    def _set_signature_columns_if_needed(self) -> None:
        self._signature_columns: Any = [f"{name}_{what}" for name in DIRECTIONS for what in ("inputs", "targets")]

    def _weight_of(self, batch: dict[str, Any]) -> float:
        return float(len(next(iter(batch.values()))))

    def task_scores(self, model: Any, rows: Any) -> dict[str, float]:
        """Compute perplexities."""
        found = self.task.predict(model, self.processing_class, rows, self.args.per_device_eval_batch_size)
        indices = [index for index, name in enumerate(DIRECTIONS) if self.task.direction in (name, "both")]
        require(bool(np.isfinite(found[0][:, indices]).all()), "Training diverged: lower --learning_rate.")
        return self.task.scores(*found)

    def _save_rng_state(self, output_dir: str) -> None:
        tensors: dict[str, torch.Tensor] = {}
        for name, cache in self.caches.items():
            layers: list[Any] = cache.layers
            for number, layer in enumerate(layers):
                tensors[f"{name}.{number}.h"], tensors[f"{name}.{number}.c"] = layer.keys, layer.values
        if tensors:
            Path(output_dir).mkdir(parents=True, exist_ok=True)
            save_file(tensors, Path(output_dir) / STATE.format(self.args.process_index))
        super()._save_rng_state(output_dir)

    def _load_rng_state(self, checkpoint: str | None) -> None:
        super()._load_rng_state(checkpoint)
        is_between_epochs = float(self.state.epoch or 0).is_integer()  # each epoch begins without a state
        parts = [] if checkpoint is None or is_between_epochs else _read_states(Path(checkpoint), self.args.device)
        if not parts:
            return
        # Each process had every n-th row, and there may have been another number of processes
        own = slice(self.args.process_index, None, self.args.world_size)
        whole = {key: torch.stack([one[key] for one in parts], dim=1).flatten(0, 1) for key in parts[0]}
        tensors = {key: state[own].contiguous() for key, state in whole.items()}
        for name in {key.partition(".")[0] for key in tensors}:
            number = sum(key.startswith(f"{name}.") for key in tensors) // 2
            cache = LstmCache(number)
            for layer in range(number):
                cache.update(tensors[f"{name}.{layer}.h"], tensors[f"{name}.{layer}.c"], layer, 0)
            self.caches[name] = cache


def _read_states(checkpoint: Path, device: torch.device) -> list[dict[str, torch.Tensor]]:
    """Return the states of each process that wrote a checkpoint."""
    paths = [checkpoint / STATE.format(number) for number in range(len(list(checkpoint.glob(STATE.format("*")))))]
    return [load_file(path, device=str(device)) for path in paths]


class _EpochStates(TrainerCallback):
    """Clears the state at the beginning of each epoch, since its blocks are cut at other places."""

    def __init__(self, trainer: LanguageModelTrainer):
        self.trainer = trainer

    def on_epoch_begin(self, *_: Any, **__: Any) -> None:
        self.trainer.caches.clear()
