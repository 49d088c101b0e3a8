"""Layer-wise fine-tuning: lower layers learn more slowly and start later (Howard and Ruder, 2018)."""

import re
from collections.abc import Iterable
from typing import Any

import torch
from transformers import TrainerCallback, TrainerState


def find_depths(model: Any) -> dict[str, int]:
    """
    Return for each parameter of a classifier how far its layer is from the top: 0 above the recurrent layers, then one
    more for each recurrent layer going down, and the most for the word vectors.
    """
    layers = int(model.config.num_hidden_layers)
    depths = {}
    for name, _ in model.named_parameters():
        layer = re.search(r"\.rnn\.\w+?_l(\d+)", name)
        if "word_embeddings" in name:
            depths[name] = layers + 1
        else:
            depths[name] = layers - int(layer[1]) if layer else 0
    return depths


def set_rate(optimizer: torch.optim.Optimizer, parameters: Iterable[torch.nn.Parameter], rate: float) -> None:
    """Give parameters a learning rate of their own."""
    chosen = set(parameters)
    apart: list[dict[str, Any]] = []
    for group in optimizer.param_groups:
        if own := [one for one in group["params"] if one in chosen]:
            apart.append(group | {"params": own, "lr": rate})
        group["params"] = [one for one in group["params"] if one not in chosen]
    optimizer.param_groups[:] = [group for group in (*optimizer.param_groups, *apart) if group["params"]]


def lower_rates(optimizer: torch.optim.Optimizer, model: Any, decay: float) -> None:
    """Set the learning rate of each layer to that of the layer above divided by `decay`."""
    depths = find_depths(model)
    depth_of = {parameter: depths[name] for name, parameter in model.named_parameters()}
    groups = []
    for group in optimizer.param_groups:
        for depth in sorted({depth_of[one] for one in group["params"]}):
            own = [one for one in group["params"] if depth_of[one] == depth]
            groups.append(group | {"params": own, "lr": group["lr"] / decay**depth})
    optimizer.param_groups[:] = groups


class Unfreezing(TrainerCallback):
    """
    Trains only the new layers at first, and unfreezes one more layer, from the top down, every few epochs.

    Args:
        epochs: Epochs before each further layer is unfrozen.
    """

    def __init__(self, epochs: int):
        self.epochs = epochs
        self.model: Any = None

    def on_train_begin(self, args: Any, state: TrainerState, control: Any, model: Any = None, **_: Any) -> None:
        # only now: `model_init` may make another model, and creating the optimizer freezes a table that is not trained
        if model is not self.model:
            self.model, self.depths = model, find_depths(model)
            self.trained = {name for name, one in self.model.named_parameters() if one.requires_grad}
        self._set(max(self.depths.values()))  # `auto_find_batch_size` may begin again while layers are frozen

    def on_epoch_begin(self, args: Any, state: TrainerState, control: Any, **_: Any) -> None:
        self._set(int(state.epoch or 0) // self.epochs)

    def on_train_end(self, args: Any, state: TrainerState, control: Any, **_: Any) -> None:
        self._set(max(self.depths.values()))

    def _set(self, deepest: int) -> None:
        for name, one in self.model.named_parameters():
            one.requires_grad_(name in self.trained and self.depths[name] <= deepest)
