"""Adversarial training pushes word vectors where it harms, and learns from that."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from modeling_lstm.cli import main
from modeling_lstm.training.adversarial import find_perturbation, perturb_embeddings, watch_embeddings
from tests.conftest import TRAIN_FLAGS, tiny_model

pytestmark = pytest.mark.numeric


@pytest.mark.parametrize("is_frozen", [False, True])
def test_the_perturbation_harms_more_than_any_other_of_its_size(is_frozen: bool) -> None:
    torch.manual_seed(0)
    model = tiny_model().eval()
    table = model.get_input_embeddings()
    table.weight.requires_grad_(not is_frozen)
    texts = {"input_ids": torch.tensor([[5, 6, 7, 8], [9, 5, 0, 0]]), "labels": torch.tensor([0, 2])}
    with watch_embeddings(table) as vectors:
        loss = model(**texts).loss
        loss.backward()
    perturbation = find_perturbation(vectors[0], 0.01)
    size = 0.01 * table.weight[[5, 6, 7, 8, 9, 5]].norm(dim=1).mean().item()
    assert torch.allclose(perturbation.flatten(1).norm(dim=1), torch.tensor([size, size]))
    assert torch.equal(perturbation[1, 2:], torch.zeros(2, perturbation.shape[2])), "padding is not perturbed"
    with perturb_embeddings(table, perturbation), torch.no_grad():
        harmed = model(**texts).loss
    assert harmed > loss
    for _ in range(20):
        other = torch.randn_like(perturbation)
        other *= size / other.flatten(1).norm(dim=1)[:, None, None]
        with perturb_embeddings(table, other), torch.no_grad():
            assert model(**texts).loss < harmed
    with torch.no_grad():
        assert torch.equal(model(**texts).loss, loss), "no hook stays behind"


@pytest.mark.parametrize("gradient", [0.0, 1e-23])
def test_a_text_without_a_word_is_not_perturbed(gradient: float) -> None:
    vectors = torch.zeros(1, 2, 3, requires_grad=True)
    (vectors * gradient).sum().backward()
    assert find_perturbation(vectors, 5.0).norm() < 1e-6


@pytest.mark.parametrize("model_type", ["lstm", "bag-of-words"])
def test_training_takes_the_twin_into_account(data_folder: Path, tmp_path: Path, model_type: str) -> None:
    flags = ["--dataset", str(data_folder), *TRAIN_FLAGS, "--model_type", model_type]
    weights = []
    for size in ("0", "0.25", "0.25"):
        folder = tmp_path / str(len(weights))
        assert main(["train", *flags, "--adversarial_size", size, "--output_dir", str(folder)]) == 0
        weights.append(load_file(folder / "model.safetensors"))
    plain, adversarial, again = weights
    assert any(not torch.equal(one, adversarial[name]) for name, one in plain.items())
    assert all(torch.equal(one, again[name]) for name, one in adversarial.items())
