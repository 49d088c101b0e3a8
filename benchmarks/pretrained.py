"""IMDB with a language model behind the classifier, and few labels: `python -m benchmarks.pretrained [NUMBER ...]`.

A language model reads the reviews of train and those without labels; three classifiers begin as it. With 100, 500 and
2,500 labels, and with all: the same network with and without it, and MiniLM. Runs that were stopped go on, finished
ones are skipped. The records go to `results/imdb/pretrained/` and `results/imdb_labels/`; `python -m benchmarks.tables`
makes the table of docs/guides/language-models.md.
"""

import argparse
import statistics
from pathlib import Path

from modeling_lstm.utils.markdown import make_table

from .accuracy import MINILM, SEEDS, data_folder, local_flags, local_minilm, records_of, spread, train_and_evaluate
from .accuracy import train_run as train_once

LANGUAGE_MODEL, CLASSIFIER, ALONE = "imdb_language_model", "imdb_pretrained", "imdb"
LABELS = (100, 500, 2_500)
SYSTEMS = ("pretrained", "alone", "minilm")
TITLES = {"pretrained": "LSTM that begins as the language model", "alone": "LSTM alone", "minilm": "MiniLM, fine-tuned"}
# Few rows need more epochs: about as many steps as suit a thousand
EPOCHS = {100: "30", 500: "12", 2_500: "6"}
PUBLISHED = {"ULMFiT": 95.0, "LSTM, pretrained and adversarial (Miyato et al., 2017)": 94.1, "SA-LSTM (2015)": 92.8}


def language_model(runs: Path) -> Path:
    """The run folder of the language model, trained where there is none."""
    data, folder = data_folder(), runs / LANGUAGE_MODEL
    local = []
    if data is not None:
        texts = [str(data / name) for name in ("imdb", "imdb_unsupervised")]
        local = ["--dataset", *texts, "--exclude", str(data / "imdb")]
    train_once(LANGUAGE_MODEL, folder, 0, local, "pretrain")
    return folder


def classify(system: str, labels: int | None, seed: int, model: Path, runs: Path) -> None:
    """One classifier, trained on all labels or on some, and its evaluation on test."""
    if labels is None and system != "pretrained":
        return  # benchmarks.accuracy and benchmarks.comparison have these
    name = f"imdb/{system}" if labels is None else f"imdb_labels/{labels}/{system}"
    flags = local_flags(ALONE)
    if labels is not None:
        flags += ["--max_train_samples", str(labels)]
    if system == "pretrained":
        flags += ["--pretrained", str(model)]
    elif system == "minilm":
        flags += ["--transformer", str(local_minilm() or MINILM), "--per_device_train_batch_size", "16"]
    if labels is not None:
        flags += ["--num_train_epochs", EPOCHS[labels]]
    train_and_evaluate(CLASSIFIER if system == "pretrained" else ALONE, name, seed, runs, flags)


def labels_table() -> str:
    """Accuracy on test by the number of labels, mean and standard deviation over the seeds."""
    rows = []
    for system in SYSTEMS:
        cells = [TITLES[system]]
        for labels in LABELS:
            cells.append(_score(f"imdb_labels/{labels}/{system}"))
        whole = {"pretrained": "imdb/pretrained", "alone": "imdb", "minilm": "imdb/minilm"}[system]
        rows.append([*cells, _score(whole) if system != "minilm" else ""])
    rows += [[name, *("" for _ in LABELS), f"{score:.1f}"] for name, score in PUBLISHED.items()]
    return make_table(["test accuracy", *(f"{labels:,} labels" for labels in LABELS), "all"], rows, words=1)


def _score(name: str) -> str:
    scores = [100 * record["metrics"]["test"]["accuracy"] for record in records_of(name)]
    return f"{statistics.mean(scores):.1f} ± {spread(scores):.1f}" if len(scores) == SEEDS else ""


def main() -> None:
    """Run for the numbers of labels that were named, or for all; 0 stands for all labels."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("numbers", nargs="*", type=int, default=[0, *LABELS])
    parser.add_argument("--runs", type=Path, default=Path("runs/results"))
    arguments = parser.parse_args()
    model = language_model(arguments.runs)
    for number in arguments.numbers:
        for seed in range(SEEDS):
            for system in SYSTEMS:
                classify(system, number or None, seed, model, arguments.runs)


if __name__ == "__main__":
    main()
