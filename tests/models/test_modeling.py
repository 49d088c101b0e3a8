"""The model: exact on padded batches, and a good citizen of transformers."""

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import numpy as np
import pytest
import torch
from accelerate import cpu_offload, disk_offload
from huggingface_hub.errors import StrictDataclassError
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.ao.quantization import quantize_dynamic
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    Trainer,
    TrainingArguments,
    pipeline,
)
from transformers.modeling_layers import GradientCheckpointingLayer

from modeling_lstm import (
    BagOfWordsConfig,
    BagOfWordsForSequenceClassification,
    LstmConfig,
    LstmForCausalLM,
    LstmForSequenceClassification,
    LstmModel,
    LstmTokenizer,
)
from modeling_lstm.inference.torch_backend import reads_token_types
from modeling_lstm.models import recurrence_lstm
from modeling_lstm.models.modeling_lstm import _left_aligned_positions, classification_loss, locked_dropout
from modeling_lstm.models.recurrence_lstm import weight_dropout
from tests.conftest import tiny_config, tiny_model
from tests.interpreters import run_program

pytestmark = pytest.mark.numeric

TOLERANCE = 1e-5
POOLINGS = get_args(LstmConfig.__dataclass_fields__["pooling"].type)

configurations = st.fixed_dictionaries(
    {
        "cell_type": st.sampled_from(["lstm", "gru"]),
        "bidirectional": st.booleans(),
        "num_hidden_layers": st.integers(1, 3),
        "embedding_size": st.integers(1, 9),
        "hidden_size": st.integers(1, 9),
        "pooling": st.sampled_from(POOLINGS),
    }
)
row_lengths = st.lists(st.integers(0, 12), min_size=1, max_size=6)
group_rows = st.sampled_from([1, 2, 32])  # of the groups of like lengths: small batches have some, or none


