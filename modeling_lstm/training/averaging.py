"""`WeightAverage`: a moving average of the weights, steadier than the last ones (Polyak and Juditsky, 1992)."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn

EVERY = 4  # optimizer steps between two updates, which cost one pass over all weights


class WeightAverage:
    """
    An exponential moving average of a model's trained weights, kept beside them.

    Args:
        model: The model; its weights now are where the average begins.
        horizon: Optimizer steps over which it averages: the decay is `1 - 1 / horizon`, less in the first steps.
    """

    file = "average.safetensors"

    def __init__(self, model: nn.Module, horizon: float):
        self.decay = 1.0 - 1.0 / max(1.0, horizon)
        self.weights = {name: one.detach().clone() for name, one in self._trained(model)}

    @staticmethod
    def _trained(model: nn.Module) -> list[tuple[str, nn.Parameter]]:
        return [(name, one) for name, one in model.named_parameters() if one.requires_grad]

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Take in the weights after optimizer step `step`, an [`EVERY`]th one or one of the first."""
        kept = min(self.decay, (1 + step) / (10 + step)) ** EVERY
        for name, one in self._trained(model):
            self.weights[name].lerp_(one, 1.0 - kept)

    @torch.no_grad()
    def copy_to(self, model: nn.Module) -> None:
        """Set the model's weights to the average."""
        for name, one in self._trained(model):
            one.copy_(self.weights[name])

    @contextlib.contextmanager
    def apply(self, model: nn.Module) -> Iterator[None]:
        """The model with the average for its weights, and afterwards with its own again."""
        own = {name: one.detach().clone() for name, one in self._trained(model)}
        self.copy_to(model)
        try:
            yield
        finally:
            with torch.no_grad():
                for name, one in self._trained(model):
                    one.copy_(own[name])

    def save(self, folder: str | Path) -> None:
        """Write the average beside a checkpoint's weights."""
        save_file(self.weights, Path(folder) / self.file)

    def load(self, folder: str | Path) -> None:
        """Read what [`save`] wrote."""
        for name, one in load_file(Path(folder) / self.file).items():
            self.weights[name].copy_(one)
