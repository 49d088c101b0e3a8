"""IMDB with a language model behind the classifier, and few labels: `python -m benchmarks.pretrained [NUMBER ...]`.

A language model learns from the reviews of train and those without labels; three classifiers start from it. The same
network with and without it is compared with MiniLM, for 100, 500, 2,500 and all labels. Interrupted runs are resumed,
finished ones are skipped. The records go to `results/imdb_labels/`; `python -m benchmarks.tables` makes the table of
docs/results/language-models.md.
"""

import argparse
from pathlib import Path
from typing import Any

from modeling_lstm.utils.markdown import make_table

from .accuracy import (
    MINILM,
    SEEDS,
    data_folder,
    local_flags,
    local_minilm,
    mean_and_spread,
    records_of,
    train_and_evaluate,
)
from .accuracy import train_run as train_once

LANGUAGE_MODEL, CLASSIFIER, TRANSFORMER = "imdb_language_model", "imdb_pretrained", "imdb"
LABELS = (100, 500, 2_500, None)
SYSTEMS = ("pretrained", "alone", "minilm")
TITLES = {
    "pretrained": "LSTM initialized from the language model",
    "alone": "the same network alone",
    "minilm": "MiniLM, fine-tuned",
}
SIZES = ["--vocab_size", "30000", "--embedding_size", "256", "--hidden_size", "512"]  # as in the language model
# Few rows need more epochs
EPOCHS: dict[int | None, list[str]] = {
    number: ["--num_train_epochs", epochs, "--per_device_train_batch_size", "16"]
    for number, epochs in ((100, "40"), (500, "15"), (2_500, "6"))
}
PUBLISHED = {
    "ULMFiT, both directions (Howard and Ruder, 2018)": 95.4,
    "LSTM, pretrained, with virtual adversarial training (Miyato et al., 2017)": 94.1,
    "SA-LSTM (Dai and Le, 2015)": 92.8,
}


def language_model(runs: Path) -> Path:
    """Return the run folder of the language model; train it if missing."""
    data, folder = data_folder(), runs / LANGUAGE_MODEL
    local = []
    if data is not None:
        texts = [str(data / name) for name in ("imdb", "imdb_unsupervised")]
        local = ["--dataset", *texts, "--exclude", str(data / "imdb")]
    train_once(LANGUAGE_MODEL, folder, 0, local, "pretrain")
    return folder


def system_flags(system: str, labels: int | None, runs: Path) -> list[str]:
    """Return the flags of `train` for a classifier that learns from some labels, or from all (`None`)."""
    flags = [*local_flags("imdb"), *EPOCHS.get(labels, [])]
    if labels is not None:
        flags += ["--max_train_samples", str(labels)]
    if system == "pretrained":
        flags += ["--pretrained", str(language_model(runs))]
    elif system == "alone":
        flags += SIZES
    else:
        flags += ["--transformer", str(local_minilm() or MINILM), "--per_device_train_batch_size", "16"]
    return flags


def classify(system: str, labels: int | None, seed: int, runs: Path) -> None:
    """Train a classifier and evaluate it on test."""
    flags = system_flags(system, labels, runs)
    recipe = TRANSFORMER if system == "minilm" else CLASSIFIER
    train_and_evaluate(recipe, f"imdb_labels/{labels or 'all'}/{system}", seed, runs, flags)


def labels_table() -> str:
    """Make the table of test accuracy by number of labels: mean and standard deviation of complete runs."""
    scores = {(system, number): _score(_records(system, number)) for system in SYSTEMS for number in LABELS}
    numbers = [number for number in LABELS if any(scores[system, number] for system in SYSTEMS)]
    systems = [system for system in SYSTEMS if any(scores[system, number] for number in numbers)]
    rows = [[TITLES[system], *(scores[system, number] for number in numbers)] for system in systems]
    rows += [[name, *("" for _ in numbers[:-1]), f"{score:.1f}"] for name, score in PUBLISHED.items()]
    heads = ["test accuracy", *(f"{number:,} labels" if number else "all labels" for number in numbers)]
    every = [one for system in systems for number in numbers for one in _records(system, number)]
    machines = sorted({one["hardware"].get("gpu", one["hardware"]["processor"]) for one in every})
    return f"{make_table(heads, rows, words=1)}\n\nTrained on: {', '.join(machines)}.\n"


def _records(system: str, labels: int | None) -> list[dict[str, Any]]:
    return records_of(f"imdb_labels/{labels or 'all'}/{system}")


def _score(records: list[dict[str, Any]]) -> str:
    scores = [100 * record["metrics"]["test"]["accuracy"] for record in records]
    return mean_and_spread(scores) if len(scores) == SEEDS else ""


def main() -> None:
    """Run for the named numbers of labels, or for each of them; 0 stands for all labels."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("numbers", nargs="*", type=int, default=[number or 0 for number in LABELS])
    parser.add_argument("--systems", nargs="*", default=list(SYSTEMS))
    parser.add_argument("--seeds", type=int, nargs="*", default=list(range(SEEDS)))
    parser.add_argument("--runs", type=Path, default=Path("runs/results"))
    arguments = parser.parse_args()
    for number in arguments.numbers:
        for seed in arguments.seeds:
            for system in arguments.systems:
                classify(system, number or None, seed, arguments.runs)


if __name__ == "__main__":
    main()
