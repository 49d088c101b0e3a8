"""What int8 costs in accuracy: `python -m benchmarks.int8`, on the test splits of four datasets, three seeds.

Missing runs are trained, by the recipes of `benchmarks.accuracy`.
"""

import json
import tempfile
from pathlib import Path
from typing import Any, Literal

import numpy as np
from datasets import load_dataset

from modeling_lstm.inference.answering import open_predictor
from modeling_lstm.inference.arguments import ExportArguments
from modeling_lstm.inference.onnx_export import export

from .accuracy import LOCAL, SEEDS, local_flags, required_data, train_run
from .measure import parser, write

PRECISIONS: tuple[Literal["fp32", "int8"], ...] = ("fp32", "int8")


def accuracies(run: Path, texts: list[str], labels: np.ndarray) -> dict[str, Any]:
    """Return the accuracy in percent and the megabytes of the model in torch and of each export."""
    found: dict[str, Any] = {"torch": 100 * float((_answers(str(run), "torch", texts) == labels).mean())}
    size = {"torch": (run / "model.safetensors").stat().st_size / 1e6}
    with tempfile.TemporaryDirectory() as folder:
        for precision in PRECISIONS:
            target = f"{folder}/{precision}"
            size[precision] = export(str(run), target, ExportArguments(precision=precision))["size_mb"]
            found[precision] = 100 * float((_answers(target, "onnxruntime", texts) == labels).mean())
    return {"accuracy": found, "megabytes": {name: round(value, 1) for name, value in size.items()}}


def _answers(folder: str, backend: str, texts: list[str]) -> np.ndarray:
    return open_predictor(folder, backend).scores(texts).argmax(axis=1)


def main() -> None:
    """Export and score the runs."""
    command = parser(__doc__, "int8")
    command.add_argument("--runs", type=Path, default=Path("runs/results"))
    arguments = command.parse_args()
    data = required_data()
    found: dict[str, Any] = {}
    for name, flags in LOCAL.items():
        test = data / flags["dataset"] / "test.parquet"
        rows = load_dataset("parquet", data_files=str(test), split="train")
        texts, labels = list(rows["text"]), np.asarray(rows["label"][:])
        scores = []
        for seed in range(SEEDS):
            run = arguments.runs / name / f"seed-{seed}"
            train_run(name, run, seed, local_flags(name))
            scores.append(accuracies(run, texts, labels))
            print(name, json.dumps(scores[-1]), flush=True)
        lost = [one["accuracy"]["torch"] - one["accuracy"]["int8"] for one in scores]
        found[name] = {"runs": scores, "points lost by int8, mean": round(float(np.mean(lost)), 3)}
    write(arguments.output, found)


if __name__ == "__main__":
    main()
