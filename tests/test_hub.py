"""Word vectors over real HTTP: pushed by one machine, found by another with an empty cache."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from modeling_lstm.vectors import WordVectors
from tests.conftest import TRAIN_FLAGS
from tests.local_hub import TOKEN, LocalHub

WORDS = ["the", "film", "was", "great", "awful"]


@pytest.fixture
def hub() -> Iterator[LocalHub]:
    server = LocalHub()
    yield server
    server.close()


def machine(home: Path, hub: LocalHub, *arguments: object, token: str | None = None) -> subprocess.CompletedProcess:
    """Run the command line as on a machine of its own, whose cache is `home`."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGINGFACE_"))}
    env |= {"HF_ENDPOINT": hub.url, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    env |= {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_UPDATE_CHECK": "1", "NO_PROXY": "127.0.0.1"}
    if token:
        env["HF_TOKEN"] = token
    command = [sys.executable, "-m", "modeling_lstm.cli", *map(str, arguments)]
    return subprocess.run(command, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120)


@pytest.mark.slow
def test_vectors_are_pushed_and_found_by_somebody_else(hub: LocalHub, data_folder: Path, tmp_path: Path) -> None:
    numbers = np.random.default_rng(0).normal(size=(len(WORDS), 8)).astype(np.float32)
    WordVectors(WORDS, numbers).save_pretrained(tmp_path / "own")
    push = ["vectors", "push", tmp_path / "own", "me/films"]
    refused = machine(tmp_path / "a", hub, *push, token="hf_wrong")
    assert refused.returncode == 2 and "could not be pushed to 'me/films'" in refused.stderr
    assert "hf_wrong" not in refused.stderr and "Traceback" not in refused.stderr
    assert "me/films" not in hub.repositories

    pushed = machine(tmp_path / "a", hub, *push, token=TOKEN)
    assert pushed.returncode == 0, pushed.stderr
    files = hub.repositories["me/films"].commits[-1][1]
    assert {"model.safetensors", "tokenizer.json", "config.json", "README.md"} <= files.keys()
    assert len(hub.repositories["me/films"].commits) == 2  # the empty one and ours
    assert machine(tmp_path / "a", hub, *push, token=TOKEN).returncode == 0
    assert len(hub.repositories["me/films"].commits) == 2  # the same again makes no commit

    found = machine(tmp_path / "b", hub, "vectors", "nearest", "me/films", "film", "--number", 2)
    expected = " ".join(f"{word} {cosine:.2f}" for word, cosine in WordVectors(WORDS, numbers).nearest("film", 2))
    assert found.returncode == 0 and found.stdout.split() == f"film {expected}".split(), found.stderr
    absent = machine(tmp_path / "b", hub, "vectors", "nearest", "me/absent", "film")
    assert absent.returncode == 2 and "me/absent" in absent.stderr and "Traceback" not in absent.stderr

    flags = ["--dataset", data_folder, "--output_dir", tmp_path / "run", *TRAIN_FLAGS, "--embeddings", "me/films"]
    trained = machine(tmp_path / "c", hub, "train", *flags)
    assert trained.returncode == 0, trained.stderr
    hub.close()  # nothing is fetched at inference
    predicted = machine(tmp_path / "c", hub, "predict", tmp_path / "run", "the film was great")
    assert predicted.returncode == 0 and predicted.stdout.count("\t") == 2, predicted.stderr
