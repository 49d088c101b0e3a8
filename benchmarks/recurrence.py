"""Speed of the recurrence: ours against the packed sequence of textbooks and the unmasked floor.

`python -m benchmarks.recurrence` writes JSON. The ways take turns in one process, so their ratios hold whatever the
machine; keep it otherwise idle. The share of the peak is that of torch's own matrix multiplication, measured beside.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import torch
from torch.nn.utils.rnn import pack_padded_sequence

from modeling_lstm import LstmConfig, LstmModel

from .measure import drawn_lengths, parser, ratio, summary, take_turns, write

# kind of text, rows of a batch, tokens at most, batches of like lengths
BATCHES = (
    ("tweets", 1, 60, False),
    ("tweets", 32, 60, True),
    ("tweets", 128, 60, True),
    ("tweets", 128, 60, False),
    ("reviews", 1, 400, False),
    ("reviews", 32, 400, True),
    ("reviews", 32, 400, False),
    ("reviews", 128, 400, True),
)
CELLS: tuple[Literal["lstm", "gru"], ...] = ("lstm", "gru")
EMBEDDING, HIDDEN = 100, 500


def measure(
    cell_type: Literal["lstm", "gru"],
    layers: int,
    batch: tuple[str, int, int, bool],
    repeats: int,
    *,
    embedding: int = EMBEDDING,
    hidden: int = HIDDEN,
) -> dict[str, Any]:
    """Forward and training step of a bidirectional network, in milliseconds and as ratios."""
    torch.manual_seed(0)
    kind, rows, longest, is_sorted = batch
    config = LstmConfig(
        vocab_size=10,
        cell_type=cell_type,
        bidirectional=True,
        embedding_size=embedding,
        hidden_size=hidden,
        num_hidden_layers=layers,
    )
    model = LstmModel(config).train()
    rnn = model.encoder.rnn
    lengths = drawn_lengths(kind, rows, longest, sorted_batches=is_sorted)
    tokens = int(lengths.max())
    mask = torch.arange(tokens)[None] < lengths[:, None]
    vectors = torch.randn(rows, tokens, embedding, requires_grad=True)

    def ours() -> torch.Tensor:
        return model(inputs_embeds=vectors, attention_mask=mask).h_n

    def packed() -> torch.Tensor:
        final = rnn(pack_padded_sequence(vectors, lengths, batch_first=True, enforce_sorted=False))[1]
        return final[0] if cell_type == "lstm" else final

    def unmasked() -> torch.Tensor:
        final = rnn(vectors)[1]
        return final[0] if cell_type == "lstm" else final

    ways = {"ours": ours, "packed": packed, "unmasked": unmasked}
    assert (ours() - packed()).abs().max() < 1e-5  # a benchmark of wrong results is worth nothing
    square = torch.randn(2048, 2048)
    steps: dict[str, Callable[[], Any]] = {name: partial(_train, way) for name, way in ways.items()}
    steps |= {"ours bf16": partial(_train, ours, bf16=True), "matmul": lambda: square @ square}
    training = take_turns(steps, repeats)
    model.eval()
    inference = take_turns({name: partial(_infer, way) for name, way in ways.items()}, repeats)
    gates = 4 if cell_type == "lstm" else 3
    inputs = [embedding] + [2 * hidden] * (layers - 1)
    forward_flops = sum(2 * 2 * gates * hidden * (size + hidden) for size in inputs) * rows * tokens
    peak = 2 * 2048**3 / sorted(training["matmul"])[len(training["matmul"]) // 2]
    step = sorted(training["ours"])[len(training["ours"]) // 2]
    return {
        "cell": cell_type,
        "layers": layers,
        "text": kind,
        "rows": rows,
        "tokens": tokens,
        "like lengths": is_sorted,
        "share of padding": round(1 - float(mask.float().mean()), 3),
        "training step": {name: summary(seconds) for name, seconds in training.items()},
        "inference": {name: summary(seconds) for name, seconds in inference.items()},
        "packed / ours, training": ratio(training["packed"], training["ours"]),
        "ours / unmasked, training": ratio(training["ours"], training["unmasked"]),
        "ours / ours bf16, training": ratio(training["ours"], training["ours bf16"]),
        "packed / ours, inference": ratio(inference["packed"], inference["ours"]),
        "gigaflops of matmul": round(peak / 1e9, 1),
        "share of peak, training": round(3 * forward_flops / step / peak, 3),
    }


def _train(way: Callable[[], torch.Tensor], *, bf16: bool = False) -> None:
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        result = way()
    result.float().sum().backward()


def _infer(way: Callable[[], torch.Tensor]) -> None:
    with torch.inference_mode():
        way()


def main() -> None:
    """Measure every cell, depth and batch."""
    arguments = parser(__doc__, "recurrence").parse_args()
    found = []
    for cell in CELLS:
        for layers in (1, 2):
            for batch in BATCHES:
                found.append(measure(cell, layers, batch, arguments.repeats))
                one = found[-1]
                print(
                    f"{cell} {layers} {one['text']} {one['rows']} x {one['tokens']}: packed / ours "
                    f"{one['packed / ours, training']['median']}, ours / unmasked "
                    f"{one['ours / unmasked, training']['median']}, share of peak {one['share of peak, training']}, "
                    f"bf16 {one['ours / ours bf16, training']['median']}",
                    flush=True,
                )
                write(arguments.output, found)


if __name__ == "__main__":
    main()
