"""The distribution over a vocabulary, and its loss, in three ways: whole, adaptive, or in training sampled."""

import torch
from torch import nn
from torch.nn import functional as F


def _table(head: nn.Module) -> tuple[torch.Tensor, torch.Tensor]:
    """
    Weights and biases of all tokens: `(vocab_size, size)` and `(vocab_size,)`.

    Raises:
        TypeError: another module took the place of the layer.
    """
    if not isinstance(head, nn.Linear):
        raise TypeError(
            f"An adaptive or sampled softmax reads the weights of an nn.Linear, found a {type(head).__module__}."
            f"{type(head).__name__} in its place: leave lm_head out of adapters and of quantize_dynamic."
        )
    return head.weight, head.bias


def sampled_losses(
    states: torch.Tensor, targets: torch.Tensor, head: nn.Linear, frequencies: torch.Tensor, number: int
) -> torch.Tensor:
    """
    Sampled softmax (Jean et al., 2015): the targets of a batch and a sample of the vocabulary, which all positions
    share, in place of the vocabulary. The score of each token is corrected for how likely it is to be among them, which
    for frequent ones is certain.

    Args:
        states: `(tokens, size)`.
        targets: `(tokens,)`.
        head: From a state to the scores of the vocabulary.
        frequencies: How often each token occurs, `(vocab_size,)`; they need not add up to 1.
        number: Tokens to draw. More often than by their frequency are rare ones drawn: by its power of 0.75.

    Returns:
        The loss of each position, `(tokens,)`.

    Raises:
        IndexError: a target is none of the vocabulary.
        TypeError: another module took the place of `head`.
    """
    table, bias = _table(head)
    weights = frequencies.pow(0.75)
    drawn = torch.multinomial(weights, number, replacement=True)
    tokens, places = torch.unique(torch.cat([targets, drawn]), return_inverse=True)
    if not torch.compiler.is_compiling() and tokens[0] < 0:  # the least; it would be counted from the end
        raise IndexError(f"Target {int(tokens[0])} is out of bounds.")
    expected = number * weights / weights.sum() + len(targets) * frequencies / frequencies.sum()
    likely = -torch.expm1(-expected[tokens])  # at least once among as many draws
    scores = F.linear(states, table[tokens], bias[tokens] - likely.clamp(min=1e-12).log())
    return F.cross_entropy(scores.float(), places[: len(targets)], reduction="none")


Cluster = tuple[int, torch.Tensor, torch.Tensor]
"""The number of the first token, and weights and biases of all: `(tokens, size)` and `(tokens,)`."""


class AdaptiveSoftmax(nn.Module):
    """
    The adaptive softmax (Grave et al., 2017) over a vocabulary whose frequent tokens come first. The first ones and
    the clusters of the others are chosen from together, then a token within its cluster. Unlike
    `torch.nn.AdaptiveLogSoftmaxWithLoss` it takes the scores of tokens from one table, which may be that of the word
    vectors.

    Args:
        size: Dimensions of a state.
        cutoffs: The number of the first token of each cluster, and at the end the size of the vocabulary.
    """

    def __init__(self, size: int, cutoffs: list[int]):
        super().__init__()
        self.cutoffs = cutoffs
        self.clusters = nn.Linear(size, len(cutoffs) - 1)

    def losses(self, states: torch.Tensor, targets: torch.Tensor, head: nn.Linear) -> torch.Tensor:
        """The loss of each position, `(tokens,)`; arguments as for [`sampled_losses`]."""
        first, *tails = self._parts(head)
        choices = targets.clone()
        found = torch.zeros(len(targets), dtype=torch.float32, device=targets.device)
        for number, (begin, weight, bias) in enumerate(tails):
            places = ((targets >= begin) & (targets < begin + len(bias))).nonzero().squeeze(1)
            choices[places] = self.cutoffs[0] + number
            if len(places):
                scores = F.linear(states[places], weight, bias)
                losses = F.cross_entropy(scores.float(), targets[places] - begin, reduction="none")
                found = found.index_copy(0, places, losses)
        return found + F.cross_entropy(self._first_scores(states, first).float(), choices, reduction="none")

    def log_probabilities(self, states: torch.Tensor, head: nn.Linear) -> torch.Tensor:
        """Of all tokens: `(..., size)` to `(..., vocab_size)`."""
        first, *tails = self._parts(head)
        chosen = self._first_scores(states, first).float().log_softmax(dim=-1)
        parts = [chosen[..., : self.cutoffs[0]]]
        for number, (_, weight, bias) in enumerate(tails):
            within = F.linear(states, weight, bias).float().log_softmax(dim=-1)
            parts.append(within + chosen[..., self.cutoffs[0] + number].unsqueeze(-1))
        return torch.cat(parts, dim=-1)

    def _first_scores(self, states: torch.Tensor, first: Cluster) -> torch.Tensor:
        _, weight, bias = first
        return torch.cat([F.linear(states, weight, bias), self.clusters(states)], dim=-1)

    def _parts(self, head: nn.Linear) -> list[Cluster]:
        """The first tokens and each cluster. By one split, whose gradient is one table and not one for each part."""
        begins = [0, *self.cutoffs[:-1]]
        sizes = [end - begin for begin, end in zip(begins, self.cutoffs, strict=True)]
        table, bias = _table(head)
        return list(zip(begins, table.split(sizes), bias.split(sizes), strict=True))


__all__ = ["AdaptiveSoftmax", "sampled_losses"]
