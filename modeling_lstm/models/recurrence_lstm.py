"""The recurrence of the LSTM and the GRU, exact on padded batches and fast on a CPU. Serves as remote code.

Padding must not change an answer. The textbook way is a packed sequence, which keeps a CPU off its fast kernel. Here
the padded batch goes to the dense kernel with one more input column, which is 1 at padding and 0 at words, and whose
weights hold the gates: at padding the LSTM's input gate is sigmoid(-10000) = 0 and its forget gate sigmoid(10000) = 1,
so that c(t) = f * c(t-1) + i * g = c(t-1), bit for bit; the GRU's update gate is 1, so that h(t) = h(t-1). The memory
therefore passes through padding unchanged, before the first word as after the last, in both directions, in one call
for each layer. A GRU, for which torch has no kernel of oneDNN, packs short texts of many lengths instead.
"""

import warnings
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from transformers.modeling_layers import GradientCheckpointingLayer

from .configuration_lstm import LstmConfig

GROUP_ROWS = 32  # of the groups of like lengths in which a batch is worked on, and the most groups
MOST_GROUPS = 4
WORTH_IT = 0.75  # of the steps of a batch that are left in groups or packed, for that to be done
PACKED_TOKENS = 64  # up to which a GRU is packed: the time of its backward pass grows with their square
# cuDNN would have the weights of all layers in one piece of memory, but here each layer is a call
warnings.filterwarnings("ignore", message="RNN module weights are not part of single contiguous chunk")
GATE_HOLD = 1e4  # sigmoid(-1e4) is 0 and sigmoid(1e4) is 1 in every float type, and 1e4 is finite in all of them


def locked_dropout(states: torch.Tensor, rate: float, training: bool) -> torch.Tensor:
    """Dropout with one mask for all steps of a text (Gal and Ghahramani, 2016). `states` is `(batch, tokens, size)`."""
    if not training or rate == 0.0:
        return states
    return states * F.dropout(states.new_ones(states.shape[0], 1, states.shape[2]), rate)


