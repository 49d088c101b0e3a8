"""Several processes: the files are written once, and the weights are those of one process with the same batches."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from modeling_lstm.cli import main
from modeling_lstm.runs.record import read_record
from modeling_lstm.utils.processes import LAUNCH, count_processes, is_single_despite_launch, leave_launch, rank
from tests.conftest import WORDS, write_csv

ROOT = Path(__file__).parents[2]
# no dropout: each process draws masks of its own
SETTINGS = "--embedding_size 8 --hidden_size 8 --min_frequency 1 --num_train_epochs 2 --learning_rate 0.02 "
SETTINGS += "--word_dropout 0 --embedding_dropout 0 --hidden_dropout 0 --classifier_dropout 0 --disable_tqdm true "
SETTINGS += "--use_cpu true --overwrite"
# 81 rows are five batches of 16, and one of 1, which is fewer than there are processes
LANGUAGE = "--word_dropout 0 --embedding_dropout 0 --hidden_dropout 0 --recurrent_dropout 0 --output_dropout 0 "
LANGUAGE += "--disable_tqdm true --use_cpu true --overwrite"
CASES = {
    "plain": "",
    "loss": "--metric_for_best_model loss --average_epochs 0.5 --per_device_eval_batch_size 4",
    "adversarial": "--adversarial_size 0.3 --gradient_accumulation_steps 2 --train_sampling_strategy random",
    "weights": "--class_weights balanced --label_smoothing_factor 0.1 --max_train_samples 75 --cell_type gru",
    "balanced": "--train_sampling_strategy batch_rebalance --model_type bag-of-words --dataloader_drop_last true",
    "resumed": "--resume_from_checkpoint last --num_train_epochs 3",
}
# Runs the cases one after the other, as a user would, in processes that live on
SCRIPT = """
import json, sys
from modeling_lstm.cli import main
from modeling_lstm.training.optimizer import RowAdamW

follow = RowAdamW.follow
RowAdamW.follow = lambda *given: print("rows are followed") or follow(*given)
for given in json.loads(sys.argv[1]):
    assert main(given) == 0, given
"""
# Runs commands that fail, and ends with the lowest of their exit statuses
WRONG = """
import json, sys
from modeling_lstm.cli import main

def status(given):
    try:
        return main(given)
    except SystemExit as end:  # of the process that says nothing
        return end.code

sys.exit(min([status(given) for given in json.loads(sys.argv[1])]))
"""


def rows() -> list[tuple[str, str]]:
    """Texts of several lengths, in labels of several frequencies."""
    labels = [*WORDS, "positive"]
    return [
        (f"the film was {WORDS[labels[n % 4]][n % 3]} number {n % 7}" + " really" * (n % 5), labels[n % 4])
        for n in range(90)
    ]


def launch(arguments: list[str], home: Path) -> subprocess.CompletedProcess[str]:
    """Start two processes as torchrun does, with caches of their own."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", *arguments]
    process = start(command, home, Path.cwd())
    output, errors = process.communicate(timeout=600)
    return subprocess.CompletedProcess(command, process.returncode, output, errors)


def start(command: list[str], home: Path, folder: Path) -> subprocess.Popen[str]:
    """Start a launcher in a folder, with caches of its own."""
    environment = {name: value for name, value in os.environ.items() if name not in LAUNCH}
    environment |= {"HF_HOME": str(home), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, env=environment, cwd=folder, **pipes)


def flags(folder: Path, data: Path, batch: int, name: str) -> list[str]:
    given = SETTINGS if name != "resumed" else SETTINGS.replace(" --overwrite", "")
    case = "plain" if name == "resumed" else name
    own = [*given.split(), "--per_device_train_batch_size", str(batch), *CASES[name].split()]
    return ["train", "--dataset", str(data), "--output_dir", str(folder / case), *own]


