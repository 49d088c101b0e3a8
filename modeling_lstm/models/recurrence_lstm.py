"""The recurrence of the LSTM and the GRU, exact on padded batches and fast on a CPU. Works as remote code.

Padding must not change a result. The textbook solution is a packed sequence, but with that a CPU cannot use its fast
kernel. Here the dense kernel reads the padded batch with one more input column, which is 1 at padding and 0 at tokens.
The weights of this column hold the gates: at padding, the LSTM's input gate is sigmoid(-10000) = 0 and its forget gate
is sigmoid(10000) = 1, so c(t) = f * c(t-1) + i * g = c(t-1), bit for bit. The GRU's update gate is 1, so
h(t) = h(t-1). The memory therefore passes through padding unchanged, before the first token as well as after the last,
in both directions, with one call for each layer. For GRUs torch has no oneDNN kernel, so short texts of varying lengths
are packed instead.
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

GROUP_ROWS = 32  # minimum number of rows in each group when a batch is split by text length
MAX_GROUPS = 4  # maximum number of such groups
WORTH_IT = 0.75  # a batch is grouped or packed if that leaves less than this share of its steps
PACKED_TOKENS = 64  # maximum length to pack for a GRU: the time of its backward pass grows with the square of it
# cuDNN warns unless the weights of all layers are in one piece of memory, but here each layer is a separate call
warnings.filterwarnings("ignore", message="RNN module weights are not part of single contiguous chunk")
GATE_HOLD = 1e4  # sigmoid(-1e4) is 0 and sigmoid(1e4) is 1 in every float type, and 1e4 is finite in all of them


def locked_dropout(states: torch.Tensor, rate: float, training: bool) -> torch.Tensor:
    """Apply dropout with one mask for all steps of a text (Gal and Ghahramani, 2016) to `(batch, tokens, size)`."""
    if not training or rate == 0.0:
        return states
    return states * F.dropout(states.new_ones(states.shape[0], 1, states.shape[2]), rate)


def weight_dropout(weights: torch.Tensor, rate: float) -> torch.Tensor:
    """
    Apply dropout to weights in training (DropConnect; Merity et al., 2018).

    torch draws a random number for each weight, which on some CPUs takes a tenth of a training step. Here a CPU draws
    one 64-bit number for every four weights.
    """
    if weights.device.type != "cpu":
        return F.dropout(weights, rate)
    dropped = min(round(rate * 2**16), 2**16 - 1)
    draws = torch.empty(-(-weights.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
    kept = draws.view(torch.int16)[: weights.numel()].view_as(weights) >= dropped - 2**15
    return weights * kept * (2**16 / (2**16 - dropped))


State = tuple[torch.Tensor, torch.Tensor | None]
"""h and, for an LSTM, c: each `(layers * directions, batch, hidden_size)`, in the order of `torch.nn.LSTM`."""


class LstmLayer(GradientCheckpointingLayer):
    """One layer of the recurrence. It has no weights of its own: [`LstmEncoder`] passes them in."""

    def __init__(self, config: LstmConfig):
        super().__init__()
        self.is_lstm = config.cell_type == "lstm"
        self.hidden_size = config.hidden_size
        self.recurrent_dropout = config.recurrent_dropout

    def forward(
        self,
        states: torch.Tensor,
        mask: torch.Tensor | None,
        h: torch.Tensor | None,
        c: torch.Tensor | None,
        *weights: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
        """
        Args:
            states: The layer's input, `(batch, tokens, size)`.
            mask: See [`LstmEncoder.forward`].
            h, c: The state before the first token, `(directions, batch, hidden_size)`; `None` for zeros. Not as one
                tuple, of which reentrant checkpointing would not see the tensors.
            weights: W_ih, W_hh, b_ih and b_hh of the forward direction, then of the backward direction, if any.

        Returns:
            h at each token, `(batch, tokens, directions * hidden_size)`, then h and (for an LSTM) c after the last
            token read, `(directions, batch, hidden_size)`.
        """
        start = None if h is None else (h, c)
        if _processor_runs(states):
            return self._run(states, mask, start, weights)
        wide = None if start is None else (widen(start[0]), None if start[1] is None else widen(start[1]))
        with torch.autocast(states.device.type, enabled=False):
            h_all, h_n, c_n = self._run(widen(states), mask, wide, [widen(weight) for weight in weights])
        kind = states.dtype
        return h_all.to(kind), h_n.to(kind), None if c_n is None else c_n.to(kind)

    def _run(
        self, states: torch.Tensor, mask: torch.Tensor | None, start: State | None, weights: Sequence[torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
        """Run the layer by one call of the dense kernel, the packed GRU or the cell."""
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
        """Run a GRU that skips padding, which must be on the right."""
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
        """Read one token of each text with the cell, which on a CPU is several times faster than the kernel."""
        if self.is_lstm:
            h, c = torch.lstm_cell(vectors, [start[0][0], start[1][0]], *weights)
            return h.unsqueeze(1), h.unsqueeze(0), c.unsqueeze(0)
        h = torch.gru_cell(vectors, start[0][0], *weights)
        return h.unsqueeze(1), h.unsqueeze(0), None

    def _kernel_weights(self, weights: Sequence[torch.Tensor], hold: bool) -> list[torch.Tensor]:
        """Return the weights after dropout. With `hold`, add the column to W_ih that keeps the memory at padding."""
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


def is_traced() -> bool:
    """Return whether a graph is being recorded, which must fit inputs of any length and with any mask."""
    return torch.compiler.is_compiling() or torch.jit.is_tracing()


def gains_by_packing(mask: torch.Tensor, states: torch.Tensor) -> bool:
    """
    Return whether a GRU reads a batch faster if it is packed. On a CPU a GRU has no fast kernel for padded batches, but
    the backward pass of a packed batch slows down with its length. Texts must begin at the first step of their row.
    """
    if is_traced() or states.device.type != "cpu":  # first, since a graph must fit any number of rows
        return False
    if states.dtype != torch.float32 or torch.is_autocast_enabled("cpu") or states.shape[1] > PACKED_TOKENS:
        return False
    return bool(mask[:, 0].all()) and int(mask.sum()) < WORTH_IT * mask.numel()


# Float types in which recurrences run on this CPU. In others, oneDNN's LSTM fails and torch's own is ten times slower
# than in fp32. oneDNN cannot train in fp16.
PROCESSOR_TYPES = {torch.float32, torch.float64}
if not torch.backends.mkldnn.is_available() or torch.ops.mkldnn._is_mkldnn_bf16_supported():
    PROCESSOR_TYPES.add(torch.bfloat16)


def _processor_runs(states: torch.Tensor) -> bool:
    """
    Return whether the recurrence can run on the device of `states` in their type or that of an active autocast. On a
    GPU, autocast runs cuDNN's recurrences in fp16, even if it is set to bf16: without scaling, gradients would vanish.
    """
    device = states.device.type
    if device not in ("cpu", "cuda"):
        return True
    kind = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else None
    return kind != torch.bfloat16 if device == "cuda" else (kind or states.dtype) in PROCESSOR_TYPES


def widen(tensor: torch.Tensor) -> torch.Tensor:
    """Convert bf16 and fp16 tensors to fp32."""
    return tensor.float() if tensor.dtype in (torch.bfloat16, torch.float16) else tensor


def hold_at_padding(states: torch.Tensor, mask: torch.Tensor, start: State | None) -> torch.Tensor:
    """
    Replace the states at padding, `(batch, tokens, hidden_size)`, by that of the token before it, or where there is
    none, by h of the top layer in `start`.
    """
    steps = torch.arange(mask.shape[1], device=mask.device)
    rows = torch.arange(mask.shape[0], device=mask.device).unsqueeze(1)
    states = states[rows, (mask * steps).cummax(1).values]
    if start is None:
        return states
    return torch.where(mask.cumsum(1).unsqueeze(-1) > 0, states, start[0][-1].unsqueeze(1).to(states.dtype))


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
            mask: True at tokens, False at padding, `(batch, tokens)`. Each row's tokens must be contiguous. `None` if
                there is no padding.
            start: h and c before the first token; `None` for zeros. With it, padding must be on the right.
            direction: 0 to run only the forward direction of all layers, 1 to run only the backward one. Each layer
                then reads only this direction of the layer below. For 1, the texts must be in reverse. `None` to run
                all directions of the model.

        Returns:
            h of each layer, h after the last token read, and for an LSTM c at that point (see [`LstmModelOutput`]).

        Raises:
            TypeError: `rnn` was replaced by another kind of module.
            ValueError: `start` has another number of texts than `states` (torch's kernels do not check this).
        """
        if start is not None and start[0].shape[1] != states.shape[0]:
            raise ValueError(
                f"The state is for {start[0].shape[1]} texts, but the input has {states.shape[0]}: change it by its "
                "batch_repeat_interleave or batch_select_indices."
            )
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
            own = (None, None) if start is None else _part(start, number, len(weights) // 4)
            states, h, c = layer(states, mask, *own, *weights)
            layers.append(states)
            h_n.append(h)
            c_n.append(c)
        return layers, torch.cat(h_n), torch.cat(c_n) if isinstance(self.rnn, nn.LSTM) else None

    def _weights(self, direction: int | None) -> list[list[torch.Tensor]]:
        """Return the weights of each layer in the order of `rnn.all_weights`, for one direction or all."""
        rnn = self.rnn
        if not isinstance(rnn, nn.RNNBase):
            raise TypeError(
                f"The encoder reads the weights of an nn.LSTM or nn.GRU, found a {type(rnn).__module__}."
                f"{type(rnn).__name__} in its place. Leave both out of quantize_dynamic, and for int8 write "
                "modeling-lstm export --precision int8. Adapters can train `encoder` as a whole (modules_to_save)."
            )
        hook = getattr(rnn, "_hf_hook", None)  # from accelerate: it loads offloaded weights when `rnn` is called
        if hook is not None:
            hook.pre_forward(rnn)
        directions, each = 2 if rnn.bidirectional else 1, rnn.all_weights
        weights: list[list[torch.Tensor]] = [
            [weight for one in each[begin : begin + directions] for weight in one]
            for begin in range(0, len(each), directions)
        ]
        if hook is not None:
            hook.post_forward(rnn, None)
        if direction is None or not rnn.bidirectional:
            return weights
        alone = [layer[4 * direction : 4 * direction + 4] for layer in weights]
        for layer in alone[1:]:
            layer[0] = layer[0].chunk(2, dim=1)[direction].contiguous()  # cuDNN takes no views
        return alone


def _groups_of_like_lengths(mask: torch.Tensor, states: torch.Tensor) -> list[tuple[torch.Tensor, int]] | None:
    """
    Group the rows of a batch by length, if it has so much padding that this saves time. Return the rows of each group
    and the length of its longest text, or `None`. Only on a CPU, and for texts that begin at the first step.
    """
    if is_traced() or states.device.type != "cpu":  # first, since a graph must fit any number of rows
        return None
    number = min(MAX_GROUPS, len(mask) // GROUP_ROWS)
    if number < 2 or not bool(mask[:, 0].all()):
        return None
    lengths, order = mask.sum(dim=1).sort()
    groups = [(rows, int(some[-1])) for rows, some in zip(order.chunk(number), lengths.chunk(number), strict=True)]
    steps = sum(len(rows) * tokens for rows, tokens in groups)
    return groups if steps < WORTH_IT * mask.numel() else None


def _part(start: State, layer: int, directions: int) -> State:
    """Return h and c of one layer."""
    rows = slice(layer * directions, (layer + 1) * directions)
    return start[0][rows], None if start[1] is None else start[1][rows]


def _states_after_reading(states: torch.Tensor, mask: torch.Tensor, directions: int) -> tuple[torch.Tensor, ...]:
    """Return h of each direction after the last token it reads: forward the last token, backward the first."""
    tokens = mask.shape[1]
    first = mask.to(torch.int8).argmax(dim=1)
    last = tokens - 1 - mask.flip(1).to(torch.int8).argmax(dim=1)
    rows = torch.arange(mask.shape[0], device=mask.device)
    ends = zip(states.chunk(directions, dim=-1), (last, first), strict=False)
    return tuple(part[rows, end] for part, end in ends)