def random_batch(lengths: list[int], seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Token numbers and mask, right-padded; what stands at padding is arbitrary."""
    generator = torch.Generator().manual_seed(seed)
    width = max(1, max(lengths))
    ids = torch.randint(1, 27, (len(lengths), width), generator=generator)
    return ids, torch.arange(width)[None] < torch.tensor(lengths)[:, None]


def gradients(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def assert_close(found: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(found, expected, atol=TOLERANCE, rtol=0)


@settings(max_examples=60, deadline=None)
@given(configurations, row_lengths, group_rows, st.integers(0, 10**6))
def test_a_row_depends_on_itself_alone(fields: dict[str, Any], lengths: list[int], rows: int, seed: int) -> None:
    """Forward and gradient of a padded batch equal those of its rows run one by one."""
    model = tiny_model(**fields)
    ids, mask = random_batch(lengths, seed)
    with pytest.MonkeyPatch.context() as context:
        context.setattr(recurrence_lstm, "GROUP_ROWS", rows)
        batch = model(ids, mask, output_hidden_states=True)
    batch.logits.pow(2).sum().backward()
    together = gradients(model)
    model.zero_grad()
    for row, length in enumerate(lengths):
        alone = model(ids[row : row + 1, :length], output_hidden_states=True)
        assert_close(batch.logits[row], alone.logits[0])
        for one, all_rows in zip(alone.hidden_states[1:], batch.hidden_states[1:], strict=True):
            assert_close(all_rows[row, :length], one[0, :length])
            assert all_rows[row, length:].abs().sum() == 0
        alone.logits.pow(2).sum().backward()
    for name, gradient in gradients(model).items():
        torch.testing.assert_close(together[name], gradient, atol=1e-4, rtol=1e-4, msg=name)


def test_rows_of_like_lengths_are_worked_on_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is much padding, and nowhere else: the recurrence takes no more steps than the groups need."""
    steps = []
    run = recurrence_lstm.LstmEncoder._run

    def counted(encoder: Any, states: torch.Tensor, *given: Any) -> Any:
        steps.append(tuple(states.shape[:2]))
        return run(encoder, states, *given)

    monkeypatch.setattr(recurrence_lstm.LstmEncoder, "_run", counted)
    model = tiny_model()
    for lengths, expected in (
        ([5] * 32 + [40] * 32, [(32, 5), (32, 40)]),
        ([5, 40] * 64, [(32, 5), (32, 5), (32, 40), (32, 40)]),
        ([30] * 32 + [40] * 32, [(64, 40)]),
        ([5] * 20 + [40] * 20, [(40, 40)]),
    ):
        steps.clear()
        ids, mask = random_batch(lengths, 0)
        model(ids, mask)
        assert steps == expected
    steps.clear()
    model(ids.repeat(2, 1), mask.repeat(2, 1).flip(1))
    assert steps == [(80, 40)], "texts that do not begin at the first token"


def test_a_gru_packs_short_texts_of_many_lengths(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = []
    run = recurrence_lstm.LstmLayer._run_packed

    def counted(layer: Any, states: torch.Tensor, *given: Any) -> Any:
        packed.append(tuple(states.shape[:2]))
        return run(layer, states, *given)

    monkeypatch.setattr(recurrence_lstm.LstmLayer, "_run_packed", counted)
    model = tiny_model(cell_type="gru")
    for lengths, is_packed in (([5, 40], True), ([5, 65], False), ([35, 40], False), ([0, 40], False)):
        packed.clear()
        ids, mask = random_batch(lengths, 0)
        model(ids, mask)
        assert packed == ([tuple(ids.shape)] if is_packed else []), lengths
    packed.clear()
    with torch.autocast("cpu", torch.bfloat16):
        model(*random_batch([5, 40], 0))
    assert bool(packed) == (torch.bfloat16 not in recurrence_lstm.PROCESSOR_TYPES), "in bf16, if it is computed in that"
    packed.clear()
    tiny_model()(*random_batch([5, 40], 0))
    assert not packed, "an LSTM"


@settings(max_examples=60, deadline=None)
@given(configurations, st.lists(st.integers(1, 12), min_size=1, max_size=6), group_rows, st.integers(0, 10**6))
def test_equals_a_packed_torch_rnn(fields: dict[str, Any], lengths: list[int], rows: int, seed: int) -> None:
    """States, final states and gradients equal those of the same weights run on a packed sequence."""
    model = tiny_model(**fields).lstm
    ids, mask = random_batch(lengths, seed)
    with pytest.MonkeyPatch.context() as context:
        context.setattr(recurrence_lstm, "GROUP_ROWS", rows)
        found = model(ids, mask)
    (found.last_hidden_state.pow(2).sum() + found.h_n.sum()).backward()
    ours = gradients(model.encoder.rnn)
    model.zero_grad()
    vectors = model.word_embeddings(ids)
    packed = pack_padded_sequence(vectors, mask.sum(dim=1), batch_first=True, enforce_sorted=False)
    output, final = model.encoder.rnn(packed)
    states = pad_packed_sequence(output, batch_first=True, total_length=ids.shape[1])[0]
    h_n, c_n = final if fields["cell_type"] == "lstm" else (final, None)
    assert_close(found.last_hidden_state, states)
    assert_close(found.h_n, h_n.transpose(0, 1))
    if c_n is None:
        assert found.c_n is None
    else:
        assert_close(found.c_n, c_n.transpose(0, 1))
    (states.pow(2).sum() + h_n.sum()).backward()
    for name, gradient in gradients(model.encoder.rnn).items():
        torch.testing.assert_close(ours[name], gradient, atol=1e-4, rtol=1e-4, msg=name)


@settings(max_examples=60, deadline=None)
@given(configurations, st.data())
def test_padding_may_stand_anywhere(fields: dict[str, Any], data: st.DataObject) -> None:
    """A row under any mask, left-padded or with gaps, gives what its tokens alone give."""
    model = tiny_model(**fields)
    width = data.draw(st.integers(1, 9))
    masks = data.draw(st.lists(st.lists(st.booleans(), min_size=width, max_size=width), min_size=1, max_size=4))
    mask = torch.tensor(masks)
    ids = torch.randint(1, 27, mask.shape, generator=torch.Generator().manual_seed(width))
    batch = model.lstm(ids, mask, output_hidden_states=True)
    assert not any(states[~mask].any() for states in batch.hidden_states[1:])
    for row in range(len(masks)):
        alone = model.lstm(ids[row][mask[row]][None], output_hidden_states=True)
        assert_close(batch.pooler_output[row], alone.pooler_output[0])
        assert_close(batch.h_n[row], alone.h_n[0])
        if alone.c_n is not None:
            assert_close(batch.c_n[row], alone.c_n[0])
        if mask[row].any():
            for states, expected in zip(batch.hidden_states, alone.hidden_states, strict=True):
                assert_close(states[row][mask[row]], expected[0])


@given(st.data())
def test_tokens_move_to_the_left_in_their_order(data: st.DataObject) -> None:
    width = data.draw(st.integers(1, 9))
    masks = data.draw(st.lists(st.lists(st.booleans(), min_size=width, max_size=width), min_size=1, max_size=4))
    mask = torch.tensor(masks)
    positions = _left_aligned_positions(mask)
    assert torch.equal(positions.argsort(dim=1), (~mask).to(torch.int8).argsort(dim=1, stable=True))


MASKS = torch.tensor(
    [
        [1, 1, 0, 0, 1, 1],
        [0, 0, 0, 1, 1, 1],
        [1, 1, 1, 0, 0, 0],
        [0] * 6,
        [1] * 6,
        [0, 1, 0, 1, 0, 1],
        [0, 1, 0, 0, 0, 0],
    ]
)


@pytest.mark.parametrize(("cell_type", "pooling"), [("lstm", "concat"), ("gru", "attention")])
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore:.*torch.jit.trace.* is deprecated")
@pytest.mark.parametrize("way", ["eager", "compile", "export", "trace"])
def test_every_way_to_run_takes_every_mask(cell_type: str, pooling: str, way: str) -> None:
    """Compiled and exported models see no value of the mask, and yet each row gives what its tokens alone give."""
    model = tiny_model(cell_type=cell_type, pooling=pooling, bidirectional=True, num_hidden_layers=2)
    ids = torch.randint(1, 27, MASKS.shape, generator=torch.Generator().manual_seed(0))
    run: Any = model
    if way == "compile":
        torch._dynamo.reset()
        run = torch.compile(model, backend="aot_eager")
    elif way == "export":
        run = torch.export.export(model, (ids, torch.ones_like(ids)), {"output_hidden_states": True}).module()
    elif way == "trace":
        model.config.return_dict = False
        traced = torch.jit.trace(model, (ids[:2, :4], torch.ones(2, 4).long()), strict=False)
        model.config.return_dict = True
        with torch.no_grad():
            assert_close(traced(ids, MASKS)[0], model(ids, MASKS).logits)
        return
    with torch.no_grad():
        found = run(ids, MASKS, output_hidden_states=True)
        for row, mask in enumerate(MASKS.bool()):
            alone = model(ids[row][mask][None], output_hidden_states=True)
            assert_close(found.logits[row], alone.logits[0])
            for states, expected in zip(found.hidden_states[1:], alone.hidden_states[1:], strict=True):
                assert_close(states[row][mask], expected[0][: mask.sum()])
                assert states[row][~mask].abs().sum() == 0


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("cell_type", ["lstm", "gru"])
def test_a_text_without_tokens_is_finite(cell_type: str, pooling: str) -> None:
    model = tiny_model(cell_type=cell_type, pooling=pooling, bidirectional=True)
    bias = model.classifier.bias
    for ids in (torch.zeros(2, 4, dtype=torch.long), torch.zeros(2, 0), torch.zeros(2, 0, dtype=torch.long)):
        logits = model(ids).logits
        assert_close(logits, bias.expand(2, 3))
    loss = model(torch.zeros(2, 4, dtype=torch.long), labels=torch.tensor([0, 2])).loss
    loss.backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


def test_what_stands_at_padding_is_not_read() -> None:
    model = tiny_model(bidirectional=True, pooling="concat")
    vectors = torch.randn(2, 6, 6)
    mask = torch.tensor([[1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 1]])
    expected = model(inputs_embeds=vectors, attention_mask=mask).logits
    vectors[0, 4:] = float("nan")
    assert_close(model(inputs_embeds=vectors, attention_mask=mask).logits, expected)


def test_without_a_mask_the_padding_token_is_padding() -> None:
    model = tiny_model()
    ids = torch.tensor([[5, 6, 7, 0, 0]])
    assert torch.equal(model(ids).logits, model(ids, (ids != 0).long()).logits)
    assert not torch.allclose(model(ids).logits, model(ids, torch.ones_like(ids)).logits)


def test_word_vectors_in_place_of_tokens() -> None:
    model = tiny_model(bidirectional=True)
    ids, mask = random_batch([5, 3], 0)
    embedded = model.get_input_embeddings()(ids)
    assert torch.equal(model(inputs_embeds=embedded, attention_mask=mask).logits, model(ids, mask).logits)


def test_a_word_is_learned_that_was_the_padding_token() -> None:
    """As when `Trainer` sets the padding token of the tokenizer."""
    model = tiny_model()
    model.config.pad_token_id = 3
    ids = torch.tensor([[0, 1, 3]])
    model(ids, labels=torch.tensor([1])).loss.backward()
    gradient = model.get_input_embeddings().weight.grad
    assert gradient is not None and gradient[[0, 1]].abs().sum(1).gt(0).all() and not gradient[3].any()


def test_refuses_tokens_without_a_batch() -> None:
    with pytest.raises(ValueError, match=r"must have the shape \(batch, tokens\), found \(3,\)"):
        tiny_model()(torch.ones(3).long())


@pytest.mark.parametrize("given", [{}, {"input_ids": torch.ones(1, 2).long(), "inputs_embeds": torch.ones(1, 2, 6)}])
def test_refuses_no_input_and_two_inputs(given: dict[str, torch.Tensor]) -> None:
    with pytest.raises(ValueError, match="either input_ids or inputs_embeds, found (neither|both)"):
        tiny_model()(**given)


def test_refuses_a_mask_of_another_shape() -> None:
    with pytest.raises(ValueError, match=r"shape \(batch, tokens\) = \(2, 3\).*found \(2, 4\)"):
        tiny_model()(torch.ones(2, 3).long(), torch.ones(2, 4))


@pytest.mark.parametrize("wrong", [float("-inf"), -1e4, float("nan")])
def test_a_mask_that_is_added_to_scores_is_refused(wrong: float) -> None:
    ids, mask = random_batch([5, 3], 0)
    assert_close(tiny_model()(ids, mask.float()).logits, tiny_model()(ids, mask).logits)
    with pytest.raises(ValueError, match="1 at tokens and 0 at padding, found numbers below 0 or NaN"):
        tiny_model()(ids, torch.zeros(2, 5).masked_fill(mask == 0, wrong))


@pytest.mark.parametrize("cell_type", ["lstm", "gru"])
def test_features_and_predictions_of_batches_are_in_order(cell_type: str, tmp_path: Path) -> None:
    """A pipeline and `Trainer.predict` divide and join all outputs along the first dimension."""
    texts = ["the film was good .", "the film was bad .", "not good at all !"] * 3 + ["good"]
    tokenizer = LstmTokenizer.train(texts, min_frequency=1)
    model = LstmModel(tiny_config(vocab_size=len(tokenizer), cell_type=cell_type, bidirectional=True)).eval()
    extract: Any = pipeline("feature-extraction", model=model, tokenizer=tokenizer)
    expected = [extract(text) for text in texts]
    for found, alone in zip(extract(texts, batch_size=8), expected, strict=True):
        np.testing.assert_allclose(np.array(found)[:, : len(alone[0])], alone, atol=1e-6)
    args = TrainingArguments(str(tmp_path), per_device_eval_batch_size=4, report_to="none", use_cpu=True)
    rows = [{"input_ids": ids} for ids in tokenizer(texts)["input_ids"]]
    trainer = Trainer(model, args, data_collator=DataCollatorWithPadding(tokenizer))
    found = trainer.predict(rows).predictions  # type: ignore[arg-type]
    assert {len(one) for one in found} == {len(texts)}
    with torch.no_grad():
        last = model(torch.tensor([rows[-1]["input_ids"]])).h_n
    np.testing.assert_allclose(found[2][-1], last[0], atol=1e-6)


@pytest.mark.parametrize("cell_type", ["lstm", "gru"])
def test_outputs_have_the_shapes_that_are_documented(cell_type: str) -> None:
    model = tiny_model(cell_type=cell_type, bidirectional=True, num_hidden_layers=2, pooling="concat").lstm
    found = model(torch.ones(3, 4).long(), output_hidden_states=True)
    assert found.last_hidden_state.shape == (3, 4, 10)
    assert found.pooler_output.shape == (3, 30)
    assert found.h_n.shape == (3, 4, 5)
    assert (found.c_n is None) == (cell_type == "gru")
    assert [tuple(states.shape) for states in found.hidden_states] == [(3, 4, 6), (3, 4, 10), (3, 4, 10)]
    as_tuple = model(torch.ones(3, 4).long(), return_dict=False)
    assert isinstance(as_tuple, tuple) and torch.equal(as_tuple[0], found.last_hidden_state)


@pytest.mark.parametrize("cell_type", ["lstm", "gru"])
def test_hidden_states_as_the_configuration_says(tmp_path: Path, cell_type: str) -> None:
    """The setting is the default of the argument; a call may say otherwise."""
    tiny_model(cell_type=cell_type, num_hidden_layers=2).save_pretrained(tmp_path)
    ids = torch.ones(2, 3).long()
    for kind in (LstmModel, LstmForSequenceClassification):
        assert kind.from_pretrained(tmp_path)(ids).hidden_states is None
        model = kind.from_pretrained(tmp_path, output_hidden_states=True)
        asked = kind.from_pretrained(tmp_path)(ids, output_hidden_states=True).hidden_states
        assert len(asked) == 3
        for found, expected in zip(model(ids).hidden_states, asked, strict=True):
            assert torch.equal(found, expected)
        assert model(ids, output_hidden_states=False).hidden_states is None
        model.config.output_hidden_states = False
        assert model(ids).hidden_states is None


def test_a_bag_of_words_has_no_hidden_states() -> None:
    config = BagOfWordsConfig(vocab_size=27, embedding_size=6, hidden_size=5, output_hidden_states=True)
    model = BagOfWordsForSequenceClassification(config)
    ids = torch.ones(2, 3).long()
    assert model(ids).hidden_states is None and len(model(ids, return_dict=False)) == 1
    with pytest.raises(ValueError, match="does not support"):
        model.gradient_checkpointing_enable()


def test_single_label_loss_with_weights_and_smoothing() -> None:
    logits, labels = torch.randn(4, 3), torch.tensor([0, 1, 2, 2])
    config = tiny_config(class_weights=[1.0, 2.0, 0.5], label_smoothing=0.1)
    expected = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 0.5]), label_smoothing=0.1)(logits, labels)
    assert_close(classification_loss(config, logits, labels), expected)