@pytest.mark.slow
def test_two_processes_are_as_one(tmp_path: Path) -> None:
    data = write_csv(tmp_path / "data.csv", rows())
    both = tmp_path / "both"
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    teacher = ["distill", "--teacher", str(tmp_path / "one" / "plain"), "--dataset", str(data), "--augmentations", "2"]
    student = [*SETTINGS.split(), "--label_weight", "0.5", "--logits_cache"]
    for name in CASES:
        assert main(flags(tmp_path / "one", data, 16, name)) == 0
    own = [*teacher, "--output_dir", str(tmp_path / "one" / "student"), *student, str(tmp_path / "own")]
    assert main([*own, "--per_device_train_batch_size", "16"]) == 0
    pretraining = ["pretrain", "--dataset", str(data), "--direction", "both", "--block_size", "5", *LANGUAGE.split()]
    language_model = [*pretraining, "--output_dir", str(tmp_path / "one" / "language"), *SETTINGS.split()[:8]]
    assert main([*language_model, "--per_device_train_batch_size", "4"]) == 0
    filling = ["pretrain", "--task", "fill-mask", "--dataset", str(data), "--block_size", "7", *LANGUAGE.split()]
    masked = [*filling, "--output_dir", str(tmp_path / "one" / "masked"), *SETTINGS.split()[:8]]
    assert main([*masked, "--per_device_train_batch_size", "4"]) == 0
    commands = [flags(both, data, 8, name) for name in CASES]
    theirs = [*teacher, "--output_dir", str(both / "student"), *student, str(tmp_path / "theirs")]
    language_model = [*pretraining, "--output_dir", str(both / "language"), *SETTINGS.split()[:8]]
    masked = [*filling, "--output_dir", str(both / "masked"), *SETTINGS.split()[:8]]
    commands += [
        [*language_model, "--per_device_train_batch_size", "2"],
        [*masked, "--per_device_train_batch_size", "2"],
        [*theirs, "--per_device_train_batch_size", "8"],
        ["evaluate", str(both / "plain"), "--split", "validation"],
    ]
    found = launch([str(script), json.dumps(commands)], tmp_path / "home")
    assert found.returncode == 0, found.stderr[-3000:]
    assert found.stdout.count("; saved in ") == len(CASES) + 3  # told once
    assert found.stdout.count("rows of validation in") == 1
    assert found.stdout.count("rows are followed") >= 2  # sparse gradients, in both processes
    for name in ("plain", "loss", "adversarial", "weights", "balanced", "student", "language", "masked"):
        one, two = tmp_path / "one" / name, both / name
        expected, got = (load_file(folder / "model.safetensors") for folder in (one, two))
        for key in expected:
            torch.testing.assert_close(got[key], expected[key], atol=2e-5, rtol=1e-4, msg=f"{name}: {key}")
        records = [read_record(folder) for folder in (one, two)]
        assert records[0]["best"] == records[1]["best"]
        scores = [{k: v for k, v in one["metrics"]["validation"].items() if k != "loss"} for one in records]
        assert scores[1] == pytest.approx(scores[0], abs=1e-4)
        losses = [[entry["eval_loss"] for entry in record["history"]] for record in records]
        assert losses[1] == pytest.approx(losses[0], abs=1e-5)
        assert not list(two.glob(".saving-*"))
    assert read_record(both / "plain")["training"]["resumed"]


@pytest.mark.slow
def test_machines_must_share_the_run_folder(tmp_path: Path) -> None:
    """Two launchers of one process each, as on two machines, with one folder or each with its own."""
    data = write_csv(tmp_path / "data.csv", rows())
    train = ["-m", "modeling_lstm.cli", "train", "--dataset", str(data), "--output_dir", "run", *SETTINGS.split()]
    for name, is_shared in (("shared", True), ("apart", False)):
        folders = [tmp_path / name / ("all" if is_shared else str(rank)) for rank in range(2)]
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        machines = []
        for number, folder in enumerate(folders):
            folder.mkdir(parents=True, exist_ok=True)
            command = [sys.executable, "-m", "torch.distributed.run", "--nnodes", "2", "--node_rank", str(number)]
            command += ["--nproc_per_node", "1", "--master_addr", "127.0.0.1", "--master_port", str(port), *train]
            machines.append(start(command, tmp_path / f"home-{number}", folder))
        told = [machine.communicate(timeout=600) for machine in machines]
        if is_shared:
            assert [machine.returncode for machine in machines] == [0, 0], told
            assert read_record(folders[0] / "run")["training"]["steps"] > 0
        else:
            assert all(machine.returncode != 0 for machine in machines)
            assert "--output_dir 'run' is not the same folder on all machines" in "".join(errors for _, errors in told)
            assert not any((folder / "run").exists() for folder in folders)


@pytest.mark.slow
def test_what_one_process_finds_wrong_ends_all_with_one_sentence(tmp_path: Path) -> None:
    data = write_csv(tmp_path / "data.csv", rows())
    given = flags(tmp_path, data, 8, "plain")
    found = launch(["-m", "modeling_lstm.cli", *given, "--pooling", "sum"], tmp_path)
    assert found.returncode != 0 and found.stderr.count("modeling-lstm: error: ") == 1
    script = tmp_path / "script.py"
    script.write_text(WRONG, encoding="utf-8")
    # seen by rank 0 alone, while the other one waits; and by both, in the middle of training
    every = {"--vocab_size 2": "number of special tokens", "--learning_rate 1e30": "diverged"}
    commands = [[*given, *wrong.split()] for wrong in every]
    found = launch([str(script), json.dumps(commands)], tmp_path)
    assert found.returncode != 0 and "exitcode  : 2" in found.stderr, found.stderr[-3000:]
    errors = [line for line in found.stderr.splitlines() if "modeling-lstm: error: " in line]
    assert len(errors) == len(every)
    for error, message in zip(errors, every.values(), strict=True):
        assert message in error


def test_who_is_who(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*LAUNCH, "MASTER_PORT", "ACCELERATE_MIXED_PRECISION"):
        monkeypatch.delenv(name, raising=False)
    assert (rank(), count_processes(), is_single_despite_launch()) == (0, 1, False)
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert (rank(), count_processes()) == (1, 2)
    leave_launch()
    assert (rank(), count_processes()) == (0, 1)
    monkeypatch.setenv("RANK", "none")
    assert rank() == 0
    monkeypatch.setenv("MASTER_PORT", "29500")
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "no")
    assert is_single_despite_launch()


def test_commands_that_are_not_shared_run_in_one_process(
    trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def told(number: int) -> Any:
        monkeypatch.setenv("RANK", str(number))
        monkeypatch.setenv("WORLD_SIZE", "2")
        assert main(["predict", str(trained), "the film was great"]) == 0
        return capsys.readouterr().out

    assert "positive" in told(0) and told(1) == ""
