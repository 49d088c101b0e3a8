"""Students of a Transformer, three seeds, test: `python -m benchmarks.distillation [NAME ...]`.

The teacher is MiniLM as `benchmarks.comparison` fine-tuned it, its first seed; that is done first where it was not yet.
Finished runs are skipped. The records go to `results/NAME/distilled/seed-N.json`. In `few_labels` only 500 tweets have
labels, and its teachers, and LSTMs that learned from the 500 alone, have their records beside it.
"""

import argparse
import json
import sys
from pathlib import Path

from modeling_lstm.comparison.report import RESULT

from . import comparison
from .accuracy import MINILM, SEEDS, data_folder, local_flags, local_minilm, train_and_evaluate
from .tweet_eval import METRICS

FEW_LABELS = "few_labels"
TWEETS = "tweet_eval_sentiment"
NAMES = ("sst2", TWEETS, FEW_LABELS)
FEW = 500
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
        return ["--unlabeled", str(data / "imdb_unsupervised")] if data else []  # as the recipe says
    tasks = [*OTHER_TWEETS, *(["sentiment"] if name == FEW_LABELS else [])]
    return [
        "--unlabeled",
        *(str(data / f"tweeteval_{task}") if data else f"cardiffnlp/tweet_eval:{task}" for task in tasks),
    ]


def distil(name: str, runs: Path) -> None:
    """A data set's three students."""
    master = teacher(name, runs)
    flags = [*local_flags(name), *unlabeled(name), "--teacher", str(master), "--embeddings", f"transformer:{master}"]
    flags += ["--logits_cache", str(runs / "logits")]
    for seed in range(SEEDS):
        train_and_evaluate(f"{name}_distilled", f"{name}/distilled", seed, runs / "results", flags, command="distill")


def few(runs: Path) -> None:
    """500 labelled tweets: a Transformer, an LSTM, and the Transformer's student, each with three seeds."""
    data = [*local_flags(TWEETS), "--max_train_samples", str(FEW)]
    minilm = str(local_minilm() or MINILM)
    for seed in range(SEEDS):
        folder = runs / "results"
        train_and_evaluate(
            "few_labels_transformer", "few_labels/transformer", seed, folder, [*data, "--transformer", minilm]
        )
        train_and_evaluate(
            "few_labels", "few_labels/lstm", seed, folder, [*data, "--embeddings", f"transformer:{minilm}"]
        )
        master = str(folder / "few_labels" / "transformer" / f"seed-{seed}")
        flags = [*data, *unlabeled(FEW_LABELS), "--teacher", master, "--embeddings", f"transformer:{master}"]
        flags += ["--logits_cache", str(runs / "logits")]
        train_and_evaluate(f"{TWEETS}_distilled", "few_labels/distilled", seed, folder, flags, command="distill")


def main() -> None:
    """Run those that were named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(NAMES), help=f"Of: {', '.join(NAMES)}")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    arguments = parser.parse_args()
    for name in arguments.names:
        if name not in NAMES:
            sys.exit(f"There is no {name!r}: choose of {', '.join(NAMES)}.")
        few(arguments.runs) if name == FEW_LABELS else distil(name, arguments.runs)


if __name__ == "__main__":
    main()