def test_multi_label_and_regression_losses() -> None:
    logits, labels = torch.randn(4, 3), torch.tensor([[1, 0, 1]] * 4)
    config = tiny_config(problem_type="multi_label_classification")
    assert_close(classification_loss(config, logits, labels), nn.BCEWithLogitsLoss()(logits, labels.float()))
    numbers = torch.randn(4)
    config = tiny_config(num_labels=1, problem_type="regression")
    assert_close(classification_loss(config, logits[:, :1], numbers), nn.MSELoss()(logits[:, 0], numbers))


def test_problem_type_is_seen_from_the_labels() -> None:
    logits = torch.randn(4, 3)
    classes = torch.tensor([0, 1, 2, 0])
    assert_close(classification_loss(tiny_config(), logits, classes), nn.functional.cross_entropy(logits, classes))
    several = torch.ones(4, 3)
    assert_close(classification_loss(tiny_config(), logits, several), nn.BCEWithLogitsLoss()(logits, several))
    # what was learned is saved, or answers would be read by another type
    kinds = {"single_label_classification": classes, "multi_label_classification": several, "regression": several[:, 0]}
    for kind, labels in kinds.items():
        config = tiny_config(num_labels=1 if kind == "regression" else 3)
        classification_loss(config, logits[:, : config.num_labels], labels)
        assert config.problem_type == kind
    config = tiny_config()
    config.problem_type = "regresion"
    with pytest.raises(ValueError, match="no loss for the problem_type 'regresion'"):
        classification_loss(config, logits, classes)


