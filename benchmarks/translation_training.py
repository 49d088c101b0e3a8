"""Speed of a training step of the translators: `python -m benchmarks.translation_training`.

Each learns from the same batches of pairs of similar lengths, in turns, in one process. The models are the finished
ones of `benchmarks.translation`, so that decoding and loss cost as much as in the middle of training. The record is
`results/speed/translation_training.json`.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from datasets import load_dataset
from transformers import DataCollatorForSeq2Seq

from modeling_lstm.inference.translator import Translator
from modeling_lstm.training.optimizer import clip_gradients

from .accuracy import required_data
from .measure import parser, ratio, take_turns, write
from .translation import SYSTEMS

BATCHES = 8
ROWS = 128


def make_step(folder: Path, pairs: list[dict[str, str]]) -> Callable[[], None]:
    """Return a function that makes a training step for each batch of the pairs."""
    translator = Translator.from_run(str(folder))
    model: Any = translator.model.train()
    rows = [
        {
            "input_ids": translator.tokenizer(pair["en"])["input_ids"],
            "labels": translator.target_tokenizer(pair["es"])["input_ids"],
        }
        for pair in pairs
    ]
    rows.sort(key=lambda row: len(row["input_ids"]))
    collate = DataCollatorForSeq2Seq(translator.tokenizer, model=model)
    batches = [collate(rows[begin : begin + ROWS]) for begin in range(0, len(rows), ROWS)]
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.0, fused=True)

    def run() -> None:
        for batch in batches:
            optimizer.zero_grad()
            model(**batch).loss.backward()
            clip_gradients(model.parameters(), 1.0)
            optimizer.step()

    return run


def main() -> None:
    """Measure the existing translators."""
    command = parser(__doc__, "translation_training")
    command.add_argument("--runs", type=Path, default=Path("runs/results"))
    arguments = command.parse_args()
    data = required_data()
    pairs = load_dataset("parquet", data_files=str(data / "tatoeba_en_es" / "train.parquet"), split="train")
    chosen = list(pairs.shuffle(seed=0).select(range(BATCHES * ROWS)))
    folders = {name: arguments.runs / "translation" / name / "seed-0" for name in SYSTEMS}
    ways = {name: make_step(folder, chosen) for name, folder in folders.items() if (folder / "run.json").is_file()}
    seconds = take_turns(ways, arguments.repeats)
    found = {
        "rows": len(chosen),
        "rows of an epoch": len(pairs),
        "seconds": {name: [round(one, 3) for one in values] for name, values in seconds.items()},
        "luong / ": {name: ratio(values, seconds["luong"]) for name, values in seconds.items()},
    }
    write(arguments.output, found)
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
