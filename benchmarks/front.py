"""Accuracy against size and speed: students of three sizes, fp32 and int8: `python -m benchmarks.front [NAME ...]`.

The students are those of `benchmarks.distillation`, three seeds of each size; missing ones are trained. Each is
exported in both precisions and answers the test split. Then the first takes turns with MiniLM, as a pipeline and in
int8, on single texts that are new to all of them, from text to answer. `--retime` repeats only that. The records go to
`results/front/NAME.json`; `python -m benchmarks.tables` makes the table of docs/results/classification.md.
"""

import argparse
import itertools
import json
import statistics
import tempfile
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from datasets import Dataset, load_dataset
from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

from modeling_lstm.evaluation.metrics import SINGLE_LABEL, compute_scores
from modeling_lstm.inference.answering import open_predictor
from modeling_lstm.inference.arguments import ExportArguments
from modeling_lstm.inference.onnx_export import export
from modeling_lstm.models.text_classifier import TextClassifier
from modeling_lstm.runs.environment import describe_environment
from modeling_lstm.utils.errors import as_text
from modeling_lstm.utils.files import read_json, write_json
from modeling_lstm.utils.markdown import make_table

from . import distillation
from .accuracy import LOCAL, MINILM, RESULTS, check_names, local_minilm, percent, required_data, train_run
from .comparison import DATA, TRANSFORMER_NAME
from .comparison_tables import TITLES
from .inference import export_transformer, open_transformer
from .measure import LOAD, answer_in_turns, ratio

FOLDER = RESULTS / "front"
PRECISIONS: tuple[Literal["fp32", "int8"], ...] = ("fp32", "int8")
WARM = 100  # texts that a process answers before it is timed
TEXTS = 300  # number of texts that are timed
CLOSE = 1.0  # points below MiniLM that count as close


def measure(name: str, sizes: list[str], runs: Path, *, again: bool) -> None:
    """Measure those of some sizes of a dataset that are missing, or only time those that are there `again`."""
    path = FOLDER / f"{name}.json"
    found: dict[str, Any] = read_json(path) if path.exists() else {"sizes": {}}
    data = required_data()
    test = load_dataset("parquet", data_files=str(data / LOCAL[name]["dataset"] / "test.parquet"), split="train")
    for size in sizes:
        if (size in found["sizes"]) != again:
            continue
        students = []
        for seed, command, flags in itertools.islice(distillation.students(name, runs, size), 1 if again else None):
            students.append(runs / "results" / name / size / f"seed-{seed}")
            train_run(f"{name}_distilled", students[-1], seed, flags, command)
        one = found["sizes"].get(size) or score(students, test, DATA[name].get("metric", "accuracy"))
        found["sizes"][size] = one
        time_student(students[0], one, list(test["text"])[: WARM + TEXTS], len(test.features["label"].names))
        FOLDER.mkdir(parents=True, exist_ok=True)
        write_json(path, found)
        print(name, size, json.dumps(one), flush=True)


def score(students: list[Path], test: Dataset, metric: str) -> dict[str, Any]:
    """Measure scores and megabytes in each precision of students that differ only in their seeds."""
    texts, labels = list(test["text"]), np.asarray(test["label"][:])
    names = test.features["label"].names
    one: dict[str, Any] = {precision: {"scores": []} for precision in PRECISIONS}
    for student, precision in itertools.product(students, PRECISIONS):
        with tempfile.TemporaryDirectory() as folder:
            exported = export(str(student), folder, ExportArguments(precision=precision))
            answers = open_predictor(folder, "onnxruntime").scores(texts).argmax(axis=1)
        one[precision]["scores"].append(compute_scores(SINGLE_LABEL, answers, labels, names)[metric])
        one[precision]["megabytes"] = round(exported["size_mb"], 2)
    return one | {"parameters": read_json(students[0] / "run.json")["model"]["parameters"]}


