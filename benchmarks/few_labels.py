"""Four datasets where only 500 texts have labels, three seeds, test: `python -m benchmarks.few_labels [NAME ...]`.

All systems learn from the same 500: a Transformer, its student, which `train --preset best` makes with unlabeled text,
the LSTM that the preset makes alone, and TF-IDF. The recipe is `few_labels.yaml`. Finished runs are skipped. The
records go to `results/few_labels/NAME/`; `python -m benchmarks.tables` makes the table of
docs/results/classification.md from these.
"""

import statistics
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modeling_lstm.comparison.systems import ComparisonTask
from modeling_lstm.comparison.tfidf import Tfidf
from modeling_lstm.data.arguments import DataArguments
from modeling_lstm.data.loading import load_data
from modeling_lstm.evaluation.metrics import compute_scores
from modeling_lstm.utils.files import read_json, write_json
from modeling_lstm.utils.markdown import make_table

from .accuracy import (
    MINILM,
    RESULTS,
    SEEDS,
    local_minilm,
    mean_minutes,
    measure_sets,
    percent,
    records_of,
    train_and_evaluate,
)
from .distillation_table import gap_cell
from .tweet_eval import METRICS

FOLDER = "few_labels"
LABELS = 500
STUDENT, ALONE, TFIDF = "student", "alone", "tfidf"


@dataclass(frozen=True)
class FewLabels:
    """
    A dataset and its unlabeled text, by the names of local copies.

    Args:
        title: Name in the table.
        unlabeled: Copies with similar text, which may include the dataset itself, for its remaining rows.
        student: Flags of the student.
        metric: The score.
        more: Other settings of `train`, for all systems.
    """

    title: str
    unlabeled: tuple[str, ...]
    student: tuple[str, ...] = ()
    metric: str = "accuracy"
    more: dict[str, Any] = field(default_factory=dict)


TWEETS = tuple(f"tweeteval_{task}" for task in METRICS)
SETS = {
    "trec": FewLabels("TREC-6", ("trec",)),
    "sst2": FewLabels("SST-2, sentences", ("imdb_unsupervised",), student=("--sentences", "--transfer_rows", "100000")),
    "tweeteval_sentiment": FewLabels(
        "TweetEval sentiment",
        TWEETS,
        student=("--augmentations", "1"),
        metric="macro_recall",
        more={"class_weights": "balanced", "max_length": 128},
    ),
    "imdb": FewLabels(
        "IMDB",
        ("imdb_unsupervised",),
        student=(
            *("--transfer_rows", "10000", "--augmentations", "1", "--teacher_max_length", "256"),
            *("--num_train_epochs", "8"),
        ),
        more={"group_column": "movie"},
    ),
}


def train(name: str, data: Path, runs: Path) -> None:
    """Train the student with its teacher, and the LSTM alone."""
    one, minilm = SETS[name], str(local_minilm() or MINILM)
    chosen = {"dataset": data / name, "label_column": "label", "metric_for_best_model": one.metric} | one.more
    flags = [word for key, value in chosen.items() for word in (f"--{key}", str(value))]
    taught = ["--teacher", minilm, "--unlabeled", *(str(data / folder) for folder in one.unlabeled), *one.student]
    ways = {STUDENT: taught, ALONE: ["--embeddings", f"transformer:{minilm}"]}
    for seed in range(SEEDS):
        for way, more in ways.items():
            train_and_evaluate(FOLDER, f"{FOLDER}/{name}/{way}", seed, runs, [*flags, *more])


def fit_tfidf(name: str, data: Path) -> float:
    """Return the test score of TF-IDF with the settings that are best on validation."""
    one = SETS[name]
    groups, weights = one.more.get("group_column"), one.more.get("class_weights")
    arguments = DataArguments(
        dataset=str(data / name), label_column=["label"], group_column=groups, max_train_samples=LABELS
    )
    task = ComparisonTask(arguments, load_data(arguments), one.metric, weights)
    system, scores = Tfidf(), []
    for settings in system.settings():
        with tempfile.TemporaryDirectory() as folder:
            system.fit(task, settings, 0, Path(folder))
            predict = system.load(Path(folder), len(task.label_names))
            answers = {split: predict(task.texts(split)).argmax(axis=1) for split in ("validation", "test")}
        found = {
            split: compute_scores(task.data.problem_type, answers[split], task.labels(split), task.label_names)
            for split in answers
        }
        scores.append((found["validation"][one.metric], found["test"][one.metric]))
    return max(scores, key=lambda pair: pair[0])[1]  # ties go to the first: test decides nothing


def measure(name: str, data: Path) -> None:
    """Measure what is missing for a dataset."""
    kept = RESULTS / FOLDER / name / f"{TFIDF}.json"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_json(kept, {"labels": LABELS, "metric": SETS[name].metric, "score": fit_tfidf(name, data)})
    train(name, data, Path("runs/results"))


def few_labels_table() -> str:
    """Make the table of test scores on each complete dataset, with the gap between student and teacher."""
    heads = ["dataset", "metric", "teacher", "student", "student minus teacher", "LSTM without a teacher", "TF-IDF"]
    heads += ["texts without labels", "minutes"]
    records = {(name, way): records_of(_folder(name, way)) for name in SETS for way in (STUDENT, ALONE)}
    shown = [name for name in SETS if all(len(records[name, way]) == SEEDS for way in (STUDENT, ALONE))]
    machines = sorted(
        {one["hardware"]["processor"] for (name, _), some in records.items() if name in shown for one in some}
    )
    return f"{make_table(heads, [_row(name) for name in shown], words=2)}\n\nMeasured on: {'; '.join(machines)}.\n"


def _row(name: str) -> list[str]:
    metric, students = SETS[name].metric, records_of(_folder(name, STUDENT))
    gaps = [one["distillation"]["gap"]["test"] for one in students]
    tfidf = read_json(RESULTS / FOLDER / name / f"{TFIDF}.json")
    return [
        SETS[name].title,
        metric.replace("_", " "),
        percent([gap["teacher"] for gap in gaps]),
        f"**{percent([gap['student'] for gap in gaps])}**",
        gap_cell(gaps),
        percent([one["metrics"]["test"][metric] for one in records_of(_folder(name, ALONE))]),
        f"{100 * tfidf['score']:.1f}",
        f"{statistics.mean(one['distillation']['transfer']['kept'] for one in students):,.0f}",
        mean_minutes(students, digits=0),
    ]


def _folder(name: str, way: str) -> str:
    return f"{FOLDER}/{name}/{way}"


def main() -> None:
    """Measure the named datasets, or all."""
    measure_sets(__doc__, SETS, measure)


if __name__ == "__main__":
    main()
