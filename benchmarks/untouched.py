"""Datasets on which nothing was tuned: `python -m benchmarks.untouched [NAME ...]`.

Measures `train` and `train --preset best` with default settings, and TF-IDF with logistic regression. Sets with a test
split are trained with three seeds; on the others, each tenth is the test split once. Nothing is chosen here, and each
test is read once. The scores go to `results/untouched/NAME.json`; existing ones are not repeated.
`python -m benchmarks.tables` makes the table of docs/results/classification.md.
"""

import shutil
import statistics
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
from modeling_lstm.utils.errors import as_text
from modeling_lstm.utils.files import read_json, write_json
from modeling_lstm.utils.markdown import make_table

from .accuracy import RESULTS, SEEDS, mean_and_spread, measure_sets

FOLDER = RESULTS / "untouched"
RUNS = Path("runs") / "results" / "untouched"  # kept until a part is measured
FOLDS = 10


@dataclass(frozen=True)
class Untouched:
    """A dataset: its title, published scores, and whether it has a test split."""

    title: str
    published: str
    has_test: bool = False


SETS = {
    "newsgroups20": Untouched(
        "20 Newsgroups, with headers",
        "TF-IDF 83.2, LSTM 65.7 from scratch, 75.4 with word vectors, BiLSTM 73.2 with them, CNN 76.9 from scratch, "
        "82.2 with them, fastText 79.4, Text GCN 86.3 (Yao et al., 2019), SA-LSTM 84.4 (2015)",
        has_test=True,
    ),
    "sst5": Untouched("SST-5, sentences", "CNN 48.0 (Kim, 2014), Tree-LSTM 51.0 (Tai et al., 2015)", has_test=True),
    "cr": Untouched("Customer reviews", "CNN 79.8 from scratch, 85.0 with word2vec (Kim, 2014)"),
    "subj": Untouched("Subjectivity", "CNN 89.6 from scratch, 93.4 with word2vec (Kim, 2014)"),
    "mpqa": Untouched("MPQA", "CNN 83.4 from scratch, 89.6 with word2vec (Kim, 2014)"),
}


def train_lstm(splits: Path, seed: int, run: str = "defaults", **settings: Any) -> float:
    """Train an LSTM with `train`, or resume its training, and return its test accuracy."""
    folder = splits.parent / run
    if not (folder / "run.json").exists():
        settings |= {"resume_from_checkpoint": "last"} if any(folder.glob("checkpoint-*")) else {"overwrite": True}
        ml.train(dataset=str(splits), output_dir=str(folder), seed=seed, disable_tqdm=True, **settings)
    return ml.evaluate(str(folder), split="test", resamples=100)["scores"]["accuracy"]


def train_best(splits: Path, seed: int) -> float:
    """Do the same with `train --preset best`."""
    return train_lstm(splits, seed, "preset", preset="best")


def fit_tfidf(splits: Path, seed: int) -> float:
    """Do the same with logistic regression on words and pairs of words, which is deterministic."""
    read = {path.stem: str(path) for path in splits.glob("*.parquet")}
    rows: Any = load_dataset("parquet", data_files=read)
    features = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    model = make_pipeline(features, LogisticRegression(C=10, max_iter=1000))
    model.fit(rows["train"]["text"][:], rows["train"]["label"][:])
    return float(model.score(rows["test"]["text"][:], rows["test"]["label"][:]))


WAYS: dict[str, Callable[[Path, int], float]] = {"tfidf": fit_tfidf, "defaults": train_lstm, "preset": train_best}
TITLES = {"tfidf": "TF-IDF", "defaults": "`train`", "preset": "`train --preset best`"}


def write_splits(name: str, data: Path, part: int, folder: Path) -> int:
    """
    Write train and test, and return the seed to train with.

    Args:
        name: One of [`SETS`].
        data: The folder of the datasets.
        part: The seed or, without a test split, the number of the fold.
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
    folder.mkdir(parents=True, exist_ok=True)
    for split, some in splits.items():
        some.to_parquet(folder / f"{split}.parquet")
    return part if SETS[name].has_test else 0


def _path(name: str) -> Path:
    return FOLDER / f"{name}.json"


def measure(name: str, data: Path) -> None:
    """Measure the missing scores of a set."""
    path = _path(name)
    found: dict[str, Any] = read_json(path) if path.exists() else {}
    for part in range(SEEDS if SETS[name].has_test else FOLDS):
        scores = {way: found.setdefault(way, {"accuracy": [], "minutes": []}) for way in WAYS}
        missing = [way for way in WAYS if part == len(scores[way]["accuracy"])]
        if not missing:
            continue
        folder = RUNS / f"{name}-{part}"
        seed = write_splits(name, data, part, folder / "data")
        for way in missing:
            one = scores[way]
            is_resumed, started = (folder / way).exists(), time.perf_counter()
            one["accuracy"].append(WAYS[way](folder / "data", seed))
            one["minutes"].append(None if is_resumed else round((time.perf_counter() - started) / 60, 2))
            one["hardware"] = describe_environment()["hardware"]
            FOLDER.mkdir(parents=True, exist_ok=True)
            write_json(path, found)
            print(name, way, [round(100 * score, 1) for score in one["accuracy"]], flush=True)
        shutil.rmtree(folder)


def untouched_table() -> str:
    """Make the table of mean and spread of each way on each measured set, beside published scores."""
    records = {name: read_json(path) for name in SETS if (path := _path(name)).exists()}
    cells = {(name, way): _cell(name, records[name].get(way, {})) for name in records for way in WAYS}
    names = [name for name in records if any(cells[name, way] for way in WAYS)]
    ways = [way for way in WAYS if any(cells[name, way] for name in names)]
    rows = []
    for name in names:
        parts = f"{SEEDS} seeds" if SETS[name].has_test else f"{FOLDS} folds"
        rows.append([SETS[name].title, parts, *(cells[name, way] for way in ways), SETS[name].published])
    machines: dict[str, list[str]] = {}
    for way in ways:
        for name in names:
            one = records[name][way]["hardware"]
            machine = f"{one['processor']}, {one['threads']} {'thread' if one['threads'] == 1 else 'threads'}"
            if cells[name, way] and TITLES[way] not in machines.setdefault(machine, []):
                machines[machine].append(TITLES[way])
    measured = "; ".join(f"{as_text(titles)} on {machine}" for machine, titles in machines.items())
    table = make_table(["dataset", "mean of", *(TITLES[way] for way in ways), "published"], rows, words=2)
    return f"{table}\n\nMeasured: {measured}.\n"


def _cell(name: str, found: dict[str, list[float]]) -> str:
    """Format mean, spread and minutes of complete runs; the minutes of a resumed training are unknown."""
    scores = [100 * score for score in found.get("accuracy", [])]
    if len(scores) < (SEEDS if SETS[name].has_test else FOLDS):
        return ""
    whole = [minutes for minutes in found["minutes"] if minutes is not None]
    minutes = f" ({statistics.mean(whole):.1f} min)" if whole else ""
    return f"{mean_and_spread(scores)}{minutes}"


def main() -> None:
    """Measure the named sets, or all."""
    measure_sets(__doc__, SETS, measure)


if __name__ == "__main__":
    main()
