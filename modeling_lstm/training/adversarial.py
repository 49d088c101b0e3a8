"""Adversarial training: word vectors pushed a little in the direction that harms most (Miyato et al., 2017)."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, cast

import torch
from torch import nn


@contextlib.contextmanager
def watch_embeddings(embedding: nn.Module) -> Iterator[list[torch.Tensor]]:
    """The list takes in what an embedding puts out, and a backward pass leaves its gradient there."""
    outputs: list[torch.Tensor] = []

    def keep(module: nn.Module, inputs: object, output: torch.Tensor) -> None:
        if output.requires_grad:
            output.retain_grad()
        else:  # a frozen table
            output.requires_grad_()
        outputs.append(output)

    handle = embedding.register_forward_hook(keep)
    try:
        yield outputs
    finally:
        handle.remove()


def find_worst_push(
    vectors: torch.Tensor, size: float, total: Callable[[torch.Tensor], Any] = lambda numbers: numbers
) -> torch.Tensor:
    """
    The push of the word vectors that, to first order, raises the loss most (equation 5).

    Args:
        vectors: Word vectors, `(batch, tokens, embedding_size)`, after the backward pass of the loss. Those of padding
            are zeros.
        size: L2 norm of the push of each text, as a share of the mean length of a word vector in the batch. In the
            paper, whose vectors have 256 numbers of variance 1, a push of 5 is a share of 5 / sqrt(256) = 0.31.
        total: Adds up the numbers of several processes, each of which has a part of the batch.
    """
    lengths = vectors.detach().norm(dim=-1)
    summed, number = total(torch.stack([lengths.sum(), (lengths > 0).sum().to(lengths.dtype)]))
    length = summed / number.clamp(min=1)
    gradient = cast(torch.Tensor, vectors.grad)
    norms = gradient.flatten(1).norm(dim=1).clamp(min=1e-12)
    return gradient * (size * length / norms)[:, None, None]


@contextlib.contextmanager
def push_embeddings(embedding: nn.Module, push: torch.Tensor) -> Iterator[None]:
    """The embedding puts out what it would, and the push added."""
    handle = embedding.register_forward_hook(lambda module, inputs, output: output + push)
    try:
        yield
    finally:
        handle.remove()
