"""`LstmConfig` checks its fields, says what is wrong, and survives saving."""

import json
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub.errors import StrictDataclassError
from transformers import AutoConfig, PreTrainedConfig

from modeling_lstm import BagOfWordsConfig, LstmConfig, LstmEncoderDecoderConfig, LstmForSequenceClassification
from tests.conftest import tiny_config


def test_defaults_are_the_realistic_size() -> None:
    config = LstmConfig()
    assert (config.vocab_size, config.embedding_size, config.hidden_size) == (10_000, 100, 500)
    assert (config.cell_type, config.num_hidden_layers, config.bidirectional, config.pooling) == (
        "lstm",
        1,
        False,
        "last",
    )


def test_the_textbook_sizes_are_one_line() -> None:
    config = LstmConfig(vocab_size=27, embedding_size=8, hidden_size=14, num_labels=3)
    assert (config.vocab_size, config.embedding_size, config.hidden_size, config.num_labels) == (27, 8, 14, 3)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("cell_type", "rnn", "cell_type"),
        ("pooling", "sum", "pooling"),
        ("hidden_size", 0, "hidden_size must be at least 1, found 0"),
        ("embedding_size", -3, "embedding_size must be at least 1, found -3"),
        ("hidden_size", "large", "hidden_size"),
        ("word_dropout", 1.0, "word_dropout must be at least 0 and below 1, found 1.0"),
        ("classifier_dropout", -0.1, "classifier_dropout must be at least 0 and below 1"),
        ("label_smoothing", 1, "label_smoothing must be at least 0 and below 1"),
        ("pad_token_id", 10_000, "pad_token_id must be from 0 to vocab_size - 1 = 9999"),
        ("class_weights", [1.0], "one number for each of the 2 labels, found 1"),
        ("class_weights", [1.0, -1.0], "finite and not negative"),
        ("target_scale", 0.0, "target_scale finite and greater than 0, found 0.0 and 0.0"),
        ("target_mean", float("nan"), "target_mean must be finite"),
        ("problem_type", "ranking", "problem_type must be one of regression"),
        ("bidirectional", "yes", "bidirectional"),
        ("num_labels", 0, "num_labels must be at least 1, found 0"),
        ("id2label", ["a", "b"], r"numbers 0 to num_labels - 1 = 1 to names, found \['a', 'b'\]"),
        ("id2label", {0: "a", 2: "b"}, "numbers 0 to num_labels - 1 = 1 to names, found {0: 'a', 2: 'b'}"),
    ],
)
def test_bad_fields_are_refused(field: str, value: Any, message: str) -> None:
    with pytest.raises((StrictDataclassError, ValueError), match=message):
        LstmConfig(**{field: value})


def test_names_and_number_of_labels_must_agree() -> None:
    with pytest.raises(ValueError, match="numbers 0 to num_labels - 1 = 2 to names, found {0: 'a', 1: 'b'}"):
        LstmConfig(id2label={0: "a", 1: "b"}, num_labels=3)
    assert LstmConfig(id2label={"0": "a", "1": "b"}, num_labels=2).id2label == {0: "a", 1: "b"}


def test_one_map_of_the_labels_follows_from_the_other(tmp_path: Path) -> None:
    names = {"neg": 0, "neutral": 1, "pos": 2}
    config = LstmConfig(label2id=names)
    assert config.id2label == {0: "neg", 1: "neutral", 2: "pos"} and config.num_labels == 3
    assert LstmConfig(id2label={"0": "no", "1": "yes"}).label2id == {"no": 0, "yes": 1}
    config.save_pretrained(tmp_path)
    others = {0: "a", 1: "b", 2: "c"}
    assert LstmConfig.from_pretrained(tmp_path, id2label=others).label2id == {"a": 0, "b": 1, "c": 2}
    assert AutoConfig.from_pretrained(tmp_path, label2id={"x": 1, "y": 0, "z": 2}).id2label == {0: "y", 1: "x", 2: "z"}
    assert LstmConfig.from_pretrained(tmp_path).label2id == names
    two = LstmConfig.from_pretrained(tmp_path, label2id={"a": 0, "b": 1})
    assert two.num_labels == 2 and two.id2label == {0: "a", 1: "b"}
    for wrong in (["a", "b"], {"a": "x"}, {"a": 0, "b": 0}, {"a": 1}):
        with pytest.raises(ValueError, match="label2id must be a dict from names to the numbers from 0 on, found"):
            LstmConfig(label2id=wrong)


