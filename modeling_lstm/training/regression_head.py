"""
The head of a Transformer that predicts a number. It learns in a unit near the standard deviation of the targets, as the
networks of this package do: with targets of 50 ± 10 and a learning rate for fine-tuning, it would not reach them.
"""

import logging
import math
from typing import Any

import torch
from torch.nn import functional as F

logger = logging.getLogger(__name__)

FAR = 10.0  # largest mean of targets, and largest factor of their standard deviation from 1, not to warn


class ScaledHead(torch.nn.Linear):
    """
    A linear layer whose output is multiplied by a unit. Its state holds the weights of an ordinary layer with the same
    output, so that a saved model needs no other class. The unit is a power of two, which keeps all digits.

    Args:
        head: The layer whose weights it takes.
        unit: The unit.
        start: The number that a new layer, whose bias is 0, predicts at first.
    """

    def __init__(self, head: torch.nn.Linear, unit: float, start: float):
        torch.nn.Module.__init__(self)
        self.in_features, self.out_features = head.in_features, head.out_features
        self.weight, self.bias, self.unit = head.weight, head.bias, unit
        with torch.no_grad():
            if bool((head.bias == 0).all()):
                self.bias.fill_(start / unit)
            else:  # learned before
                self.weight.div_(unit)
                self.bias.div_(unit)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Compute the numbers, in fp32: with bf16, all digits would go into the mean of the targets."""
        with torch.autocast(input.device.type, enabled=False):
            return F.linear(input.float(), self.weight.float(), self.bias.float()) * self.unit

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        for name in ("weight", "bias"):
            destination[prefix + name] = destination[prefix + name] * self.unit

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        for name in ("weight", "bias"):
            if prefix + name in state_dict:
                state_dict[prefix + name] = state_dict[prefix + name] / self.unit
        super()._load_from_state_dict(state_dict, prefix, *args)


def find_unit(deviation: float) -> float:
    """Return the power of two that is nearest to the standard deviation of targets; 1 if all are the same."""
    return 2.0 ** round(math.log2(deviation)) if deviation > 0 else 1.0


def scale_head(model: torch.nn.Module, mean: float, deviation: float) -> None:
    """
    Have the head of a model learn in the unit of targets with this mean and standard deviation. If it has no linear
    layer with a bias at its end, warn if the targets are far from 0 and 1.
    """
    heads = [(name, one) for name, one in model.named_modules() if isinstance(one, torch.nn.Linear)]
    name, head = next(((name, one) for name, one in reversed(heads) if one.out_features == 1), ("", None))
    if head is not None and head.bias is not None:
        model.set_submodule(name, ScaledHead(head, find_unit(deviation), mean))
    elif max(abs(mean), deviation) > FAR or 0 < deviation < 1 / FAR:
        logger.warning(
            "The numbers to predict have a mean of %.4g and a standard deviation of %.4g, which this Transformer "
            "learns badly: scale them to about 0 and 1 first.",
            mean,
            deviation,
        )
