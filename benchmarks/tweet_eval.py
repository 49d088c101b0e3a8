"""All seven TweetEval tasks with one recipe and the official metrics: `python -m benchmarks.tweet_eval [TASK ...]`.

The systems are an LSTM alone and a student of MiniLM, which is fine-tuned first. Each has three seeds and is evaluated
on test; finished runs are skipped. Stance is five datasets with one model each; its score is computed on all their
predictions together. The records go to `results/SYSTEM/TASK/seed-N.json`, and those of MiniLM, with one seed per task,
to `results/tweet_eval_minilm`.
"""

import argparse
import statistics
from pathlib import Path

import numpy as np

from modeling_lstm.utils.files import read_json
from modeling_lstm.utils.markdown import make_table

from .accuracy import (
    MINILM,
    RESULTS,
    SEEDS,
    data_folder,
    evaluate_and_keep,
    local_minilm,
    percent,
    records_of,
    shared_teachers,
    train_and_evaluate,
)

STANCE = tuple(f"stance_{target}" for target in ("abortion", "atheism", "climate", "feminist", "hillary"))
# Official metrics (Barbieri et al., 2020), which also select the best checkpoint on validation
METRICS = {
    "emoji": "macro_f1",
    "emotion": "macro_f1",
    "hate": "macro_f1",
    "irony": "f1_irony",
    "offensive": "macro_f1",
    "sentiment": "macro_recall",
    **dict.fromkeys(STANCE, "macro_f1"),  # officially the mean F1 of `against` and `favor`, over all five
}
ALONE, STUDENT = SYSTEMS = ("tweet_eval", "tweet_eval_distilled")  # their recipes
TEACHER = "tweet_eval_minilm"
TITLES = {
    ALONE: "LSTM with MiniLM's word vectors",
    STUDENT: "LSTM, student of MiniLM",
    TEACHER: "MiniLM, the teacher, one seed",
}
SEEDS_OF = {ALONE: SEEDS, STUDENT: SEEDS, TEACHER: 1}
# The TweetEval leaderboard (Barbieri et al., 2020): scores in the order of TASKS, then the mean
PUBLISHED = {
    "LSTM": (24.7, 66.0, 52.6, 62.8, 71.7, 58.3, 59.4, 56.5),
    "SVM": (29.3, 64.7, 36.7, 61.7, 52.3, 62.9, 67.3, 53.5),
    "FastText": (25.8, 65.2, 50.6, 63.1, 73.4, 62.9, 65.4, 58.1),
    "RoBERTa-base": (30.9, 76.1, 46.6, 59.7, 79.5, 71.3, 68.0, 61.3),
    "BERTweet": (33.4, 79.3, 56.4, 82.1, 79.5, 73.4, 71.2, 67.9),
}
RESAMPLES = 200
TASKS = ("emoji", "emotion", "hate", "irony", "offensive", "sentiment", "stance")


def task_scores(folder: str) -> dict[str, list[float]]:
    """Return the official scores of each task, one for each complete seed."""
    found: dict[str, list[float]] = {}
    for task in TASKS:
        for seed in range(SEEDS):
            names = STANCE if task == "stance" else (task,)
            paths = [RESULTS / folder / name / f"seed-{seed}.json" for name in names]
            if all(path.exists() for path in paths):
                records = [read_json(path) for path in paths]
                score = pooled_stance(records) if task == "stance" else records[0]["metrics"]["test"][METRICS[task]]
                found.setdefault(task, []).append(score)
    return found


def pooled_stance(records: list[dict]) -> float:
    """Return the mean F1 of `against` and `favor` over the predictions of all targets, from confusion matrices."""
    confusion = np.sum([record["confusion"]["test"] for record in records], axis=0)
    names = records[0]["task"]["label_names"]
    f1 = 2 * confusion.diagonal() / (confusion.sum(axis=0) + confusion.sum(axis=1))
    return float(np.mean([f1[names.index(name)] for name in ("against", "favor")]))


def flags_of(system: str, task: str, runs: Path) -> list[str]:
    """Return the flags of a system for a task in addition to its recipe."""
    data = data_folder()
    dataset = {name: str(data / f"tweeteval_{name}") if data else f"cardiffnlp/tweet_eval:{name}" for name in METRICS}
    flags = ["--dataset", dataset[task], "--metric_for_best_model", METRICS[task]]
    if system == ALONE:
        return [*flags, "--embeddings", f"transformer:{local_minilm() or MINILM}"]
    (teacher,) = shared_teachers(_first(runs, task))
    if not Path(teacher, "run.json").exists():
        flags += ["--class_weights", "balanced"]  # for the teacher, as for the LSTM alone
    others = [folder for name, folder in dataset.items() if name != task]
    return [*flags, "--teacher", teacher, "--unlabeled", *others, "--logits_cache", str(runs.parent / "logits")]


def _first(runs: Path, task: str) -> Path:
    """Return the run folder of a task's first student; its teacher's is next to it."""
    return runs / STUDENT / task / "seed-0"


def tweet_eval_table() -> str:
    """Make the table of the official scores of the seven tasks and their mean, beside published ones."""
    rows = []
    for system, title in TITLES.items():
        found = {task: scores for task, scores in task_scores(system).items() if len(scores) == SEEDS_OF[system]}
        means = [statistics.mean(scores) for scores in found.values()]
        if means:
            cells = [f"**{percent(found[task])}**" if task in found else "" for task in TASKS]
            rows.append([title, *cells, f"**{100 * statistics.mean(means):.1f}**" if len(means) == len(TASKS) else ""])
    rows += [[name, *(f"{score:.1f}" for score in scores)] for name, scores in PUBLISHED.items()]
    return make_table(["model", *TASKS, "mean"], rows, words=1) + "\n"


def hate_table() -> str:
    """Make the table of validation and test scores on hate, whose test split is unlike its other rows."""
    rows = []
    for system, title in TITLES.items():
        records = records_of(f"{system}/hate")
        if len(records) == SEEDS_OF[system]:
            scores = [[one["metrics"][split][METRICS["hate"]] for one in records] for split in ("validation", "test")]
            lost = statistics.mean(scores[0]) - statistics.mean(scores[1])
            rows.append([title, *map(percent, scores), f"{100 * lost:.1f}"])
    return make_table(["model", "validation", "test", "lost"], rows, words=1) + "\n"


def main() -> None:
    """Run the named tasks, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="*", default=list(METRICS), help=f"Of: {', '.join(METRICS)}")
    parser.add_argument("--systems", nargs="*", choices=SYSTEMS, default=SYSTEMS)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--runs", type=Path, default=Path("runs/results"))
    arguments = parser.parse_args()
    for system in arguments.systems:
        for task in arguments.tasks:
            for seed in range(arguments.seeds):
                flags = flags_of(system, task, arguments.runs)
                train_and_evaluate(system, f"{system}/{task}", seed, arguments.runs, flags, resamples=RESAMPLES)
            kept = RESULTS / TEACHER / task / "seed-0.json"
            if system == STUDENT and not kept.exists():
                (teacher,) = shared_teachers(_first(arguments.runs, task))
                evaluate_and_keep(Path(teacher), kept, RESAMPLES)
        for task, scores in task_scores(system).items():
            print(f"{system} {task:<12}{percent(scores)}")


if __name__ == "__main__":
    main()