def time_student(student: Path, one: dict[str, Any], texts: list[str], labels: int) -> None:
    """Add the speed of a student in each precision to its size's record, with the machine and its load."""
    with tempfile.TemporaryDirectory() as folder:
        ways: dict[str, Path] = {precision: Path(folder, precision) for precision in PRECISIONS}
        for precision in PRECISIONS:
            export(str(student), str(ways[precision]), ExportArguments(precision=precision))
        seconds = time_texts(ways, texts, labels, Path(folder))
    for precision in PRECISIONS:
        one[precision]["milliseconds"] = round(1000 * statistics.median(seconds[precision]), 3)
        one[precision]["times as fast"] = ratio(seconds["minilm"], seconds[precision])
        one[precision]["times as fast as int8"] = ratio(seconds["minilm int8"], seconds[precision])
    one |= {"minilm": {name: round(1000 * statistics.median(seconds[name]), 3) for name in ("minilm", "minilm int8")}}
    one |= {"hardware": describe_environment()["hardware"], "load": LOAD}


def time_texts(folders: dict[str, Path], texts: list[str], labels: int, work: Path) -> dict[str, list[float]]:
    """Measure the seconds in which exports and MiniLM (as a pipeline and in int8) answer texts one by one, in turns."""
    minilm = str(local_minilm() or MINILM)
    model = AutoModelForSequenceClassification.from_pretrained(minilm, num_labels=labels)
    tokenizer: Any = AutoTokenizer.from_pretrained(minilm, model_max_length=256)
    export_transformer(model, tokenizer, work / "minilm")
    ways: dict[str, Any] = {
        "minilm": partial(pipeline("text-classification", model=model, tokenizer=tokenizer), truncation=True),
        "minilm int8": open_transformer(work / "minilm"),
    }
    ways |= {name: TextClassifier.from_onnx(folder) for name, folder in folders.items()}
    return answer_in_turns(ways, texts, WARM)


def front_table() -> str:
    """Make the table of scores, megabytes and times by dataset and size; the smallest close to MiniLM is bold."""
    rows: list[list[str]] = []
    machines: dict[str, list[str]] = {}  # for each, the datasets that it measured
    for name in LOCAL:
        path = FOLDER / f"{name}.json"
        if not path.exists():
            continue
        found = read_json(path)
        comparison = read_json(RESULTS / "comparison" / name / "comparison.json")
        metric = comparison["task"]["metric"]
        minilm = 100 * comparison["systems"][TRANSFORMER_NAME]["scores"][metric]["mean"]
        near = None
        for size, one in sorted(found["sizes"].items(), key=lambda item: item[1]["parameters"]):
            means = {precision: 100 * statistics.mean(one[precision]["scores"]) for precision in PRECISIONS}
            near = near or (size if means["int8"] >= minilm - CLOSE else None)
            machine = "{processor}, {threads} of {cores} cores".format(**one["hardware"])
            machines.setdefault(machine, []).append(TITLES[name])
            mark = "**" if near == size else ""
            shown = [percent(one[precision]["scores"]) for precision in PRECISIONS]
            rows.append(
                [
                    f"{TITLES[name]}, {metric.replace('_', ' ')}",
                    f"{minilm:.1f}",
                    f"{one['parameters'] / 1e6:.1f} M",
                    *(f"{mark}{cell}{mark}" for cell in shown),
                    f"{mark}{one['int8']['megabytes']:.1f}{mark}",
                    f"{one['int8']['milliseconds']:.2f}",
                    f"{one['minilm']['minilm']:.0f}",
                    f"{mark}{one['int8']['times as fast']['median']:.0f}{mark}",
                    f"{one['int8']['times as fast as int8']['median']:.1f}",
                ]
            )
    heads = ["dataset", "MiniLM", "student's size", "fp32", "int8", "int8, MB", "int8, ms a text", "MiniLM, ms a text"]
    heads += ["times as fast", "times as fast as MiniLM in int8"]
    parts = [f"{machine} ({as_text(dict.fromkeys(names))})" for machine, names in machines.items()]
    measured = next(iter(machines)) if len(machines) == 1 else "; ".join(parts)
    return f"{make_table(heads, rows)}\n\nMeasured on: {measured}.\n"


def main() -> None:
    """Measure the named datasets, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(LOCAL), help=f"Of: {', '.join(LOCAL)}")
    parser.add_argument("--sizes", nargs="+", choices=distillation.SIZES, default=list(distillation.SIZES))
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--retime", action="store_true", help="Only time the first student of known sizes again.")
    arguments = parser.parse_args()
    check_names(arguments.names, LOCAL)
    for name in arguments.names:
        measure(name, arguments.sizes, arguments.runs, again=arguments.retime)


if __name__ == "__main__":
    main()
