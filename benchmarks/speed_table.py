"""The tables and sentences on speed in docs/results/speed.md, made from the records in `results/speed/`."""

import functools
import statistics
from typing import Any

from modeling_lstm.training.precision import GAIN
from modeling_lstm.utils.errors import as_text
from modeling_lstm.utils.files import read_json
from modeling_lstm.utils.markdown import make_table

from .accuracy import percent
from .comparison_tables import TITLES
from .measure import SPEED

AVX2 = "recurrence-avx2"  # on a processor without AVX-512, or one limited to AVX2


def speed_table() -> str:
    """Make a table for each record: ratios with their quartiles, and the times in milliseconds."""
    parts = {"recurrence": _recurrence("recurrence"), "training": _training(), "inference": _inference()}
    if (SPEED / f"{AVX2}.json").exists():
        parts = {"recurrence": parts["recurrence"], AVX2: _recurrence(AVX2)} | parts
    return "\n".join(_table(name, rows) for name, rows in parts.items())


def _table(name: str, rows: list[tuple[str, ...]]) -> str:
    heads = ["what", "against", "times as fast", "milliseconds"]
    return f"{make_table(heads, [list(row) for row in rows], words=2)}\n\n{_measured_on(name)}\n"


def _measured_on(name: str) -> str:
    hardware, load = _read(name)["hardware"], _read(name)["load"][0]
    instructions = f", {hardware['instructions']}" if "instructions" in hardware else ""
    return (
        f"Measured on: {hardware['processor']}{instructions}, {hardware['threads']} threads; load in the minute before "
        f"{load:.1f}."
    )


def _recurrence(name: str) -> list[tuple[str, ...]]:
    """Make a row for each batch, and more for the LSTM on reviews of similar lengths."""
    rows = []
    for one in _read(name)["results"]:
        cell, text, number, is_sorted = (one[key] for key in ("cell", "text", "rows", "like lengths"))
        if one["layers"] > 1 or (text, number) == ("tweets", 32):
            continue
        singular = f"one {text.removesuffix('s')}"
        some = f"{number} {text} of {'similar' if is_sorted else 'mixed'} lengths" if number > 1 else singular
        what = f"Bi{cell.upper()} 100 → 500, {some}"
        title = f"Training step, {what}"
        step = {name: {"median": took["median"] / len(one["tokens"])} for name, took in one["training step"].items()}
        rows.append(_row(title, one["packed / ours, training"], "packed", step["packed"], step["ours"]))
        bf16 = one["ours / ours bf16, training"]
        if cell == "lstm" and text == "reviews" and is_sorted:
            rows.append(_row(title, _inverse(one), "no masking at all", step["unmasked"], step["ours"]))
        if number > 1 and is_sorted and bf16["median"] >= GAIN:
            rows.append(_row(f"{title}, bf16", bf16, "ours in fp32", step["ours"], step["ours bf16"]))
        took = {name: {"median": some["median"] / len(one["tokens"])} for name, some in one["inference"].items()}
        ratio = one["packed / ours, inference"]
        rows.append(_row(f"Inference, {what}", ratio, "packed", took["packed"], took["ours"]))
    return rows


def _inverse(one: dict[str, Any]) -> dict[str, Any]:
    found = one["ours / unmasked, training"]
    return {"median": 1 / found["median"], "quartiles": sorted(1 / value for value in found["quartiles"])}


def _training() -> list[tuple[str, ...]]:
    found = _read("training")["results"]
    title = "Whole command `train` on TweetEval sentiment, per row"
    rows = []
    others = {
        "textbook": "a textbook training loop",
        "textbook, same vocabulary": "that loop with our 8,000 subwords",
        "minilm": "fine-tuning MiniLM-L6",
        "minilm, bf16": "fine-tuning MiniLM-L6 in bf16",
    }
    for name, against in others.items():
        if name not in found["rows per second"]:
            continue
        slow, fast = ({"median": 1000 / statistics.median(found["rows per second"][key])} for key in (name, "ours"))
        rows.append(_row(title, found[f"ours / {name}"], against, slow, fast))
    return rows


def _inference() -> list[tuple[str, ...]]:
    rows = []
    found = _read("inference")["results"]
    for one in found["models"]:
        title = f"Inference, {found['ours']}, {one['shape']}"
        took = one["milliseconds"]
        ours = took["lstm torch fp32"]
        for name, against in (("minilm", "MiniLM-L6"), ("distilbert", "a Transformer of DistilBERT's size")):
            for precision, how in (("fp32", ""), ("bf16", " in bf16")):
                key = f"{name} torch {precision}"
                rows.append(_row(title, one[f"{key} / lstm torch fp32"], against + how, took[key], ours))
        if "lstm onnx int8" not in took:
            continue
        both = {name: took[f"{name} onnx int8"] for name in ("lstm", "minilm")}
        times = both["minilm"]["median"] / both["lstm"]["median"]
        gain = one["lstm torch fp32 / lstm onnx int8"]
        rows.append(_row(f"{title}, ONNX int8", gain, "ours in torch, fp32", ours, both["lstm"]))
        same = {"median": times, "quartiles": None}
        rows.append(_row(f"{title}, ONNX int8", same, "MiniLM-L6 in ONNX int8", both["minilm"], both["lstm"]))
    return rows


