"""All seven TweetEval tasks with one recipe and the official metrics: `python -m benchmarks.tweet_eval [TASK ...]`.

An LSTM alone and one that is a student of MiniLM, which is fine-tuned first. Three seeds, test; finished runs are
skipped. Stance is five data sets, one model each; its score is that of their predictions taken together. The records go
to `results/SYSTEM/TASK/seed-N.json`; those of MiniLM, of which there is one a task, to `results/tweet_eval_minilm`.
"""

import argparse
import json
import statistics
from pathlib import Path

import numpy as np

from .accuracy import (
    MINILM,
    RESULTS,
    SEEDS,
    data_folder,
    evaluate_and_keep,
    local_minilm,
    shared_teachers,
    train_and_evaluate,
)

STANCE = tuple(f"stance_{target}" for target in ("abortion", "atheism", "climate", "feminist", "hillary"))
# The task's official metric (Barbieri et al., 2020), by which its best checkpoint is chosen on validation
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
RESAMPLES = 200
TASKS = ("emoji", "emotion", "hate", "irony", "offensive", "sentiment", "stance")


def task_scores(folder: str, split: str = "test") -> dict[str, list[float]]:
    """The official score of each task, in percent, one for each seed that is complete."""
    found: dict[str, list[float]] = {}
    for task in TASKS:
        for seed in range(SEEDS):
            names = STANCE if task == "stance" else (task,)
            paths = [RESULTS / folder / name / f"seed-{seed}.json" for name in names]
            if all(path.exists() for path in paths):
                records = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
                score = (
                    pooled_stance(records, split) if task == "stance" else records[0]["metrics"][split][METRICS[task]]
                )
                found.setdefault(task, []).append(100 * score)
    return found


def pooled_stance(records: list[dict], split: str) -> float:
    """Mean F1 of `against` and `favor` over the predictions of all targets, from their confusion matrices."""
    confusion = np.sum([record["confusion"][split] for record in records], axis=0)
    names = records[0]["task"]["label_names"]
    f1 = 2 * confusion.diagonal() / (confusion.sum(axis=0) + confusion.sum(axis=1))
    return float(np.mean([f1[names.index(name)] for name in ("against", "favor")]))


def flags_of(system: str, task: str, runs: Path) -> list[str]:
    """What a system is given for a task beside its recipe."""
    data = data_folder()
    dataset = {name: str(data / f"tweeteval_{name}") if data else f"cardiffnlp/tweet_eval:{name}" for name in METRICS}
    flags = ["--dataset", dataset[task], "--metric_for_best_model", METRICS[task]]
    if system == ALONE:
        return [*flags, "--embeddings", f"transformer:{local_minilm() or MINILM}"]
    (teacher,) = shared_teachers(_first(runs, task))
    if not Path(teacher, "run.json").exists():
        flags += ["--class_weights", "balanced"]  # of the teacher, as the LSTM alone has them
    others = [folder for name, folder in dataset.items() if name != task]
    return [*flags, "--teacher", teacher, "--unlabeled", *others, "--logits_cache", str(runs.parent / "logits")]


def _first(runs: Path, task: str) -> Path:
    """Run folder of a task's first student, beside which its teacher lies."""
    return runs / STUDENT / task / "seed-0"


def main() -> None:
    """Run the tasks that were named, or all."""
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
            print(f"{system} {task:<12}{statistics.mean(scores):6.1f}")


if __name__ == "__main__":
    main()
