"""`TokenTrainer`: a trainer whose loss is the mean over tokens to predict, of which some rows have more than others."""

from typing import Any

from ..models.modeling_lstm_encoder_decoder import IGNORED
from .task_trainer import TaskTrainer


class TokenTrainer(TaskTrainer):
    """
    A [`TaskTrainer`] for labels at tokens. The gradient of a step is that of the mean over all its tokens, with
    `--gradient_accumulation_steps` and several processes too.
    """

    weights_batches = True

    def _weight_of(self, batch: dict[str, Any]) -> float:
        return float((batch["labels"] != IGNORED).sum())
