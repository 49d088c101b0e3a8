"""`LstmCache`: the state of an LSTM or GRU after the tokens read so far, in the form that `generate` expects."""

from typing import Any

import torch
from transformers.cache_utils import Cache, CacheLayerMixin

from .recurrence_lstm import State


class LstmCacheLayer(CacheLayerMixin):
    """
    h and c of one layer, stored as `keys` and `values`, so that the library can process them (reorder beams, move them
    to another device). Both have shape `(batch, hidden_size)`. A GRU has no c: its `values` are `(batch, 0)`.
    """

    supports_early_init = False

    def __init__(self) -> None:
        super().__init__()
        self.cumulative_length = 0

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        """Store the type and device of the states."""
        self.dtype, self.device = key_states.dtype, key_states.device
        self.is_initialized = True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Replace h and c by the states after `args[0]` more tokens."""
        self.lazy_initialization(key_states, value_states)
        self.keys, self.values = key_states, value_states
        self.cumulative_length += args[0]
        return key_states, value_states

    def get_seq_length(self) -> int:
        """Return the number of tokens read so far."""
        return self.cumulative_length

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Return the sizes of a mask that covers all tokens so far. A recurrence does not use such a mask."""
        return self.cumulative_length + query_length, 0

    def get_max_length(self) -> int:
        """Return -1: the length is not limited."""
        return -1

    def batch_repeat_interleave(self, repeats: int) -> None:
        """Repeat the state of each text, to continue it in several ways."""
        if self.keys is not None and self.values is not None:
            self.keys, self.values = (one.repeat_interleave(repeats, dim=0) for one in (self.keys, self.values))

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        """Keep the states of these texts, `(texts,)`."""
        if self.keys is not None and self.values is not None:
            self.keys, self.values = self.keys[indices], self.values[indices]

    def crop(self, tokens_to_remove: int) -> None:
        """
        Refuse to forget tokens: the states before them are gone.

        Raises:
            ValueError: Always.
        """
        raise ValueError("The state of a recurrence cannot go back to earlier tokens: copy it before you continue.")


def check_new_tokens(number: int | None, cache: Cache | None) -> None:
    """
    Check what `generate` is going to read after a given state.

    Args:
        number: The number of tokens that the state has not read, or `None` if all are new.
        cache: The state.

    Raises:
        ValueError: There is no such token.
    """
    if number is not None and number < 1:
        read = 0 if cache is None else cache.get_seq_length()
        raise ValueError(
            f"The state in past_key_values has read {read} tokens, and the input has {read + number}: pass all tokens "
            "so far, and at least one that it has not read."
        )


class LstmCache(Cache):
    """The state of each layer after the tokens read so far. Its size does not depend on the number of tokens."""

    def __init__(self, num_hidden_layers: int):
        super().__init__(layers=[LstmCacheLayer() for _ in range(num_hidden_layers)])

    def read(self) -> State | None:
        """Return h and c (`None` for a GRU), each `(layers, batch, hidden_size)`; `None` before the first token."""
        layers: list[Any] = self.layers
        if layers[0].keys is None:
            return None
        h, c = (torch.stack([getattr(layer, name) for layer in layers]) for name in ("keys", "values"))
        return h, c if c.shape[-1] else None

    def write(self, h: torch.Tensor, c: torch.Tensor | None, tokens: int) -> None:
        """Store the state after `tokens` more tokens. `h` and `c` are `(layers, batch, hidden_size)`."""
        values = h[..., :0] if c is None else c
        for number in range(len(self.layers)):
            self.update(h[number], values[number], number, tokens)

    def detach(self) -> "LstmCache":
        """Detach the state from the graph, for truncated backpropagation through time."""
        for layer in self.layers:
            one: Any = layer
            if one.keys is not None:
                one.keys, one.values = one.keys.detach(), one.values.detach()
        return self


def begin_cache(config: Any, generation_config: Any, model_kwargs: dict[str, Any]) -> None:
    """Add an empty cache to what `generate` passes on, if it reads the prompt in pieces (`prefill_chunk_size`)."""
    is_in_pieces = generation_config.prefill_chunk_size is not None and generation_config.use_cache is not False
    if is_in_pieces and model_kwargs.get("past_key_values") is None:
        model_kwargs["past_key_values"] = LstmCache(config.num_hidden_layers)


def read_cache(cache: LstmCache | None, config: Any) -> State | None:
    """
    Return the result of [`LstmCache.read`], or `None` without a cache.

    Args:
        cache: The cache.
        config: The configuration of the model that goes on from it.

    Raises:
        ValueError: The cache is not an [`LstmCache`], but that of a Transformer, for example, or is of a model with
            another cell, size or number of layers.
    """
    if cache is not None and not isinstance(cache, LstmCache):
        raise ValueError(
            "past_key_values must be the LstmCache that a call with use_cache=True returned, found "
            f"{type(cache).__name__}."
        )
    state = None if cache is None else cache.read()
    if cache is not None and state is not None:
        h, c = state
        found = "GRU" if c is None else "LSTM", len(cache.layers), h.shape[-1]
        expected = config.cell_type.upper(), config.num_hidden_layers, config.hidden_size
        if found != expected:
            raise ValueError(
                "past_key_values must be of the same kind of model: expected cell, layers and hidden_size "
                f"{expected}, found {found}."
            )
    return state


__all__ = ["LstmCache", "read_cache"]
