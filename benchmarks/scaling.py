"""How time and memory grow with length, rows, vocabulary and threads: `python -m benchmarks.scaling`."""

import itertools
import json
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from modeling_lstm import LstmConfig, LstmForSequenceClassification
from modeling_lstm.models.tokenization_lstm import LstmTokenizer
from modeling_lstm.training.optimizer import RowAdamW, clip_gradients

from .measure import drawn_lengths, parser, process, summary, take_turns, write

LENGTHS = (32, 128, 512, 2_048, 8_192, 16_384)
ROWS = (1_000, 10_000, 100_000, 1_000_000)
VOCABULARIES = (2_000, 20_000, 200_000)


def exponent(sizes: tuple[int, ...], values: list[float]) -> float:
    """Return the slope of a straight line through the logarithms: 1 means proportional growth."""
    return round(float(np.polyfit(np.log(sizes), np.log(values), 1)[0]), 3)


def model_of(vocabulary: int, *, embedding: int = 100, hidden: int = 150) -> LstmForSequenceClassification:
    """Make a bidirectional LSTM with the default word dropout of `train`."""
    torch.manual_seed(0)
    sizes: dict[str, Any] = {"embedding_size": embedding, "hidden_size": hidden, "num_labels": 3}
    config = LstmConfig(vocab_size=vocabulary, bidirectional=True, pooling="concat", word_dropout=0.1, **sizes)
    return LstmForSequenceClassification(config).train()


def training_step(vocabulary: int, lengths: torch.Tensor, *, rows_only: bool = True) -> Callable[[], None]:
    """Return a training step on random words. With `rows_only=False` the optimizer updates the whole table."""
    model = model_of(vocabulary)
    mask = (torch.arange(int(lengths.max()))[None] < lengths[:, None]).long()
    batches = [torch.randint(1, vocabulary, mask.shape) * mask for _ in range(50)]  # rows wait between two of them
    turns = itertools.cycle(batches)
    labels = torch.randint(3, (len(lengths),))
    optimizer: torch.optim.Optimizer
    if rows_only:
        optimizer = RowAdamW(model.parameters(), lr=1e-3, fused=True)
        optimizer.follow(model.get_input_embeddings())  # type: ignore[arg-type]
    else:
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)

    def step() -> None:
        optimizer.zero_grad()
        model(next(turns), mask, labels=labels).loss.backward()
        clip_gradients(model.parameters(), 1.0)
        optimizer.step()

    return step


def by_length(repeats: int) -> dict[str, Any]:
    """Measure a training step of two rows, and the peak memory of a process that makes one."""
    seconds = take_turns({str(n): training_step(2_000, torch.tensor([n, n])) for n in LENGTHS}, repeats)
    medians = [summary(seconds[str(n)])["median"] for n in LENGTHS]
    program = (
        "import torch; from benchmarks.scaling import training_step; training_step(2_000, torch.tensor([{n}, {n}]))()"
    )
    memory = [process(program.format(n=n))[1] for n in LENGTHS]
    return {"tokens": LENGTHS, "milliseconds": medians, "peak memory, MB": memory} | {
        "exponent": exponent(LENGTHS, medians),
        "exponent from 512 tokens": exponent(LENGTHS[2:], medians[2:]),
    }


def by_rows() -> dict[str, Any]:
    """Measure the seconds and the peak memory of `predict` on JSON lines."""
    words = [f"w{n}" for n in range(5_000)]
    rng = np.random.default_rng(0)
    seconds, memory = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model_of(len(words) + 2).save_pretrained(folder / "run")
        LstmTokenizer.from_words(words).save_pretrained(folder / "run")
        for rows in ROWS:
            lengths = drawn_lengths("tweets", rows, 60, seed=rows).tolist()
            with (folder / "in.jsonl").open("w", encoding="utf-8") as file:
                for length in lengths:
                    text = " ".join(words[n] for n in rng.integers(len(words), size=length))
                    file.write(json.dumps({"text": text}) + "\n")
            flags = ["predict", str(folder / "run"), "--input", str(folder / "in.jsonl")]
            flags += ["--output", str(folder / "out.parquet")]
            found = process(f"from modeling_lstm.cli import main; assert main({flags!r}) == 0")
            seconds.append(round(found[0], 2))
            memory.append(found[1])
    return {
        "rows": ROWS,
        "seconds": seconds,
        "peak memory, MB": memory,
        "rows per second": round(ROWS[-1] / seconds[-1]),
    }


def by_vocabulary(repeats: int) -> dict[str, Any]:
    """Measure a training step of 64 tweets that updates the rows in use, and one that updates the whole table."""
    lengths = drawn_lengths("tweets", 64, 60, sorted_batches=True)
    ways = {
        f"{'rows' if rows_only else 'table'} {size}": training_step(size, lengths, rows_only=rows_only)
        for size in VOCABULARIES
        for rows_only in (True, False)
    }
    seconds = take_turns(ways, repeats)
    found: dict[str, Any] = {"words": VOCABULARIES}
    for name in ("rows", "table"):
        medians = [summary(seconds[f"{name} {size}"])["median"] for size in VOCABULARIES]
        found[f"{name}, milliseconds"] = medians
        found[f"{name}, largest / smallest"] = round(medians[-1] / medians[0], 2)
    return found


def by_threads(repeats: int) -> dict[str, Any]:
    """Measure a training step of 64 tweets and one of 32 reviews, with one thread and with two."""
    found: dict[str, Any] = {}
    for kind, rows, longest in (("tweets", 64, 60), ("reviews", 32, 400)):
        step = training_step(20_000, drawn_lengths(kind, rows, longest, sorted_batches=True))
        ways = {str(threads): partial(_with_threads, step, threads) for threads in (1, 2)}
        seconds = take_turns(ways, repeats)
        found[kind] = {name: summary(values)["median"] for name, values in seconds.items()}
    return found


def _with_threads(step: Callable[[], None], threads: int) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        step()
    finally:
        torch.set_num_threads(before)


def main() -> None:
    """Measure all four."""
    arguments = parser(__doc__, "scaling").parse_args()
    results: dict[str, Any] = {}
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "vocabulary": partial(by_vocabulary, arguments.repeats),
        "threads": partial(by_threads, arguments.repeats),
        "length": partial(by_length, arguments.repeats),
        "rows": by_rows,
    }
    for name, part in parts.items():
        results[name] = part()
        print(name, json.dumps(results[name]), flush=True)
    write(arguments.output, results)


if __name__ == "__main__":
    main()
