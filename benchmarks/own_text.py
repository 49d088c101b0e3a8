"""A newcomer's run on 5 MB of text, from the start to a sentence and a classifier: `python -m benchmarks.own_text`.

Labeled film reviews serve as the text. The three commands of docs/guides/language-models.md use their default settings.
Other classifiers are trained for comparison: without the language model, with it but layer by layer as in ULMFiT, and
with adversarial training. All are evaluated on other reviews of IMDB's train split. The record goes to
`results/own_text.json`; `python -m benchmarks.tables` makes the table of the guide from it.
"""

import csv
import json
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from datasets import Dataset, load_dataset

import modeling_lstm as ml
from modeling_lstm.runs.environment import describe_environment
from modeling_lstm.utils.display import count_threads
from modeling_lstm.utils.files import read_json, write_json
from modeling_lstm.utils.markdown import make_table

from .accuracy import COMMAND, RESULTS, required_data

RECORD = RESULTS / "own_text.json"
SIZE = 5_000_000  # bytes
HELD_OUT = 3_000  # reviews
# Flags of each classifier; the first is the newcomer's
WAYS: dict[str, tuple[str, ...]] = {
    "initialized from the language model": ("--pretrained", "LM"),
    "+ adversarial training": ("--pretrained", "LM", "--adversarial_size", "0.25"),
    "+ gradual unfreezing": ("--pretrained", "LM", "--frozen_epochs", "1", "--layer_decay", "2.6"),
    "from scratch": (),
    "from scratch, same size": ("--embedding_size", "200", "--hidden_size", "300"),
}


def write_reviews(data: Path, path: Path, held_out: Path) -> int:
    """Write [`SIZE`] bytes of shuffled, labeled reviews, and others to evaluate on. Return the number of the former."""
    rows: Dataset = load_dataset("parquet", data_files=str(data / "imdb" / "train.parquet"), split="train")
    rows = rows.shuffle(seed=0)
    sizes = np.cumsum([len(text.encode("utf-8")) for text in rows["text"]])
    number = int((sizes <= SIZE).sum())
    names = rows.features["label"].names
    for file, some in ((path, range(number)), (held_out, range(number, number + HELD_OUT))):
        with file.open("w", encoding="utf-8", newline="") as lines:
            writer = csv.writer(lines)
            writer.writerow(["text", "label"])
            writer.writerows((row["text"], names[row["label"]]) for row in rows.select(some))
    return number


def run(*flags: str) -> tuple[float, str]:
    """Run a command and return its minutes and its output."""
    started = time.perf_counter()
    out = subprocess.run([*COMMAND, *flags], check=True, stdout=subprocess.PIPE, text=True).stdout
    return round((time.perf_counter() - started) / 60, 2), out


def measure(data: Path) -> None:
    """Run the commands and write the record."""
    with tempfile.TemporaryDirectory() as folder:
        reviews, model = f"{folder}/reviews.csv", f"{folder}/lm"
        held_out = Path(folder, "held-out.csv")
        number = write_reviews(data, Path(reviews), held_out)
        learned, _ = run("pretrain", "--dataset", reviews, "--direction", "both", "--output_dir", model)
        wrote, written = run("generate", model, "The film")
        classifiers = {}
        for index, (way, flags) in enumerate(WAYS.items()):
            classifier, given = f"{folder}/{index}", [model if flag == "LM" else flag for flag in flags]
            minutes, _ = run("train", "--dataset", reviews, *given, "--output_dir", classifier)
            score = ml.evaluate(classifier, dataset=str(held_out), resamples=100)["scores"]["accuracy"]
            classifiers[way] = {"minutes": minutes, "accuracy": score}
            print(way, classifiers[way], flush=True)
        perplexity = read_json(Path(model, "run.json"))["metrics"]["validation"]["word_perplexity"]
    found = {
        "reviews": number,
        "minutes": {"pretrain": learned, "generate": wrote},
        "perplexity": perplexity,
        "classifiers": classifiers,
        "generated": written.strip(),
    }
    write_json(RECORD, found | describe_environment())
    print(json.dumps(found, indent=2))


def own_text_table() -> str:
    """Make the table of the classifiers' accuracy and of the minutes that the commands took."""
    found = read_json(RECORD)
    minutes, classifiers = found["minutes"], found["classifiers"]
    whole = sum(minutes.values()) + next(iter(classifiers.values()))["minutes"]
    rows = [[way, f"{100 * one['accuracy']:.1f}", f"{one['minutes']:.1f}"] for way, one in classifiers.items()]
    machine = found["hardware"]
    return make_table(["classifier", "accuracy", "minutes"], rows, words=1) + (
        f"\n\n{found['reviews']:,} film reviews, 5 MB, and {HELD_OUT:,} others to evaluate on; one seed. Training "
        f"the language model took {minutes['pretrain']:.1f} minutes, and generating\na sentence "
        f"{60 * minutes['generate']:.0f} seconds. Together with the first classifier, that is {whole:.1f} minutes, "
        "with all default settings. Measured on:\n"
        f"{machine['processor']}, {count_threads(machine['threads'])}.\n"
    )


def main() -> None:
    """Measure, if there are local copies of the data."""
    data = required_data()
    measure(data)


if __name__ == "__main__":
    main()
