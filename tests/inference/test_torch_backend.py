"""Answers by torch: batches beside each other, which change nothing."""

from pathlib import Path

import pytest
import torch

from modeling_lstm.inference.torch_backend import torch_classifier
from modeling_lstm.runs.run_folders import load_run
from tests.conftest import opinion_rows

TEXTS = [" and ".join([text] * (1 + number % 5)) for number, (text, _) in enumerate(opinion_rows(40))]


@pytest.mark.numeric
def test_batches_beside_each_other_give_the_same(trained: Path) -> None:
    model, tokenizer = load_run(str(trained))
    classify = torch_classifier(model.eval(), tokenizer)
    classify.workers = 1
    alone = classify.raw_scores(TEXTS, batch_size=3)
    classify.workers = 3
    assert classify.raw_scores(TEXTS, batch_size=3) == pytest.approx(alone, abs=1e-6)
    for size in (0, -1):
        with pytest.raises(ValueError, match=f"batch_size must be at least 1, found {size}"):
            classify.raw_scores(TEXTS, batch_size=size)


def test_threads_of_torch_stay_as_they_were(trained: Path) -> None:
    model, tokenizer = load_run(str(trained))
    seen = []
    classify = torch_classifier(model.eval(), tokenizer)
    compute, classify.workers = classify.logits, 2

    def logits(*arrays: object) -> object:
        seen.append(torch.get_num_threads())
        return compute(*arrays)

    classify.logits = logits
    threads = torch.get_num_threads()
    classify.raw_scores(TEXTS, batch_size=4)
    assert set(seen) == {1} and torch.get_num_threads() == threads


def test_all_threads_compute_in_bf16(trained: Path) -> None:
    model, tokenizer = load_run(str(trained))
    seen = []
    classify = torch_classifier(model.eval(), tokenizer, bf16=True)
    classify.workers = 2
    model.register_forward_pre_hook(lambda *_: seen.append(torch.is_autocast_enabled("cpu")))
    classify.raw_scores(TEXTS, batch_size=4)
    assert len(seen) == 10 and all(seen)
