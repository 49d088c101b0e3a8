"""Whether the words that `explain` ranks high matter: `python -m benchmarks.deletion RUN`.

For all texts of a run's test split, words are left out, starting with those that contributed most to the model's
answer, and its probability is read after each tenth of the words. The faster it falls, the better the ranking; the area
under the curve expresses this in one number (a deletion curve, as in Petsiuk et al., 2018). The record is
`results/deletion.json`.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from modeling_lstm.data.arguments import DataArguments
from modeling_lstm.data.loading import load_data
from modeling_lstm.explanation.attribution import Encoded, attribute, encode, score_rows
from modeling_lstm.runs.environment import describe_environment
from modeling_lstm.runs.record import read_record
from modeling_lstm.runs.run_folders import load_run
from modeling_lstm.utils.files import write_json
from modeling_lstm.utils.settings import pick_settings

from .accuracy import RESULTS, portable

SHARES = np.linspace(0.0, 1.0, 11)


def curve(order: np.ndarray, text: Encoded, model: torch.nn.Module, tokenizer: object, label: int) -> np.ndarray:
    """Return the log-odds of the label after leaving out each share of the words, in the given order."""
    rows = [text.without(order[: round(share * len(order))].tolist())[0] for share in SHARES]
    return score_rows(model, tokenizer, rows, label)  # type: ignore[arg-type]


def main() -> None:
    """Measure a run on its test split."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", help="Run folder.")
    parser.add_argument("--rows", type=int, help="Number of rows to measure. Default: all.")
    parser.add_argument("--output", type=Path, default=RESULTS / "deletion.json")
    arguments = parser.parse_args()
    record = read_record(Path(arguments.run))
    model, tokenizer = load_run(arguments.run)
    data = DataArguments(**pick_settings(DataArguments, record["data"]))
    texts = load_data(data, only="test", label_names=record["task"]["label_names"]).splits["test"]["text"]
    rng = np.random.default_rng(0)
    curves: dict[str, list[np.ndarray]] = {"integrated gradients": [], "leaving one out": [], "random": []}
    errors = []
    for text in texts[: arguments.rows]:
        encoded = encode(tokenizer, text)
        found = attribute(model, tokenizer, encoded)
        errors.append(found.completeness_error)
        label = record["task"]["label_names"].index(found.label)
        orders = {
            "integrated gradients": np.argsort(-found.integrated_gradients, kind="stable"),
            "leaving one out": np.argsort(-found.leave_one_out, kind="stable"),
            "random": rng.permutation(len(encoded.words)),
        }
        for name, order in orders.items():
            odds = curve(order, encoded, model, tokenizer, label)
            curves[name].append(1 / (1 + np.exp(-odds)))
    result = {
        "run": {
            "data": record["data"]["dataset"],
            "model": record["model"],
            "seed": record["training"].get("seed", 42),
        },
        "rows": len(errors),
        "shares": SHARES.tolist(),
        "probability": {name: np.mean(found, axis=0).tolist() for name, found in curves.items()},
        "area": {name: float(np.trapezoid(np.mean(found, axis=0), SHARES)) for name, found in curves.items()},
        "spread of the area": {
            name: float(np.trapezoid(np.array(found), SHARES, axis=1).std(ddof=1) / np.sqrt(len(found)))
            for name, found in curves.items()
        },
        "completeness error": {"median": float(np.median(errors)), "95 %": float(np.quantile(errors, 0.95))},
    }
    write_json(arguments.output, portable({"results": result} | describe_environment()))
    for name, area in result["area"].items():
        print(f"{name:<24}{area:.4f} +- {result['spread of the area'][name]:.4f}")


if __name__ == "__main__":
    main()
