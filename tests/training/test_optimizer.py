"""`RowAdamW` is AdamW, and costs what the rows cost that are used."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from safetensors.torch import load_file
from torch import nn
from transformers import BartConfig, BartForSequenceClassification, Trainer

from modeling_lstm.cli import main
from modeling_lstm.training.lstm_trainer import LstmTrainer
from modeling_lstm.training.optimizer import RowAdamW, clip_gradients
from modeling_lstm.training.trainer_arguments import LstmTrainingArguments
from modeling_lstm.utils.errors import InputError
from tests.conftest import TRAIN_FLAGS

pytestmark = pytest.mark.numeric


def twins(rows: int = 60, **settings: float) -> tuple[nn.Sequential, torch.optim.Optimizer, nn.Sequential, RowAdamW]:
    """The same small network with AdamW, and with RowAdamW on a table of sparse gradients."""
    models = []
    for _ in range(2):
        torch.manual_seed(0)
        models.append(nn.Sequential(nn.Embedding(rows, 7, padding_idx=0), nn.Linear(7, 3)))
    dense, sparse = models
    optimizer = RowAdamW(sparse.parameters(), **settings)
    optimizer.follow(sparse[0])
    return dense, torch.optim.AdamW(dense.parameters(), **settings), sparse, optimizer


def train(model: nn.Module, optimizer: torch.optim.Optimizer, step: int, size: float = 1.0) -> None:
    """One step on data that depend on the number of the step only; few rows are common, most are rare."""
    generator = torch.Generator().manual_seed(step)
    ids = (torch.rand(4, 5, generator=generator) ** 4 * 60).long()
    targets = torch.randn(4, 5, 3, generator=generator)
    for group in optimizer.param_groups:
        group["lr"] = 1e-2 * (1 - step / 700)
    optimizer.zero_grad()
    # gradients that do not depend on the weights: rounding must not grow into another course of training
    (size * model[0](ids) * torch.cat([targets, targets, targets[..., :1]], dim=-1)).sum().backward()
    (model[1].weight.sum() * targets.sum()).backward()
    clip_gradients(model.parameters(), 10.0)
    optimizer.step()


@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.9, 0.95), (0.0, 0.99)])
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_row_adamw_is_adamw(betas: tuple[float, float], weight_decay: float) -> None:
    dense, dense_optimizer, sparse, optimizer = twins(betas=betas, weight_decay=weight_decay)
    start = sparse[0].weight.detach().clone()
    for step in range(600):
        train(dense, dense_optimizer, step)
        train(sparse, optimizer, step)
        if step == 300:
            optimizer.settle()
    is_waiting = not torch.allclose(dense[0].weight, sparse[0].weight, atol=1e-5)
    assert is_waiting == (betas[0] > 0 or weight_decay > 0), "rare rows wait until they are needed"
    optimizer.settle()
    assert torch.allclose(dense[0].weight, sparse[0].weight, atol=1e-5)
    assert torch.allclose(dense[1].weight, sparse[1].weight, atol=1e-5)
    assert (sparse[0].weight - start).abs().max() > 0.1
    assert torch.equal(sparse[0].weight[0], torch.zeros(7)), "padding stays zero"
    moments = dense_optimizer.state[dense[0].weight], optimizer.state[sparse[0].weight]
    for name in ("exp_avg", "exp_avg_sq"):
        assert torch.allclose(moments[0][name], moments[1][name], atol=1e-7)
    assert moments[0]["step"] == moments[1]["step"] == 600


def test_small_gradients_beside_eps() -> None:
    """eps is 1e-8: with gradients of 1e-6 it is seen, most of all in the first steps."""
    dense, dense_optimizer, sparse, optimizer = twins(weight_decay=0.01)
    start = sparse[0].weight.detach().clone()
    for step in range(60):
        train(dense, dense_optimizer, step, size=1e-6)
        train(sparse, optimizer, step, size=1e-6)
    optimizer.settle()
    error = (dense[0].weight - sparse[0].weight).norm() / (dense[0].weight - start).norm()
    assert error < 3e-3


def test_evaluation_reads_rows_that_are_up_to_date() -> None:
    dense, dense_optimizer, sparse, optimizer = twins(weight_decay=0.1)
    for step in range(50):
        train(dense, dense_optimizer, step)
        train(sparse, optimizer, step)
    ids = torch.arange(60)
    assert torch.allclose(dense.eval()(ids), sparse.eval()(ids), atol=1e-5)


def test_saving_and_loading_mind_the_rows_that_wait() -> None:
    dense, dense_optimizer, sparse, optimizer = twins(weight_decay=0.1)
    end = optimizer.follow(sparse[0])  # a second time does no harm
    for step in range(30):
        train(dense, dense_optimizer, step)
        train(sparse, optimizer, step)
    assert torch.allclose(dense.state_dict()["0.weight"], sparse.state_dict()["0.weight"], atol=1e-5)
    train(sparse, optimizer, 30)
    ones = {name: torch.ones_like(one) for name, one in sparse.state_dict().items()}
    train(sparse, optimizer, 31)
    sparse.load_state_dict(ones)
    optimizer.settle()
    assert torch.equal(sparse[0].weight, ones["0.weight"]), "no old movement reaches new weights"
    end()
    assert not sparse[0].sparse


def test_a_gradient_of_all_rows_in_between() -> None:
    dense, dense_optimizer, sparse, optimizer = twins(weight_decay=0.1)
    for step in range(40):
        for model, one in ((dense, dense_optimizer), (sparse, optimizer)):
            if step % 7 == 3:
                one.zero_grad()
                model[0].weight.sum().backward()
                one.step()
            else:
                train(model, one, step)
    restored = copy.deepcopy(optimizer)
    optimizer.settle()
    assert torch.allclose(dense[0].weight, sparse[0].weight, atol=1e-5)
    assert restored.state_dict()["state"][0]["step"] == 40


def test_a_closure_is_evaluated() -> None:
    dense, dense_optimizer, sparse, optimizer = twins()

    def loss(model: nn.Module, one: torch.optim.Optimizer) -> torch.Tensor:
        one.zero_grad()
        value = model(torch.tensor([[1, 2]])).square().sum()
        value.backward()
        return value

    found = [one.step(lambda m=m, o=one: loss(m, o)) for m, one in ((dense, dense_optimizer), (sparse, optimizer))]
    assert torch.equal(*found)
    optimizer.settle()
    assert torch.allclose(dense[0].weight, sparse[0].weight)


def test_a_state_is_that_of_adamw_and_goes_on() -> None:
    _, _, whole, optimizer = twins(weight_decay=0.1)
    for step in range(40):
        train(whole, optimizer, step)
    state, weights = optimizer.state_dict(), {name: one.clone() for name, one in whole.state_dict().items()}
    assert state["state"].keys() == {0, 1} and set(state["state"][0]) == {"step", "exp_avg", "exp_avg_sq"}
    state = _copied(state)
    dense, dense_optimizer, resumed, resumed_optimizer = twins(weight_decay=0.1)
    for model, one in ((resumed, resumed_optimizer), (dense, dense_optimizer)):
        model.load_state_dict(weights)
        one.load_state_dict(_copied(state))
    for step in range(40, 80):
        train(whole, optimizer, step)
        train(resumed, resumed_optimizer, step)
        train(dense, dense_optimizer, step)
    optimizer.settle()
    resumed_optimizer.settle()
    assert torch.equal(whole[0].weight, resumed[0].weight)
    assert torch.allclose(whole[0].weight, dense[0].weight, atol=1e-5)


def _copied(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.clone()
    if isinstance(value, dict):
        return {key: _copied(one) for key, one in value.items()}
    return [_copied(one) for one in value] if isinstance(value, list) else value


def test_gradients_are_clipped_as_torch_clips_them() -> None:
    dense, _, sparse, _ = twins()
    for model in (dense, sparse):
        model(torch.tensor([[1, 2, 2, 0], [3, 1, 0, 0]])).square().sum().backward()
    expected = nn.utils.clip_grad_norm_(dense.parameters(), 0.5)
    assert torch.allclose(clip_gradients(sparse.parameters(), 0.5), expected)
    assert torch.allclose(sparse[0].weight.grad.to_dense(), dense[0].weight.grad)
    assert torch.allclose(sparse[1].weight.grad, dense[1].weight.grad)
    assert torch.allclose(clip_gradients(sparse.parameters(), float("inf")), torch.tensor(0.5))


@pytest.mark.parametrize("settings", [{"amsgrad": True}, {"maximize": True}, {"betas": (0.99, 0.95)}])
def test_settings_that_it_cannot_keep_are_refused(settings: dict) -> None:
    with pytest.raises(ValueError, match="RowAdamW"):
        RowAdamW(nn.Embedding(2, 2).parameters(), **settings)


@pytest.mark.parametrize(
    "flags",
    [
        [],
        ["--max_grad_norm", "0", "--eval_strategy", "no", "--load_best_model_at_end", "false"],
        ["--gradient_accumulation_steps", "2", "--per_device_train_batch_size", "3"],
        ["--average_epochs", "0.5", "--num_train_epochs", "2"],
        ["--average_epochs", "0.5", "--load_best_model_at_end", "false", "--adversarial_size", "0.25"],
    ],
)
def test_training_is_the_same_with_either(
    data_folder: Path, tmp_path: Path, flags: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = []
    steps: list[str] = []
    monkeypatch.setattr(RowAdamW, "step", lambda *given, step=RowAdamW.step: steps.append("row") or step(*given))
    for name in ("rows", "whole"):
        assert bool(steps) == (name == "whole")
        if name == "whole":
            whole_tables = staticmethod(Trainer.get_optimizer_cls_and_kwargs)
            monkeypatch.setattr(LstmTrainer, "get_optimizer_cls_and_kwargs", whole_tables)
        folder = tmp_path / name
        assert main(["train", "--dataset", str(data_folder), *TRAIN_FLAGS, *flags, "--output_dir", str(folder)]) == 0
        weights.append(load_file(folder / "model.safetensors"))
    for name, one in weights[0].items():
        assert torch.allclose(one, weights[1][name], atol=1e-4), name


def test_a_table_that_two_modules_read_is_not_followed_by_its_rows(tmp_path: Path) -> None:
    """BART's encoder reads with a module of its own, whose gradient is dense."""
    sizes = {"d_model": 8, "encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 8, "decoder_ffn_dim": 8}
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2}
    config = BartConfig(vocab_size=20, max_position_embeddings=16, num_labels=2, **sizes, **heads)
    untested = {"eval_strategy": "no", "save_strategy": "no", "load_best_model_at_end": False}
    args = LstmTrainingArguments(output_dir=str(tmp_path), use_cpu=True, adversarial_size=0.25, **untested)
    rows = Dataset.from_dict({"input_ids": [[5, 6, 2], [7, 8, 2]], "labels": [0, 1]})
    model = BartForSequenceClassification(config)
    trainer = LstmTrainer(model=model, args=args, train_dataset=rows)
    trainer.create_optimizer()
    assert trainer.row_optimizer() is not None and trainer.followed_table() is None
    with pytest.raises(InputError, match="--adversarial_size does not work with BartForSequenceClassification"):
        trainer.train()