@pytest.mark.parametrize(
    ("kind", "numbers", "labels", "error"),
    [
        ("single_label_classification", 3, torch.ones(2, 2).long(), r"\(4,\), found \(2, 2\)"),
        ("single_label_classification", 3, torch.ones(4), "must be integers, found torch.float32"),
        ("multi_label_classification", 3, torch.ones(3, 4), r"\(4, 3\), found \(3, 4\)"),
        ("regression", 3, torch.ones(3, 4), r"\(4, 3\), found \(3, 4\)"),
        ("regression", 1, torch.ones(1, 4), r"\(4,\), found \(1, 4\)"),
        (None, 3, torch.ones(4, 3).long(), r"\(4,\), found \(4, 3\)\. It was inferred .* num_labels 3 .* torch.int64"),
        (None, 3, torch.ones(4), r"\(4, 3\), found \(4,\)\. It was inferred .* or set config.problem_type"),
    ],
)
def test_labels_of_another_shape_or_kind_are_refused(kind: Any, numbers: int, labels: torch.Tensor, error: str) -> None:
    config = tiny_config(num_labels=numbers, problem_type=kind)
    with pytest.raises(ValueError, match=error):
        classification_loss(config, torch.randn(4, numbers), labels)
    assert config.problem_type == kind


@pytest.mark.parametrize("dtype", [torch.int8, torch.int32, torch.bool])
@pytest.mark.parametrize("shape", [(4,), (4, 1)])
def test_labels_are_integers_of_any_size(dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    logits, labels = torch.randn(4, 3), torch.tensor([0, 1, 1, 0])
    found = classification_loss(tiny_config(), logits, labels.to(dtype).view(shape))
    assert_close(found, nn.functional.cross_entropy(logits, labels))


def test_without_a_problem_type_only_one_output_is_a_number() -> None:
    scale = {"target_mean": 3.0, "target_scale": 2.0}
    for labels, is_scaled in ((1, True), (3, False)):
        model = tiny_model(num_labels=labels, embedding_range=1.0, **scale)
        found = model(torch.ones(1, 2).long()).logits
        model.config.target_mean, model.config.target_scale = 0.0, 1.0
        plain = model(torch.ones(1, 2).long()).logits
        assert_close(found, plain * 2.0 + 3.0 if is_scaled else plain)


@pytest.mark.parametrize("cell_type", ["lstm", "gru"])
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("options", [None, {"use_reentrant": False}, {"use_reentrant": True}])
def test_gradient_checkpointing_changes_nothing(cell_type: str, layers: int, options: dict[str, bool] | None) -> None:
    """The gradients are those without it, through dropout too, whichever way torch recomputes the layers."""
    ids, mask = random_batch([5, 2, 7], 1)
    found = []
    for checkpointing in (False, True):
        changes = {"cell_type": cell_type, "num_hidden_layers": layers, "bidirectional": True}
        model = tiny_model(**changes, recurrent_dropout=0.5, hidden_dropout=0.5).train()
        if checkpointing:
            model.gradient_checkpointing_enable(gradient_checkpointing_kwargs=options)
        assert model.is_gradient_checkpointing == checkpointing
        torch.manual_seed(2)
        model(ids, mask, labels=torch.tensor([0, 1, 2])).loss.backward()
        found.append(gradients(model))
    assert found[0].keys() == found[1].keys()
    for name in found[0]:
        assert_close(found[1][name], found[0][name])
    model.gradient_checkpointing_disable()
    assert not model.is_gradient_checkpointing


def test_gradient_checkpointing_recomputes_each_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    kernel = torch.lstm
    monkeypatch.setattr(torch, "lstm", lambda *inputs: calls.append(inputs) or kernel(*inputs))
    model = tiny_model(num_hidden_layers=3).train()
    layers = [module for module in model.modules() if isinstance(module, GradientCheckpointingLayer)]
    assert len(layers) == 3
    for every, expected in ((1, 6), (2, 5)):
        model.activation_checkpointing_enable(every_n_layers=every)
        calls.clear()
        model(torch.ones(2, 3).long()).logits.sum().backward()
        assert len(calls) == expected


def test_a_checkpoint_names_the_weights_of_an_ordinary_rnn() -> None:
    names = set(tiny_model(num_hidden_layers=2, bidirectional=True).lstm.encoder.state_dict())
    assert names == {f"rnn.{name}" for name in nn.LSTM(6, 5, 2, bidirectional=True).state_dict()}


@pytest.mark.parametrize("cell_type", ["lstm", "gru"])
@pytest.mark.parametrize("offload", [cpu_offload, disk_offload])
def test_offloaded_weights_are_fetched(tmp_path: Path, cell_type: str, offload: Callable[..., nn.Module]) -> None:
    model = tiny_model(cell_type=cell_type, bidirectional=True, num_hidden_layers=2, pooling="attention")
    ids, mask = random_batch([5, 2, 7], 1)
    expected = model(ids, mask).logits
    places = {"execution_device": "cpu"} | ({"offload_dir": str(tmp_path)} if offload is disk_offload else {})
    model = offload(model, **places)
    for _ in range(2):
        assert torch.equal(model(ids, mask).logits, expected)
        assert all(weight.is_meta for weight in model.parameters())


def test_a_device_map_may_leave_the_encoder_on_disk(tmp_path: Path) -> None:
    model = tiny_model()
    model.save_pretrained(tmp_path / "run")
    places = dict.fromkeys(("lstm.word_embeddings", "lstm.pooler", "dropout", "classifier"), "cpu")
    loaded = LstmForSequenceClassification.from_pretrained(
        tmp_path / "run", device_map=places | {"lstm.encoder": "disk"}, offload_folder=tmp_path / "offloaded"
    )
    assert loaded.lstm.encoder.rnn.weight_ih_l0.is_meta
    ids = torch.ones(2, 3).long()
    assert torch.equal(loaded(ids).logits, model(ids).logits)


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor")
@pytest.mark.parametrize("cell_type", ["lstm", "gru"])
def test_a_quantized_recurrence_is_refused(cell_type: str) -> None:
    model = tiny_model(cell_type=cell_type, pooling="attention")
    ids = torch.ones(2, 3).long()
    quantized = quantize_dynamic(model, {nn.LSTM, nn.GRU})
    with pytest.raises(TypeError, match=r"found a torch\..*quantized.* in its place\. .*export --precision int8\."):
        quantized(ids)
    torch.testing.assert_close(quantize_dynamic(model, {nn.Linear})(ids).logits, model(ids).logits, atol=1e-2, rtol=0)


def test_initial_weights() -> None:
    model = tiny_model(hidden_size=8, num_hidden_layers=2, bidirectional=True, embedding_range=0.1, vocab_size=5_000)
    rnn = model.lstm.encoder.rnn
    for name, parameter in rnn.named_parameters():
        if name.startswith("weight_hh"):
            for gate in parameter.chunk(4):
                assert_close(gate @ gate.T, torch.eye(8))
        elif name.startswith("bias_ih"):
            assert parameter.tolist() == [0.0] * 8 + [1.0] * 8 + [0.0] * 16
        elif name.startswith("bias_hh"):
            assert not parameter.any()
    vectors = model.get_input_embeddings().weight
    assert not vectors[0].any()
    assert abs(vectors.std().item() - 0.1) < 0.01
    gru = tiny_model(cell_type="gru").lstm.encoder.rnn
    assert not gru.bias_ih_l0.any()


def test_weights_absent_from_a_checkpoint_are_drawn_properly(tmp_path: Path) -> None:
    """What is stored is kept, also within one nn.LSTM; what is missing is initialized as in a new model."""
    model = tiny_model()
    state = {
        name: value for name, value in model.state_dict().items() if "weight_hh" not in name and "bias" not in name
    }
    with torch.no_grad():
        state["lstm.encoder.rnn.weight_ih_l0"].fill_(0.5)
    model.save_pretrained(tmp_path, state_dict=state)
    loaded = LstmForSequenceClassification.from_pretrained(tmp_path)
    rnn = loaded.lstm.encoder.rnn
    assert (rnn.weight_ih_l0 == 0.5).all()
    for gate in rnn.weight_hh_l0.chunk(4):
        assert_close(gate @ gate.T, torch.eye(5))
    assert (rnn.bias_ih_l0[5:10] == 1.0).all()
    assert not loaded.classifier.bias.any()


def test_base_model_loads_from_a_classifier_and_back(tmp_path: Path) -> None:
    model = tiny_model()
    model.save_pretrained(tmp_path / "classifier")
    base = LstmModel.from_pretrained(tmp_path / "classifier")
    ids = torch.ones(2, 3).long()
    assert torch.equal(base(ids).pooler_output, model.lstm(ids).pooler_output)
    base.save_pretrained(tmp_path / "base")
    again = LstmForSequenceClassification.from_pretrained(tmp_path / "base")
    assert torch.equal(again.lstm(ids).pooler_output, model.lstm(ids).pooler_output)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_save_and_load_in_every_float_type(tmp_path: Path, dtype: torch.dtype) -> None:
    """Reloading gives the same numbers, and padding stays without effect in each type."""
    model = tiny_model(bidirectional=True, pooling="concat").to(dtype)
    model.save_pretrained(tmp_path)
    assert (tmp_path / "model.safetensors").is_file()
    assert not list(tmp_path.glob("*.bin")) and not list(tmp_path.glob("*.pt"))
    loaded = LstmForSequenceClassification.from_pretrained(tmp_path).eval()
    assert loaded.dtype == dtype
    ids, mask = random_batch([5, 2, 0], 1)
    found = loaded(ids, mask).logits
    assert torch.equal(found, model(ids, mask).logits)
    alone = loaded(ids[1:2, :2]).logits[0]
    torch.testing.assert_close(found[1], alone, atol=1e-5 if dtype == torch.float32 else 2e-3, rtol=0)
    found.float().sum().backward()
    as_float = LstmForSequenceClassification.from_pretrained(tmp_path, dtype=torch.float32)
    assert as_float.dtype == torch.float32


def assert_near(found: torch.Tensor, expected: torch.Tensor) -> None:
    """Equal but for the rounding of narrow types."""
    torch.testing.assert_close(found.float(), expected.float(), atol=5e-3, rtol=2e-2)


@pytest.mark.parametrize("cell_type", ["lstm", "gru"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("has_kernels", [True, False])
def test_narrow_types_run_on_every_processor(
    monkeypatch: pytest.MonkeyPatch, cell_type: str, dtype: torch.dtype, has_kernels: bool
) -> None:
    """Within autocast and as the model's own type, in training and not; without a kernel for them in fp32."""
    if not has_kernels:
        monkeypatch.setattr("modeling_lstm.models.recurrence_lstm.PROCESSOR_TYPES", {torch.float32, torch.float64})
    ids, mask = random_batch([5, 2, 7], 1)
    mask[2, 3] = False  # a gap
    model = tiny_model(cell_type=cell_type, bidirectional=True, num_hidden_layers=2, pooling="concat").train()
    exact = model(ids, mask).logits
    exact.pow(2).sum().backward()
    expected = gradients(model)
    for own_type in (torch.float32, dtype):
        model.zero_grad()
        model = model.to(own_type)
        with torch.autocast("cpu", dtype, enabled=own_type != dtype):
            found = model(ids, mask).logits
            with torch.no_grad():
                assert_near(model(ids, mask).logits, exact)
        assert found.dtype == dtype
        assert_near(found, exact)
        found.float().pow(2).sum().backward()
        for name, gradient in gradients(model).items():
            assert_near(gradient, expected[name])


def test_autocast_without_kernels_keeps_the_recurrence_in_fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modeling_lstm.models.recurrence_lstm.PROCESSOR_TYPES", {torch.float32, torch.float64})
    model = tiny_model(num_hidden_layers=2).lstm
    ids = torch.ones(2, 5).long()
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(model(ids).last_hidden_state, tiny_model(num_hidden_layers=2).lstm(ids).last_hidden_state)


def test_bf16_on_a_processor_without_avx512() -> None:
    """In a process of its own, since oneDNN and torch choose their kernels once."""
    program = (
        "import torch; from tests.conftest import tiny_model\n"
        "model, ids = tiny_model().train(), torch.ones(2, 3).long()\n"
        "with torch.autocast('cpu', torch.bfloat16): loss = model(ids, labels=torch.tensor([0, 1])).loss\n"
        "loss.backward()\n"
        "model.bfloat16()(ids, labels=torch.tensor([0, 1])).loss.backward()"
    )
    settings = {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}
    found = run_program(program, environment=os.environ | settings)
    assert found.returncode == 0, found.stderr


def test_resizing_the_vocabulary() -> None:
    model = tiny_model()
    before = model(torch.tensor([[3, 4, 0]])).logits
    model.resize_token_embeddings(40)
    assert model.config.vocab_size == 40 and model.get_input_embeddings().weight.shape == (40, 6)
    assert torch.equal(model(torch.tensor([[3, 4, 0]])).logits, before)
    assert model(torch.tensor([[39]])).logits.isfinite().all()


@pytest.mark.parametrize(("padding", "size"), [(5, 5), (0, 0), (None, 0)])
@pytest.mark.parametrize("opener", [LstmForSequenceClassification, LstmForCausalLM])
def test_a_vocabulary_keeps_its_padding_token(opener: Any, padding: int | None, size: int) -> None:
    model = opener(tiny_config(pad_token_id=padding))
    with pytest.raises(ValueError, match=f"must keep its first {size + 1} tokens.*, found {size}"):
        model.resize_token_embeddings(size)
    model.resize_token_embeddings(new_num_tokens=size + 1)
    model.config.validate()


def test_a_padded_head_of_another_size_is_drawn_anew(tmp_path: Path) -> None:
    tiny_model().save_pretrained(tmp_path)
    loaded = LstmForSequenceClassification.from_pretrained(tmp_path, num_labels=7, ignore_mismatched_sizes=True)
    assert loaded(torch.ones(1, 2).long()).logits.shape == (1, 7)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"num_labels": 3}, None),
        ({"num_labels": 1}, None),
        ({"id2label": {0: "a", 1: "b", 2: "c"}, "label2id": {"a": 0, "b": 1, "c": 2}}, None),
        ({"num_labels": 3, "class_weights": [1.0, 2.0, 3.0]}, [1.0, 2.0, 3.0]),
        ({"id2label": {0: "a", 1: "b", 2: "c"}, "class_weights": [1.0, 2.0, 3.0]}, [1.0, 2.0, 3.0]),
        ({"id2label": {0: "a", 1: "b"}}, [1.0, 2.0]),
        ({"num_labels": 2}, [1.0, 2.0]),
        ({}, [1.0, 2.0]),
    ],
)
@pytest.mark.parametrize("opener", [LstmForSequenceClassification, AutoModelForSequenceClassification])
def test_stored_class_weights_and_other_labels(
    tmp_path: Path, opener: Any, asked: dict[str, Any], expected: list[float] | None
) -> None:
    """A head of another size opens without the stored weights; weights that are given must match."""
    tiny_model(num_labels=2, class_weights=[1.0, 2.0]).save_pretrained(tmp_path)
    model = opener.from_pretrained(tmp_path, ignore_mismatched_sizes=True, **asked)
    assert model.config.class_weights == expected
    if model.num_labels > 1:
        assert model(torch.ones(2, 3).long(), labels=torch.tensor([0, model.num_labels - 1])).loss.isfinite()
    model.save_pretrained(tmp_path / "again")
    assert LstmConfig.from_pretrained(tmp_path / "again").class_weights == expected


