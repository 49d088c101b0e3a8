"""The settings of a model are the fields of its configuration; where defaults of `train` differ, it is said here."""

import logging
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
import torch
from transformers import TrainingArguments

from modeling_lstm import BagOfWordsConfig, LstmConfig
from modeling_lstm.training.arguments import ModelArguments
from modeling_lstm.training.trainer_arguments import LstmTrainingArguments
from modeling_lstm.utils.errors import InputError

# What scored well on validation sets, as against a plain LSTM
BETTER_THAN_PLAIN: dict[str, tuple[Any, Any]] = {
    "embedding_size": (200, 100),
    "hidden_size": (200, 500),
    "bidirectional": (True, False),
    "pooling": ("concat", "last"),
    "word_dropout": (0.1, 0.0),
    "embedding_dropout": (0.3, 0.0),
    "hidden_dropout": (0.3, 0.0),
    "classifier_dropout": (0.4, 0.0),
}


def test_the_settings_of_a_model_are_those_of_its_configuration() -> None:
    plain, ours = LstmConfig(), ModelArguments().config_fields()
    known = {one.name for one in fields(LstmConfig)}
    assert ours.keys() <= known
    differing = {name: (value, getattr(plain, name)) for name, value in ours.items() if value != getattr(plain, name)}
    assert differing == BETTER_THAN_PLAIN
    # what the data or other settings tell is no setting of the model; whatever else the family has is one
    told = {"vocab_size", "pad_token_id", "class_weights", "label_smoothing", "problem_type", "num_labels"}
    told |= {"tie_word_embeddings", "initializer_range", "model_type"}
    # those of a language model are settings of its own command
    told |= {"softmax", "adaptive_cutoffs", "sampled_candidates", "output_dropout", "reads_backward"}
    told |= {"bos_token_id", "eos_token_id"}
    told |= {"target_mean", "target_scale"}  # of a regression, as the training rows are
    own = {name for name in vars(LstmConfig).get("__annotations__", {}) if not name.startswith("_")} - told
    assert own & known <= ours.keys() | told
    assert ModelArguments(model_type="bag-of-words").config_fields().keys() <= {
        one.name for one in fields(BagOfWordsConfig)
    }


def test_their_choices_are_those_of_the_configuration() -> None:
    theirs, ours = {one.name: one.type for one in fields(LstmConfig)}, get_type_hints(ModelArguments)
    for name in ("cell_type", "pooling"):
        assert set(get_args(ours[name])) == set(get_args(theirs[name])), name


def test_one_process_trains_on_one_gpu(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    usual = TrainingArguments.__post_init__

    def with_two(self: TrainingArguments) -> None:
        usual(self)
        self._n_gpu = 2

    monkeypatch.setattr(TrainingArguments, "__post_init__", with_two)
    with caplog.at_level(logging.INFO):
        assert LstmTrainingArguments(output_dir="run", use_cpu=True).n_gpu == 1
    assert "torchrun --nproc_per_node uses all of them" in caplog.text


def test_more_processes_than_gpus_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(InputError, match="has 1 GPUs, fewer than the 2 processes: add --use_cpu true, or start fewer"):
        LstmTrainingArguments(output_dir="run")


def test_each_evaluation_by_steps_has_a_checkpoint(tmp_path: Path) -> None:
    """Otherwise the best checkpoint may be one that was never saved."""
    common: dict[str, Any] = {"output_dir": str(tmp_path), "use_cpu": True}
    assert LstmTrainingArguments(**common).save_steps == 500
    by_steps = common | {"eval_strategy": "steps", "save_strategy": "steps"}
    for given, expected in (({}, 50), ({"eval_steps": 7}, 7), ({"logging_steps": 9}, 9)):
        args = LstmTrainingArguments(**by_steps, **given)
        assert args.save_steps == args.eval_steps == expected
    message = (
        "--save_steps must be equal to --eval_steps, found 100 and 50: make them equal, or choose --save_strategy b"
    )
    with pytest.raises(InputError, match=message):
        LstmTrainingArguments(**by_steps, save_steps=100)
    assert LstmTrainingArguments(**by_steps, save_steps=100, load_best_model_at_end=False).save_steps == 100
