"""The reference cell equals the fast kernel, and a trace tells what the model computed."""

import json
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from modeling_lstm import LstmTokenizer
from modeling_lstm.explanation.cells import GruCell, LstmCell, read_sequence
from modeling_lstm.explanation.tracing import trace
from modeling_lstm.models.configuration_bag_of_words import BagOfWordsConfig
from modeling_lstm.models.modeling_bag_of_words import BagOfWordsForSequenceClassification
from modeling_lstm.utils.errors import InputError
from tests.conftest import tiny_model
from tests.models.test_modeling import configurations

pytestmark = pytest.mark.numeric

LETTERS = [chr(number) for number in range(ord("a"), ord("z"))]
TOKENIZER = LstmTokenizer.from_words(LETTERS)


@settings(max_examples=60, deadline=None)
@given(configurations, st.integers(1, 12), st.integers(0, 10**6))
def test_the_cell_equals_the_kernel(fields: dict[str, Any], words: int, seed: int) -> None:
    """h of every layer and direction at every word, c at the last one read, and the answer at every word."""
    model = tiny_model(**fields)
    text = " ".join(np.random.default_rng(seed).choice(LETTERS, words))
    found = trace((model, TOKENIZER), text)
    ids = TOKENIZER(text, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        kernel = model.lstm(ids, output_hidden_states=True)
        final = model(ids).logits.softmax(-1)[0]
        beginnings = [model(ids[:, : n + 1]).logits.softmax(-1)[0] for n in range(words)]
    directions = 2 if fields["bidirectional"] else 1
    for layer, states in enumerate(kernel.hidden_states[1:]):
        parts = found.layers[layer * directions : (layer + 1) * directions]
        together = np.concatenate([one.values["h"] for one in parts], axis=-1)
        assert np.abs(together - states[0].numpy()).max() < 1e-5
    if kernel.c_n is not None:
        for one, c_n in zip(found.layers, kernel.c_n[0], strict=True):
            last = one.values["c"][0 if one.direction == "backward" else -1]
            assert np.abs(last - c_n.numpy()).max() < 1e-5
    assert np.abs(found.probabilities[-1] - final.numpy()).max() < 1e-5
    assert np.abs(found.probabilities - torch.stack(beginnings).numpy()).max() < 1e-5


def test_the_equations_by_hand() -> None:
    """One unit, one number a word, with weights that can be done in the head."""
    rnn = torch.nn.LSTM(1, 1)
    with torch.no_grad():
        for weight in rnn.parameters():
            weight.zero_()
        rnn.bias_ih_l0[1] = 100.0  # forget gate open: all is kept
        rnn.bias_ih_l0[0] = 100.0  # input gate open
        rnn.weight_ih_l0[2] = 1.0  # the candidate is tanh(x)
    first, second = read_sequence(LstmCell(rnn), torch.tensor([[0.5], [-2.0]]))
    assert first.f.item() == first.i.item() == 1.0 and first.o.item() == 0.5
    assert first.g.item() == pytest.approx(np.tanh(0.5)) and first.c.item() == pytest.approx(np.tanh(0.5))
    assert second.c.item() == pytest.approx(np.tanh(0.5) + np.tanh(-2.0))
    assert second.h.item() == pytest.approx(0.5 * np.tanh(np.tanh(0.5) + np.tanh(-2.0)))

    gru = torch.nn.GRU(1, 1)
    with torch.no_grad():
        for weight in gru.parameters():
            weight.zero_()
        gru.weight_ih_l0[2] = 1.0
    one, two = read_sequence(GruCell(gru), torch.tensor([[0.5], [-2.0]]))
    assert one.r.item() == one.z.item() == 0.5
    assert one.h.item() == pytest.approx(0.5 * np.tanh(0.5))
    assert two.h.item() == pytest.approx(0.5 * np.tanh(-2.0) + 0.5 * 0.5 * np.tanh(0.5))


def test_a_trace_as_table_and_json() -> None:
    model = tiny_model(bidirectional=True, num_hidden_layers=2)
    found = trace((model, TOKENIZER), "b c  D")
    assert found.words == ["b", "c", "D"] and found.labels == ["LABEL_0", "LABEL_1", "LABEL_2"]
    frame = found.to_frame()
    assert len(frame) == 3 * 4 * 5 and list(frame.columns[5:]) == ["f", "i", "g", "o", "c", "h"]
    row = frame[(frame.word == "c") & (frame.layer == 1) & (frame.direction == "backward") & (frame.unit == 3)]
    assert row["c"].item() == found.layers[3].values["c"][1, 3]
    loaded = json.loads(found.to_json())
    assert loaded["words"] == found.words
    assert np.allclose(loaded["layers"][2]["values"]["f"], found.layers[2].values["f"])
    assert np.allclose(loaded["probabilities"], found.probabilities)


def test_other_tasks() -> None:
    several = tiny_model(problem_type="multi_label_classification")
    found = trace((several, TOKENIZER), "a b c").probabilities
    assert found.shape == (3, 3) and ((found > 0) & (found < 1)).all() and not np.allclose(found.sum(axis=1), 1.0)
    number = tiny_model(num_labels=1, problem_type="regression")
    with torch.no_grad():
        logits = number(**TOKENIZER("a b c", return_tensors="pt")).logits
    assert trace((number, TOKENIZER), "a b c").probabilities[-1] == pytest.approx(logits[0].numpy(), abs=1e-5)


def test_what_cannot_be_traced() -> None:
    model = tiny_model()
    with pytest.raises(InputError, match="has no word"):
        trace((model, TOKENIZER), "   ")
    tokenizer = LstmTokenizer.from_words(LETTERS, model_max_length=5_000)
    with pytest.raises(InputError, match="has 1,001 tokens; a trace takes at most 1,000"):
        trace((model, tokenizer), "a " * 1_001)
    assert len(trace((model, LstmTokenizer.from_words(LETTERS, model_max_length=4)), "a " * 9).words) == 4
    with pytest.raises(InputError, match="model.eval"):
        trace((model.train(), TOKENIZER), "a")
    with pytest.raises(InputError, match="bag-of-words"):
        trace((BagOfWordsForSequenceClassification(BagOfWordsConfig(vocab_size=9)).eval(), TOKENIZER), "a")