def test_given_class_weights_must_match(tmp_path: Path) -> None:
    tiny_model(num_labels=2, class_weights=[1.0, 2.0]).save_pretrained(tmp_path)
    for asked in ({"num_labels": 3, "class_weights": [1.0, 2.0]}, {"class_weights": [1.0]}):
        with pytest.raises(StrictDataclassError, match="class_weights must hold one number for each"):
            LstmConfig.from_pretrained(tmp_path, **asked)
    with pytest.raises(RuntimeError, match="ignore_mismatched_sizes"):
        LstmForSequenceClassification.from_pretrained(tmp_path, num_labels=3)


@pytest.mark.parametrize(
    "name", ["word_dropout", "embedding_dropout", "hidden_dropout", "recurrent_dropout", "classifier_dropout"]
)
def test_each_dropout_acts_in_training_only(name: str) -> None:
    model = tiny_model(num_hidden_layers=2, **{name: 0.5})
    plain = tiny_model(num_hidden_layers=2)
    ids = torch.randint(1, 27, (4, 8), generator=torch.Generator().manual_seed(0))
    expected = plain(ids).logits
    assert torch.equal(model(ids).logits, expected)
    model.train()
    torch.manual_seed(1)
    assert not torch.allclose(model(ids).logits, expected)


def test_word_dropout_drops_a_word_everywhere() -> None:
    model = tiny_model(word_dropout=0.5).train()
    torch.manual_seed(0)
    vectors = model.get_input_embeddings()(torch.tensor([list(range(1, 27)) * 2] * 3))
    dropped = vectors.abs().sum(dim=-1) == 0
    assert dropped.any() and not dropped.all()
    assert (dropped == dropped[0, :26].repeat(2)).all()


