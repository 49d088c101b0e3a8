"""Multiplicative and additive attention of a decoder to encoder states. Works as remote code."""

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

MAX_NUMBERS = 2**26  # values of the additive score that are in memory at once: 256 MB in fp32


class MultiplicativeAttention(nn.Module):
    """
    The "general" score of Luong et al. (2015), equation 8: `q W s` for a decoder state q and an encoder state s.

    Args:
        query_size: Dimensions of a decoder state.
        value_size: Dimensions of an encoder state.
    """

    def __init__(self, query_size: int, value_size: int):
        super().__init__()
        self.key = nn.Linear(value_size, query_size, bias=False)

    def keys(self, values: torch.Tensor) -> torch.Tensor:
        """Project encoder states `(batch, source, value_size)` to keys `(batch, source, query_size)`."""
        return self.key(values)

    def forward(
        self, queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, mask: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """
        Args:
            queries: Decoder states, `(batch, target, query_size)`.
            keys: The result of [`keys`].
            values: Encoder states, `(batch, source, value_size)`.
            mask: True at tokens of the source, `(batch, source)`.

        Returns:
            The weighted mean of the encoder states, `(batch, target, value_size)`, and the weights,
            `(batch, target, source)`, which are 0 at padding and add up to 1.
        """
        return _read(torch.bmm(queries, keys.transpose(1, 2)), values, mask)


class AdditiveAttention(nn.Module):
    """
    The score of Bahdanau et al. (2015), appendix A.1.2: `v tanh(W q + U s)`. As in Luong et al., q is the decoder
    state at the current token. The context is not fed back into the recurrence, which thus remains one dense call.

    Args:
        query_size: Dimensions of a decoder state and of the hidden layer.
        value_size: Dimensions of an encoder state.
    """

    def __init__(self, query_size: int, value_size: int):
        super().__init__()
        self.query = nn.Linear(query_size, query_size, bias=False)
        self.key = nn.Linear(value_size, query_size)
        self.score = nn.Linear(query_size, 1, bias=False)

    def keys(self, values: torch.Tensor) -> torch.Tensor:
        """See [`MultiplicativeAttention.keys`]."""
        return self.key(values)

    def forward(
        self, queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, mask: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """See [`MultiplicativeAttention.forward`]."""
        tokens = max(1, MAX_NUMBERS // max(1, keys.numel()))  # to score at once
        parts = self.query(queries).split(tokens, dim=1)
        if len(parts) > 1 and torch.is_grad_enabled():  # to save memory, compute them again in the backward pass
            scores = [checkpoint(self._scores, part, keys, use_reentrant=False) for part in parts]
        else:
            scores = [self._scores(part, keys) for part in parts]
        return _read(torch.cat(scores, dim=1), values, mask)

    def _scores(self, queries: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
        return self.score(torch.tanh(queries.unsqueeze(2) + keys.unsqueeze(1))).squeeze(-1)


def _read(scores: torch.Tensor, values: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Compute the weights and the weighted mean. For a source without tokens, the mean is zero."""
    scores = scores.masked_fill(~mask.unsqueeze(1), torch.finfo(scores.dtype).min)
    weights = scores.softmax(dim=-1)
    return torch.bmm(weights, values), weights


ATTENTIONS: dict[str, type[MultiplicativeAttention] | type[AdditiveAttention]] = {
    "luong": MultiplicativeAttention,
    "bahdanau": AdditiveAttention,
}


__all__ = ["ATTENTIONS", "AdditiveAttention", "MultiplicativeAttention"]
