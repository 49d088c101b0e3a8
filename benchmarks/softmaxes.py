"""What a sampled and an adaptive softmax cost in perplexity and save in time: `python -m benchmarks.softmaxes`.

The same small language model learns Penn Treebank with each softmax and three seeds; perplexity is over the whole
vocabulary. A step is timed there and on WikiText-2, which has three times as many words. The record goes to
`results/softmaxes.json`, and `python -m benchmarks.tables` makes the table of docs/results/language-models.md.
"""

import statistics
import tempfile
from typing import Any

import modeling_lstm as ml
from modeling_lstm.runs.environment import describe_environment
from modeling_lstm.runs.record import RunRecord
from modeling_lstm.utils.display import count_threads
from modeling_lstm.utils.files import read_json, write_json
from modeling_lstm.utils.markdown import make_table

from .accuracy import RESULTS, SEEDS, mean_and_spread, required_data

RECORD = RESULTS / "softmaxes.json"
KINDS = ("full", "sampled", "adaptive")
TEXTS = {"ptb": "Penn Treebank", "wikitext2": "WikiText-2"}
STEPS = 60  # in each timing
SETTINGS: dict[str, Any] = {
    "tokenizer_algorithm": "whitespace",
    "min_frequency": 1,
    "vocab_size": 40_000,
    "lowercase": False,
    "embedding_size": 200,
    "hidden_size": 200,
    "embedding_dropout": 0.3,
    "output_dropout": 0.3,
    "per_device_train_batch_size": 40,
    "num_train_epochs": 2,
    "learning_rate": 3e-3,
    "bf16": False,
    "disable_tqdm": True,
}


def pretrain(text: str, softmax: str, seed: int, **settings: Any) -> RunRecord:
    """Train a language model and return its record."""
    data = required_data()
    with tempfile.TemporaryDirectory() as folder:
        chosen = SETTINGS | settings | {"dataset": [str(data / text)], "softmax": softmax, "seed": seed}
        return ml.pretrain(output_dir=f"{folder}/lm", **chosen)


def main() -> None:
    """Measure what is missing."""
    required_data()
    found: dict[str, Any] = read_json(RECORD) if RECORD.exists() else {}
    found.setdefault("perplexity", {kind: [] for kind in KINDS})
    found.setdefault("milliseconds a step", {text: {kind: [] for kind in KINDS} for text in TEXTS})
    found["hardware"] = describe_environment()["hardware"]
    for number in range(SEEDS):
        for text in TEXTS:
            for kind, times in found["milliseconds a step"][text].items():  # in turns
                if len(times) <= number:
                    record = pretrain(text, kind, 0, max_steps=STEPS, eval_strategy="no", load_best_model_at_end=False)
                    times.append(round(1000 * record["seconds"]["training"] / STEPS, 1))
                    found["words"] = found.get("words", {}) | {text: record["tokenizer"]["vocabulary"]}
                    write_json(RECORD, found)
        for kind, scores in found["perplexity"].items():
            if len(scores) <= number:
                scores.append(pretrain("ptb", kind, number)["metrics"]["validation"]["word_perplexity"])
                write_json(RECORD, found)
                print(kind, scores, flush=True)


def softmaxes_table() -> str:
    """Make the table of validation perplexity and time per step, with the speed relative to the full softmax."""
    if not RECORD.exists():
        return "\n"
    found = read_json(RECORD)
    times = {
        text: {kind: statistics.median(some) for kind, some in one.items() if some}
        for text, one in found["milliseconds a step"].items()
    }
    rows = []
    for kind in KINDS:
        scores = found["perplexity"][kind]
        cells = [f"`{kind}`", mean_and_spread(scores)]
        cells += [f"{one[kind]:.0f} ms ({one['full'] / one[kind]:.1f})" for one in times.values()]
        rows.append(cells)
    heads = ["softmax", f"perplexity on {TEXTS['ptb']}"]
    heads += [f"a step, {found['words'][text]:,} words (times as fast)" for text in TEXTS]
    machine = found["hardware"]
    return f"{make_table(heads, rows)}\n\nMeasured on: {machine['processor']}, {count_threads(machine['threads'])}.\n"


if __name__ == "__main__":
    main()
