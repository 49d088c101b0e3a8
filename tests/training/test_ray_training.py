"""`--engine ray`: the same weights as in one process, also if a worker is lost on the way."""

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import load_file

from modeling_lstm.runs.record import read_record
from modeling_lstm.training.job import TrainingJob
from modeling_lstm.utils.errors import InputError
from modeling_lstm.utils.files import claim_folder
from tests.conftest import find_processes

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("ray_cluster")]

ON_RAY = {"engine": "ray", "workers": 2}


def settings(data: Path, folder: Path, batch_size: int, **more: Any) -> dict[str, Any]:
    dropouts = dict.fromkeys(("word_dropout", "embedding_dropout", "classifier_dropout"), 0.0)
    sizes = {"embedding_size": 8, "hidden_size": 8, "min_frequency": 1, "per_device_train_batch_size": batch_size}
    saving = {"eval_strategy": "no", "save_strategy": "steps", "save_steps": 2, "load_best_model_at_end": False}
    quiet = {"use_cpu": True, "disable_tqdm": True, "max_steps": 20}
    return {"dataset": str(data), "output_dir": str(folder)} | dropouts | sizes | saving | quiet | more


def assert_same_weights(one: Path, other: Path) -> None:
    first, second = (load_file(folder / "model.safetensors") for folder in (one, other))
    for name, value in first.items():
        np.testing.assert_allclose(value, second[name], atol=1e-5, err_msg=name)


@pytest.fixture(scope="module")
def alone(data_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one process learns."""
    folder = tmp_path_factory.mktemp("alone") / "run"
    TrainingJob(**settings(data_folder, folder, 16)).run()
    return folder


def test_two_workers_learn_what_one_process_does(alone: Path, data_folder: Path, tmp_path: Path) -> None:
    """Even if one of them is killed on the way."""
    killed: list[int] = []
    seen = threading.Event()

    def kill_one() -> None:
        while not list((tmp_path / "run").glob("checkpoint-*/trainer_state.json")):
            time.sleep(0.005)
        killed.extend(find_processes("ray::RayTrainWorker")[-1:])
        for one in killed:
            os.kill(one, signal.SIGKILL)
        seen.set()

    threading.Thread(target=kill_one, daemon=True).start()
    record = TrainingJob(**settings(data_folder, tmp_path / "run", 8, **ON_RAY)).run()
    assert seen.wait(60) and len(killed) == 1
    assert record == read_record(tmp_path / "run") and record["training"]["steps"] == 20
    assert "--engine ray" in str(record["command"]) and not list(tmp_path.glob(".*"))
    assert_same_weights(alone, tmp_path / "run")


def test_what_is_wrong_is_told_in_a_sentence(data_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no column 'opinion'"):
        one = ON_RAY | {"workers": 1}
        TrainingJob(**settings(data_folder, tmp_path / "run", 8, text_column=["opinion"], **one)).run()
    with pytest.raises(InputError, match="cannot pass model_init on"):
        TrainingJob(**settings(data_folder, tmp_path / "run", 8, **ON_RAY), model_init=lambda *_: None).run()
    for given in ({"workers": 2}, {"address": "auto"}):
        with pytest.raises(InputError, match="is for --engine ray"):
            TrainingJob(**settings(data_folder, tmp_path / "run", 8, **given))
    with pytest.raises(InputError, match="--workers must be at least 1, found 0"):
        TrainingJob(**settings(data_folder, tmp_path / "run", 8, engine="ray", workers=0))


def test_what_one_worker_finds_wrong_ends_all(data_folder: Path, tmp_path: Path) -> None:
    """The first one alone finds that the folder is taken; the other would wait for it."""
    with claim_folder(tmp_path / "run"), pytest.raises(InputError, match="Another process is writing into"):
        TrainingJob(**settings(data_folder, tmp_path / "run", 8, **ON_RAY)).run()