def test_word_dropout_stays_when_the_vectors_are_replaced() -> None:
    model = tiny_model(word_dropout=0.5)
    options: dict[str, Any] = {"padding_idx": 0, "max_norm": 9.0, "sparse": True}
    table = torch.nn.Embedding(*model.get_input_embeddings().weight.shape, **options)
    model.set_input_embeddings(table)
    found: Any = model.get_input_embeddings()
    assert found.weight is table.weight and {name: getattr(found, name) for name in options} == options
    ids = torch.tensor([list(range(1, 27))])
    torch.testing.assert_close(found(ids), table(ids))
    torch.manual_seed(0)
    dropped = model.train().get_input_embeddings()(ids).abs().sum(dim=-1) == 0
    assert dropped.any() and not dropped.all()


def test_locked_dropout_has_one_mask_for_all_steps() -> None:
    torch.manual_seed(0)
    dropped = locked_dropout(torch.ones(3, 7, 20), 0.5, training=True) == 0
    assert dropped.any() and not dropped.all()
    assert (dropped == dropped[:, :1]).all()


@pytest.mark.parametrize("rate", [0.0, 0.2, 0.5, 0.99])
@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16, torch.float64])
def test_weight_dropout_drops_its_share_and_keeps_the_mean(rate: float, kind: torch.dtype) -> None:
    weights = torch.ones(401, 333, dtype=kind, requires_grad=True)  # not four for each random number
    torch.manual_seed(0)
    dropped = weight_dropout(weights, rate)
    assert dropped.dtype is kind and len(dropped.unique()) == (1 if rate == 0 else 2)
    kept = (dropped != 0).double()
    number = kept.numel()
    expected = (1 - round(rate * 2**16) / 2**16) * number
    assert abs(float(kept.sum()) - expected) <= 5 * (number * rate * (1 - rate)) ** 0.5
    assert float(dropped.detach().max()) == pytest.approx(number / expected, rel=1e-2)
    dropped.sum().backward()
    assert torch.equal(weights.grad, dropped)
    torch.manual_seed(0)
    assert torch.equal(weight_dropout(weights, rate), dropped)
    rows = kept.mean(dim=0)  # no column is dropped with another
    assert rate == 0 or abs(float(torch.corrcoef(kept[:, :2].T)[0, 1])) < 0.3 and 0 < float(rows.std()) < 0.1


