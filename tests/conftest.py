"""Tiny configurations, tokenizers and run folders, made in memory or once per session; no test reaches a network."""

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_DATASETS_OFFLINE", "1")
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")

import contextlib
import csv
import gc
import multiprocessing
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from multiprocessing.context import ForkServerContext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import hypothesis
import psutil
import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from modeling_lstm import LstmConfig, LstmForSequenceClassification, LstmTokenizer
from modeling_lstm.cli import main

# on a busy machine examples are slow to make, too
hypothesis.settings.register_profile("busy", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("busy")

TRAIN_FLAGS = (
    "--embedding_size 8 --hidden_size 8 --min_frequency 1 --num_train_epochs 1 --per_device_train_batch_size 16 "
    "--word_dropout 0 --embedding_dropout 0 --classifier_dropout 0 --disable_tqdm true --use_cpu true"
).split()
WORDS = {
    "negative": "awful bad poor".split(),
    "neutral": "average okay fair".split(),
    "positive": "great good fine".split(),
}


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep what `datasets` caches out of the user's folders."""
    import datasets

    datasets.config.HF_DATASETS_CACHE = tmp_path_factory.mktemp("cache")
    datasets.disable_progress_bars()


@pytest.fixture(scope="module", autouse=True)
def _quick_collections() -> None:
    """
    Leave what is imported by now out of the collections of garbage, of which accelerate makes one in each training:
    torch and transformers alone are so many objects that it takes half a second.
    """
    gc.collect()
    gc.freeze()


def tiny_config(**changes: Any) -> LstmConfig:
    """A model of a few thousand numbers."""
    return LstmConfig(**{"vocab_size": 27, "embedding_size": 6, "hidden_size": 5, "num_labels": 3} | changes)


def tiny_model(**changes: Any) -> LstmForSequenceClassification:
    torch.manual_seed(0)
    return LstmForSequenceClassification(tiny_config(**changes)).eval()


def opinion_rows(number: int) -> list[tuple[str, str]]:
    """Rows of text and label that are easy to learn."""
    labels = list(WORDS)
    rows = []
    for n in range(number):
        label = labels[n % 3]
        rows.append((f"the film was {WORDS[label][n // 3 % 3]} number {n % 7}", label))
    return rows


def write_csv(path: Path, rows: list[tuple[Any, ...]], header: tuple[str, ...] = ("text", "label")) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


@pytest.fixture(scope="session")
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of three CSV files."""
    folder = tmp_path_factory.mktemp("data")
    for split, number in (("train", 90), ("validation", 30), ("test", 33)):
        write_csv(folder / f"{split}.csv", opinion_rows(number))
    return folder


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, data_folder: Path) -> Path:
    """A trained run folder; do not change it (see `run_copy`)."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    flags = [*TRAIN_FLAGS, "--num_train_epochs", "8", "--learning_rate", "0.02", "--embedding_range", "0.5"]
    assert main(["train", "--dataset", str(data_folder), "--output_dir", str(folder), *flags]) == 0
    return folder


@pytest.fixture
def run_copy(trained: Path, tmp_path: Path) -> Path:
    """A copy of the trained run folder that a test may damage."""
    return Path(shutil.copytree(trained, tmp_path / "copy"))


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Transformer with a WordPiece tokenizer that adds its special tokens."""
    folder = tmp_path_factory.mktemp("encoder")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "film", "was", "number", *map(str, range(7))]
    vocabulary = {word: n for n, word in enumerate([*words, *(word for some in WORDS.values() for word in some)])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    special = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(folder)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    sizes |= {"initializer_range": 0.3}  # so small a network learns little from the usual 0.02
    sizes |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}  # two batches would draw other masks
    torch.manual_seed(0)
    BertModel(BertConfig(vocab_size=len(vocabulary), max_position_embeddings=64, **sizes)).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def forks() -> ForkServerContext:
    """
    Processes that are forked from one which has imported the libraries; but for that they start as those of
    `multiprocessing` that are spawned, which takes five seconds each.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["evaluate", "sklearn.linear_model", "transformers.trainer", "tests.conftest"])
    return context


def run_held(given: list[str], steps: int) -> None:
    """The command line in a process to be killed. Its training waits after so many steps: no kill comes too late."""
    from modeling_lstm.training.lstm_trainer import LstmTrainer

    step = LstmTrainer.training_step

    def held(trainer: Any, *given: Any, **named: Any) -> Any:
        if trainer.state.global_step == steps:
            signal.pause()
        return step(trainer, *given, **named)

    LstmTrainer.training_step = held
    main(given)


def kill_and_resume(forks: ForkServerContext, given: list[str], folder: Path, checkpoint: int) -> None:
    """Run a training command into a folder, kill it two steps after a checkpoint, and run it to the end."""
    command = [*given, "--output_dir", str(folder)]
    process = forks.Process(target=run_held, args=(command, checkpoint + 2))
    process.start()
    while not (folder / f"checkpoint-{checkpoint}" / "trainer_state.json").exists():
        assert process.is_alive(), "it ended before it could be killed"
        time.sleep(0.01)
    process.kill()
    process.join()
    assert not (folder / "run.json").exists()
    assert main([*command, "--resume_from_checkpoint", "last"]) == 0


@pytest.fixture
def forked_costs(forks: ForkServerContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """A comparison measures costs in processes that are forked."""
    context = SimpleNamespace(get_context=lambda method: forks)
    monkeypatch.setattr("modeling_lstm.comparison.costs.multiprocessing", context)


@pytest.fixture(scope="session")
def tokenizer() -> LstmTokenizer:
    return LstmTokenizer.train([text for text, _ in opinion_rows(30)], min_frequency=1)


@pytest.fixture
def fails(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run the command line, expect exit status 2 and one line of error, and return that line."""

    def run(*arguments: str) -> str:
        capsys.readouterr()
        status = main([str(argument) for argument in arguments])
        error = capsys.readouterr().err
        assert status == 2, error
        assert "Traceback" not in error and error.count("modeling-lstm: error:") == 1
        last = error.strip().splitlines()[-1]
        assert last.startswith("modeling-lstm: error:")
        return last

    return run


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real datasets, if this machine has it."""
    folder = Path(os.environ.get("MODELING_LSTM_DATA", "../shared/data"))
    if not folder.is_dir():
        pytest.skip(
            f"There are no datasets in {str(folder)!r}: set MODELING_LSTM_DATA to a folder that data_scripts made."
        )
    return folder


@pytest.fixture(scope="module")
def ray_cluster() -> Iterator[None]:
    """One cluster of Ray for the tests of a module, for it takes seconds to start."""
    ray = pytest.importorskip("ray")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    options = {"include_dashboard": False, "log_to_driver": False, "object_store_memory": 200 * 2**20}
    ray.init(address="local", num_cpus=2, **options)
    yield
    ray.shutdown()


def find_processes(name: str) -> list[int]:
    """The processes begun by this one, or by those that it began, whose command line holds a name."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it has just ended
            if name in " ".join(process.cmdline()):
                found.append(process.pid)
    return found