def _row(what: str, found: dict[str, Any], against: str, slow: dict[str, Any], fast: dict[str, Any]) -> tuple[str, ...]:
    times = f"**{found['median']:.3g}**"
    if found["quartiles"]:
        times += " ({:.3g} to {:.3g})".format(*found["quartiles"])
    return what, against, times, f"{_number(fast['median'])} instead of {_number(slow['median'])}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def speed_sentences() -> str:
    """Make the sentences: how time and memory grow, the start, and the cost of int8."""
    names = ("scaling", "int8", "bf16", "inference")
    scaling, int8, bf16, inference = (_read(name)["results"] for name in names)
    shares = _read("training")["results"]["shares of a training step"]
    peak = next(
        one
        for one in _read("recurrence")["results"]
        if one["text"] == "reviews" and one["rows"] == 32 and one["like lengths"]
    )
    vocabulary, rows, length = (scaling[name] for name in ("vocabulary", "rows", "length"))
    start = inference["cold start"]
    sizes = inference["size on disk, MB"]
    gained = as_text(f"{0 - one['points lost by int8, mean']:+.2f} ({TITLES[name]})" for name, one in int8.items())
    megabytes = int8["sst2"]["runs"][0]["megabytes"]
    points = [
        "A training step of the BiLSTM 100 → 500 on 32 reviews of similar lengths reaches "
        f"{100 * peak['share of peak, training']:.0f}% of the speed of torch's matrix multiplication on this "
        f"machine ({peak['gigaflops of matmul']:.0f} Gflop/s).",
        "On tweets, a training step with its optimizer spends "
        + ", ".join(f"{100 * share:.0f}% on {name}" for name, share in shares.items())
        + ".",
        f"With a vocabulary of {vocabulary['words'][-1]:,} words instead of {vocabulary['words'][0]:,} a step takes "
        f"{vocabulary['rows, largest / smallest']:.2f} times as long, {vocabulary['rows, milliseconds'][-1]:.1f} "
        f"instead of {vocabulary['rows, milliseconds'][0]:.1f} ms; with torch's own AdamW "
        f"{vocabulary['table, milliseconds'][-1]:.1f} instead of {vocabulary['table, milliseconds'][0]:.1f} ms.",
        f"The time of a step grows with the length to the power of {length['exponent']:.2f}, up to "
        f"{length['tokens'][-1]:,} tokens ({length['exponent from 512 tokens']:.2f} from 512 tokens on).",
        f"`predict` classifies {rows['rows per second']:,} rows a second; its peak memory is "
        f"{rows['peak memory, MB'][-2]:,} MB for {rows['rows'][-2]:,} rows and {rows['peak memory, MB'][-1]:,} MB for "
        f"{rows['rows'][-1]:,}.",
        "From the start of Python to the first answer: "
        + "; ".join(f"{name} {one['seconds']:.1f} s and {one['peak memory, MB']} MB" for name, one in start.items())
        + ".",
        f"On disk: BiLSTM 320 → 128 {sizes['lstm']:.0f} MB, in int8 {sizes['lstm-int8']:.0f} MB; MiniLM-L6 "
        f"{sizes['minilm']:.0f} MB.",
        "Trained in fp32, the network of SST-2 has an accuracy of "
        f"{percent([run['test'] / 100 for run in bf16['runs']['fp32']])} on test, in bf16 "
        f"{percent([run['test'] / 100 for run in bf16['runs']['bf16']])} ({len(bf16['runs']['fp32'])} seeds each).",
        f"int8 changes the accuracy on test by {gained} points "
        f"(means of {len(int8['sst2']['runs'])} seeds). On SST-2 it takes {megabytes['int8']} MB instead of "
        f"{megabytes['torch']}.",
    ]
    machines: dict[str, list[str]] = {}
    for name in ("recurrence", "training", *names):
        machines.setdefault(_read(name)["hardware"]["processor"], []).append(f"`benchmarks.{name}`")
    measured = "; ".join(f"{as_text(some)} on {machine}" for machine, some in machines.items())
    return "\n".join(f"- {point}" for point in points) + f"\n\nMeasured: {measured}.\n"


@functools.cache
def _read(name: str) -> dict[str, Any]:
    return read_json(SPEED / f"{name}.json")


def generation_table() -> str:
    """Make the table of what a token costs at each position, for an LSTM and a Transformer with its cache."""
    found = _read("generation")["results"]
    heads = ["position", "LSTM, ms a token", "Transformer, ms a token", "times as fast", "state, kB", "cache, kB"]
    rows = []
    for position, one in found["positions"].items():
        took, state, times = one["milliseconds a token"], one["kilobytes of state"], one["transformer / lstm"]
        cells = [f"{int(position):,}", *(f"{took[name]['median']:.2f}" for name in ("lstm", "transformer"))]
        cells.append(f"{times['median']:.1f} ({times['quartiles'][0]:.1f} to {times['quartiles'][1]:.1f})")
        rows.append([*cells, *(f"{state[name]:,.0f}" for name in ("lstm", "transformer"))])
    sizes = " and ".join(f"{number / 1e6:.1f} M" for number in found["parameters"].values())
    return make_table(heads, rows, words=0) + (
        f"\n\n{sizes} parameters with random weights; medians, in brackets quartiles. {_measured_on('generation')}\n"
    )
