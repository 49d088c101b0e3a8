"""`DistillationTrainer`: a `Trainer` whose rows have a teacher's logits."""

from typing import Any

import torch

from ..training.lstm_trainer import LstmTrainer
from .arguments import DistillationArguments
from .loss import divergence, logit_loss

LOGITS = "teacher_logits"
UNLABELED = -100  # in place of a label's number; NaN in place of a float label


class DistillationTrainer(LstmTrainer):
    """
    `Trainer` for a student. Its training rows have a column `teacher_logits`, of shape `(labels,)`, besides `input_ids`
    and `label`, which is -100 (NaN for multi-label tasks and regression) if the true label is unknown. Rows without
    that column, such as validation rows, have the usual loss on their labels.

    Args:
        distillation: The weights of the parts of the loss, and the temperature.
        args, kwargs: The arguments of `Trainer`.

    Raises:
        ValueError: the model's configuration has no `problem_type`.
    """

    def __init__(self, *args: Any, distillation: DistillationArguments, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.distillation = distillation
        config: Any = self.model.config  # type: ignore[union-attr]
        if config.problem_type is None:
            raise ValueError("A student's config.problem_type must say which task it is, found None.")
        self.problem_type: str = config.problem_type

    def _set_signature_columns_if_needed(self) -> None:
        super()._set_signature_columns_if_needed()
        columns: Any = self._signature_columns
        if LOGITS not in columns:
            columns.append(LOGITS)

    def batch_loss(self, model: torch.nn.Module, inputs: dict[str, Any]) -> tuple[torch.Tensor, Any]:
        """Return the weighted sum of the logit loss, the divergence, and the loss on the rows with a true label."""
        if LOGITS not in inputs:
            return super().batch_loss(model, inputs)
        chosen = self.distillation
        inputs = dict(inputs)
        teacher_logits, labels = inputs.pop(LOGITS).float(), inputs.pop("labels", None)
        outputs = model(**inputs)
        logits = outputs.logits.float()
        unit = self._unit()
        loss = chosen.logit_weight * logit_loss(logits / unit, teacher_logits / unit)
        if chosen.divergence_weight:
            loss = loss + chosen.divergence_weight * divergence(
                self.problem_type, logits, teacher_logits, chosen.temperature
            )
        if chosen.label_weight and labels is not None:
            loss = loss + chosen.label_weight * self._label_loss(logits, labels)
        return loss, outputs

    def _unit(self) -> float:
        """Return the unit of a regression's loss on true labels: the standard deviation of the targets."""
        config: Any = getattr(self.model, "config", None)
        return float(getattr(self.compute_loss_func, "deviation", getattr(config, "target_scale", 1.0)))

    def _weight_of(self, batch: dict[str, Any]) -> float:
        """
        Return the number of rows: the loss on true labels, too, is divided by it, so every row counts the same. With
        class weights, each batch weights its own rows, so several of them in a step do not learn exactly as one would.
        """
        return float(len(batch["input_ids"]))

    def _label_loss(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Return the usual loss of the labeled rows, times their share of the batch: every row counts the same."""
        is_known = ~labels.isnan() if labels.is_floating_point() else labels != UNLABELED
        is_known = is_known.reshape(len(labels), -1).all(dim=1)
        if not bool(is_known.any()):
            return logits.new_zeros(())
        return self.loss_of(logits[is_known], labels[is_known]) * is_known.float().mean()
