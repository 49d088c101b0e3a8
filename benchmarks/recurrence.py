"""Speed of the recurrence: a training step of ours against the packed sequence of textbooks and the unmasked floor.

`python -m benchmarks.recurrence [--output FILE]` writes JSON. The three take turns in one process, so their ratios hold
whatever the machine; keep it otherwise idle.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import torch
from torch.nn.utils.rnn import pack_padded_sequence

from modeling_lstm import LstmConfig, LstmModel
from modeling_lstm.runs import environment, write_json

# (rows, longest, shortest): tweets, and reviews cut at 400 tokens in batches of like lengths and in random order
SHAPES = {"tweets": (128, 30, 10), "reviews, like lengths": (32, 230, 200), "reviews, any lengths": (32, 400, 40)}
REPEATS = 7


def measure(cell_type: Literal["lstm", "gru"], rows: int, longest: int, shortest: int) -> dict[str, Any]:
    """Median milliseconds of one training step (forward and backward), bidirectional, 100 -> 500."""
    torch.manual_seed(0)
    model = LstmModel(LstmConfig(vocab_size=10, cell_type=cell_type, bidirectional=True)).train()
    rnn = model.encoder.rnn
    lengths = torch.randint(shortest, longest + 1, (rows,))
    lengths[0] = longest
    mask = torch.arange(longest)[None] < lengths[:, None]
    vectors = torch.randn(rows, longest, 100, requires_grad=True)

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
    seconds = _alternate(ways)
    middle = {name: statistics.median(values) for name, values in seconds.items()}
    return {
        "milliseconds": {name: round(1000 * value, 2) for name, value in middle.items()},
        "spread": {name: round(1000 * (max(v) - min(v)), 2) for name, v in seconds.items()},
        "packed / ours": round(middle["packed"] / middle["ours"], 2),
        "ours / unmasked": round(middle["ours"] / middle["unmasked"], 2),
    }


def _alternate(ways: dict[str, Callable[[], torch.Tensor]]) -> dict[str, list[float]]:
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(REPEATS + 1):
        for name, run in ways.items():
            started = time.perf_counter()
            run().sum().backward()
            if turn > 0:  # the first turn warms up
                seconds[name].append(time.perf_counter() - started)
    return seconds


def main() -> None:
    """Measure every shape and cell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("runs/recurrence.json"))
    arguments = parser.parse_args()
    cells: tuple[Literal["lstm", "gru"], ...] = ("lstm", "gru")
    found = {cell: {name: measure(cell, *shape) for name, shape in SHAPES.items()} for cell in cells}
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    write_json(arguments.output, {"load": os.getloadavg(), "results": found} | environment())
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
