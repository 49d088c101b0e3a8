"""Speed of the whole training command, against the loop of textbooks and against fine-tuning MiniLM-L6.

`python -m benchmarks.training`, on TweetEval sentiment (MODELING_LSTM_DATA). Ours is the whole command: reading,
vocabulary, tokenization, evaluation, saving. For the others, only the training steps are timed.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from datasets import load_dataset
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from modeling_lstm import LstmConfig, LstmForSequenceClassification, LstmTokenizer
from modeling_lstm.utils.files import read_json

from .accuracy import data_folder, local_minilm
from .measure import ROOT, parser, ratio, write

RECIPE = "recipes/tweet_eval_sentiment.yaml"
# As in tutorials
WORDS = 25_000
# The sizes of the recipe
EMBEDDING, HIDDEN, ROWS = 200, 200, 64


def our_rows_per_second(data: Path) -> tuple[float, dict[str, Any]]:
    """Return rows (of all epochs) per second of the whole command, with nothing cached, and the command's record."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "modeling_lstm.cli", "train", RECIPE, "--dataset", str(data)]
        command += ["--output_dir", f"{folder}/run", "--disable_tqdm", "true"]
        environment = os.environ | {"HF_DATASETS_CACHE": f"{folder}/cache"}
        started = time.perf_counter()
        subprocess.run(command, check=True, cwd=ROOT, env=environment, capture_output=True)
        seconds = time.perf_counter() - started
        record = read_json(Path(folder, "run", "run.json"))
    record["command seconds"] = seconds
    return record["data"]["counts"]["train"]["rows"] * record["history"][-1]["epoch"] / seconds, record


