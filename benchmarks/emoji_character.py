"""Traces that emoji left in the tweets from which they were removed: `python -m benchmarks.emoji_character`.

The tweets are those of TweetEval's task emoji. An emoji may be followed by the variation selector U+FE0F, which asks
for a colored picture. Where a red heart or a sun was removed from a tweet to serve as its label, this character
remained in the training and test splits, but rarely in validation. MiniLM's tokenizer drops it, so its students never
see it. Here Bayes' rule adds the information to the students' answers, and the LSTM of `train` with default settings
reads the tweets with and without the character, with three seeds each. The record is `results/emoji_character.json`;
`python -m benchmarks.tables` makes the tables of docs/results/classification.md.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset, load_dataset

import modeling_lstm as ml
from modeling_lstm.evaluation.metrics import SINGLE_LABEL, compute_scores
from modeling_lstm.inference.answering import open_predictor
from modeling_lstm.runs.environment import describe_environment
from modeling_lstm.utils.files import read_json, write_json
from modeling_lstm.utils.markdown import make_table

from .accuracy import RESULTS, SEEDS, percent, required_data
from .tweet_eval import METRICS, PUBLISHED, STUDENT, TASKS, TITLES

TASK = "emoji"
RECORD = RESULTS / "emoji_character.json"
SIGN = "\ufe0f"
SPLITS = ("validation", "test")
STUDENTS, TOLD, READS, REMOVED = "student", "student, told of the sign", "train", "train, sign removed"
SYSTEMS = {
    STUDENTS: f"{TITLES[STUDENT]}, which does not read the character",
    TOLD: "the same, with that information by Bayes' rule",
    READS: "LSTM, `train` with its defaults, which reads the character",
    REMOVED: "the same, on tweets without the character",
}


def measure(runs: Path) -> None:
    """Measure what is missing in the record."""
    found: dict[str, Any] = read_json(RECORD) if RECORD.exists() else {"scores": {}}
    data = required_data() / f"tweeteval_{TASK}"
    names = ("train", *SPLITS)
    files = {split: str(data / f"{split}.parquet") for split in names}
    splits: dict[str, Dataset] = {split: load_dataset("parquet", data_files=files, split=split) for split in names}
    found["shares"] = {split: share_of_labels(rows) for split, rows in splits.items()}
    for seed in range(SEEDS):
        for system in SYSTEMS:
            scores = found["scores"].setdefault(system, {split: [] for split in SPLITS})
            if len(scores["test"]) > seed:
                continue
            one = (
                score_student(runs / STUDENT / TASK / f"seed-{seed}", splits, is_told=system == TOLD)
                if system in (STUDENTS, TOLD)
                else train_and_score(splits, seed, removes_sign=system == REMOVED)
            )
            for split in SPLITS:
                scores[split].append(one[split])
            found["hardware"] = describe_environment()["hardware"]
            write_json(RECORD, found)
            print(system, seed, one, flush=True)


def has_sign(rows: Dataset) -> np.ndarray:
    """Return whether each text contains the character, of shape `(rows,)`."""
    return np.asarray([SIGN in text for text in rows["text"]])


def share_of_labels(rows: Dataset) -> dict[str, float]:
    """Return the share of each label's texts that contain the character."""
    signs, labels = has_sign(rows), np.asarray(rows["label"][:])
    return {name: float(signs[labels == label].mean()) for label, name in enumerate(rows.features["label"].names)}


def score_student(run: Path, splits: dict[str, Dataset], *, is_told: bool) -> dict[str, float]:
    """
    Return the official score of a student on validation and test.

    With `is_told`, its probabilities are multiplied by the share of a label's texts in the training split that contain,
    or lack, the character (with one text of each kind added).
    """
    labels = np.asarray(splits["train"]["label"][:])
    rows = np.bincount(labels)
    share = (np.bincount(labels[has_sign(splits["train"])], minlength=len(rows)) + 1) / (rows + 2)
    predictor = open_predictor(str(run), "torch")
    found = {}
    for split in SPLITS:
        scores = np.asarray(predictor.scores(list(splits[split]["text"])))
        if is_told:
            scores = scores * np.where(has_sign(splits[split])[:, None], share, 1 - share)
        names = splits[split].features["label"].names
        answers, truth = scores.argmax(axis=1), np.asarray(splits[split]["label"][:])
        found[split] = compute_scores(SINGLE_LABEL, answers, truth, names)[METRICS[TASK]]
    return found


def train_and_score(splits: dict[str, Dataset], seed: int, *, removes_sign: bool) -> dict[str, float]:
    """Return the same scores of an LSTM trained with default settings, on texts with or without the character."""
    with tempfile.TemporaryDirectory() as folder:
        for split, rows in splits.items():
            kept = rows.map(lambda row: {"text": row["text"].replace(SIGN, "")}) if removes_sign else rows
            kept.to_parquet(f"{folder}/data/{split}.parquet")
        run = f"{folder}/run"
        ml.train(
            dataset=f"{folder}/data",
            output_dir=run,
            seed=seed,
            metric_for_best_model=METRICS[TASK],
            disable_tqdm=True,
        )
        return {split: ml.evaluate(run, split=split, resamples=100)["scores"][METRICS[TASK]] for split in SPLITS}


def emoji_shares_table() -> str:
    """Make the table of the share of texts with the character, by label and split; rare labels share a row."""
    shares = _record()["shares"]
    often = [name for name, share in shares["train"].items() if share > 0.1]
    rows = [[name.replace("_", " "), *(f"{100 * one[name]:.0f}%" for one in shares.values())] for name in often]
    rest = [max(share for name, share in one.items() if name not in often) for one in shares.values()]
    rows.append(["any other, at most", *(f"{100 * share:.1f}%" for share in rest)])
    return make_table(["label", *shares], rows, words=1) + "\n"


def emoji_scores_table() -> str:
    """Make the table of validation and test scores of each system, beside published test scores."""
    scores = _record()["scores"]
    rows = [[SYSTEMS[one], *(percent(scores[one][split]) for split in SPLITS)] for one in SYSTEMS if one in scores]
    rows += [[f"{name}, published", "", f"{one[TASKS.index(TASK)]:.1f}"] for name, one in PUBLISHED.items()]
    return make_table(["model", *SPLITS], rows, words=1) + "\n"


def _record() -> dict[str, Any]:
    return read_json(RECORD)


def main() -> None:
    """Measure what is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, default=Path("runs/results"), help="Folder of the students.")
    measure(parser.parse_args().runs)


if __name__ == "__main__":
    main()
