"""The tables of docs/results/speed.md on the way from text to answer, made from `results/speed/end_to_end.json`."""

import functools
import statistics
from typing import Any

from modeling_lstm.utils.files import read_json
from modeling_lstm.utils.markdown import make_table

from .measure import SPEED

TITLES = {
    "ours, lstm": "BiLSTM 320 → 128, torch",
    "ours, lstm-fp32": "BiLSTM 320 → 128, ONNX fp32",
    "ours, lstm-int8": "BiLSTM 320 → 128, ONNX int8",
    "ours, small-fp32": "BiLSTM 128 → 64, ONNX fp32",
    "ours, small-int8": "BiLSTM 128 → 64, ONNX int8",
    "minilm, int8": "MiniLM-L6, ONNX int8, by our `predict`",
    "minilm, pipeline": "MiniLM-L6, `pipeline`",
    "fasttext": "fastText",
}
SMALL = "small-int8"
STEPS = {
    "read the file": "read the file",
    "check the texts": "check the texts",
    "tokens": "text to tokens",
    "pad": "pad",
    f"network, {SMALL}": "network",
    "answers": "labels",
    "write the file": "write the file",
}


def end_to_end_table() -> str:
    """Make the table of whole commands and of single texts."""
    record = _read()
    found, single = record["results"]["commands"], record["results"]["one text"]
    heads = ["system", "tweets a second", "times as fast", "with start-up", "against MiniLM in int8"]
    heads += ["one tweet, ms", "times as fast"]
    rows = []
    for name, title in TITLES.items():
        if name not in found["rows per second"]:
            continue
        cells = [title, f"{statistics.median(found['rows per second'][name]):,.0f}"]
        for key in ("", ", start included", " in int8"):
            cells.append(_times(found[f"times as fast as minilm{key}"][name]))
        if name in single["milliseconds"]:
            times = _times(single["times as fast as minilm, pipeline"][name])
            cells += [f"{single['milliseconds'][name]:.2f}", times]
        rows.append(cells + [""] * (len(heads) - len(cells)))
    cold = statistics.median(single["seconds from a shell"])
    hardware = record["hardware"]
    return f"{make_table(heads, rows)}\n\n" + (
        f"{found['rows']:,} tweets from a CSV file to a CSV file, by whole commands that take turns; MiniLM fewer of "
        f"them, in batches of {found['batch of the pipeline']}, which suit its pipeline best. Times as fast as that "
        "pipeline: the median over the rounds, in brackets the lowest and highest; for one tweet, the median and the "
        "quartiles over the texts. From a shell, `predict` with the small "
        f"network in int8 answers its first text after {cold:.2f} s. Measured on: {hardware['processor']}, "
        f"{hardware['cores']} cores; load in the minute before {record['load'][0]:.1f}.\n"
    )


def budget_table() -> str:
    """Make the table of where the time of a tweet goes on one core, beside what the core can do."""
    results = _read()["results"]
    took, limits = results["microseconds a row"], results["limits of one core"]
    whole = sum(took[name] for name in STEPS)
    rows = [[title, f"{took[name]:.1f}", f"{100 * took[name] / whole:.0f}%"] for name, title in STEPS.items()]
    rows.append(["all", f"{whole:.1f}", ""])
    others = ", ".join(
        f"{TITLES[f'ours, {name}']} {took[f'network, {name}']:.0f}" for name in ("lstm-fp32", "lstm-int8", "small-fp32")
    )
    return f"{make_table(['step', 'microseconds a tweet', 'share'], rows)}\n\n" + (
        f"One core, {TITLES[f'ours, {SMALL}']}. The other networks take: {others} microseconds. The library "
        f"`tokenizers` alone, without our cache of tokenized words, takes {took['tokens, by the library']:.0f} for the "
        f"tokens. The core multiplies {limits['gigaflops of matmul']:.0f} Gflop/s in fp32 and copies "
        f"{limits['gigabytes a second of copies']:.1f} GB a second.\n"
    )


def _times(found: dict[str, Any]) -> str:
    low, high = found["quartiles"]
    return f"**{found['median']:.3g}** ({low:.3g} to {high:.3g})"


@functools.cache
def _read() -> dict[str, Any]:
    return read_json(SPEED / "end_to_end.json")