class TextbookLstm(nn.Module):
    """A packed bidirectional LSTM, as in tutorials, with the recipe's sizes and vocabulary."""

    def __init__(self, words: int, labels: int):
        super().__init__()
        self.embedding = nn.Embedding(words, EMBEDDING, padding_idx=0)
        self.rnn = nn.LSTM(EMBEDDING, HIDDEN, batch_first=True, bidirectional=True)
        self.classifier = nn.Linear(2 * HIDDEN, labels)

    def forward(self, input_ids: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        packed = pack_padded_sequence(self.embedding(input_ids), lengths, batch_first=True, enforce_sorted=False)
        _, (h_n, _) = self.rnn(packed)
        return self.classifier(torch.cat([h_n[0], h_n[1]], dim=1))


def textbook(texts: list[str], labels: list[int], tokenizer: LstmTokenizer) -> Callable[[int], float]:
    """Return a function that trains for a number of steps, with random batches and Adam over the whole table.

    It returns the rows per second.
    """
    rows = [torch.tensor(ids or [0]) for ids in tokenizer(texts, truncation=True)["input_ids"]]
    model = TextbookLstm(len(tokenizer), max(labels) + 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    targets = torch.tensor(labels)

    def run(steps: int) -> float:
        started = time.perf_counter()
        for _ in range(steps):
            chosen = torch.randint(len(rows), (ROWS,))
            batch = [rows[n] for n in chosen]
            lengths = torch.tensor([len(row) for row in batch])
            optimizer.zero_grad()
            logits = model(nn.utils.rnn.pad_sequence(batch, batch_first=True), lengths)
            nn.functional.cross_entropy(logits, targets[chosen]).backward()
            optimizer.step()
        return steps * ROWS / (time.perf_counter() - started)

    return run


def minilm(texts: list[str], labels: list[int], *, bf16: bool = False) -> Callable[[int], float]:
    """Return the same function for MiniLM-L6: batches of 32 with little padding and fused AdamW, as in `Trainer`."""
    name = str(local_minilm())
    tokenizer = AutoTokenizer.from_pretrained(name)
    model = AutoModelForSequenceClassification.from_pretrained(name, num_labels=max(labels) + 1).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-5, fused=True)
    order = sorted(range(len(texts)), key=lambda n: len(texts[n]))
    batches = [order[begin : begin + 32] for begin in range(0, len(order) - 31, 32)]

    def run(steps: int) -> float:
        started = time.perf_counter()
        for number in torch.randperm(len(batches))[:steps].tolist():
            batch = batches[number]
            inputs = tokenizer([texts[n] for n in batch], padding=True, truncation=True, return_tensors="pt")
            optimizer.zero_grad()
            with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
                loss = model(**inputs, labels=torch.tensor([labels[n] for n in batch])).loss
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        return steps * 32 / (time.perf_counter() - started)

    return run


def shares(texts: list[str], labels: list[int], tokenizer: LstmTokenizer, steps: int = 60) -> dict[str, float]:
    """Profile our training steps: the shares of collation, embedding, recurrence and optimizer, without the rest."""
    from transformers import DataCollatorWithPadding

    from modeling_lstm.training.optimizer import RowAdamW, clip_gradients

    sizes: dict[str, Any] = {"embedding_size": EMBEDDING, "hidden_size": HIDDEN, "num_labels": max(labels) + 1}
    config = LstmConfig(vocab_size=len(tokenizer), bidirectional=True, pooling="concat", **sizes)
    model = LstmForSequenceClassification(config).train()
    optimizer = RowAdamW(model.parameters(), lr=1e-3, fused=True)
    optimizer.follow(model.get_input_embeddings())
    rows = sorted(tokenizer(texts, truncation=True)["input_ids"], key=len)
    collate = DataCollatorWithPadding(tokenizer)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        for _ in range(steps):
            begin = int(torch.randint(len(rows) - ROWS, ()))
            with torch.profiler.record_function("step: collation"):
                batch = collate([{"input_ids": ids} for ids in rows[begin : begin + ROWS]])
            with torch.profiler.record_function("step: forward and backward"):
                loss = model(**batch, labels=torch.tensor(labels[:ROWS])).loss
                optimizer.zero_grad()
                loss.backward()
            with torch.profiler.record_function("step: optimizer"):
                clip_gradients(model.parameters(), 1.0)
                optimizer.step()
    times = {event.key: event.cpu_time_total for event in profile.key_averages()}
    whole = sum(time for name, time in times.items() if name.startswith("step: "))
    recurrence = sum(times.get(name, 0.0) for name in ("aten::lstm", "MkldnnRnnLayerBackward0"))
    embedding = sum(times.get(name, 0.0) for name in ("aten::embedding", "EmbeddingBackward0"))
    return {
        "collation": round(times["step: collation"] / whole, 3),
        "embedding": round(embedding / whole, 3),
        "recurrence": round(recurrence / whole, 3),
        "optimizer and clipping": round(times["step: optimizer"] / whole, 3),
    }


def main() -> None:
    """Measure all in turn."""
    command = parser(__doc__, "training")
    command.set_defaults(repeats=3)
    arguments = command.parse_args()
    folder = data_folder()
    if folder is None or local_minilm() is None:
        print("Not measured: this needs local copies of the data (MODELING_LSTM_DATA), and MiniLM (extra dev).")
        return
    data = folder / "tweeteval_sentiment"
    rows = load_dataset("parquet", data_files=str(data / "train.parquet"), split="train")
    texts, labels = list(rows["text"]), list(rows["label"])
    words = LstmTokenizer.train([texts], algorithm="word", vocab_size=WORDS, min_frequency=1)
    subwords = LstmTokenizer.train([texts], algorithm="bpe", vocab_size=8000)
    others = {
        "textbook": (textbook(texts, labels, words), 100),
        "textbook, same vocabulary": (textbook(texts, labels, subwords), 100),
        "minilm": (minilm(texts, labels), 30),
        "minilm, bf16": (minilm(texts, labels, bf16=True), 30),
    }
    speeds: dict[str, list[float]] = {name: [] for name in ("ours", *others)}
    record: dict[str, Any] = {}
    for turn in range(arguments.repeats):
        speed, record = our_rows_per_second(data)
        speeds["ours"].append(speed)
        for name, (run, steps) in others.items():
            if turn == 0:
                run(3)
            speeds[name].append(run(steps))
        print({name: round(values[-1], 1) for name, values in speeds.items()}, flush=True)
    found = {
        "rows per second": {name: [round(one, 1) for one in values] for name, values in speeds.items()},
        **{f"ours / {name}": ratio(speeds["ours"], speeds[name]) for name in others},
        "ours in bf16": bool(record["training"].get("bf16")),
        "seconds of the command": record["seconds"] | {"with the start of Python": round(record["command seconds"], 2)},
        "shares of a training step": shares(texts, labels, subwords),
    }
    write(arguments.output, found)
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
