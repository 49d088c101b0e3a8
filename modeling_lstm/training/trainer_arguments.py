"""`transformers.TrainingArguments` with defaults that suit an LSTM."""

import logging
from dataclasses import dataclass
from typing import Any

import torch
from transformers import TrainingArguments

from ..utils.errors import require
from ..utils.processes import count_processes, count_processes_here
from .arguments import TrainerSettings
from .limits import check_choices, check_combinations, check_numbers, check_optimizer, check_parts
from .optimizer import choose_optimizer

logger = logging.getLogger(__name__)


@dataclass
class LstmTrainingArguments(TrainerSettings, TrainingArguments):  # type: ignore[misc]  # theirs may be None
    """`transformers.TrainingArguments` with defaults that suit an LSTM, and the settings of [`TrainerSettings`]."""

    def __post_init__(self) -> None:
        require(bool(self.output_dir), "Name the run folder with --output_dir.")
        between = (self.eval_steps or self.logging_steps) if self.eval_strategy == "steps" else 500
        if self.save_steps is None:
            self.save_steps = between
        check_numbers(self)
        check_choices(self)
        check_combinations(self, between)
        self._choose_device()
        super().__post_init__()
        if self.n_gpu > 1:
            logger.info("Training on the first of %d GPUs; torchrun --nproc_per_node uses all of them.", self.n_gpu)
            self._n_gpu = 1  # Trainer would use `DataParallel` on all, which does not split carried-over state
        check_parts(self)
        check_optimizer(self, choose_optimizer)

    def _choose_device(self) -> None:
        """Use the CPU where transformers would reject the settings. Raise if there are fewer GPUs than processes."""
        found: Any = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
        device, is_shared = "cpu" if found is None else found.type, count_processes() > 1
        if (self.bf16 and device == "cpu") or (is_shared and device in ("cpu", "mps")):
            self.use_cpu = True  # otherwise transformers rejects bf16, and does not connect the processes
        here, gpus = count_processes_here(), torch.cuda.device_count()
        require(
            bool(self.use_cpu) or not is_shared or device != "cuda" or here <= gpus,
            f"This machine has {gpus} GPUs, fewer than the {here} processes: add --use_cpu true, or start fewer with "
            "--nproc_per_node.",
        )
