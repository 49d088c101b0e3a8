"""Whether a masked objective pretrains a better classifier than two language models: `python -m benchmarks.masked`.

On the tweets of TweetEval sentiment, `pretrain --direction both` trains a forward and a backward language model. Beside
it, `pretrain --task fill-mask` trains the same network to fill in masked tokens. It does so for as many epochs as the
language models and for four times as many, which takes about as long as they do, because it computes the softmax of few
tokens. `train --pretrained` starts a classifier from each, and from neither, with few labels. The scores are those on
validation. The record is `results/masked.json`; `python -m benchmarks.tables` makes the table of
docs/results/language-models.md.
"""

import argparse
import shutil
import time
from pathlib import Path
from typing import Any

import modeling_lstm as ml
from modeling_lstm.runs.environment import describe_environment
from modeling_lstm.utils.display import count_threads
from modeling_lstm.utils.files import read_json, write_json
from modeling_lstm.utils.markdown import make_table

from .accuracy import RESULTS, SEEDS, mean_and_spread, required_data

RECORD = RESULTS / "masked.json"
DATA, METRIC, LABELS = "tweeteval_sentiment", "macro_recall", (200, 1_000)
NEITHER, CAUSAL = "neither", "causal"
MASKED = {"masked": 1, "masked longer": 4}  # how many times the epochs of the language models
TITLES = {
    NEITHER: "no pretraining",
    CAUSAL: "a forward and a backward language model (`--direction both`)",
    "masked": "masked tokens, as many epochs",
    "masked longer": "masked tokens, four times as many",
}
SETTINGS: dict[str, Any] = {
    "tokenizer_algorithm": "bpe",
    "vocab_size": 4_000,
    "embedding_size": 128,
    "hidden_size": 192,
    "block_size": 64,
    "per_device_train_batch_size": 32,
    "num_train_epochs": 2,
    "learning_rate": 3e-3,
    "bf16": False,
    "disable_tqdm": True,
}
SIZES = {name: SETTINGS[name] for name in ("tokenizer_algorithm", "vocab_size", "embedding_size", "hidden_size")}


def main() -> None:
    """Measure what is missing in the record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, default=Path("runs/masked"), help="Folder for the models.")
    runs: Path = parser.parse_args().runs
    found: dict[str, Any] = read_json(RECORD) if RECORD.exists() else {"minutes": {}, "scores": {}}
    for seed in range(SEEDS):
        for way in TITLES:
            scores = found["scores"].setdefault(way, {str(labels): [] for labels in LABELS})
            folder = pretrain(way, seed, runs, found["minutes"])
            save(found)
            for labels in LABELS:
                if len(scores[str(labels)]) <= seed:
                    scores[str(labels)].append(classify(folder, labels, seed, runs / f"{way}-{labels}-{seed}"))
                    save(found)
                    print(way, labels, scores[str(labels)], flush=True)


def save(found: dict[str, Any]) -> None:
    """Write what is measured so far."""
    write_json(RECORD, found | {"settings": SETTINGS} | describe_environment())


def pretrain(way: str, seed: int, runs: Path, minutes: dict[str, list[float]]) -> Path | None:
    """Return the folder of a pretrained model; train it if it is missing."""
    if way == NEITHER:
        return None
    folder = runs / f"{way}-{seed}"
    if not (folder / "run.json").exists():
        settings: dict[str, Any] = SETTINGS | {"direction": "both"}
        if way in MASKED:
            epochs = MASKED[way] * SETTINGS["num_train_epochs"]
            settings = SETTINGS | {"task": "fill-mask", "num_train_epochs": epochs}
        begun = time.perf_counter()
        ml.pretrain(
            dataset=[str(required_data() / DATA)], output_dir=str(folder), seed=seed, overwrite=True, **settings
        )
        minutes.setdefault(way, []).append(round((time.perf_counter() - begun) / 60, 1))
    return folder


def classify(pretrained: Path | None, labels: int, seed: int, folder: Path) -> float:
    """Train a classifier on some labels, and return its score on validation, in percent."""
    start = {"pretrained": str(pretrained)} if pretrained else {"bidirectional": True, **SIZES}
    record = ml.train(
        dataset=str(required_data() / DATA),
        output_dir=str(folder),
        max_train_samples=labels,
        metric_for_best_model=METRIC,
        seed=seed,
        overwrite=True,
        disable_tqdm=True,
        bf16=False,
        **start,
    )
    shutil.rmtree(folder)
    return round(100 * record["metrics"]["validation"][METRIC], 2)


def masked_table() -> str:
    """Make the table of validation scores by number of labels, and minutes of pretraining."""
    if not RECORD.exists():
        return "\n"
    found = read_json(RECORD)
    rows = []
    for way, title in TITLES.items():
        cells = [mean_and_spread(found["scores"][way][str(labels)]) for labels in LABELS]
        minutes = found["minutes"].get(way)
        rows.append([title, *cells, f"{sum(minutes) / len(minutes):.0f}" if minutes else ""])
    heads = ["pretrained by", *(f"{labels:,} labels" for labels in LABELS), "minutes of pretraining"]
    machine = found["hardware"]
    return f"{make_table(heads, rows)}\n\nMeasured on: {machine['processor']}, {count_threads(machine['threads'])}.\n"


if __name__ == "__main__":
    main()
