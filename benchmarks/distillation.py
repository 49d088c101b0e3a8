"""Students of a Transformer, three seeds, test: `python -m benchmarks.distillation [NAME ...]`.

The teacher is MiniLM as `benchmarks.comparison` fine-tuned it, its first seed; that is done first where it was not yet.
Finished runs are skipped. The records go to `results/NAME/distilled/seed-N.json`. On `trec` each student has a teacher
of its own, both made by `train --preset best`.
"""

import argparse
import json
import sys
from pathlib import Path

from modeling_lstm.comparison.report import RESULT

from . import comparison
from .accuracy import MINILM, SEEDS, data_folder, local_flags, local_minilm, train_and_evaluate
from .tweet_eval import METRICS

TWEETS = "tweet_eval_sentiment"
TREC = "trec"
NAMES = ("sst2", TWEETS, TREC)
# What a size changes of the recipe; the records of the small one go to results/NAME/distilled-small
SIZES: dict[str, list[str]] = {"distilled": [], "distilled-small": ["--embedding_size", "128", "--hidden_size", "64"]}
# Text without labels: the train splits of TweetEval's other tasks
OTHER_TWEETS = [name for name in METRICS if name != "sentiment"]


def teacher(name: str, runs: Path) -> Path:
    """The run folder of the comparison's Transformer with the setting that it chose; fine-tuned where there is none."""
    output = runs / "comparison" / name
    record = output / RESULT
    if not record.exists() or comparison.TRANSFORMER_NAME not in _read(record)["systems"]:
        comparison.run(name, [comparison.TRANSFORMER], runs)
    found = _read(record)
    system = found["systems"][comparison.TRANSFORMER_NAME]
    setting = [one["settings"] for one in system["tried"]].index(system["settings"])
    rows = found["data"]["counts"]["train"]["rows"]
    return output / "runs" / comparison.TRANSFORMER_NAME / f"setting-{setting}" / f"rows-{rows}" / "seed-0"


def _read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def unlabeled(name: str) -> list[str]:
    """The flag that names the text without labels."""
    data = data_folder()
    if name == "sst2":
        reviews = ("imdb_unsupervised", "imdb")
        return ["--unlabeled", *(str(data / folder) for folder in reviews)] if data else []  # as the recipe says
    tasks = (str(data / f"tweeteval_{task}") if data else f"cardiffnlp/tweet_eval:{task}" for task in OTHER_TWEETS)
    return ["--unlabeled", *tasks]


def students(name: str, runs: Path, size: str) -> None:
    """A data set's three students of a size, from their teacher's word vectors."""
    taught_by = teacher(name, runs)
    flags = [*local_flags(name), *SIZES[size], *unlabeled(name), "--teacher", str(taught_by)]
    flags += ["--embeddings", f"transformer:{taught_by}", "--logits_cache", str(runs / "logits")]
    for seed in range(SEEDS):
        train_and_evaluate(f"{name}_distilled", f"{name}/{size}", seed, runs / "results", flags, command="distill")


def by_preset(name: str, runs: Path) -> None:
    """Students of a data set without more text, each with its own teacher."""
    for seed in range(SEEDS):
        flags = [*local_flags(name), "--teacher", str(local_minilm() or MINILM)]
        train_and_evaluate(f"{name}_distilled", f"{name}/distilled", seed, runs / "results", flags)


def main() -> None:
    """Run those that were named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(NAMES), help=f"Of: {', '.join(NAMES)}")
    parser.add_argument("--size", choices=SIZES, default="distilled")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    arguments = parser.parse_args()
    for name in arguments.names:
        if name not in NAMES:
            sys.exit(f"There is no {name!r}: choose of {', '.join(NAMES)}.")
        if name == TREC:
            by_preset(name, arguments.runs)
        else:
            students(name, arguments.runs, arguments.size)


if __name__ == "__main__":
    main()
