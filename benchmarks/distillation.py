"""Students of other models, three seeds, test: `python -m benchmarks.distillation [NAME ...]`.

The teacher is the first seed of MiniLM as fine-tuned by `benchmarks.comparison`; if it is missing, it is trained first.
On `trec` there are three teachers, which `train --preset best` fine-tunes. On `imdb` there are two, both LSTMs: one
that started from a language model (`benchmarks.pretrained`) and one from word vectors, which is the only one of smaller
students. Finished runs are skipped. The records go to `results/NAME/SIZE/seed-N.json`.
"""

import argparse
import subprocess
from collections.abc import Iterator
from pathlib import Path

from modeling_lstm.comparison.result import RESULT
from modeling_lstm.utils.files import read_json

from . import comparison, pretrained
from .accuracy import (
    COMMAND,
    SEEDS,
    check_names,
    data_folder,
    local_flags,
    shared_teachers,
    train_and_evaluate,
    train_run,
)
from .tweet_eval import METRICS

TWEETS = "tweet_eval_sentiment"
TREC, IMDB = "trec", "imdb"
NAMES = ("sst2", TWEETS, TREC, IMDB)
# What each size changes in the recipe; the records go to results/NAME/SIZE
SIZES: dict[str, list[str]] = {
    "distilled": [],
    "distilled-small": ["--embedding_size", "128", "--hidden_size", "64"],
    "distilled-tiny": ["--embedding_size", "32", "--hidden_size", "48"],
}
# Unlabeled text: the train splits of TweetEval's other tasks
OTHER_TWEETS = [name for name in METRICS if name != "sentiment"]


def teacher(name: str, runs: Path) -> Path:
    """Return the run folder of the comparison's Transformer with its chosen setting; fine-tune it if missing."""
    output = runs / "comparison" / name
    record = output / RESULT
    if not record.exists() or comparison.TRANSFORMER_NAME not in read_json(record)["systems"]:
        comparison.run(name, [comparison.TRANSFORMER], runs)
    found = read_json(record)
    system = found["systems"][comparison.TRANSFORMER_NAME]
    setting = [one["settings"] for one in system["tried"]].index(system["settings"])
    rows = found["data"]["counts"]["train"]["rows"]
    return output / "runs" / comparison.TRANSFORMER_NAME / f"setting-{setting}" / f"rows-{rows}" / "seed-0"


def unlabeled(name: str) -> list[str]:
    """Return the flag that names the unlabeled text."""
    data = data_folder()
    if name == "sst2":
        reviews = ("imdb_unsupervised", "imdb")
        return ["--unlabeled", *(str(data / folder) for folder in reviews)] if data else []  # as the recipe says
    tasks = (str(data / f"tweeteval_{task}") if data else f"cardiffnlp/tweet_eval:{task}" for task in OTHER_TWEETS)
    return ["--unlabeled", *tasks]


Student = tuple[int, str, list[str]]  # the seed, the command, and its flags in addition to the recipe


def of_one(name: str, runs: Path, size: str) -> Iterator[Student]:
    """Yield the students of MiniLM, which start from its word vectors."""
    taught_by = teacher(name, runs)
    flags = [*local_flags(name), *SIZES[size], *unlabeled(name), "--teacher", str(taught_by)]
    flags += ["--embeddings", f"transformer:{taught_by}", "--logits_cache", str(runs / "logits")]
    for seed in range(SEEDS):
        yield seed, "distill", flags


def of_three(name: str, runs: Path, size: str) -> Iterator[Student]:
    """Yield students without unlabeled text, of three teachers that the preset fine-tunes for the first student."""
    for seed in range(SEEDS):
        taught_by = shared_teachers(runs / "results" / name / "distilled" / "seed-0", 3)
        flags = [*local_flags(name), *SIZES[size], "--teacher", ",".join(taught_by)]
        yield seed, "train", [*flags, "--logits_cache", str(runs / "logits")]


def of_lstms(name: str, runs: Path, size: str) -> Iterator[Student]:
    """
    Yield the students of IMDB's two teachers, which start from the word vectors of the second. Smaller students have
    only the second, as the language model behind the first needs a GPU.
    """
    data, results = data_folder(), runs / "results"
    reviews = str(data / "imdb_unsupervised") if data else "data/imdb:unlabeled"
    vectors, second = runs / "imdb_vectors", runs / "imdb_teacher"
    first = results / "imdb_labels/all/pretrained/seed-1"
    if not (vectors / "model.safetensors").exists():
        flags = ["--dataset", reviews, "--output_dir", str(vectors), "--size", "200"]
        subprocess.run([*COMMAND, "vectors", "train", *flags], check=True)
    begin = ["--embeddings", str(vectors)]
    train_run(f"{name}_word_vectors", second, 0, [*local_flags(name), *begin])
    teachers = [str(second)]
    if size == "distilled":
        train_run(pretrained.CLASSIFIER, first, 1, pretrained.system_flags("pretrained", None, results))
        teachers.insert(0, str(first))
    flags = [*local_flags(name), *SIZES[size], *begin, "--unlabeled", reviews, "--teacher", ",".join(teachers)]
    flags += ["--logits_cache", str(runs / "logits")]
    for seed in range(SEEDS):
        yield seed, "distill", flags


def students(name: str, runs: Path, size: str) -> Iterator[Student]:
    """Yield the three students of a size for a dataset. Their teachers are trained before the first one."""
    return {TREC: of_three, IMDB: of_lstms}.get(name, of_one)(name, runs, size)


def main() -> None:
    """Make the named students, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(NAMES), help=f"Of: {', '.join(NAMES)}")
    parser.add_argument("--size", choices=SIZES, default="distilled")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    arguments = parser.parse_args()
    check_names(arguments.names, NAMES)
    for name in arguments.names:
        for seed, command, flags in students(name, arguments.runs, arguments.size):
            results = arguments.runs / "results"
            train_and_evaluate(f"{name}_distilled", f"{name}/{arguments.size}", seed, results, flags, command=command)


if __name__ == "__main__":
    main()
