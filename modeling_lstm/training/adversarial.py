"""Adversarial training: perturb word vectors slightly where it raises the loss most (Miyato et al., 2017)."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, cast

import torch
from torch import nn


@contextlib.contextmanager
def watch_embeddings(embedding: nn.Module) -> Iterator[list[torch.Tensor]]:
    """Collect the outputs of an embedding in a list. A backward pass stores their gradients in `grad`."""
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


def find_perturbation(
    vectors: torch.Tensor, size: float, total: Callable[[torch.Tensor], Any] = lambda numbers: numbers
) -> torch.Tensor:
    """
    Return the perturbation of the word vectors that raises the loss most, to first order (equation 5).

    Args:
        vectors: Word vectors, `(batch, tokens, embedding_size)`, after the backward pass of the loss. Zero vectors, as
            those of padding in the models here, do not count as words.
        size: L2 norm of the perturbation of each text, as a share of the mean norm of the word vectors in the batch. In
            the paper, whose vectors have 256 dimensions of variance 1, a norm of 5 is a share of 5 / sqrt(256) = 0.31.
        total: Sums numbers over all processes, each of which has a part of the batch.
    """
    lengths = vectors.detach().norm(dim=-1)
    summed, number = total(torch.stack([lengths.sum(), (lengths > 0).sum().to(lengths.dtype)]))
    length = summed / number.clamp(min=1)
    gradient = cast(torch.Tensor, vectors.grad)
    norms = gradient.flatten(1).norm(dim=1).clamp(min=1e-12)
    return gradient * (size * length / norms)[:, None, None]


@contextlib.contextmanager
def perturb_embeddings(embedding: nn.Module, perturbation: torch.Tensor) -> Iterator[None]:
    """Add a perturbation, `(batch, tokens, embedding_size)`, to the output of an embedding."""
    handle = embedding.register_forward_hook(lambda module, inputs, output: output + perturbation)
    try:
        yield
    finally:
        handle.remove()
