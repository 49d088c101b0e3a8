"""bf16 or fp32: what a trial chooses, and what stays as it was."""

import functools
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from modeling_lstm import LstmConfig, LstmForSequenceClassification
from modeling_lstm.training import precision, steps
from modeling_lstm.training.lstm_trainer import ORIGIN
from tests.training.test_steps import train

BATCH = {"input_ids": torch.tensor([[2, 3, 4], [4, 3, 0]]), "attention_mask": torch.tensor([[1, 1, 1], [1, 1, 0]])}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> dict[torch.dtype | None, float]:
    """Seconds that a step takes in fp32 (`None`) and in bf16; the time that the trial reads follows them."""
    seconds: dict[torch.dtype | None, float] = {None: 1.0, torch.bfloat16: 1.0}
    now = [0.0]
    whole = LstmForSequenceClassification.forward

    @functools.wraps(whole)
    def forward(self: Any, *args: Any, **kwargs: Any) -> Any:
        now[0] += seconds[torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else None]
        return whole(self, *args, **kwargs)

    monkeypatch.setattr(LstmForSequenceClassification, "forward", forward)
    monkeypatch.setattr(precision, "has_bf16", lambda device: True)
    monkeypatch.setattr(precision, "WORTH_A_TRIAL", 0)
    monkeypatch.setattr(precision.time, "perf_counter", lambda: now[0])
    return seconds


def small_model() -> LstmForSequenceClassification:
    torch.manual_seed(0)
    return LstmForSequenceClassification(LstmConfig(vocab_size=5, embedding_size=4, hidden_size=3, num_labels=2))


@pytest.mark.parametrize("trains", [True, False])
@pytest.mark.parametrize("in_bf16, gains", [(0.5, True), (0.9, False), (1.5, False)])
def test_bf16_must_be_clearly_faster(
    clock: dict[torch.dtype | None, float], in_bf16: float, gains: bool, trains: bool
) -> None:
    clock[torch.bfloat16] = in_bf16
    assert precision.gains_by_bf16(small_model(), BATCH, trains=trains) is gains


def test_a_processor_without_bf16_needs_no_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "has_bf16", lambda device: False)
    model = small_model()
    monkeypatch.setattr(model, "forward", None)  # which would fail
    assert not precision.gains_by_bf16(model, BATCH)


def test_a_small_network_needs_no_trial(
    clock: dict[torch.dtype | None, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock[torch.bfloat16] = 0.1
    monkeypatch.setattr(precision, "WORTH_A_TRIAL", 10_000)
    assert not precision.gains_by_bf16(small_model(), BATCH)


def test_a_trial_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "has_bf16", lambda device: True)
    monkeypatch.setattr(precision, "WORTH_A_TRIAL", 0)
    model = small_model().eval()
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    precision.gains_by_bf16(model, BATCH)
    assert torch.equal(torch.rand(3), expected)
    assert not model.training and all(one.grad is None for one in model.parameters())
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("is_faster", [True, False])
def test_training_does_as_the_trial_says(
    data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_faster: bool
) -> None:
    monkeypatch.setattr(steps, "gains_by_bf16", lambda model, batch: is_faster)
    seen = set()
    whole = LstmForSequenceClassification.forward

    @functools.wraps(whole)
    def forward(self: Any, *args: Any, **kwargs: Any) -> Any:
        seen.add(torch.is_autocast_enabled("cpu"))
        return whole(self, *args, **kwargs)

    monkeypatch.setattr(LstmForSequenceClassification, "forward", forward)
    record = train(data_folder, tmp_path / "run")
    assert seen == {is_faster} and record["training"]["bf16"] is is_faster
    checkpoint = next((tmp_path / "run").glob("checkpoint-*"))
    assert json.loads((checkpoint / ORIGIN).read_text("utf-8"))["bf16"] is is_faster


def test_a_training_goes_on_in_the_precision_it_had(
    data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "gains_by_bf16", lambda model, batch: True)
    train(data_folder, tmp_path / "run", "--num_train_epochs", "1")
    monkeypatch.setattr(steps, "gains_by_bf16", lambda model, batch: False)
    checkpoint = next((tmp_path / "run").glob("checkpoint-*"))
    flags = ["--num_train_epochs", "2", "--resume_from_checkpoint", str(checkpoint)]
    assert train(data_folder, tmp_path / "more", *flags)["training"]["bf16"] is True


def test_what_is_said_is_done_without_a_trial(
    data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "gains_by_bf16", None)  # which would fail
    for value in (True, False):
        record = train(data_folder, tmp_path / str(value), "--bf16", str(value))
        assert record["training"].get("bf16") is value