def weight_dropout(weights: torch.Tensor, rate: float) -> torch.Tensor:
    """
    Dropout on weights (DropConnect; Merity et al., 2018), in training. torch draws a random number for each of them,
    which on some processors takes a tenth of a training step: here a CPU draws one for four, of 16 bits each.
    """
    if weights.device.type != "cpu":
        return F.dropout(weights, rate)
    dropped = min(round(rate * 2**16), 2**16 - 1)
    draws = torch.empty(-(-weights.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
    kept = draws.view(torch.int16)[: weights.numel()].view_as(weights) >= dropped - 2**15
    return weights * kept * (2**16 / (2**16 - dropped))


State = tuple[torch.Tensor, torch.Tensor | None]
"""h and, of an LSTM, c: `(layers * directions, batch, hidden_size)` each, in the order of `torch.nn.LSTM`."""


class LstmLayer(GradientCheckpointingLayer):
    """One layer of the recurrence. It has no weights: [`LstmEncoder`] hands them over."""

    def __init__(self, config: LstmConfig):
        super().__init__()
        self.is_lstm = config.cell_type == "lstm"
        self.hidden_size = config.hidden_size
        self.recurrent_dropout = config.recurrent_dropout

    def forward(
        self, states: torch.Tensor, mask: torch.Tensor | None, start: State | None, *weights: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
        """
        Args:
            states: The layer's input, `(batch, tokens, size)`.
            mask: As in [`LstmEncoder.forward`].
            start: h and c before the first token, `(directions, batch, hidden_size)`; `None` for zeros.
            weights: W_ih, W_hh, b_ih and b_hh of the forward direction, then those of a backward one.

        Returns:
            h at each token, `(batch, tokens, directions * hidden_size)`, then h and (of an LSTM) c after the last token
            read, `(directions, batch, hidden_size)`.
        """
        if _processor_runs(states):
            return self._run(states, mask, start, weights)
        wide = None if start is None else (_widen(start[0]), None if start[1] is None else _widen(start[1]))
        with torch.autocast("cpu", enabled=False):
            h_all, h, c = self._run(_widen(states), mask, wide, [_widen(weight) for weight in weights])
        kind = states.dtype
        return h_all.to(kind), h.to(kind), None if c is None else c.to(kind)

    def _run(
        self, states: torch.Tensor, mask: torch.Tensor | None, start: State | None, weights: Sequence[torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
        """One call of the dense kernel, of the packed GRU, or of the cell."""
        directions = len(weights) // 4
        if start is None and mask is not None and not self.is_lstm and gains_by_packing(mask, states):
            return self._run_packed(states, mask, weights)
        if start is None:
            zeros = states.new_zeros(directions, states.shape[0], self.hidden_size)
            start = zeros, zeros
        if states.shape[1] == 1 and mask is None and directions == 1 and not self.training:
            return self._step(states[:, 0], start, weights)
        if mask is not None:
            padding = (~mask).unsqueeze(-1)
            states = torch.cat([states.masked_fill(padding, 0.0), padding.to(states.dtype)], dim=-1)
        kernel_weights = self._kernel_weights(weights, hold=mask is not None)
        options = (True, 1, 0.0, self.training, directions == 2, True)
        begin, memory = start
        c = None
        if memory is not None and self.is_lstm:
            states, h, c = torch.lstm(states, (begin, memory), kernel_weights, *options)
        else:
            states, h = torch.gru(states, begin, kernel_weights, *options)
        if mask is not None:
            states = states.masked_fill(padding, 0.0)
            h = torch.stack(_states_after_reading(states, mask, directions))
            h = torch.where(mask.any(dim=1).unsqueeze(-1), h, begin)
        return states, h, c

    def _run_packed(
        self, states: torch.Tensor, mask: torch.Tensor, weights: Sequence[torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor, None]:
        """A GRU that skips padding, which stands to the right."""
        directions = len(weights) // 4
        packed = pack_padded_sequence(states, mask.sum(dim=1).cpu(), batch_first=True, enforce_sorted=False)
        begin = states.new_zeros(directions, states.shape[0], self.hidden_size)
        options = (True, 1, 0.0, self.training, directions == 2)
        kernel_weights = self._kernel_weights(weights, hold=False)
        found, h = torch.gru(packed.data, packed.batch_sizes, begin, kernel_weights, *options)
        padded, _ = pad_packed_sequence(packed._replace(data=found), batch_first=True, total_length=states.shape[1])
        return padded, h[:, packed.unsorted_indices], None

    def _step(
        self, vectors: torch.Tensor, start: Any, weights: Sequence[torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
        """One token of each text by the cell, which on a CPU is several times faster there than the kernel."""
        if self.is_lstm:
            h, c = torch.lstm_cell(vectors, [start[0][0], start[1][0]], *weights)
            return h.unsqueeze(1), h.unsqueeze(0), c.unsqueeze(0)
        h = torch.gru_cell(vectors, start[0][0], *weights)
        return h.unsqueeze(1), h.unsqueeze(0), None

    def _kernel_weights(self, weights: Sequence[torch.Tensor], hold: bool) -> list[torch.Tensor]:
        """The weights with dropout; with `hold`, W_ih has the column that keeps the memory at padding."""
        found: list[torch.Tensor] = []
        for direction in range(len(weights) // 4):
            w_ih, w_hh, b_ih, b_hh = weights[4 * direction : 4 * direction + 4]
            if hold:
                # torch keeps an LSTM's gates in the order i, f, g, o and a GRU's in the order r, z, n
                held = (-GATE_HOLD, GATE_HOLD, 0.0, 0.0) if self.is_lstm else (0.0, GATE_HOLD, 0.0)
                column = torch.cat([w_ih.new_full((self.hidden_size, 1), value) for value in held])
                w_ih = torch.cat([w_ih, column], dim=1)
            if self.training and self.recurrent_dropout > 0.0:
                w_hh = weight_dropout(w_hh, self.recurrent_dropout)
            found += [w_ih, w_hh, b_ih, b_hh]
        return found


def gains_by_packing(mask: torch.Tensor, states: torch.Tensor) -> bool:
    """
    Whether a GRU reads a batch faster without its padding. On a CPU it has no kernel that is faster with padding, but
    the packed way back slows down with the length. Only for texts that begin at the first token.
    """
    if torch.compiler.is_compiling() or states.device.type != "cpu":  # first: a graph has any number of rows
        return False
    if states.dtype != torch.float32 or torch.is_autocast_enabled("cpu") or states.shape[1] > PACKED_TOKENS:
        return False
    return bool(mask[:, 0].all()) and int(mask.sum()) < WORTH_IT * mask.numel()


# Float types in which recurrences run on this processor; in others oneDNN's LSTM fails and torch's own is ten times
# slower than in fp32. oneDNN cannot train in fp16.
PROCESSOR_TYPES = {torch.float32, torch.float64}
if not torch.backends.mkldnn.is_available() or torch.ops.mkldnn._is_mkldnn_bf16_supported():
    PROCESSOR_TYPES.add(torch.bfloat16)


def _processor_runs(states: torch.Tensor) -> bool:
    """Whether the recurrence can run on the device of `states` in their type or, within autocast, in autocast's."""
    if states.device.type != "cpu":
        return True
    return (torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else states.dtype) in PROCESSOR_TYPES


def _widen(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor in fp32 if its type has fewer bits."""
    return tensor.float() if tensor.dtype in (torch.bfloat16, torch.float16) else tensor


class LstmEncoder(nn.Module):
    """The stacked recurrence. Its weights live in an ordinary `nn.LSTM` or `nn.GRU` named `rnn`."""

    def __init__(self, config: LstmConfig):
        super().__init__()
        rnn = nn.LSTM if config.cell_type == "lstm" else nn.GRU
        self.rnn = rnn(
            config.embedding_size,
            config.hidden_size,
            config.num_hidden_layers,
            bidirectional=config.bidirectional,
            batch_first=True,
        )
        self.layers = nn.ModuleList(LstmLayer(config) for _ in range(config.num_hidden_layers))
        self.hidden_dropout = config.hidden_dropout

    def forward(
        self,
        states: torch.Tensor,
        mask: torch.Tensor | None,
        start: State | None = None,
        direction: int | None = None,
    ) -> tuple[list[torch.Tensor], torch.Tensor, torch.Tensor | None]:
        """
        Run every layer.

        Args:
            states: Word vectors, `(batch, tokens, embedding_size)`.
            mask: True at tokens, False at padding, `(batch, tokens)`; each row's tokens are in one piece. `None` if
                there is no padding.
            start: h and c before the first token; `None` for zeros. With it, padding stands to the right of a text.
            direction: 0 to run the forward direction of all layers alone, 1 the backward one, whose `states` are those
                of texts read from their ends; a layer then reads only that direction of the layer below. `None` for all
                directions that there are.

        Returns:
            h of each layer, h after the last token read, and for an LSTM c then (see [`LstmModelOutput`]).

        Raises:
            TypeError: another module took the place of `rnn`.
            ValueError: `start` is of another number of texts, which the kernels of torch do not notice.
        """
        if start is not None and start[0].shape[1] != states.shape[0]:
            raise ValueError(f"The state is one of {start[0].shape[1]} texts, the input has {states.shape[0]}.")
        is_packed = isinstance(self.rnn, nn.GRU) and mask is not None and gains_by_packing(mask, states)
        groups = None if mask is None or start is not None or is_packed else _groups_of_like_lengths(mask, states)
        if groups is None:
            return self._run(states, mask, start, direction)
        assert mask is not None
        found = [self._run(states[rows, :tokens], mask[rows, :tokens], None, direction) for rows, tokens in groups]
        back = torch.cat([rows for rows, _ in groups]).argsort()
        tokens = states.shape[1]
        layers = [
            torch.cat([F.pad(one, (0, 0, 0, tokens - one.shape[1])) for one in parts])[back]
            for parts in zip(*(layers for layers, _, _ in found), strict=True)
        ]
        h_n = torch.cat([h for _, h, _ in found], dim=1)[:, back]
        c_n = [c for _, _, c in found if c is not None]
        return layers, h_n, torch.cat(c_n, dim=1)[:, back] if c_n else None

    def _run(
        self, states: torch.Tensor, mask: torch.Tensor | None, start: State | None, direction: int | None
    ) -> tuple[list[torch.Tensor], torch.Tensor, torch.Tensor | None]:
        layers: list[torch.Tensor] = []
        h_n, c_n = [], []
        for number, (layer, weights) in enumerate(zip(self.layers, self._weights(direction), strict=True)):
            if layers:
                states = locked_dropout(states, self.hidden_dropout, self.training)
            own = None if start is None else _part(start, number, len(weights) // 4)
            states, h, c = layer(states, mask, own, *weights)
            layers.append(states)
            h_n.append(h)
            c_n.append(c)
        return layers, torch.cat(h_n), torch.cat(c_n) if isinstance(self.rnn, nn.LSTM) else None

    def _weights(self, direction: int | None) -> list[list[torch.Tensor]]:
        """The weights of each layer, in the order of `rnn.all_weights`; of one direction, or of all."""
        rnn = self.rnn
        if not isinstance(rnn, nn.RNNBase):
            raise TypeError(
                f"The encoder reads the weights of an nn.LSTM or nn.GRU, found a {type(rnn).__module__}."
                f"{type(rnn).__name__} in its place: leave both out of quantize_dynamic, and for int8 write "
                "modeling-lstm export --precision int8."
            )
        hook = getattr(rnn, "_hf_hook", None)  # accelerate's: it fetches offloaded weights when `rnn` is called
        if hook is not None:
            hook.pre_forward(rnn)
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        directions = ("", "_reverse") if rnn.bidirectional else ("",)
        weights = [
            [getattr(rnn, f"{name}_l{layer}{direction}") for direction in directions for name in names]
            for layer in range(rnn.num_layers)
        ]
        if hook is not None:
            hook.post_forward(rnn, None)
        if direction is None or not rnn.bidirectional:
            return weights
        alone = [layer[4 * direction : 4 * direction + 4] for layer in weights]
        for layer in alone[1:]:
            layer[0] = layer[0].chunk(2, dim=1)[direction]
        return alone


def _groups_of_like_lengths(mask: torch.Tensor, states: torch.Tensor) -> list[tuple[torch.Tensor, int]] | None:
    """
    Rows of like lengths, and the tokens of the longest of them, where a batch has so much padding that groups of its
    rows take less time than the whole. On a CPU only, and for texts that begin at the first token.
    """
    if torch.compiler.is_compiling() or states.device.type != "cpu":  # first: a graph has any number of rows
        return None
    number = min(MOST_GROUPS, len(mask) // GROUP_ROWS)
    if number < 2 or not bool(mask[:, 0].all()):
        return None
    lengths, order = mask.sum(dim=1).sort()
    groups = [(rows, int(some[-1])) for rows, some in zip(order.chunk(number), lengths.chunk(number), strict=True)]
    steps = sum(len(rows) * tokens for rows, tokens in groups)
    return groups if steps < WORTH_IT * mask.numel() else None


def _part(start: State, layer: int, directions: int) -> State:
    """h and c of one layer."""
    rows = slice(layer * directions, (layer + 1) * directions)
    return start[0][rows], None if start[1] is None else start[1][rows]


def _states_after_reading(states: torch.Tensor, mask: torch.Tensor, directions: int) -> tuple[torch.Tensor, ...]:
    """h of each direction after its last token: forward at each row's last one, backward at its first one."""
    tokens = mask.shape[1]
    first = mask.to(torch.int8).argmax(dim=1)
    last = tokens - 1 - mask.flip(1).to(torch.int8).argmax(dim=1)
    rows = torch.arange(mask.shape[0], device=mask.device)
    ends = zip(states.chunk(directions, dim=-1), (last, first), strict=False)
    return tuple(part[rows, end] for part, end in ends)
