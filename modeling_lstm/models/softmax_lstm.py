"""The adaptive and the sampled softmax over a vocabulary, and their losses. Works as remote code."""

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from .recurrence_lstm import widen


def _table(head: nn.Module) -> tuple[torch.Tensor, torch.Tensor]:
    """
    Return the weights and biases of all tokens: `(vocab_size, size)` and `(vocab_size,)`.

    Raises:
        TypeError: The layer was replaced by another kind of module.
    """
    if not isinstance(head, nn.Linear):
        raise TypeError(
            f"An adaptive or sampled softmax reads the weights of an nn.Linear, found a {type(head).__module__}."
            f"{type(head).__name__} in its place: leave lm_head out of adapters and of quantize_dynamic."
        )
    hook: Any = getattr(head, "_hf_hook", None)  # from accelerate: it loads offloaded weights when `head` is called
    if hook is None:
        return head.weight, head.bias
    hook.pre_forward(head)
    found = head.weight, head.bias
    hook.post_forward(head, None)
    return found


def sampled_losses(
    states: torch.Tensor, targets: torch.Tensor, head: nn.Linear, frequencies: torch.Tensor, number: int
) -> torch.Tensor:
    """
    Return the loss of a sampled softmax (Jean et al., 2015).

    The softmax is computed over the targets of the batch and a sample of the vocabulary, shared by all positions,
    instead of the whole vocabulary. The score of each token is corrected by its probability of being among these
    candidates, which is close to 1 for frequent tokens.

    Args:
        states: The states to predict from, `(tokens, size)`.
        targets: The ids of the tokens to predict, `(tokens,)`.
        head: The layer that maps a state to the scores of the vocabulary.
        frequencies: How often each token occurs, `(vocab_size,)`. They need not add up to 1.
        number: Number of tokens to draw, with probabilities proportional to `frequencies ** 0.75`. Rare tokens are
            thus drawn more often than they occur.

    Returns:
        The loss of each position, `(tokens,)`.

    Raises:
        IndexError: A target is not in the vocabulary.
        TypeError: `head` was replaced by another kind of module.
    """
    table, bias = _table(head)
    frequencies = frequencies.float()  # their sum may exceed what fp16 can hold
    weights = frequencies.pow(0.75)
    drawn = torch.multinomial(weights, number, replacement=True)
    tokens, inverse = torch.unique(torch.cat([targets, drawn]), return_inverse=True)
    if not torch.compiler.is_compiling() and tokens[0] < 0:  # the smallest id; if negative, it would index from the end
        raise IndexError(f"Target {int(tokens[0])} is out of bounds.")
    expected = number * weights / weights.sum() + len(targets) * frequencies / frequencies.sum()
    likely = -torch.expm1(-expected[tokens])  # probability of at least one occurrence
    scores = F.linear(states, table[tokens], bias[tokens] - likely.clamp(min=1e-12).log().to(bias.dtype))
    return F.cross_entropy(widen(scores), inverse[: len(targets)], reduction="none")


Cluster = tuple[int, torch.Tensor, torch.Tensor]
"""The id of the first token of a cluster, and the weights `(tokens, size)` and biases `(tokens,)` of its tokens."""


class AdaptiveSoftmax(nn.Module):
    """
    The adaptive softmax (Grave et al., 2017) over a vocabulary sorted by frequency, the most frequent tokens first.

    One softmax covers the most frequent tokens and the clusters of the others, and another covers the tokens within
    each cluster. Unlike `torch.nn.AdaptiveLogSoftmaxWithLoss`, it scores all tokens with a single table, which can be
    tied to the word vectors.

    Args:
        size: Dimensions of a state.
        cutoffs: The id of the first token of each cluster, followed by the vocabulary size.
    """

    def __init__(self, size: int, cutoffs: list[int]):
        super().__init__()
        self.cutoffs = cutoffs
        self.clusters = nn.Linear(size, len(cutoffs) - 1)

    def losses(self, states: torch.Tensor, targets: torch.Tensor, head: nn.Linear) -> torch.Tensor:
        """Return the loss of each position, `(tokens,)`. For the arguments see [`sampled_losses`]."""
        first, *tails = self._parts(head)
        choices = targets.clone()
        kind = torch.promote_types(states.dtype, torch.float32)
        found = torch.zeros(len(targets), dtype=kind, device=targets.device)
        for number, (begin, weight, bias) in enumerate(tails):
            positions = ((targets >= begin) & (targets < begin + len(bias))).nonzero().squeeze(1)
            choices[positions] = self.cutoffs[0] + number
            if len(positions):
                scores = F.linear(states[positions], weight, bias)
                losses = F.cross_entropy(widen(scores), targets[positions] - begin, reduction="none")
                found = found.index_copy(0, positions, losses)
        return found + F.cross_entropy(widen(self._first_scores(states, first)), choices, reduction="none")

    def log_probabilities(self, states: torch.Tensor, head: nn.Linear) -> torch.Tensor:
        """Map states `(..., size)` to the log-probabilities of all tokens, `(..., vocab_size)`."""
        first, *tails = self._parts(head)
        chosen = widen(self._first_scores(states, first)).log_softmax(dim=-1)
        parts = [chosen[..., : self.cutoffs[0]]]
        for number, (_, weight, bias) in enumerate(tails):
            within = widen(F.linear(states, weight, bias)).log_softmax(dim=-1)
            parts.append(within + chosen[..., self.cutoffs[0] + number].unsqueeze(-1))
        return torch.cat(parts, dim=-1)

    def _first_scores(self, states: torch.Tensor, first: Cluster) -> torch.Tensor:
        _, weight, bias = first
        return torch.cat([F.linear(states, weight, bias), self.clusters(states)], dim=-1)

    def _parts(self, head: nn.Linear) -> list[Cluster]:
        """Split the table into the frequent tokens and each cluster; one `split` call, so the gradient is one table."""
        begins = [0, *self.cutoffs[:-1]]
        sizes = [end - begin for begin, end in zip(begins, self.cutoffs, strict=True)]
        table, bias = _table(head)
        return list(zip(begins, table.split(sizes), bias.split(sizes), strict=True))


__all__ = ["AdaptiveSoftmax", "sampled_losses"]
