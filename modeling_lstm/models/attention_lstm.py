"""Attention of a decoder to the states of an encoder, in two ways. Serves as remote code."""

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

MOST_NUMBERS = 2**26  # of the additive score that are in memory at once: 256 MB in fp32


class MultiplicativeAttention(nn.Module):
    """
    The score of Luong et al. (2015), equation 8, "general": that of a decoder state q and an encoder state s is
    `q W s`.

    Args:
        query_size: Dimensions of a decoder state.
        value_size: Dimensions of an encoder state.
    """

    def __init__(self, query_size: int, value_size: int):
        super().__init__()
        self.key = nn.Linear(value_size, query_size, bias=False)

    def keys(self, values: torch.Tensor) -> torch.Tensor:
        """What of the encoder's states `(batch, source, value_size)` is the same for each token that is written."""
        return self.key(values)

    def forward(
        self, queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, mask: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """
        Args:
            queries: Decoder states, `(batch, target, query_size)`.
            keys: What [`keys`] gave.
            values: Encoder states, `(batch, source, value_size)`.
            mask: True at tokens of the source, `(batch, source)`.

        Returns:
            The weighted mean of the encoder's states, `(batch, target, value_size)`, and the weights,
            `(batch, target, source)`, which are 0 at padding and add up to 1.
        """
        return _read(torch.bmm(queries, keys.transpose(1, 2)), values, mask)


class AdditiveAttention(nn.Module):
    """
    The score of Bahdanau et al. (2015), appendix A.1.2: `v tanh(W q + U s)`. As in Luong et al., q is the decoder's
    state at the token, and what is read does not go back into the recurrence, which is then one dense call.

    Args:
        query_size: Dimensions of a decoder state, and of the layer between.
        value_size: Dimensions of an encoder state.
    """

    def __init__(self, query_size: int, value_size: int):
        super().__init__()
        self.query = nn.Linear(query_size, query_size, bias=False)
        self.key = nn.Linear(value_size, query_size)
        self.score = nn.Linear(query_size, 1, bias=False)

    def keys(self, values: torch.Tensor) -> torch.Tensor:
        """As in [`MultiplicativeAttention`]."""
        return self.key(values)

    def forward(
        self, queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, mask: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """As in [`MultiplicativeAttention`]."""
        tokens = max(1, MOST_NUMBERS // max(1, keys.numel()))  # to score at once
        parts = self.query(queries).split(tokens, dim=1)
        if len(parts) > 1 and torch.is_grad_enabled():  # computed again on the way back, so that it is not kept
            scores = [checkpoint(self._scores, part, keys, use_reentrant=False) for part in parts]
        else:
            scores = [self._scores(part, keys) for part in parts]
        return _read(torch.cat(scores, dim=1), values, mask)

    def _scores(self, queries: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
        return self.score(torch.tanh(queries.unsqueeze(2) + keys.unsqueeze(1))).squeeze(-1)


def _read(scores: torch.Tensor, values: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """From scores to weights and the mean; of a source without tokens all is padding, and the mean is of zeros."""
    scores = scores.masked_fill(~mask.unsqueeze(1), torch.finfo(scores.dtype).min)
    weights = scores.softmax(dim=-1)
    return torch.bmm(weights, values), weights


ATTENTIONS: dict[str, type[MultiplicativeAttention] | type[AdditiveAttention]] = {
    "luong": MultiplicativeAttention,
    "bahdanau": AdditiveAttention,
}


__all__ = ["ATTENTIONS", "AdditiveAttention", "MultiplicativeAttention"]
