"""The published comparisons: `python -m benchmarks.comparison [NAME ...]`.

Each comparison runs in `runs/comparison/NAME`, where finished runs stay. Once all systems are done, `comparison.json`,
the tables and the plots are copied to `results/comparison/NAME`; `python -m benchmarks.tables` makes the tables of
README.md from these. It takes hours; `--systems` runs only some systems. Students of the Transformer that
`benchmarks.distillation` made are compared too.
"""

import argparse
from pathlib import Path
from typing import Any

from modeling_lstm.comparison import CompareArguments, compare
from modeling_lstm.comparison.comparing import open_systems
from modeling_lstm.comparison.known_systems import NETWORKS
from modeling_lstm.comparison.neural import NeuralSystem
from modeling_lstm.comparison.report import write_report
from modeling_lstm.comparison.result import RESULT
from modeling_lstm.data.arguments import DataArguments
from modeling_lstm.utils.files import read_json, write_json

from .accuracy import LOCAL, MINILM, RESULTS, check_names, data_folder, local_minilm, portable

SYSTEMS = ("lstm", "gru", "bag-of-words", "tfidf", "fasttext")
TRANSFORMER = "transformer"
TRANSFORMER_NAME = "MiniLM-L6"  # in tables
STUDENT_NAME = "distilled-lstm"
# What differs from the defaults of `compare`, by dataset. IMDB's texts are long: MiniLM learns from five reviews a
# second on one core, or eight without dropout in its attention. So it has one seed there, and all systems use their
# defaults except for the epochs, without learning curves
DATA: dict[str, dict[str, Any]] = {
    "order-matters": {"data": {"dataset": "order-matters"}, "embeddings": None},
    "sst2": {"data": {"dataset": "data/sst:phrases-2"}},
    "tweet_eval_sentiment": {
        "data": {"dataset": "cardiffnlp/tweet_eval:sentiment"},
        "metric": "macro_recall",
        "class_weights": "balanced",
    },
    "trec": {"data": {"dataset": "CogComp/trec", "revision": "refs/convert/parquet", "label_column": "coarse_label"}},
    "imdb": {
        "data": {"dataset": "data/imdb:default", "group_column": "movie", "max_length": 400},
        "transformer_seeds": 1,
        "transformer_overrides": "attention_probs_dropout_prob=0",
        "trials": 1,
        "shares": [1.0],
        "epochs": {TRANSFORMER: 2, "lstm": 3, "gru": 3, "bag-of-words": 3},
    },
}


def run(name: str, systems: list[str], runs: Path) -> None:
    """Run one comparison, or the part of it that is missing."""
    settings = dict(DATA[name])
    data, epochs = settings.pop("data"), settings.pop("epochs", {})
    if (folder := data_folder()) is not None and name in LOCAL:
        data = {key: data[key] for key in data if key not in ("dataset", "revision")}
        data |= {key: str(folder / at) if "dataset" in key else at for key, at in LOCAL[name].items()}
    minilm = f"transformer:{local_minilm() or MINILM}"
    names = [f"{TRANSFORMER_NAME}={minilm}" if system == TRANSFORMER else system for system in systems]
    is_complete = set(systems) >= {*SYSTEMS, TRANSFORMER}
    if is_complete and (students := runs / "results" / name / "distilled").is_dir():
        names.append(f"{STUDENT_NAME}={students}")
    output = runs / "comparison" / name
    chosen: dict[str, Any] = {"output_dir": str(output), "bf16": True, "embeddings": minilm} | settings
    if NETWORKS.keys().isdisjoint(systems):
        del chosen["embeddings"]
    arguments = CompareArguments(**chosen)
    opened = open_systems(names, arguments)
    for system, one in zip(systems, opened, strict=False):  # the students come last
        if system in epochs and isinstance(one, NeuralSystem):
            one.choices = [one.choices[0] | {"num_train_epochs": epochs[system]}]
    compare(opened, DataArguments(**data), arguments)
    if not is_complete:
        return
    kept = RESULTS / "comparison" / name
    kept.mkdir(parents=True, exist_ok=True)
    write_json(kept / RESULT, portable(read_json(output / RESULT)))
    write_report(kept)
    (kept / "report.html").unlink()  # as large as its plots, which are kept


def main() -> None:
    """Run the named comparisons, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(DATA), help=f"Some of: {', '.join(DATA)}. Default: all.")
    parser.add_argument("--systems", nargs="*", default=[*SYSTEMS, TRANSFORMER])
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    arguments = parser.parse_args()
    check_names(arguments.names, DATA)
    for name in arguments.names:
        run(name, arguments.systems, arguments.runs)


if __name__ == "__main__":
    main()
