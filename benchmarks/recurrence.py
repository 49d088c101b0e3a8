"""Speed of the recurrence: ours against the packed sequence of textbooks and the unmasked floor.

`python -m benchmarks.recurrence` writes JSON. The ways take turns in one process, so their ratios depend little on the
machine; keep it idle otherwise. The peak is the speed of torch's own matrix multiplication, measured alongside.
"""

import statistics
from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import torch
from torch.nn.utils.rnn import pack_padded_sequence

from modeling_lstm import LstmConfig, LstmModel
from modeling_lstm.utils.files import read_json

from .measure import drawn_lengths, parser, ratio, summary, take_turns, write

# kind of text, rows of a batch, maximum tokens, whether a batch has similar lengths
BATCHES = (
    ("tweets", 1, 60, False),
    ("tweets", 32, 60, True),
    ("tweets", 128, 60, True),
    ("tweets", 128, 60, False),
    ("reviews", 1, 400, False),
    ("reviews", 32, 400, True),
    ("reviews", 32, 400, False),
)
TWO_LAYERS = BATCHES[2], BATCHES[5]
POSITIONS = (0.2, 0.5, 0.8)  # a way is timed on three batches: of short, medium and long texts, or of mixed ones
CELLS: tuple[Literal["lstm", "gru"], ...] = ("lstm", "gru")
EMBEDDING, HIDDEN = 100, 500
SQUARE = 2048


def measure(
    cell_type: Literal["lstm", "gru"],
    layers: int,
    batch: tuple[str, int, int, bool],
    repeats: int,
    *,
    embedding: int = EMBEDDING,
    hidden: int = HIDDEN,
) -> dict[str, Any]:
    """Measure the forward pass and the training step of a bidirectional network, in milliseconds and as ratios."""
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
    batches = []
    for number, position in enumerate(POSITIONS):
        lengths = drawn_lengths(kind, rows, longest, sorted_batches=is_sorted, position=position, seed=number)
        mask = torch.arange(int(lengths.max()))[None] < lengths[:, None]
        batches.append((torch.randn(*mask.shape, embedding, requires_grad=True), mask, lengths))

    def ours(vectors: torch.Tensor, mask: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        return model(inputs_embeds=vectors, attention_mask=mask).h_n

    def packed(vectors: torch.Tensor, mask: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        final = rnn(pack_padded_sequence(vectors, lengths, batch_first=True, enforce_sorted=False))[1]
        return final[0] if cell_type == "lstm" else final

    def unmasked(vectors: torch.Tensor, mask: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        final = rnn(vectors)[1]
        return final[0] if cell_type == "lstm" else final

    ways = {"ours": ours, "packed": packed, "unmasked": unmasked}
    for inputs in batches:
        assert (ours(*inputs) - packed(*inputs)).abs().max() < 1e-5  # wrong results would make the benchmark worthless
    steps: dict[str, Callable[[], Any]] = {name: partial(_train, way, batches) for name, way in ways.items()}
    steps |= {"ours bf16": partial(_train, ours, batches, bf16=True)}
    training = take_turns(steps | multiplications(), repeats)
    model.eval()
    inference = take_turns({name: partial(_infer, way, batches) for name, way in ways.items()}, repeats)
    gates = 4 if cell_type == "lstm" else 3
    sizes = [embedding] + [2 * hidden] * (layers - 1)
    steps_in_all = sum(mask.numel() for _, mask, _ in batches)
    forward_flops = sum(2 * 2 * gates * hidden * (size + hidden) for size in sizes) * steps_in_all
    peak = 2 * SQUARE**3 / min(statistics.median(training[name]) for name in multiplications())
    return {
        "cell": cell_type,
        "layers": layers,
        "text": kind,
        "rows": rows,
        "tokens": [mask.shape[1] for _, mask, _ in batches],
        "like lengths": is_sorted,
        "share of padding": round(1 - sum(int(mask.sum()) for _, mask, _ in batches) / steps_in_all, 3),
        "training step": {name: summary(seconds) for name, seconds in training.items()},
        "inference": {name: summary(seconds) for name, seconds in inference.items()},
        "packed / ours, training": ratio(training["packed"], training["ours"]),
        "ours / unmasked, training": ratio(training["ours"], training["unmasked"]),
        "ours / ours bf16, training": ratio(training["ours"], training["ours bf16"]),
        "packed / ours, inference": ratio(inference["packed"], inference["ours"]),
        "gigaflops of matmul": round(peak / 1e9, 1),
        "share of peak, training": round(3 * forward_flops / statistics.median(training["ours"]) / peak, 3),
    }


def multiplications() -> dict[str, Callable[[], Any]]:
    """Return large matrix multiplications by each of torch's two libraries; the faster one is the peak."""
    square = torch.randn(SQUARE, SQUARE)
    oneDNN = torch.ops.mkldnn._linear_pointwise
    return {"matmul": lambda: square @ square, "matmul, oneDNN": lambda: oneDNN(square, square, None, "none", [], "")}


Way = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
Batches = list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]


def _train(way: Way, batches: Batches, *, bf16: bool = False) -> None:
    for batch in batches:
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            result = way(*batch)
        result.float().sum().backward()


def _infer(way: Way, batches: Batches) -> None:
    with torch.inference_mode():
        for batch in batches:
            way(*batch)


def main() -> None:
    """Measure every cell, depth and batch. Results in the output file are not repeated."""
    arguments = parser(__doc__, "recurrence").parse_args()
    found = []
    if arguments.output.exists():
        found = read_json(arguments.output)["results"]
    done = [(one["cell"], one["layers"], one["text"], one["rows"], one["like lengths"]) for one in found]
    for cell in CELLS:
        for layers, batches in ((1, BATCHES), (2, TWO_LAYERS)):
            for batch in batches:
                kind, rows, _, is_sorted = batch
                if (cell, layers, kind, rows, is_sorted) in done:
                    continue
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
