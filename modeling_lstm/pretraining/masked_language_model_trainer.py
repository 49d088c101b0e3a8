"""`MaskedLanguageModelTrainer`: a `Trainer` for blocks of text with masks."""

import math
from typing import Any

from ..training.samplers import divide_batches
from ..training.task_trainer import TaskTrainer
from ..utils.errors import require
from .masked_blocks import MaskedBlocks, MaskedBlockSampler


class MaskedLanguageModelTrainer(TaskTrainer):
    """
    A [`TaskTrainer`] that predicts the masked tokens of [`MaskedBlocks`].

    Args:
        task: The task, which determines the scores.
        args: Arguments of [`TaskTrainer`]. `train_dataset` must be [`MaskedBlocks`], `eval_dataset` tokenized texts.
    """

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        blocks: Any = self.train_dataset
        assert isinstance(blocks, MaskedBlocks)
        sampler = MaskedBlockSampler(blocks, self)
        return divide_batches(sampler, self.args)

    def task_scores(self, model: Any, rows: Any) -> dict[str, float]:
        """Compute the scores of masked tokens."""
        found = super().task_scores(model, rows)
        require(math.isfinite(found["loss"]), "Training diverged: lower --learning_rate.")
        return found
