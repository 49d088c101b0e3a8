"""Fill the results table of README.md from `results/*/seed-*.json`: `python -m benchmarks.tables [--check]`."""

import argparse
import json
import statistics
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
RESULTS = ROOT / "results"
BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"
# What other people published, with the source; the rest of the table is measured here
PUBLISHED = {
    "tweet_eval_sentiment": "LSTM 58.3, FastText 62.9, RoBERTa-base 71.3, BERTweet 73.4 (TweetEval leaderboard)",
    "sst2": "CNN-rand 83.5 (sent-conv-torch), 2-layer LSTM with GloVe 86.3 (Tai et al., 2015), BERT-large 94.9",
    "trec": "CNN-rand 88.2 (sent-conv-torch), CNN 93.6 (Kim, 2014), ULMFiT 96.4",
    "imdb": "Maas et al. 88.9 (2011), SA-LSTM 92.8 (2015), ULMFiT 95.4, XLNet 96.2",
}
NAMES = {
    "tweet_eval_sentiment": "TweetEval sentiment",
    "sst2": "SST-2, trained on phrases",
    "trec": "TREC-6",
    "imdb": "IMDB",
}


def table() -> str:
    """The Markdown table: test scores of each recipe, mean and standard deviation over its seeds."""
    lines = [
        "| data set | metric | test, mean ± sd | seeds | validation | minutes per run | parameters | published, test |",
        "|---|---|---:|---:|---:|---:|---:|---|",
    ]
    for recipe, name in NAMES.items():
        records = [
            json.loads(path.read_text(encoding="utf-8")) for path in sorted((RESULTS / recipe).glob("seed-*.json"))
        ]
        if not records:
            continue
        metric = records[0]["best"]["metric"]
        test, validation = ([100 * r["metrics"][split][metric] for r in records] for split in ("test", "validation"))
        minutes = [
            f"{record['seconds']['total'] / 60:.1f}" + ("+" if record["training"]["resumed"] else "")
            for record in records
        ]  # with a plus where a run was resumed: the time before that is not counted
        spread = statistics.stdev(test) if len(test) > 1 else 0.0
        cells = [
            f"[{name}](recipes/{recipe}.yaml)",
            metric.replace("_", " "),
            f"**{statistics.mean(test):.1f}** ± {spread:.1f}",
            str(len(records)),
            f"{statistics.mean(validation):.1f}",
            ", ".join(minutes),
            f"{records[0]['model']['parameters'] / 1e6:.1f} M",
            PUBLISHED[recipe],
        ]
        lines.append("| " + " | ".join(cells) + " |")
    hardware = {f"{r['hardware']['processor']}, {r['hardware']['cores']} cores" for r in _all_records()}
    return "\n".join(lines) + f"\n\nMeasured on: {'; '.join(sorted(hardware))}.\n"


def _all_records() -> list[dict]:
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(RESULTS.glob("*/seed-*.json"))]


def filled(text: str) -> str:
    """The README with its table made anew."""
    before, rest = text.split(BEGIN, 1)
    return before + BEGIN + "\n" + table() + END + rest.split(END, 1)[1]


def main() -> None:
    """Write the table, or with --check fail if it is not what the records say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="Do not write; fail if README.md is out of date.")
    arguments = parser.parse_args()
    text = README.read_text(encoding="utf-8")
    if arguments.check:
        if filled(text) != text:
            sys.exit("README.md is out of date: run python -m benchmarks.tables")
        return
    README.write_text(filled(text), encoding="utf-8")


if __name__ == "__main__":
    main()
