"""The table of students and teachers in docs/results/classification.md, from the records in `results/`."""

import statistics
from typing import Any

from modeling_lstm.utils.markdown import make_table

from .accuracy import SEEDS, minutes_of, percent, records_of
from .distillation import IMDB, TREC, TWEETS

# Folders of students, their titles, and the LSTM trained without a teacher, by its own recipe
ROWS = {
    "sst2/distilled": ("SST-2, trained on phrases", "sst2/minilm"),
    f"{TWEETS}/distilled": ("TweetEval sentiment", f"{TWEETS}/minilm"),
    f"{TWEETS}/distilled-small": ("TweetEval sentiment, small student", f"{TWEETS}/minilm"),
    f"{TREC}/distilled": ("TREC-6, of three MiniLM, variants only", f"{TREC}/minilm"),
    f"{IMDB}/distilled": ("IMDB, of two LSTMs", f"{IMDB}/word2vec-imdb"),
    f"{IMDB}/distilled-tiny": ("IMDB, smallest student, of one LSTM", f"{IMDB}/word2vec-imdb"),
}


def distillation_table() -> str:
    """Make the table of test scores of teachers, students and LSTMs without a teacher, with the gap."""
    heads = ["dataset", "metric", "teacher", "student", "student minus teacher", "LSTM without a teacher"]
    heads += ["unlabeled texts", "student's size", "minutes"]
    rows = []
    for folder, (title, without_teacher) in ROWS.items():
        students = [one for one in records_of(folder) if "test" in one["distillation"]["gap"]]
        alone = records_of(without_teacher)
        if len(students) < SEEDS or len(alone) < SEEDS:
            continue
        gaps = [one["distillation"]["gap"]["test"] for one in students]
        metric = gaps[0]["metric"]
        teachers = [gap["teacher"] for gap in gaps]
        kept = {one["distillation"]["transfer"]["kept"] for one in students}
        model = students[0]["model"]
        rows.append(
            [
                title,
                metric.replace("_", " "),
                percent(teachers if len(set(teachers)) > 1 else teachers[:1]),
                f"**{percent([gap['student'] for gap in gaps])}**",
                gap_cell(gaps),
                percent([one["metrics"]["test"][metric] for one in alone]),
                " to ".join(f"{number:,}" for number in sorted({min(kept), max(kept)})),
                f"{model['parameters'] / 1e6:.1f} M, {model['size_mb']:.0f} MB",
                ", ".join(map(minutes_of, students)),
            ]
        )
    return make_table(heads, rows) + "\n"


def mean_interval(gaps: list[dict[str, Any]]) -> tuple[float, float]:
    """Return the mean of the intervals of several gaps."""
    low, high = (statistics.mean(gap["interval"][end] for gap in gaps) for end in (0, 1))
    return low, high


def gap_cell(gaps: list[dict[str, Any]]) -> str:
    """Format the mean of several gaps between student and teacher, and of their intervals, in points."""
    low, high = mean_interval(gaps)
    return f"{100 * statistics.mean(gap['difference'] for gap in gaps):+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"
