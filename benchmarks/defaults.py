"""Do the defaults suit small datasets? `python -m benchmarks.defaults [NAME ...]`, without their test splits.

The official validation split of each set, or a sixth of train if there is none or the rows are limited, serves as the
test split; a tenth of the rest of train selects the checkpoint. Three ways are measured with three seeds each: the
batch size and epochs for large sets, the same with averaged weights, and the defaults that `train` derives from the
number of rows. The scores go to `results/defaults/NAME.json`; existing ones are not repeated.
`python -m benchmarks.tables` makes the table of docs/results/classification.md.
"""

import statistics
import tempfile
from pathlib import Path
from typing import Any

from datasets import Dataset, load_dataset

import modeling_lstm as ml
from modeling_lstm.utils.files import read_json, write_json
from modeling_lstm.utils.markdown import make_table

from .accuracy import RESULTS, SEEDS, measure_sets, percent

FOLDER = RESULTS / "defaults"
# The title of each set, and the maximum number of rows to read
SETS = {
    "tweeteval_stance_abortion": ("TweetEval stance, abortion", None),
    "tweeteval_stance_hillary": ("TweetEval stance, Hillary", None),
    "tweeteval_irony": ("TweetEval irony", None),
    "tweeteval_emotion": ("TweetEval emotion", None),
    "trec": ("TREC-6", None),
    "tweeteval_emoji": ("TweetEval emoji, 20 labels", 8_000),
    "sst2": ("SST-2, sentences", None),
    "tweeteval_hate": ("TweetEval hate", None),
}
LARGE: dict[str, Any] = {"per_device_train_batch_size": 64, "num_train_epochs": 5.0, "average_epochs": 0.0}
WAYS: dict[str, dict[str, Any]] = {
    "settings for large sets": LARGE,
    "+ weight averaging": LARGE | {"average_epochs": 0.5},
    "`train` defaults": {},
}


def cut(data: Path, most: int | None, folder: Path) -> dict[str, int]:
    """Write train, validation and test for the trial, and return their numbers of rows."""
    names = [name for name in ("train", "validation") if (data / f"{name}.parquet").is_file()]
    read: Any = {
        name: load_dataset("parquet", data_files=str(data / f"{name}.parquet"), split="train") for name in names
    }
    train: Dataset = read["train"].select_columns(["text", "label"]).shuffle(seed=0)
    train = train.select(range(min(train.num_rows, most or train.num_rows)))
    if "validation" in read and most is None:
        test = read["validation"].select_columns(["text", "label"])
    else:
        held = train.num_rows // 6
        test, train = train.select(range(held)), train.select(range(held, train.num_rows))
    held = max(60, train.num_rows // 10)
    splits = {"train": train.select(range(held, train.num_rows)), "validation": train.select(range(held)), "test": test}
    for name, rows in splits.items():
        rows.to_parquet(folder / f"{name}.parquet")
    return {name: rows.num_rows for name, rows in splits.items()}


def measure(name: str, data: Path) -> None:
    """Measure the missing scores of a set."""
    path = FOLDER / f"{name}.json"
    found: dict[str, Any] = read_json(path) if path.exists() else {"accuracy": {}}
    with tempfile.TemporaryDirectory() as folder:
        splits = Path(folder, "data")
        splits.mkdir()
        found["rows"] = cut(data / name, SETS[name][1], splits)
        for way, settings in WAYS.items():
            scores = found["accuracy"].setdefault(way, [])
            for seed in range(len(scores), SEEDS):
                run = f"{folder}/run-{way.replace(' ', '-')}-{seed}"
                quiet: dict[str, Any] = {"disable_tqdm": True, "logging_strategy": "no", "report_to": "none"}
                ml.TrainingJob(dataset=str(splits), output_dir=run, seed=seed, **settings, **quiet).run()
                scores.append(ml.evaluate(run, split="test", resamples=100)["scores"]["accuracy"])
                FOLDER.mkdir(parents=True, exist_ok=True)
                write_json(path, found)
                print(name, way, [round(100 * score, 1) for score in scores], flush=True)


def defaults_table() -> str:
    """Make the table of the mean and spread of each way, for each measured set and for all of them."""
    found = {name: path for name in SETS if (path := FOLDER / f"{name}.json").exists()}
    records = {name: read_json(path) for name, path in found.items()}
    rows = []
    for name, record in records.items():
        cells = [percent(record["accuracy"][way]) for way in WAYS]
        rows.append([SETS[name][0], f"{record['rows']['train']:,}", *cells])
    means = [statistics.mean(100 * s for one in records.values() for s in one["accuracy"][way]) for way in WAYS]
    rows.append(["mean", "", *(f"**{mean:.1f}**" for mean in means)])
    return make_table(["dataset", "rows", *WAYS], rows, words=1) + "\n"


def main() -> None:
    """Measure the named sets, or all."""
    measure_sets(__doc__, SETS, measure)


if __name__ == "__main__":
    main()
