"""Language models of Penn Treebank and WikiText-2, an LSTM and a Transformer: `python -m benchmarks.language_models`.

Both have about as many parameters, the same words and the same text. The LSTM carries its state from block to block;
the Transformer reads blocks as long as its context. Finished runs are skipped. The records go to
`results/NAME/SYSTEM/seed-N.json`; `python -m benchmarks.tables` makes the table of docs/results/language-models.md.
"""

import argparse
import statistics
from pathlib import Path

from modeling_lstm.utils.markdown import make_table

from .accuracy import data_folder, mean_and_spread, mean_minutes, records_of, train_and_evaluate

LOCAL = {"penn_treebank": "ptb", "wikitext2": "wikitext2"}
TITLES = {"penn_treebank": "Penn Treebank", "wikitext2": "WikiText-2"}
SEEDS = {"penn_treebank": 3, "wikitext2": 1}
# Its dropout is higher than usual because the text is small
TRANSFORMER = "n_embd=320,n_layer=6,n_head=5,n_positions=128,resid_pdrop=0.3,embd_pdrop=0.3,attn_pdrop=0"
SYSTEMS: dict[str, list[str]] = {
    "lstm": [],
    "transformer": [
        *("--transformer_config", "gpt2", "--config_overrides", TRANSFORMER, "--block_size", "128"),
        *("--per_device_train_batch_size", "16", "--learning_rate", "1e-3", "--num_train_epochs", "12"),
        *("--weight_decay", "0.1", "--max_grad_norm", "1.0", "--warmup_steps", "0.1"),
        *("--save_strategy", "epoch", "--load_best_model_at_end", "true"),
    ],
}
# Published perplexity on test
PUBLISHED = {
    "penn_treebank": "LSTM of 66 M 78.4 (Zaremba et al., 2014), with tied vectors of 13 M 76.0 and of 51 M 72.3 "
    "(PyTorch's example word_language_model), AWD-LSTM of 24 M 57.3",
    "wikitext2": "LSTM of 28 M with tied vectors 86.7, AWD-LSTM of 33 M 65.8",
}


def run(name: str, system: str, seed: int, runs: Path) -> None:
    """Train a model and evaluate it on test."""
    data = data_folder()
    local = ["--dataset", str(data / LOCAL[name])] if data else []
    train_and_evaluate(name, f"{name}/{system}", seed, runs, [*local, *SYSTEMS[system]], command="pretrain")


def language_models_table() -> str:
    """Make the table of perplexity per word on test and validation, with the cost of training."""
    rows, machines = [], set()
    for name, title in TITLES.items():
        for system in SYSTEMS:
            records = records_of(f"{name}/{system}")
            if not records:
                continue
            test, validation = (
                [one["metrics"][split]["word_perplexity"] for one in records] for split in ("test", "validation")
            )
            machines |= {one["hardware"].get("gpu", one["hardware"]["processor"]) for one in records}
            first = records[0]
            cells = [
                title,
                "LSTM" if system == "lstm" else "Transformer",
                f"{first['model']['parameters'] / 1e6:.1f} M",
            ]
            cells += [mean_and_spread(test, "**"), f"{statistics.mean(validation):.1f}"]
            cells += [str(len(records)), f"{first['training']['num_train_epochs']:g}"]
            cells.append(mean_minutes(records, "training"))
            rows.append([*cells, PUBLISHED[name] if system == "lstm" else ""])
    heads = [
        "text",
        "model",
        "parameters",
        "test",
        "validation",
        "seeds",
        "epochs",
        "minutes",
        "published, test",
    ]
    return make_table(heads, rows, words=2) + f"\n\nMeasured on: {'; '.join(sorted(machines))}.\n"


def main() -> None:
    """Run the named models, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(LOCAL), help=f"Of: {', '.join(LOCAL)}")
    parser.add_argument("--systems", nargs="*", default=list(SYSTEMS))
    parser.add_argument("--seeds", type=int, nargs="*", help="Seeds to run. Default: all.")
    parser.add_argument("--runs", type=Path, default=Path("runs/results"))
    arguments = parser.parse_args()
    for name in arguments.names:
        for system in arguments.systems:
            for seed in arguments.seeds or range(SEEDS[name]):
                run(name, system, seed, arguments.runs)


if __name__ == "__main__":
    main()
