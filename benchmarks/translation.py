"""Translation without attention, with it, and by a Transformer: `python -m benchmarks.translation [NAME ...]`.

Each learns English to Spanish from the same pairs with the same subwords, for as many epochs; one learns the way back,
in a third as many.
Finished runs are skipped. The records go to
`results/translation/NAME/seed-N.json`, the comparison of English to Spanish on test to
`results/translation/comparison.json`; `python -m benchmarks.tables` makes the tables of docs/guides/translation.md.
"""

import argparse
import json
from pathlib import Path

from modeling_lstm.comparison.report import RESULT
from modeling_lstm.comparison.translator_comparison import compare_translators, write_translators_report
from modeling_lstm.utils.files import write_json

from .accuracy import RESULTS, data_folder, portable, train_and_evaluate

FOLDER = RESULTS / "translation"
SYSTEMS: dict[str, list[str]] = {
    "luong": [],  # the first one: the others are tested against it
    "none": ["--attention", "none", "--hidden_size", "544"],  # so that it has as many parameters
    "bahdanau": ["--attention", "bahdanau"],
    "transformer": ["--transformer_config", "marian"],
}
BACK = "luong-es-en"
# A third as many epochs: it shows that two flags are enough, and is compared with nothing
OTHERS = {BACK: ["--source_column", "es", "--target_column", "en", "--num_train_epochs", "4"]}


def run(name: str, seed: int, runs: Path) -> None:
    """One training and its evaluation on test."""
    data = data_folder()
    local = ["--dataset", str(data / "tatoeba_en_es")] if data else []
    train_and_evaluate("tatoeba", f"translation/{name}", seed, runs, [*local, *(SYSTEMS | OTHERS)[name]])


def compare(runs: Path) -> None:
    """All systems from English to Spanish, on test."""
    systems = [f"{name}={runs / 'translation' / name}" for name in SYSTEMS if (FOLDER / name).is_dir()]
    output = runs / "translation-compared"
    result = compare_translators(systems=systems, output_dir=str(output), threads=1)
    kept = portable(json.loads(json.dumps(result)))
    write_json(FOLDER / RESULT, kept)
    write_translators_report(FOLDER, kept)
    (FOLDER / "report.html").unlink()  # as long as its plot, which is there


def main() -> None:
    """Train the systems that were named, or all, and compare those that are there."""
    parser = argparse.ArgumentParser(description=__doc__)
    names = [*SYSTEMS, *OTHERS]
    parser.add_argument("names", nargs="*", help=f"Train these only: {', '.join(names)}. By default all, then compare.")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--runs", type=Path, default=Path("runs/results"))
    parser.add_argument("--compare", action="store_true", help="Only compare what is there.")
    arguments = parser.parse_args()
    if not arguments.compare:
        for name in arguments.names or names:
            for seed in range(arguments.seeds):
                run(name, seed, arguments.runs)
    if not arguments.names:
        compare(arguments.runs)


if __name__ == "__main__":
    main()
