"""Data sets on which nothing was tuned: `python -m benchmarks.untouched [NAME ...]`.

What `train` and `train --preset best` give without another setting, and TF-IDF with logistic regression. Sets with a
test split are trained with three seeds; of the others each tenth is the test once. Nothing is chosen here, and each
test is read once. The scores go to `results/untouched/NAME.json`; what is there is not repeated, and a table
of it is printed.
"""

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets import Dataset, concatenate_datasets, load_dataset
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import modeling_lstm as ml
from modeling_lstm.runs.environment import describe_environment
from modeling_lstm.utils.files import write_json
from modeling_lstm.utils.markdown import make_table

from .accuracy import RESULTS, SEEDS, measure_sets, spread

FOLDER = RESULTS / "untouched"
FOLDS = 10


@dataclass(frozen=True)
class Untouched:
    """A data set, what others published on it, and whether it has a test split."""

    title: str
    published: str
    has_test: bool = False


SETS = {
    "newsgroups20": Untouched(
        "20 Newsgroups, with headers",
        "LSTM 65.7, pretrained 75.4, BiLSTM 73.2, CNN 82.2, fastText 79.4 (Yao et al., 2019), SA-LSTM 84.4 (2015)",
        has_test=True,
    ),
    "sst5": Untouched("SST-5, sentences", "CNN 48.0 (Kim, 2014), Tree-LSTM 51.0 (Tai et al., 2015)", has_test=True),
    "cr": Untouched("Customer reviews", "CNN 78.3 from scratch, 84.4 with word2vec (sent-conv-torch)"),
    "subj": Untouched("Subjectivity", "CNN 89.2 from scratch, 93.4 with word2vec (sent-conv-torch)"),
    "mpqa": Untouched("MPQA", "CNN 84.6 from scratch, 89.7 with word2vec (sent-conv-torch)"),
}


def train_lstm(splits: Path, seed: int, **settings: Any) -> float:
    """Accuracy on test of what `train` makes."""
    with tempfile.TemporaryDirectory() as folder:
        ml.train(dataset=str(splits), output_dir=f"{folder}/run", seed=seed, disable_tqdm=True, **settings)
        return ml.evaluate(f"{folder}/run", split="test", resamples=100)["scores"]["accuracy"]


def train_best(splits: Path, seed: int) -> float:
    """The same of `train --preset best`."""
    return train_lstm(splits, seed, preset="best")


def fit_tfidf(splits: Path, seed: int) -> float:
    """The same of logistic regression on words and pairs of words, in which there is no chance."""
    read = {path.stem: str(path) for path in splits.glob("*.parquet")}
    rows: Any = load_dataset("parquet", data_files=read)
    features = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    model = make_pipeline(features, LogisticRegression(C=10, max_iter=1000))
    model.fit(rows["train"]["text"][:], rows["train"]["label"][:])
    return float(model.score(rows["test"]["text"][:], rows["test"]["label"][:]))


WAYS: dict[str, Callable[[Path, int], float]] = {"tfidf": fit_tfidf, "defaults": train_lstm, "preset": train_best}


def write_splits(name: str, data: Path, part: int, folder: Path) -> int:
    """
    Write train and test, and give the seed to train with.

    Args:
        name: One of [`SETS`].
        data: The folder of the data sets.
        part: Number of the seed or, without a test split, of the fold.
        folder: Where to write them.
    """
    columns = ["text", "label"]
    read = {path.stem: str(path) for path in (data / name).glob("*.parquet")}
    splits: Any = load_dataset("parquet", data_files=read).select_columns(columns)
    if not SETS[name].has_test:
        rows: Dataset = splits["train"].shuffle(seed=0)
        folds = [rows.shard(FOLDS, number, contiguous=True) for number in range(FOLDS)]
        rest = [fold for number, fold in enumerate(folds) if number != part]
        splits = {"train": concatenate_datasets(rest), "test": folds[part]}
    for split, some in splits.items():
        some.to_parquet(folder / f"{split}.parquet")
    return part if SETS[name].has_test else 0


def measure(name: str, data: Path) -> None:
    """The scores of a set that are not there yet."""
    path = FOLDER / f"{name}.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    for part in range(SEEDS if SETS[name].has_test else FOLDS):
        scores = {way: found.setdefault(way, {"accuracy": [], "minutes": []}) for way in WAYS}
        missing = [way for way in WAYS if part == len(scores[way]["accuracy"])]
        if not missing:
            continue
        with tempfile.TemporaryDirectory() as folder:
            seed = write_splits(name, data, part, Path(folder))
            for way in missing:
                one = scores[way]
                started = time.perf_counter()
                one["accuracy"].append(WAYS[way](Path(folder), seed))
                one["minutes"].append(round((time.perf_counter() - started) / 60, 2))
                found["hardware"] = describe_environment()["hardware"]
                FOLDER.mkdir(parents=True, exist_ok=True)
                write_json(path, found)
                print(name, way, [round(100 * score, 1) for score in one["accuracy"]], flush=True)


def untouched_table() -> str:
    """Mean and spread of each way for each set that is measured, beside what was published."""
    rows, processors = [], set()
    for name, one in SETS.items():
        path = FOLDER / f"{name}.json"
        if not path.exists():
            continue
        record = json.loads(path.read_text(encoding="utf-8"))
        machine = record["hardware"]
        processors.add(f"{machine['processor']}, {machine['threads']} threads")
        cells = []
        for way in WAYS:
            scores = [100 * score for score in record.get(way, {}).get("accuracy", [])]
            complete = len(scores) == (SEEDS if one.has_test else FOLDS)
            minutes = statistics.mean(record[way]["minutes"]) if complete else 0
            cells.append(
                f"{statistics.mean(scores):.1f} ± {spread(scores):.1f} ({minutes:.1f} min)" if complete else ""
            )
        rows.append([one.title, f"{SEEDS} seeds" if one.has_test else f"{FOLDS} folds", *cells, one.published])
    heads = ["data set", "mean of", "TF-IDF", "`train`", "`train --preset best`", "published"]
    return make_table(heads, rows, words=2) + f"\n\nMeasured on: {'; '.join(sorted(processors))}.\n"


def main() -> None:
    """Measure those that were named, or all."""
    if measure_sets(__doc__, SETS, measure):
        print(untouched_table())


if __name__ == "__main__":
    main()
