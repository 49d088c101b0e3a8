"""`WeightAverage`: a moving average of the weights, steadier than the latest weights (Polyak and Juditsky, 1992)."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn

UPDATES = 50  # within the horizon; each costs a pass over all weights
MIN_STEPS = 4  # between two updates


class WeightAverage:
    """
    An exponential moving average of a model's trained weights, kept beside them.

    Args:
        model: The model. The average starts from its current weights.
        horizon: Optimizer steps to average over: the decay is `1 - 1 / horizon`, and smaller in the first steps.
        settle: Called before the weights are read or set, to bring them up to date if the optimizer delays updates.
    """

    file = "average.safetensors"

    def __init__(self, model: nn.Module, horizon: float, settle: Callable[[], None] | None = None):
        self.decay = 1.0 - 1.0 / max(1.0, horizon)
        self.every = max(MIN_STEPS, round(horizon / UPDATES))
        self.settle = settle
        self.weights = {name: one.detach().clone() for name, one in self._find_trained(model)}

    def _find_trained(self, model: nn.Module) -> list[tuple[str, nn.Parameter]]:
        if self.settle is not None:
            self.settle()
        return [(name, one) for name, one in model.named_parameters() if one.requires_grad]

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Update the average after optimizer step `step`: after each of the first steps, later only every few steps."""
        if step % self.every and step >= self.every:
            return
        kept = min(self.decay, (1 + step) / (10 + step)) ** self.every
        for name, one in self._find_trained(model):
            self.weights[name].lerp_(one, 1.0 - kept)

    @torch.no_grad()
    def copy_to(self, model: nn.Module) -> None:
        """Set the model's weights to the average."""
        for name, one in self._find_trained(model):
            one.copy_(self.weights[name])

    @contextlib.contextmanager
    def apply(self, model: nn.Module) -> Iterator[None]:
        """Use the average as the model's weights inside the context, and restore the model's own weights after it."""
        own = {name: one.detach().clone() for name, one in self._find_trained(model)}
        self.copy_to(model)
        try:
            yield
        finally:
            with torch.no_grad():
                for name, one in self._find_trained(model):
                    one.copy_(own[name])

    def save(self, folder: str | Path) -> None:
        """Write the average into a checkpoint folder."""
        save_file(self.weights, Path(folder) / self.file)

    def load(self, folder: str | Path) -> None:
        """Read what [`save`] wrote."""
        for name, one in load_file(Path(folder) / self.file).items():
            self.weights[name].copy_(one)