def test_models_of_the_tests_are_small() -> None:
    assert tiny_model(bidirectional=True, num_hidden_layers=3).num_parameters() < 10_000


def test_exports_without_a_look_at_the_data() -> None:
    """torch.export sees one path for every mask."""
    model = tiny_model(bidirectional=True, pooling="concat")
    ids, mask = random_batch([5, 3], 2)
    program = torch.export.export(model, (ids, mask.long()))
    other_ids, other_mask = random_batch([4, 5], 3)
    assert_close(program.module()(other_ids, other_mask.long()).logits, model(other_ids, other_mask).logits)


def test_double_precision_stays() -> None:
    for changes in ({}, {"problem_type": "regression", "num_labels": 1, "target_mean": 3.0, "target_scale": 2.0}):
        model = tiny_model(**changes).double()
        labels = torch.tensor([0, 1]) if not changes else torch.tensor([0.5, 2.5])
        found = model(torch.tensor([[5, 6], [7, 0]]), labels=labels)
        assert found.logits.dtype == found.loss.dtype == torch.float64


def test_token_types_of_a_foreign_tokenizer_have_no_effect(encoder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    model = tiny_model(vocab_size=len(tokenizer))
    tokenizer.model_input_names = ["input_ids", "token_type_ids", "attention_mask"]
    inputs = tokenizer("the film was great", return_tensors="pt")
    assert "token_type_ids" in inputs
    expected = model(inputs["input_ids"], inputs["attention_mask"]).logits
    assert torch.equal(model(**inputs).logits, expected)
    words = BagOfWordsConfig(vocab_size=len(tokenizer), embedding_size=6, hidden_size=5, num_labels=3)
    assert BagOfWordsForSequenceClassification(words)(**inputs).logits.shape == (1, 3)
    answer = pipeline("text-classification", model=model, tokenizer=tokenizer)("the film was great")
    assert answer[0]["score"] == pytest.approx(float(expected.softmax(-1).max()), abs=1e-5)
    assert not reads_token_types(model, tokenizer)


def test_bf16_of_a_gpu_leaves_the_recurrence_in_fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    """There, autocast would run it in fp16."""
    states: Any = SimpleNamespace(device=SimpleNamespace(type="cuda"), dtype=torch.float32)
    assert recurrence_lstm._processor_runs(states)
    monkeypatch.setattr(torch, "is_autocast_enabled", lambda device: device == "cuda")
    for kind, runs in ((torch.bfloat16, False), (torch.float16, True)):
        monkeypatch.setattr(torch, "get_autocast_dtype", lambda device, kind=kind: kind)
        assert recurrence_lstm._processor_runs(states) is runs


def test_one_direction_of_two_reads_contiguous_weights() -> None:
    """cuDNN takes no others."""
    model = LstmForCausalLM(LstmConfig(vocab_size=9, hidden_size=4, num_hidden_layers=2, bidirectional=True))
    for direction in range(2):
        weights = model.lstm.encoder._weights(direction)
        assert all(one.is_contiguous() for layer in weights for one in layer)
