"""What int8 costs in accuracy: `python -m benchmarks.int8`, on the test split of SST-2, three seeds.

The runs are those of `benchmarks.accuracy`, trained where they are not there.
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

from .accuracy import SEEDS, data_folder, local_flags, train_run
from .measure import parser, write

PRECISIONS: tuple[Literal["fp32", "int8"], ...] = ("fp32", "int8")


def accuracies(run: Path, texts: list[str], labels: np.ndarray) -> dict[str, Any]:
    """Accuracy in percent by torch and by each export, and the megabytes of each."""
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
    data = data_folder()
    if data is None:
        print("Not measured: the data are read from local copies (MODELING_LSTM_DATA).")
        return
    rows = load_dataset("parquet", data_files=str(data / "sst2" / "test.parquet"), split="train")
    texts, labels = list(rows["text"]), np.asarray(rows["label"][:])
    found = []
    for seed in range(SEEDS):
        run = arguments.runs / "sst2" / f"seed-{seed}"
        train_run("sst2", run, seed, local_flags("sst2"))
        found.append(accuracies(run, texts, labels))
        print(json.dumps(found[-1]), flush=True)
    lost = [one["accuracy"]["torch"] - one["accuracy"]["int8"] for one in found]
    write(arguments.output, {"runs": found, "points lost by int8, mean": round(float(np.mean(lost)), 3)})


if __name__ == "__main__":
    main()
