"""The equations of the cells, six for the LSTM and four for the GRU, with the weights of a trained model.

The models of this package run on a fast kernel. This module computes the same one word at a time, in a form that can be
compared with a textbook. `tests/explanation/test_tracing.py` checks that the results are equal.

x is the word's vector, `(embedding_size,)`, or above the first layer the h of the layer below. All other vectors have
the shape `(hidden_size,)`. W, U and b are a gate's weights for x, its weights for h(t-1), and its bias. * multiplies
element-wise.
"""

from dataclasses import dataclass

import torch
from torch import nn


@dataclass
class LstmStep:
    """The values of an LSTM cell at a word: forget gate, input gate, candidate, output gate, memory and output."""

    f: torch.Tensor
    i: torch.Tensor
    g: torch.Tensor
    o: torch.Tensor
    c: torch.Tensor
    h: torch.Tensor


@dataclass
class GruStep:
    """The values of a GRU cell at a word: reset gate, update gate, candidate, and output, which is also the memory."""

    r: torch.Tensor
    z: torch.Tensor
    n: torch.Tensor
    h: torch.Tensor


class LstmCell:
    """
    The LSTM (Hochreiter and Schmidhuber, 1997) with a forget gate (Gers et al., 2000).

    Args:
        rnn: The module that holds the weights.
        layer: Index of the layer, from 0.
        reverse: Whether to use the direction that reads from the end.
    """

    def __init__(self, rnn: nn.LSTM, layer: int = 0, reverse: bool = False):
        W, U, b, d = _weights(rnn, layer, reverse)
        # torch stacks the gates in the order i, f, g, o
        (self.W_i, self.W_f, self.W_g, self.W_o) = W.chunk(4)
        (self.U_i, self.U_f, self.U_g, self.U_o) = U.chunk(4)
        (self.b_i, self.b_f, self.b_g, self.b_o) = (b + d).chunk(4)
        self.hidden_size = rnn.hidden_size

    def __call__(self, x: torch.Tensor, before: LstmStep | None) -> LstmStep:
        """Compute the step at a word from the previous step; before the first word, h and c are zero."""
        h = x.new_zeros(self.hidden_size) if before is None else before.h
        c = x.new_zeros(self.hidden_size) if before is None else before.c
        f = torch.sigmoid(self.W_f @ x + self.U_f @ h + self.b_f)  # 1: how much of the memory is kept
        i = torch.sigmoid(self.W_i @ x + self.U_i @ h + self.b_i)  # 2: how much of the candidate is added
        g = torch.tanh(self.W_g @ x + self.U_g @ h + self.b_g)  # 3: the candidate
        o = torch.sigmoid(self.W_o @ x + self.U_o @ h + self.b_o)  # 4: how much of the memory is output
        c = f * c + i * g  # 5: the new memory
        h = o * torch.tanh(c)  # 6: the output
        return LstmStep(f, i, g, o, c, h)


class GruCell:
    """
    The GRU (Cho et al., 2014), as torch and cuDNN compute it: the reset gate acts after the product with U.

    Args:
        rnn: The module that holds the weights.
        layer: Index of the layer, from 0.
        reverse: Whether to use the direction that reads from the end.
    """

    def __init__(self, rnn: nn.GRU, layer: int = 0, reverse: bool = False):
        W, U, b, d = _weights(rnn, layer, reverse)
        # torch stacks the gates in the order r, z, n
        (self.W_r, self.W_z, self.W_n) = W.chunk(3)
        (self.U_r, self.U_z, self.U_n) = U.chunk(3)
        (self.b_r, self.b_z, self.b_n) = b.chunk(3)
        (self.d_r, self.d_z, self.d_n) = d.chunk(3)
        self.hidden_size = rnn.hidden_size

    def __call__(self, x: torch.Tensor, before: GruStep | None) -> GruStep:
        """Compute the step at a word from the previous step; before the first word, h is zero."""
        h = x.new_zeros(self.hidden_size) if before is None else before.h
        r = torch.sigmoid(self.W_r @ x + self.b_r + self.U_r @ h + self.d_r)  # 1: how much of h the candidate sees
        z = torch.sigmoid(self.W_z @ x + self.b_z + self.U_z @ h + self.d_z)  # 2: how much of h is kept
        n = torch.tanh(self.W_n @ x + self.b_n + r * (self.U_n @ h + self.d_n))  # 3: the candidate
        h = (1 - z) * n + z * h  # 4: the output, which is also the memory
        return GruStep(r, z, n, h)


def _weights(rnn: nn.RNNBase, layer: int, reverse: bool) -> tuple[torch.Tensor, ...]:
    """
    Return W `(gates * hidden_size, input)`, U `(gates * hidden_size, hidden_size)` and both biases of a layer and
    direction.
    """
    number = 2 * layer + reverse if rnn.bidirectional else layer
    return tuple(one.detach() for one in rnn.all_weights[number])


def read_sequence(
    cell: LstmCell | GruCell, vectors: torch.Tensor, reverse: bool = False
) -> list[LstmStep] | list[GruStep]:
    """
    Run a cell over a text. Returns the steps in the order of the words, for either reading direction.

    Args:
        vectors: The input vectors, of shape `(words, size)`.
        reverse: Whether to read from the end.
    """
    steps: list = []
    for x in vectors.flip(0) if reverse else vectors:
        steps.append(cell(x, steps[-1] if steps else None))
    return steps[::-1] if reverse else steps
