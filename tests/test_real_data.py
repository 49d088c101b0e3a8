"""On real tweets: one run loaded in three ways, in fresh processes, at several batch sizes, gives equal scores."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from modeling_lstm.cli import main
from tests.interpreters import run_program
from tests.models.test_remote_code import run_outside

MODEL = """
import sys
import numpy as np
import pyarrow.parquet as pq
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer
run, data, output, size, step = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
trusted = {} if "modeling_lstm" in sys.modules else {"trust_remote_code": True}
model = AutoModelForSequenceClassification.from_pretrained(run, **trusted).eval()
tokenizer = AutoTokenizer.from_pretrained(run, **trusted)
texts = pq.read_table(data)["text"].to_pylist()[::step]
found = []
with torch.inference_mode():
    for start in range(0, len(texts), size):
        batch = tokenizer(texts[start : start + size], padding=True, truncation=True, return_tensors="pt")
        found.append(model(**batch).logits.softmax(dim=-1))
np.save(output, torch.cat(found).numpy())
"""
PIPELINE = """
import sys
import numpy as np
import pyarrow.parquet as pq
from transformers import pipeline
run, data, output, size, step = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
classify = pipeline("text-classification", model=run, tokenizer=run, trust_remote_code=True, top_k=None)
texts = pq.read_table(data)["text"].to_pylist()[::step]
ids = classify.model.config.label2id
scores = np.zeros((len(texts), len(ids)))
for row, answers in enumerate(classify(texts, batch_size=size, truncation=True)):
    for answer in answers:
        scores[row, ids[answer["label"]]] = answer["score"]
np.save(output, scores)
"""


@pytest.fixture(scope="module")
def tweets(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A run on TweetEval sentiment (a few steps are enough here) and its test file."""
    run = tmp_path_factory.mktemp("tweets") / "run"
    data = real_data / "tweeteval_sentiment"
    flags = "--max_steps 60 --eval_steps 60 --save_steps 60 --eval_strategy steps --save_strategy steps".split()
    flags += "--bidirectional true --pooling concat --hidden_size 32 --embedding_size 32 --disable_tqdm true".split()
    assert main(["train", "--dataset", str(data), "--output_dir", str(run), *flags]) == 0
    return run, data / "test.parquet"


@pytest.mark.slow
def test_three_ways_to_load_agree_on_all_test_tweets(tweets: tuple[Path, Path], tmp_path: Path) -> None:
    run, data = tweets
    rows = pq.read_metadata(data).num_rows
    found = {}
    alone = "10"  # one at a time takes long: every tenth tweet
    ways = (("remote code", MODEL, "1", alone), ("remote code", MODEL, "64", "1"), ("pipeline", PIPELINE, "32", "1"))
    for name, script, size, step in ways:
        output = tmp_path / f"{name} {size}.npy"
        done = run_outside(script, run, tmp_path / "home", str(data.resolve()), str(output), size, step)
        assert done.returncode == 0, done.stderr
        found[f"{name}, batch {size}"] = np.load(output), int(step)
    output = tmp_path / "package.npy"
    done = run_program("import modeling_lstm\n" + MODEL, str(run), str(data), str(output), "256", "1")
    assert done.returncode == 0, done.stderr
    expected = np.load(output)
    assert expected.shape == (rows, 3)
    for name, (scores, step) in found.items():
        assert np.abs(scores - expected[::step]).max() < 1e-5, name


@pytest.mark.slow
def test_reads_what_tweets_hold(tweets: tuple[Path, Path]) -> None:
    """Escapes of the train split are decoded: test tweets, which hold real signs, are covered as well as train is."""
    import json

    record = json.loads((tweets[0] / "run.json").read_text(encoding="utf-8"))
    tokens = record["data"]["tokens"]
    assert record["data"]["counts"]["train"]["rows"] == 45_615
    assert tokens["train"]["empty"] == tokens["validation"]["empty"] == 0
    assert tokens["validation"]["out_of_vocabulary"] < 0.06
    vocabulary = json.loads((tweets[0] / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
    assert "n't" in vocabulary and "&" in vocabulary
    assert not {"u2019", "u002c", "\u2019", ";amp"} & vocabulary.keys()
