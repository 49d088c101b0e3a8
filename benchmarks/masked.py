"""Whether a masked objective pretrains a better classifier than two language models: `python -m benchmarks.masked`.

On the tweets of TweetEval sentiment, `pretrain --direction both` trains a forward and a backward language model. Beside
it, the same network learns to fill in masked tokens from the states of both directions at their place, with the masks
of BERT (Devlin et al., 2019): 15 % of the tokens, of which 80 % are replaced by the unknown token, 10 % by a random
one, and 10 % stay. It does so for as many epochs as the language models and for four times as many, which takes about
as long as they do, because it computes the softmax of few tokens. Between two texts, the network with masks reads the
token that ends a text twice, a slip that the record was made with; the language models read it once.
`train --pretrained` starts a classifier from each, and from neither, with few labels. The scores are those on
validation. The record is `results/masked.json`; `python -m benchmarks.tables` makes the table of
docs/results/language-models.md.
"""

import argparse
import shutil
import time
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset, load_dataset
from torch.nn import functional as F
from torch.nn.utils import clip_grad_norm_

import modeling_lstm as ml
from modeling_lstm import LstmForCausalLM
from modeling_lstm.data.token_stream import TokenStream
from modeling_lstm.runs.environment import describe_environment
from modeling_lstm.runs.run_folders import load_run
from modeling_lstm.utils.display import count_threads
from modeling_lstm.utils.files import read_json, write_json
from modeling_lstm.utils.markdown import make_table

from .accuracy import RESULTS, SEEDS, mean_and_spread, required_data

RECORD = RESULTS / "masked.json"
DATA, METRIC, LABELS = "tweeteval_sentiment", "macro_recall", (200, 1_000)
NEITHER, CAUSAL = "neither", "causal"
MASKED = {"masked": 1, "masked longer": 4}  # how many times the epochs of the language models
TITLES = {
    NEITHER: "no pretraining",
    CAUSAL: "a forward and a backward language model (`--direction both`)",
    "masked": "masked tokens, as many epochs",
    "masked longer": "masked tokens, four times as many",
}
SHARE, REPLACED, RANDOM = 0.15, 0.8, 0.1  # of all tokens; of the masked ones
BLOCK, BATCH = 64, 32
SETTINGS: dict[str, Any] = {
    "direction": "both",
    "tokenizer_algorithm": "bpe",
    "vocab_size": 4_000,
    "embedding_size": 128,
    "hidden_size": 192,
    "block_size": BLOCK,
    "per_device_train_batch_size": BATCH,
    "num_train_epochs": 2,
    "learning_rate": 3e-3,
    "bf16": False,
    "disable_tqdm": True,
}
SIZES = {name: SETTINGS[name] for name in ("tokenizer_algorithm", "vocab_size", "embedding_size", "hidden_size")}