def test_numbers_in_a_unit_are_a_regression() -> None:
    """Otherwise a pipeline would take them for logits."""
    assert LstmConfig(num_labels=1, target_mean=50.0).problem_type == "regression"
    assert LstmConfig(num_labels=1).problem_type is None and LstmConfig(target_scale=3.0).problem_type is None


def test_assignment_is_checked_too(tmp_path: Path) -> None:
    config = tiny_config()
    with pytest.raises(StrictDataclassError):
        config.cell_type = "rnn"
    model = LstmForSequenceClassification(config)
    model.config.target_scale = 0.0
    for use in (LstmForSequenceClassification, lambda _: model.save_pretrained(tmp_path)):
        with pytest.raises(StrictDataclassError, match="target_scale finite and greater than 0"):
            use(config)
    for names in ({3: "x", 7: "y"}, {"0": "no", "1": "yes"}):
        model.config.target_scale, model.config.id2label = 1.0, names
        with pytest.raises(StrictDataclassError, match="numbers 0 to num_labels - 1 = 1 to names"):
            model.save_pretrained(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("config", "asked"),
    [
        (tiny_config(), {"problem_type": "regresion"}),
        (tiny_config(), {"target_scale": 0}),
        (tiny_config(), {"recurrent_dropout": -0.3}),
        (tiny_config(), {"pad_token_id": 999}),
        (tiny_config(softmax="adaptive"), {"adaptive_cutoffs": [6, 3]}),
        (BagOfWordsConfig(), {"classifier_dropout": 1.0}),
        (LstmEncoderDecoderConfig(), {"label_smoothing": 2}),
        (LstmEncoderDecoderConfig(), {"output_dropout": 1.5}),
    ],
)
def test_what_is_asked_for_beside_a_saved_configuration_is_checked(
    config: PreTrainedConfig, asked: dict[str, Any], tmp_path: Path
) -> None:
    config.save_pretrained(tmp_path)
    for opener in (type(config), AutoConfig):
        with pytest.raises(StrictDataclassError, match=next(iter(asked))):
            opener.from_pretrained(tmp_path, **asked)
    other = {"dtype": "auto", "torch_threads": 1}
    found, unused = AutoConfig.from_pretrained(tmp_path, hidden_dropout=0.5, return_unused_kwargs=True, **other)
    assert found.hidden_dropout == 0.5 and "hidden_dropout" not in unused and unused["torch_threads"] == 1


def test_a_run_of_another_kind_of_task_brings_no_problem_type(tmp_path: Path) -> None:
    scale = {"target_mean": 3.0, "target_scale": 2.0}
    tiny_config(num_labels=1, problem_type="regression", **scale).save_pretrained(tmp_path / "numbers")
    tiny_config(num_labels=3, problem_type="single_label_classification").save_pretrained(tmp_path / "labels")

    def opened(name: str, **asked: Any) -> tuple[Any, ...]:
        config = LstmConfig.from_pretrained(tmp_path / name, **asked)
        return config.problem_type, config.target_mean, config.target_scale

    assert opened("numbers", num_labels=3) == opened("labels", num_labels=1) == (None, 0.0, 1.0)
    assert opened("labels", num_labels=5) == opened("labels", id2label={0: "a", 1: "b"})
    assert opened("labels", num_labels=5)[0] == "single_label_classification"
    assert opened("numbers", num_labels=2, problem_type="regression") == ("regression", 3.0, 2.0)
    assert opened("labels", num_labels=1, target_scale=4.0) == ("regression", 0.0, 4.0)


@pytest.mark.parametrize("config_class", [LstmConfig, BagOfWordsConfig])
def test_every_field_survives_saving(tmp_path: Path, config_class: type[LstmConfig]) -> None:
    names = {0: "negative", 1: "neutral", 2: "positive"}
    config = config_class(
        vocab_size=50,
        cell_type="gru",
        pooling="attention",
        bidirectional=True,
        word_dropout=0.1,
        class_weights=[1.0, 2.0, 3.0],
        id2label=names,
        label2id={name: number for number, name in names.items()},
        problem_type="single_label_classification",
    )
    config.save_pretrained(tmp_path)
    loaded = AutoConfig.from_pretrained(tmp_path)
    assert type(loaded) is config_class
    differing = {name for name, value in loaded.to_dict().items() if config.to_dict().get(name) != value}
    assert differing <= {"_name_or_path", "auto_map"}
    assert loaded.id2label == names
    saved = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    annotated = set(LstmConfig.__annotations__)
    assert annotated <= saved.keys()
