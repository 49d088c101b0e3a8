"""Translation without attention, with it, and by a Transformer: `python -m benchmarks.translation [NAME ...]`.

Each learns English to Spanish from the same pairs, with the same subwords and number of epochs. One also learns Spanish
to English, in a third of the epochs. Finished runs are skipped. The records go to
`results/translation/NAME/seed-N.json`, the comparison of English to Spanish on test to
`results/translation/comparison.json`; `python -m benchmarks.tables` makes the tables of docs/results/translation.md.
"""

import argparse
import json
from pathlib import Path

from modeling_lstm.comparison.result import RESULT
from modeling_lstm.comparison.translator_comparison import compare_translators
from modeling_lstm.comparison.translator_report import write_translators_report
from modeling_lstm.utils.files import write_json

from .accuracy import RESULTS, data_folder, portable, train_and_evaluate

FOLDER = RESULTS / "translation"
SYSTEMS: dict[str, list[str]] = {
    "luong": [],  # the others are tested against this one
    "none": ["--attention", "none", "--hidden_size", "544"],  # for a similar number of parameters
    "bahdanau": ["--attention", "bahdanau"],
    "transformer": ["--transformer_config", "marian"],
}
BACK = "luong-es-en"
# A third of the epochs: this only shows that two flags are enough, and is not compared
OTHERS = {BACK: ["--source_column", "es", "--target_column", "en", "--num_train_epochs", "4"]}


def run(name: str, seed: int, runs: Path) -> None:
    """Train a system and evaluate it on test."""
    data = data_folder()
    local = ["--dataset", str(data / "tatoeba_en_es")] if data else []
    train_and_evaluate("tatoeba", f"translation/{name}", seed, runs, [*local, *(SYSTEMS | OTHERS)[name]])


def compare(runs: Path) -> None:
    """Compare all systems from English to Spanish on test."""
    systems = [f"{name}={runs / 'translation' / name}" for name in SYSTEMS if (FOLDER / name).is_dir()]
    output = runs / "translation-compared"
    result = compare_translators(systems=systems, output_dir=str(output), threads=1)
    kept = portable(json.loads(json.dumps(result)))
    write_json(FOLDER / RESULT, kept)
    write_translators_report(FOLDER, kept)
    (FOLDER / "report.html").unlink()  # as large as its plot, which is kept


def main() -> None:
    """Train the named systems, or all, and compare the existing ones."""
    parser = argparse.ArgumentParser(description=__doc__)
    names = [*SYSTEMS, *OTHERS]
    parser.add_argument("names", nargs="*", help=f"Some of: {', '.join(names)}. Default: train all, then compare.")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--runs", type=Path, default=Path("runs/results"))
    parser.add_argument("--compare", action="store_true", help="Only compare existing runs.")
    arguments = parser.parse_args()
    if not arguments.compare:
        for name in arguments.names or names:
            for seed in range(arguments.seeds):
                run(name, seed, arguments.runs)
    if not arguments.names:
        compare(arguments.runs)


if __name__ == "__main__":
    main()
