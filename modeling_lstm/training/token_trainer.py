"""`TokenTrainer`: a trainer whose loss is the mean over tokens to predict, of which some rows have more than others."""

from typing import Any, cast

import torch

from ..models.modeling_lstm_encoder_decoder import IGNORED
from .task_trainer import TaskTrainer


class TokenTrainer(TaskTrainer):
    """
    A [`TaskTrainer`] for labels at tokens. The gradient of a step is that of the mean over all its tokens, with
    `--gradient_accumulation_steps` and several processes too.
    """

    def get_batch_samples(self, *args: Any, **kwargs: Any) -> tuple[list[Any], Any]:
        """Same as in the base class, but weight the batches of one step by their numbers of tokens to predict."""
        batches, items = super().get_batch_samples(*args, **kwargs)
        if len(batches) > 1:
            counts = torch.tensor([self._weight_of(one) for one in batches], device=self.args.device)
            counts = cast(torch.Tensor, self.accelerator.reduce(counts, "mean"))
            shares = self._shares or [1.0] * len(batches)
            mean = float(counts.mean()) or 1.0  # 0 if no token of any batch is to be predicted
            self._shares = [one * float(count) / mean for one, count in zip(shares, counts, strict=True)]
        return batches, items

    def _weight_of(self, batch: dict[str, Any]) -> float:
        return float((batch["labels"] != IGNORED).sum())
