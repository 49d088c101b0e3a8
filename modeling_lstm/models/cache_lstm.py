"""`LstmCache`: what an LSTM or a GRU remembers of the tokens so far, in the form that `generate` carries along."""

from typing import Any

import torch
from transformers.cache_utils import Cache, CacheLayerMixin

from .recurrence_lstm import State


class LstmCacheLayer(CacheLayerMixin):
    """
    h and c of one layer, as `keys` and `values`, so that what the library does with these (beams, moving to another
    device) it does with them. Both are `(batch, hidden_size)`; of a GRU, which has no c, `values` is `(batch, 0)`.
    """

    supports_early_init = False

    def __init__(self) -> None:
        super().__init__()
        self.cumulative_length = 0

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        """Note where the states are."""
        self.dtype, self.device = key_states.dtype, key_states.device
        self.is_initialized = True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Replace h and c by those after `args[0]` tokens more."""
        self.lazy_initialization(key_states, value_states)
        self.keys, self.values = key_states, value_states
        self.cumulative_length += args[0]
        return key_states, value_states

    def get_seq_length(self) -> int:
        """Tokens read so far."""
        return self.cumulative_length

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """A recurrence needs no mask over earlier tokens; the sizes are those of one that sees all of them."""
        return self.cumulative_length + query_length, 0

    def get_max_length(self) -> int:
        """There is no longest text."""
        return -1


class LstmCache(Cache):
    """The state of each layer after the tokens so far. It takes the same memory after any number of tokens."""

    def __init__(self, num_hidden_layers: int):
        super().__init__(layers=[LstmCacheLayer() for _ in range(num_hidden_layers)])

    def read(self) -> State | None:
        """h and c, `(layers, batch, hidden_size)` each; `None` before the first token."""
        layers: list[Any] = self.layers
        if layers[0].keys is None:
            return None
        h, c = (torch.stack([getattr(layer, name) for layer in layers]) for name in ("keys", "values"))
        return h, c if c.shape[-1] else None

    def write(self, h: torch.Tensor, c: torch.Tensor | None, tokens: int) -> None:
        """Take the state after so many tokens more; `h` and `c` are `(layers, batch, hidden_size)`."""
        values = h[..., :0] if c is None else c
        for number in range(len(self.layers)):
            self.update(h[number], values[number], number, tokens)

    def detach(self) -> "LstmCache":
        """Cut the state off from the graph that it came out of: truncated backpropagation through time."""
        for layer in self.layers:
            one: Any = layer
            one.keys, one.values = one.keys.detach(), one.values.detach()
        return self


def read_cache(cache: LstmCache | None) -> State | None:
    """
    What [`LstmCache.read`] gives; `None` without a cache.

    Raises:
        ValueError: it is one of keys and values, as a Transformer's.
    """
    if cache is not None and not isinstance(cache, LstmCache):
        raise ValueError(
            "past_key_values must be the LstmCache that a call with use_cache=True returned, found "
            f"{type(cache).__name__}."
        )
    return None if cache is None else cache.read()


__all__ = ["LstmCache", "read_cache"]