def main() -> None:
    """Measure what is missing in the record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, default=Path("runs/masked"), help="Folder for the models.")
    runs: Path = parser.parse_args().runs
    found: dict[str, Any] = read_json(RECORD) if RECORD.exists() else {"minutes": {}, "scores": {}}
    for seed in range(SEEDS):
        for way in TITLES:
            scores = found["scores"].setdefault(way, {str(labels): [] for labels in LABELS})
            folder = pretrain(way, seed, runs, found["minutes"])
            save(found)
            for labels in LABELS:
                if len(scores[str(labels)]) <= seed:
                    scores[str(labels)].append(classify(folder, labels, seed, runs / f"{way}-{labels}-{seed}"))
                    save(found)
                    print(way, labels, scores[str(labels)], flush=True)


def save(found: dict[str, Any]) -> None:
    """Write what is measured so far."""
    write_json(RECORD, found | {"settings": SETTINGS} | describe_environment())


def pretrain(way: str, seed: int, runs: Path, minutes: dict[str, list[float]]) -> Path | None:
    """Return the folder of a pretrained model; train it if it is missing."""
    if way == NEITHER:
        return None
    folder = runs / f"{way}-{seed}"
    if not (folder / "run.json").exists():
        begun = time.perf_counter()
        if way == CAUSAL:
            ml.pretrain(dataset=[str(required_data() / DATA)], output_dir=str(folder), seed=seed, **SETTINGS)
        else:
            pretrain_masked(runs / f"{CAUSAL}-{seed}", folder, seed, MASKED[way] * SETTINGS["num_train_epochs"])
        minutes.setdefault(way, []).append(round((time.perf_counter() - begun) / 60, 1))
    return folder


def pretrain_masked(causal: Path, folder: Path, seed: int, epochs: int) -> None:
    """Train the network of a language model on masked tokens instead, and copy its run with these weights."""
    torch.manual_seed(seed)
    trained: Any
    trained, tokenizer = load_run(str(causal))
    model = LstmForCausalLM(trained.config).train()
    file = str(required_data() / DATA / "train.parquet")
    texts = load_dataset("parquet", data_files=file)["train"]["text"][:]
    rows = Dataset.from_dict({"input_ids": tokenizer(texts)["input_ids"]})
    ids = torch.from_numpy(TokenStream.from_rows(rows, int(tokenizer.eos_token_id)).ids).long()
    blocks = ids[: len(ids) // BLOCK * BLOCK].view(-1, BLOCK)
    steps = epochs * (len(blocks) // BATCH)
    optimizer = torch.optim.AdamW(model.parameters(), lr=SETTINGS["learning_rate"])
    rate = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, SETTINGS["learning_rate"], total_steps=steps, pct_start=0.05, anneal_strategy="linear"
    )
    for _ in range(epochs):
        for batch in blocks[torch.randperm(len(blocks))[: len(blocks) // BATCH * BATCH]].view(-1, BATCH, BLOCK):
            loss = masked_loss(model, batch, int(tokenizer.unk_token_id))
            optimizer.zero_grad()
            loss.backward()
            clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            rate.step()
    ignored = shutil.ignore_patterns("checkpoint-*", "run.json")
    shutil.copytree(causal, folder, ignore=ignored, dirs_exist_ok=True)
    model.save_pretrained(folder)
    shutil.copy(causal / "run.json", folder)


def masked_loss(model: Any, ids: torch.Tensor, unknown: int) -> torch.Tensor:
    """Return the mean loss of the masked tokens, each predicted from both directions."""
    is_masked = torch.rand(ids.shape) < SHARE
    kind = torch.rand(ids.shape)
    inputs = torch.where(is_masked & (kind < REPLACED), unknown, ids)
    is_random = is_masked & (kind >= REPLACED) & (kind < REPLACED + RANDOM)
    inputs = torch.where(is_random, torch.randint_like(ids, model.config.vocab_size), inputs)
    both = model.lstm(input_ids=inputs, attention_mask=torch.ones_like(ids)).last_hidden_state
    states = [model._project(one, bool(number)) for number, one in enumerate(both.chunk(2, dim=-1))]
    return F.cross_entropy(model.lm_head((states[0] + states[1])[is_masked]), ids[is_masked])


def classify(pretrained: Path | None, labels: int, seed: int, folder: Path) -> float:
    """Train a classifier on some labels, and return its score on validation, in percent."""
    start = {"pretrained": str(pretrained)} if pretrained else {"bidirectional": True, **SIZES}
    record = ml.train(
        dataset=str(required_data() / DATA),
        output_dir=str(folder),
        max_train_samples=labels,
        metric_for_best_model=METRIC,
        seed=seed,
        overwrite=True,
        disable_tqdm=True,
        bf16=False,
        **start,
    )
    shutil.rmtree(folder)
    return round(100 * record["metrics"]["validation"][METRIC], 2)


def masked_table() -> str:
    """Make the table of validation scores by number of labels, and minutes of pretraining."""
    if not RECORD.exists():
        return "\n"
    found = read_json(RECORD)
    rows = []
    for way, title in TITLES.items():
        cells = [mean_and_spread(found["scores"][way][str(labels)]) for labels in LABELS]
        minutes = found["minutes"].get(way)
        rows.append([title, *cells, f"{sum(minutes) / len(minutes):.0f}" if minutes else ""])
    heads = ["pretrained by", *(f"{labels:,} labels" for labels in LABELS), "minutes of pretraining"]
    machine = found["hardware"]
    return f"{make_table(heads, rows)}\n\nMeasured on: {machine['processor']}, {count_threads(machine['threads'])}.\n"


if __name__ == "__main__":
    main()
