"""The language model: what it generates is what repeated full passes give, in constant memory."""

import copy
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import cpu_offload
from huggingface_hub.errors import StrictDataclassError
from tokenizers import ByteLevelBPETokenizer, Tokenizer, models, pre_tokenizers
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DynamicCache,
    GenerationConfig,
    GPT2Config,
    GPT2LMHeadModel,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    TextIteratorStreamer,
    TextStreamer,
    Trainer,
    TrainingArguments,
    pipeline,
)
from transformers.utils.generic import find_labels

from modeling_lstm import LstmConfig, LstmForCausalLM, LstmForSequenceClassification, LstmModel, LstmTokenizer
from modeling_lstm.inference.generation import TextGenerator
from modeling_lstm.models.cache_lstm import LstmCache
from modeling_lstm.models.softmax_lstm import AdaptiveSoftmax, sampled_losses
from modeling_lstm.utils.errors import InputError

pytestmark = pytest.mark.numeric

KINDS = [("lstm", 1), ("lstm", 2), ("gru", 1), ("gru", 2)]


def language_model(**changes: Any) -> LstmForCausalLM:
    """A small one whose next tokens are far apart, so that no two come out alike by rounding."""
    torch.manual_seed(0)
    sizes: dict[str, Any] = {"vocab_size": 41, "embedding_size": 6, "hidden_size": 8, "tie_word_embeddings": True}
    sizes |= {"eos_token_id": 1, "bos_token_id": 1, "sampled_candidates": 16}
    model = LstmForCausalLM(LstmConfig(**(sizes | changes))).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(4)
    return model


def token_ids(rows: int, tokens: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(2, 41, (rows, tokens), generator=torch.Generator().manual_seed(seed))


def left_padded(rows: list[torch.Tensor]) -> dict[str, torch.Tensor]:
    width = max(map(len, rows))
    ids = torch.stack([F.pad(row, (width - len(row), 0)) for row in rows])
    mask = torch.stack([F.pad(torch.ones_like(row), (width - len(row), 0)) for row in rows])
    return {"input_ids": ids, "attention_mask": mask}


def continued(model: LstmForCausalLM, ids: torch.Tensor, tokens: int) -> torch.Tensor:
    """The likeliest tokens one after the other, each by a pass over all before it."""
    for _ in range(tokens):
        following = model(ids, use_cache=False).logits[:, -1].argmax(-1, keepdim=True)
        ids = torch.cat([ids, following], dim=1)
    return ids[:, -tokens:]


@pytest.mark.parametrize("cell_type", ["lstm", "gru"])
@pytest.mark.parametrize("rows", [1, 3, 8])
def test_a_state_of_another_number_of_texts_is_refused(cell_type: str, rows: int) -> None:
    model = language_model(cell_type=cell_type)
    state = model(token_ids(4, 5)).past_key_values
    with pytest.raises(ValueError, match=f"The state is for 4 texts, but the input has {rows}"):
        model(token_ids(rows, 5), past_key_values=state)


FREE: dict[str, Any] = {"max_new_tokens": 12, "do_sample": False, "eos_token_id": None, "pad_token_id": 0}


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("softmax", ["full", "adaptive", "sampled"])
@pytest.mark.parametrize(("cell_type", "layers"), KINDS)
def test_pieces_with_the_state_carried_over_are_as_one_pass(
    cell_type: str, layers: int, softmax: str, bidirectional: bool
) -> None:
    changes = {"cell_type": cell_type, "num_hidden_layers": layers, "softmax": softmax, "bidirectional": bidirectional}
    model = language_model(**changes)
    ids = token_ids(3, 9)
    expected = model(ids).logits
    cache, found = None, []
    for part in ids.split([4, 1, 3, 1], dim=1):
        outputs = model(part, past_key_values=cache)
        cache = outputs.past_key_values
        found.append(outputs.logits)
    torch.testing.assert_close(torch.cat(found, dim=1), expected, atol=1e-5, rtol=1e-5)
    assert cache is not None and cache.get_seq_length() == 9 and len(cache) == layers
    torch.testing.assert_close(model(ids, logits_to_keep=2).logits, expected[:, -2:], atol=1e-5, rtol=1e-5)
    places = torch.tensor([0, 8, 3])
    torch.testing.assert_close(model(ids, logits_to_keep=places).logits, expected[:, places], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("cell_type", "layers"), KINDS)
@pytest.mark.parametrize("beams", [1, 3])
def test_generation_equals_full_passes(cell_type: str, layers: int, beams: int) -> None:
    """One text or a left-padded batch, token by token; beams with the state as without it."""
    model = language_model(cell_type=cell_type, num_hidden_layers=layers)
    rows = [token_ids(1, tokens, tokens)[0] for tokens in (3, 7, 1, 5)]
    batch = model.generate(**left_padded(rows), **FREE, num_beams=beams)
    for row, found in zip(rows, batch, strict=True):
        alone = row.unsqueeze(0)
        if beams == 1:
            expected = continued(model, alone, 12)
        else:
            expected = model.generate(alone, **FREE, num_beams=beams, use_cache=False)[:, len(row) :]
        assert torch.equal(model.generate(alone, **FREE, num_beams=beams)[:, len(row) :], expected)
        assert torch.equal(found[None, -12:], expected)


def test_generation_goes_on_from_a_state() -> None:
    model = language_model(num_hidden_layers=2)
    ids = token_ids(2, 6)
    first = model.generate(ids, **FREE, return_dict_in_generate=True)
    cache = first.past_key_values
    assert isinstance(cache, LstmCache) and cache.get_seq_length() == 6 + 12 - 1
    kept = copy.deepcopy(cache)
    more = model.generate(first.sequences, past_key_values=cache, **FREE)
    assert torch.equal(more[:, 6:], continued(model, ids, 24))
    assert torch.equal(model.generate(first.sequences, past_key_values=kept, **FREE), more), "from a copy, once more"
    cache.reset()
    assert cache.get_seq_length() == 0


def test_a_state_that_has_read_everything_has_nothing_to_go_on_from() -> None:
    model, ids = language_model(), token_ids(2, 6)
    for short in (ids, ids[:, :4]):
        with pytest.raises(ValueError, match=f"has read 6 tokens, and the input has {short.shape[1]}: pass all"):
            model.generate(short, past_key_values=model(ids).past_key_values, **FREE)


def test_a_state_is_continued_in_several_ways() -> None:
    model = language_model(num_hidden_layers=2)
    ids = token_ids(2, 6)
    state = model(ids[:, :5]).past_key_values
    state.batch_repeat_interleave(3)
    more = model.generate(ids.repeat_interleave(3, dim=0), past_key_values=state, **FREE)
    assert torch.equal(more, model.generate(ids, **FREE).repeat_interleave(3, dim=0))
    state.batch_select_indices(torch.tensor([5, 0]))
    assert torch.equal(
        model.generate(more[[5, 0]], past_key_values=state, **FREE), model.generate(more[[5, 0]], **FREE)
    )
    with pytest.raises(ValueError, match="cannot go back to earlier tokens"):
        state.crop(3)
    empty = LstmCache(2)
    empty.batch_repeat_interleave(3)
    empty.batch_select_indices(torch.tensor([0]))
    assert empty.read() is None


@pytest.mark.parametrize("beams", [1, 3])
def test_a_prompt_is_read_in_pieces(beams: int) -> None:
    model, rows = language_model(), left_padded([token_ids(1, tokens, tokens)[0] for tokens in (9, 4)])
    pieces = model.generate(**rows, **FREE, num_beams=beams, prefill_chunk_size=2)
    assert torch.equal(pieces, model.generate(**rows, **FREE, num_beams=beams))


def test_a_longer_prompt_is_added_to_a_state_wherever_its_padding_stands() -> None:
    """Of two texts that go on, one has fewer new tokens; nothing of the padding gets into its state."""
    model = language_model(num_hidden_layers=2)
    before, after = token_ids(2, 4), token_ids(2, 3, 1)
    whole = model(torch.cat([before, after], dim=1)).logits[:, -1]
    for mask in ([0, 0, 1, 1, 1], [1, 1, 1, 0, 0], [0, 1, 1, 0, 1]):
        chosen = torch.tensor([mask, mask], dtype=torch.bool)
        ids = torch.zeros(2, 5, dtype=torch.long)
        ids[chosen] = after.flatten()
        cache = model(before).past_key_values
        found = model(ids, attention_mask=chosen.long(), past_key_values=cache).logits
        torch.testing.assert_close(found[:, chosen[0].nonzero().max()], whole, atol=1e-5, rtol=1e-5)
    cache = model(before).past_key_values
    state = cache.read()[0].clone()
    model(torch.zeros(2, 3, dtype=torch.long), attention_mask=torch.zeros(2, 3).long(), past_key_values=cache)
    assert torch.equal(cache.read()[0], state), "nothing but padding changes nothing"


def test_the_state_takes_the_same_memory_after_any_number_of_tokens() -> None:
    model = language_model()
    cache = model(token_ids(1, 5)).past_key_values
    sizes = {layer.keys.numel() + layer.values.numel() for layer in cache.layers}
    ids = token_ids(1, 1)
    for _ in range(300):
        ids = model(ids, past_key_values=cache).logits.argmax(-1)
    assert {layer.keys.numel() + layer.values.numel() for layer in cache.layers} == sizes
    assert cache.layers[0].keys.untyped_storage().nbytes() <= 8 * 4 * 5  # and holds on to nothing larger


def test_both_directions_side_by_side_are_the_base_model() -> None:
    """What `LstmModel` gives with the same weights, though in the language model the directions do not mix."""
    for layers in (1, 3):
        model = language_model(bidirectional=True, num_hidden_layers=layers)
        ids = token_ids(2, 7)
        states = model.lstm(ids).last_hidden_state
        vectors, mask = model.lstm.word_embeddings(ids), torch.ones_like(ids).bool()
        forward = model.lstm.read(vectors, mask, direction=0).layers[-1]
        backward = model.lstm.read(vectors.flip(1), mask, direction=1).layers[-1].flip(1)
        torch.testing.assert_close(states, torch.cat([forward, backward], dim=-1), atol=1e-5, rtol=1e-5)
        following = model(ids).logits[:, 3]
        model(ids.flip(1), backward=True)
        ids = torch.cat([ids[:, :4], token_ids(2, 3, 5)], dim=1)
        torch.testing.assert_close(model(ids).logits[:, 3], following)  # what comes later is not seen
    with pytest.raises(ValueError, match="has one direction only"):
        language_model()(token_ids(1, 2), backward=True)


@pytest.mark.parametrize("softmax", ["full", "adaptive", "sampled"])
def test_the_loss(softmax: str) -> None:
    model = language_model(softmax=softmax)
    ids = token_ids(2, 6)
    labels = ids.clone()
    labels[0, :3] = -100
    outputs = model(ids, labels=labels)
    expected = F.cross_entropy(outputs.logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())
    torch.testing.assert_close(outputs.loss, expected)
    shifted = F.pad(labels[:, 1:], (0, 1), value=-100)
    torch.testing.assert_close(model(ids, shift_labels=shifted).loss, expected)
    summed = model(ids, labels=labels, num_items_in_batch=2).loss
    torch.testing.assert_close(summed * 2, expected * (shifted != -100).sum())
    trained = model.train()(ids, labels=labels)
    assert trained.past_key_values is None and (trained.logits is None) is (softmax != "full")
    trained.loss.backward()
    assert all(one.grad is not None and bool(one.grad.isfinite().all()) for one in model.parameters())
    if softmax == "adaptive":
        torch.testing.assert_close(trained.loss, expected)
    assert float(model(ids, labels=torch.full_like(ids, -100)).loss) == 0.0


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("softmax", ["full", "adaptive", "sampled"])
def test_padding_changes_neither_loss_nor_gradient(softmax: str, side: str) -> None:
    """Nothing predicts the first token of a text, nor does padding before it."""
    model, ids = language_model(softmax=softmax, num_hidden_layers=2).train(), token_ids(2, 5)
    pad = (3, 0) if side == "left" else (0, 3)
    padded = {"attention_mask": F.pad(torch.ones_like(ids), pad), "labels": F.pad(ids, pad, value=-100)}
    for is_counted in (False, True):
        found = []
        for inputs in ({"input_ids": ids, "labels": ids}, {"input_ids": F.pad(ids, pad), **padded}):
            torch.manual_seed(0)  # by which a sampled softmax draws
            number = (inputs["labels"][:, 1:] != -100).sum() if is_counted else None  # as `Trainer` counts
            loss = model(**inputs, num_items_in_batch=number).loss
            found.append((loss, *torch.autograd.grad(loss, tuple(model.parameters()))))
        torch.testing.assert_close(found[1], found[0], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_plain_trainer_measures_the_mean_loss_of_tokens(side: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = LstmForCausalLM(LstmConfig(vocab_size=41, embedding_size=6, hidden_size=8))
    texts = [token_ids(1, tokens, tokens)[0] for tokens in (9, 4, 6, 2)]

    def collate(rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        pad = partial(pad_sequence, batch_first=True, padding_side=side)
        ids = [torch.tensor(row["input_ids"]) for row in rows]
        mask = pad([torch.ones_like(one) for one in ids])
        return {"input_ids": pad(ids), "attention_mask": mask, "labels": pad(ids, padding_value=-100)}

    rows = [{"input_ids": one.tolist()} for one in texts]
    args = TrainingArguments(
        str(tmp_path), per_device_eval_batch_size=4, use_cpu=True, report_to="none", disable_tqdm=True
    )
    found = Trainer(model, args, eval_dataset=rows, data_collator=collate).evaluate()["eval_loss"]
    with torch.no_grad():
        logits = [model(text[None], use_cache=False).logits[0, :-1] for text in texts]
    expected = F.cross_entropy(torch.cat(logits), torch.cat([text[1:] for text in texts]))
    assert found == pytest.approx(float(expected), rel=1e-4)


@pytest.mark.parametrize("changes", [{"cell_type": "gru"}, {"num_hidden_layers": 2}, {"hidden_size": 9}])
def test_a_state_of_another_kind_of_model_is_refused(changes: dict[str, Any]) -> None:
    models = language_model(tie_word_embeddings=False), language_model(tie_word_embeddings=False, **changes)
    for one, other in (models, models[::-1]):
        cache = one(token_ids(1, 3), use_cache=True).past_key_values
        with pytest.raises(ValueError, match="past_key_values must be of the same kind of model: expected"):
            other(token_ids(1, 1), past_key_values=cache)


def test_the_adaptive_softmax_is_a_distribution_and_agrees_with_the_library_where_they_are_the_same() -> None:
    torch.manual_seed(0)
    head, states, targets = torch.nn.Linear(5, 20), torch.randn(50, 5), torch.randint(20, (50,))
    adaptive = AdaptiveSoftmax(5, [4, 11, 20])
    logs = adaptive.log_probabilities(states, head)
    torch.testing.assert_close(logs.exp().sum(-1), torch.ones(50))
    torch.testing.assert_close(adaptive.losses(states, targets, head), -logs[torch.arange(50), targets])
    theirs = torch.nn.AdaptiveLogSoftmaxWithLoss(5, 20, [4, 11], div_value=1.0, head_bias=True)
    with torch.no_grad():
        head.bias[4:] = 0  # theirs has none there
        theirs.head.weight.copy_(torch.cat([head.weight[:4], adaptive.clusters.weight]))
        theirs.head.bias.copy_(torch.cat([head.bias[:4], adaptive.clusters.bias]))
        for tail, (begin, end) in zip(theirs.tail, ((4, 11), (11, 20)), strict=True):
            tail[0].weight.copy_(torch.eye(5))
            tail[1].weight.copy_(head.weight[begin:end])
    torch.testing.assert_close(theirs.log_prob(states), adaptive.log_probabilities(states, head))


def test_the_gradient_of_a_sampled_softmax_is_on_average_that_of_the_whole() -> None:
    """Over batches whose targets are as frequent as it is told; drawn are far fewer tokens than there are."""
    torch.manual_seed(0)
    head = torch.nn.Linear(4, 400)
    frequencies = 1 / torch.arange(1, 401).float()
    expected, found = torch.zeros(4), torch.zeros(4)
    for _ in range(400):
        targets = torch.multinomial(frequencies, 64, replacement=True)
        states = torch.zeros(64, 4) + torch.tensor([1.0, -1.0, 0.5, 2.0])
        states.requires_grad_()
        expected += torch.autograd.grad(F.cross_entropy(head(states), targets), states)[0].sum(0) / 400
        losses = sampled_losses(states, targets, head, frequencies, 64)
        found += torch.autograd.grad(losses.mean(), states)[0].sum(0) / 400
    torch.testing.assert_close(found, expected, atol=0.03, rtol=0.15)
    everything = sampled_losses(states, targets, head, frequencies, 100_000)
    torch.testing.assert_close(everything, F.cross_entropy(head(states), targets, reduction="none"))


def test_a_saved_one_is_opened_by_every_class(tmp_path: Path) -> None:
    model = language_model(num_hidden_layers=2, bidirectional=True, softmax="sampled")
    model.set_token_frequencies(torch.arange(41))
    model.save_pretrained(tmp_path)
    opened = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert isinstance(opened, LstmForCausalLM)
    ids = token_ids(2, 5)
    assert torch.equal(opened(ids).logits, model(ids).logits)
    assert torch.equal(opened.token_frequencies, model.token_frequencies) and opened.token_frequencies[0] == 1
    assert opened.lm_head.weight is opened.lstm.word_embeddings.weight
    base = LstmModel.from_pretrained(tmp_path)
    torch.testing.assert_close(base(ids).last_hidden_state, model.lstm(ids).last_hidden_state)
    classifier = AutoModelForSequenceClassification.from_pretrained(tmp_path, num_labels=3)
    assert torch.equal(classifier.lstm.word_embeddings.weight, model.lstm.word_embeddings.weight)
    resized = model.resize_token_embeddings(50)
    assert resized.num_embeddings == 50 and model(ids).logits.shape[-1] == 50


def replace_table(model: PreTrainedModel, which: str) -> None:
    """Take one of its tables out of what is tied."""
    table = model.get_output_embeddings().weight
    if which == "config":
        model.config.tie_word_embeddings = False
        model.get_output_embeddings().weight = torch.nn.Parameter(torch.randn_like(table))
    elif which == "input":
        model.set_input_embeddings(torch.nn.Embedding(*table.shape))
    else:
        model.set_output_embeddings(torch.nn.Linear(*reversed(table.shape)))


@pytest.mark.parametrize("which", ["config", "input", "output"])
def test_weights_that_are_no_longer_tied_are_saved(which: str, tmp_path: Path) -> None:
    model = language_model(embedding_size=8)
    assert model._keys_to_ignore_on_save == {"lm_head.weight"}, "by which Trainer knows that a checkpoint lacks none"
    replace_table(model, which)
    assert not model._keys_to_ignore_on_save
    model.save_pretrained(tmp_path)
    opened, report = LstmForCausalLM.from_pretrained(tmp_path, output_loading_info=True)
    ids = token_ids(2, 5)
    torch.testing.assert_close(opened(ids).logits, model(ids).logits)
    assert not report["missing_keys"]


@pytest.mark.parametrize("changes", [{}, {"adaptive_cutoffs": [5, 20]}, {"bidirectional": True}])
@pytest.mark.parametrize("softmax", ["full", "adaptive", "sampled"])
def test_a_vocabulary_that_grew(softmax: str, changes: dict[str, Any], tmp_path: Path) -> None:
    model = language_model(softmax=softmax, **changes)
    ids = token_ids(2, 5)
    with torch.no_grad():
        before = model(ids).logits
    model.resize_token_embeddings(50)
    model.train()(ids, labels=ids).loss.backward()
    model.eval().save_pretrained(tmp_path)
    opened = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert torch.equal(opened(ids).logits, model(ids).logits)
    # without the new tokens the old ones have the probabilities that they had, within what those take
    kept = opened(ids).logits[..., :41].log_softmax(-1)
    if softmax == "adaptive":  # whose last cluster alone has more tokens now
        first = model.config.cutoffs()[-2]
        kept, before = (one[..., :first] for one in (opened(ids).logits, before))
        torch.testing.assert_close(kept, before)
    else:
        torch.testing.assert_close(kept, before.log_softmax(-1))


def test_a_vocabulary_that_would_leave_a_cluster_empty() -> None:
    model = language_model(softmax="adaptive", adaptive_cutoffs=[5, 20])
    with pytest.raises(ValueError, match="more than 20 tokens, .* begins, found 20"):
        model.resize_token_embeddings(20)
    model.resize_token_embeddings(21)
    assert model(token_ids(1, 3) % 21).logits.shape[-1] == 21


def test_the_library_trains_and_evaluates_it(tmp_path: Path) -> None:
    assert find_labels(LstmForCausalLM) == ["labels"]
    rows = [{"input_ids": ids, "labels": ids} for ids in token_ids(8, 5).tolist()]
    chosen: dict[str, Any] = {"eval_strategy": "epoch", "save_strategy": "epoch", "load_best_model_at_end": True}
    chosen |= {"use_cpu": True, "report_to": "none", "disable_tqdm": True, "num_train_epochs": 2}
    args = TrainingArguments(str(tmp_path), **chosen)
    trainer = Trainer(language_model(), args, train_dataset=rows, eval_dataset=rows)
    trainer.train()
    assert trainer.evaluate()["eval_loss"] > 0 and trainer.state.best_metric is not None


def test_label_smoothing_of_the_library_is_of_the_next_token(tmp_path: Path) -> None:
    ids = token_ids(3, 6)
    losses = []
    for factor in (0.0, 1e-9):
        args = TrainingArguments(str(tmp_path), use_cpu=True, report_to="none", label_smoothing_factor=factor)
        inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": ids}
        losses.append(Trainer(language_model(), args).compute_loss(language_model(), inputs))
    torch.testing.assert_close(*losses)


@pytest.mark.parametrize("cell_type", ["lstm", "gru"])
def test_directions_of_another_model_are_made_independent(cell_type: str, tmp_path: Path) -> None:
    """A classifier's upper layers read both directions; those of a language model read one."""
    changes: dict[str, Any] = {"bidirectional": True, "num_hidden_layers": 2, "cell_type": cell_type}
    LstmForSequenceClassification(language_model(**changes).config).save_pretrained(tmp_path)
    model, report = LstmForCausalLM.from_pretrained(tmp_path, output_loading_info=True)
    assert report["missing_keys"] and "lstm.encoder.rnn.weight_ih_l1" not in report["missing_keys"]
    ids = token_ids(2, 5)
    forward = model.eval().lstm(ids).last_hidden_state[:, :, :8]
    torch.testing.assert_close(forward, model(ids, output_hidden_states=True).hidden_states[-1])


def test_a_softmax_that_is_sampled_from_now_on_draws_all_tokens_alike(tmp_path: Path) -> None:
    language_model().save_pretrained(tmp_path)
    model = LstmForCausalLM.from_pretrained(tmp_path, softmax="sampled")
    assert model.token_frequencies.tolist() == [1.0] * 41
    model.set_token_frequencies(torch.arange(41))
    model.save_pretrained(tmp_path)
    assert LstmForCausalLM.from_pretrained(tmp_path).token_frequencies.tolist() == [1.0, *range(1, 41)]


def test_frequent_tokens_are_counted_in_every_type(tmp_path: Path) -> None:
    model, ids = language_model(softmax="sampled"), token_ids(4, 9)
    model.set_token_frequencies(torch.arange(41) * 100_000)
    counts = model.token_frequencies
    assert counts[40] == 60_000 and counts[20] == 30_000 and counts[0] > 0
    model.half().save_pretrained(tmp_path)
    for dtype in (torch.float16, torch.float32):
        opened = LstmForCausalLM.from_pretrained(tmp_path, dtype=dtype).train()
        assert opened(ids, labels=ids).loss.isfinite()
    opened.resize_token_embeddings(43)
    assert opened.token_frequencies[41:].tolist() == [float(opened.token_frequencies.min())] * 2


@pytest.mark.parametrize("softmax", ["full", "adaptive", "sampled"])
def test_offloaded_weights_are_fetched(softmax: str) -> None:
    model, ids = language_model(softmax=softmax), token_ids(2, 5)
    expected = model(ids).logits
    assert torch.equal(cpu_offload(model, execution_device="cpu")(ids).logits, expected)


def test_a_table_with_more_rows_than_tokens_writes_tokens_only() -> None:
    tokenizer = LstmTokenizer.train_reversible(["a b c"] * 3, vocab_size=12, min_frequency=1)
    model = language_model(vocab_size=64, eos_token_id=tokenizer.eos_token_id, bos_token_id=tokenizer.bos_token_id)
    found = TextGenerator(model, tokenizer).next_tokens("a b", 50)
    assert len(found) <= len(tokenizer) and sum(share for _, share in found) == pytest.approx(1.0)
    assert all(isinstance(token, str) for token, _ in found)


def test_shapes_can_be_found_without_weights() -> None:
    with torch.device("meta"):
        model = LstmForCausalLM(LstmConfig(vocab_size=41, embedding_size=6, hidden_size=8))
        assert model(torch.ones(2, 3, dtype=torch.long)).logits.shape == (2, 3, 41)


@pytest.mark.parametrize("num_beams", [1, 3])
def test_word_vectors_can_be_given_in_place_of_tokens(num_beams: int) -> None:
    model = language_model()
    ids = token_ids(2, 4)
    by_tokens = model.generate(ids, num_beams=num_beams, **FREE)[:, 4:]
    by_vectors = model.generate(inputs_embeds=model.get_input_embeddings()(ids), num_beams=num_beams, **FREE)
    assert torch.equal(by_vectors, by_tokens)


def test_a_whole_mask_beside_the_state_is_taken() -> None:
    """As the library's own decoders take it; its classifier-free guidance gives it so."""
    model, ids = language_model(), token_ids(1, 5)
    with torch.no_grad():
        begun = model(ids[:, :3], use_cache=True)
    cache = copy.deepcopy(begun.past_key_values)
    found = model(ids[:, 3:], attention_mask=torch.ones(1, 5, dtype=torch.long), past_key_values=begun.past_key_values)
    assert torch.equal(found.logits, model(ids[:, 3:], past_key_values=cache).logits)
    unguided = model.generate(ids, max_new_tokens=4, do_sample=False)
    guided = model.generate(ids, max_new_tokens=4, do_sample=False, guidance_scale=1.5, negative_prompt_ids=ids)
    assert torch.equal(guided, unguided), "nothing is left of a guidance away from the same text"


@pytest.mark.parametrize("algorithm", ["word", "bpe", "wordpiece", "unigram", "whitespace"])
def test_what_is_written_goes_on_from_its_beginning(algorithm: Any, tmp_path: Path) -> None:
    """In `pipeline`, which decodes what is new alone, a blank stands before a word, and none before a comma."""
    text = "the film was great , it was not bad"
    tokenizer = LstmTokenizer.train([text] * 9, min_frequency=1, vocab_size=60, algorithm=algorithm, end=True)
    tokenizer.save_pretrained(tmp_path)
    opened = AutoTokenizer.from_pretrained(tmp_path)
    written = text.replace(" ,", "," if algorithm != "whitespace" else ",")
    for words in (2, 4, 5):
        begin = " ".join(text.split()[:words])
        ids = opened(begin)["input_ids"]
        rest = opened.decode(opened(text)["input_ids"][len(ids) :], skip_special_tokens=True)
        assert opened.decode(ids, skip_special_tokens=True) + rest == f" {written}"
    assert opened.decode([], skip_special_tokens=True) == ""


@pytest.mark.parametrize("algorithm", ["word", "bpe", "wordpiece", "unigram", "whitespace"])
def test_a_stream_is_the_whole_text(algorithm: Any) -> None:
    """A mark that removes the blank before it must not be lost with it."""
    text = "the film was great , it was not bad . was it ? yes !"
    tokenizer = LstmTokenizer.train([text] * 9, min_frequency=1, vocab_size=60, algorithm=algorithm, end=True)
    ids = tokenizer(f"{text} {text}")["input_ids"]
    streamer = TextIteratorStreamer(tokenizer, skip_special_tokens=True)
    for one in ids:
        streamer.put(torch.tensor([one]))
    streamer.end()
    assert "".join(streamer) == tokenizer.decode(ids, skip_special_tokens=True)


def test_the_library_writes_text_with_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tokenizer = LstmTokenizer.train(["the film was great , it was n't bad ."], min_frequency=1, end=True)
    end = tokenizer.eos_token_id
    model = language_model(vocab_size=len(tokenizer), eos_token_id=end, bos_token_id=end)
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    write = pipeline("text-generation", model=str(tmp_path), tokenizer=str(tmp_path))
    texts = ["the film", "it", ""]
    answers = write(texts, max_new_tokens=5, do_sample=False, batch_size=3)
    alone = [write(text, max_new_tokens=5, do_sample=False)[0]["generated_text"] for text in texts]
    assert [one[0]["generated_text"] for one in answers] == alone
    more = TextGenerator(model, tokenizer)(texts, max_new_tokens=5)
    assert alone == [text + added for text, added in zip(texts, more, strict=True)]
    assert alone[0].startswith("the film ") or not alone[0][8].isalpha()
    capsys.readouterr()
    inputs = tokenizer("the film", return_tensors="pt")
    model.generate(**inputs, max_new_tokens=5, do_sample=False, streamer=TextStreamer(tokenizer))
    assert "film" in capsys.readouterr().out
    drawn = [model.generate(**inputs, max_new_tokens=8, do_sample=True, top_k=5) for _ in range(2)]
    assert len(drawn) == 2


def test_options_of_generate_are_those_that_were_given() -> None:
    text = "the film was great and the film was long , abcdef"
    tokenizer = LstmTokenizer.train([text] * 9, min_frequency=1, vocab_size=60, algorithm="unigram", end=True)
    end = tokenizer.eos_token_id
    model = language_model(vocab_size=len(tokenizer), eos_token_id=end, bos_token_id=end)
    with torch.no_grad():
        model.lm_head.bias[tokenizer.unk_token_id] += 1_000
    write = TextGenerator(model, tokenizer)
    (found,) = write(["the film"])
    assert found.strip(), "an unknown word would be left out of the text"
    assert write("the film", return_dict_in_generate=True) == [found]
    begun = write._encode(["the film"])["input_ids"].shape[1]
    assert write("the film", max_length=begun + 3) == write("the film", max_new_tokens=3)
    config = GenerationConfig(max_new_tokens=2, suppress_tokens=[tokenizer.unk_token_id])
    assert write("the film", generation_config=config) == write("the film", max_new_tokens=2)
    first = found.split()[0]
    assert write("the film", stop_strings=[first])[0].split() == [first]


def test_a_tokenizer_of_words_takes_no_stop_strings() -> None:
    words = LstmTokenizer.from_words([f"w{n}" for n in range(39)])
    with pytest.raises(InputError, match="stop_strings needs subwords: train the model with --tokenizer_algorithm"):
        TextGenerator(language_model(bos_token_id=None, eos_token_id=None), words)("w1", stop_strings=["w2"])


def test_a_model_without_a_token_that_begins_a_text_needs_a_prompt() -> None:
    words = LstmTokenizer.from_words([f"w{n}" for n in range(39)])
    write = TextGenerator(language_model(bos_token_id=None, eos_token_id=None), words)
    assert write("w1 w2") == write(["w1 w2"])
    for call in (write, write.next_tokens):
        with pytest.raises(InputError, match="no token that begins a text: give a prompt"):
            call("")


def test_what_is_refused() -> None:
    for wrong in ({"adaptive_cutoffs": [50]}, {"adaptive_cutoffs": [20, 10]}, {"adaptive_cutoffs": [0]}):
        with pytest.raises(StrictDataclassError, match="adaptive_cutoffs must be ascending"):
            LstmConfig(vocab_size=41, softmax="adaptive", **wrong)
    with pytest.raises(StrictDataclassError, match="output_dropout"):
        LstmConfig(output_dropout=1.0)
    with pytest.raises(ValueError, match="either input_ids or inputs_embeds"):
        language_model()()
    for cache in (DynamicCache(), ((torch.zeros(1, 1, 3, 8),) * 2,)):
        with pytest.raises(ValueError, match=f"must be the LstmCache .*found {type(cache).__name__}"):
            language_model()(token_ids(1, 3), past_key_values=cache)


@pytest.mark.parametrize("softmax", ["adaptive", "sampled"])
def test_another_module_in_place_of_the_output_layer_is_refused(softmax: str) -> None:
    """Of an adapter, say, whose own weights would have no part in the loss."""
    model, ids = language_model(softmax=softmax).train(), token_ids(2, 3)
    model.lm_head = torch.nn.Sequential(model.lm_head)
    with pytest.raises(TypeError, match=r"found a torch\.nn\.modules\.container\.Sequential .*leave lm_head out"):
        model(ids, labels=ids)


@pytest.mark.parametrize("softmax", ["full", "adaptive", "sampled"])
def test_labels_that_cannot_be_are_refused(softmax: str) -> None:
    model, ids = language_model(softmax=softmax).train(), token_ids(2, 3)
    for labels in (ids.T, ids[:1], ids[:, :2]):
        with pytest.raises(ValueError, match=r"labels must have the shape \(2, 3\) .*found"):
            model(ids, labels=labels)
    for wrong in (-1, 41):
        with pytest.raises(IndexError):
            model(ids, labels=torch.full_like(ids, wrong))


@pytest.mark.parametrize("softmax", ["full", "adaptive", "sampled"])
def test_no_tokens(softmax: str) -> None:
    model, ids, none = language_model(softmax=softmax), token_ids(2, 3), torch.zeros(2, 0, dtype=torch.long)
    found = model(none, labels=none, output_hidden_states=True)
    assert found.logits.shape == (2, 0, 41) and found.loss == 0.0
    assert {one.shape[:2] for one in found.hidden_states} == {(2, 0)}
    begun = model(ids, past_key_values=found.past_key_values)
    torch.testing.assert_close(begun.logits, model(ids).logits)
    state = begun.past_key_values.read()[0]
    again = model(none, attention_mask=torch.ones_like(ids), past_key_values=begun.past_key_values)
    torch.testing.assert_close(again.past_key_values.read()[0], state)
    assert again.past_key_values.get_seq_length() == 3


@pytest.mark.parametrize("bidirectional", [False, True])
def test_at_padding_stands_what_follows_the_token_before(bidirectional: bool) -> None:
    """So a prompt that is padded on the right is gone on with as it is without its padding."""
    model, ids = language_model(bidirectional=bidirectional), token_ids(1, 5)
    mask = torch.tensor([[0, 1, 0, 1, 1, 0, 0]])
    padded = torch.zeros_like(mask).masked_scatter(mask.bool(), ids)
    found, alone = model(padded, attention_mask=mask).logits, model(ids[:, :3]).logits
    torch.testing.assert_close(found[:, 1:], alone[:, [0, 0, 1, 2, 2, 2]])
    state = model(ids[:, :2]).past_key_values
    gone_on = model(padded, attention_mask=mask, past_key_values=state).logits
    whole = model(torch.cat([ids[:, :2], ids], dim=1)).logits
    torch.testing.assert_close(gone_on, whole[:, [1, 2, 2, 3, 4, 4, 4]])
    short = F.pad(ids, (0, 2)), F.pad(torch.ones_like(ids), (0, 2))
    settings: dict[str, Any] = {"max_new_tokens": 6, "do_sample": False, "eos_token_id": None}
    written = model.generate(short[0], attention_mask=short[1], **settings)[:, 7:]
    assert torch.equal(written, model.generate(ids, **settings)[:, 5:])


def test_prompts_of_several_lengths_need_no_padding_token() -> None:
    """As with GPT-2, whose tokenizer has none: in a batch each prompt is continued as alone."""
    backend = Tokenizer(models.WordLevel({"<eos>": 0, "the": 1, "film": 2, "was": 3, "good": 4}, unk_token="<eos>"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    words = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<eos>", unk_token="<eos>")
    assert words.pad_token is None
    torch.manual_seed(0)
    config = GPT2Config(n_layer=1, n_embd=8, n_head=2, vocab_size=5, n_positions=32, bos_token_id=None, eos_token_id=0)
    writer = TextGenerator(GPT2LMHeadModel(config), words)
    prompts = ["the film", "the film was the film was", "good"]
    options = {"max_new_tokens": 5, "do_sample": False}
    assert writer(prompts, **options) == [writer([one], **options)[0] for one in prompts]


@pytest.mark.parametrize("softmax", ["full", "adaptive", "sampled"])
def test_labels_are_integers_of_any_size(softmax: str) -> None:
    torch.manual_seed(0)
    model = LstmForCausalLM(LstmConfig(vocab_size=20, embedding_size=4, hidden_size=6, softmax=softmax)).eval()
    ids = torch.randint(3, 20, (2, 5))
    assert torch.equal(model(ids.int(), labels=ids.int()).loss, model(ids, labels=ids).loss)


@pytest.mark.parametrize("cell_type", ["lstm", "gru"])
def test_a_state_that_is_passed_is_written_in_training_too(cell_type: str) -> None:
    model, ids = language_model(cell_type=cell_type).train(), token_ids(2, 9)
    state = LstmCache(1).detach()
    for part in ids.split(3, dim=1):
        loss = model(part, labels=part, past_key_values=state).loss
        loss.backward()
        state.detach()
    assert state.get_seq_length() == 9
    whole = model.eval()(ids, use_cache=True).past_key_values
    torch.testing.assert_close(state.layers[0].keys, whole.layers[0].keys)
    for labels in ({"labels": ids}, {"shift_labels": ids}):  # a cache cannot be gathered from several GPUs
        assert model(ids, **labels).past_key_values is None
        assert model(ids, **labels, use_cache=True).past_key_values is not None


@pytest.mark.parametrize("softmax", ["full", "adaptive", "sampled"])
def test_double_precision_stays(softmax: str) -> None:
    model, ids = language_model(softmax=softmax).double().train(), token_ids(2, 6)
    assert model(ids, labels=ids).loss.dtype == torch.float64
    found = model.eval()(ids, labels=ids)
    assert found.loss.dtype == found.logits.dtype == torch.float64


def test_next_tokens_are_texts(tmp_path: Path) -> None:
    """Not the marks of a byte-level vocabulary; tokens with the same text count as one."""
    learned = ByteLevelBPETokenizer()
    learned.train_from_iterator(["der f\u00fcnfte Film", "Film der"] * 4, vocab_size=300, special_tokens=["</s>"])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=learned._tokenizer, eos_token="</s>")
    model = language_model(vocab_size=len(tokenizer), bos_token_id=0)
    shares = dict(TextGenerator(model, tokenizer).next_tokens("der", len(tokenizer)))
    assert {"Film", "f\u00fcnfte"} <= shares.keys() and not {"\u0120Film", "\u0120f\u00c3\u00bcnfte"} & shares.keys()
    assert sum(shares.values()) == pytest.approx(1, abs=1e-4)


def test_a_token_that_also_pads_is_learned(tmp_path: Path) -> None:
    """As with `tokenizer.pad_token = tokenizer.eos_token`; before and after saving."""
    sizes: dict[str, Any] = {"vocab_size": 40, "embedding_size": 6, "hidden_size": 8, "bos_token_id": 1}
    ids = torch.tensor([[2, 5, 6, 2, 7]])
    for ends in (2, [3, 2]):
        model = LstmForCausalLM(LstmConfig(**sizes, eos_token_id=ends))
        model.config.pad_token_id = 2  # as Trainer sets it
        model.save_pretrained(tmp_path)
        again = LstmForCausalLM.from_pretrained(tmp_path)
        for one in (model, again, LstmForCausalLM(LstmConfig(**sizes, eos_token_id=ends, pad_token_id=2))):
            one.train()(input_ids=ids, attention_mask=torch.ones_like(ids), labels=ids).loss.backward()
            table = one.get_input_embeddings().weight
            assert table[2].abs().max() > 0 and table.grad[2].abs().max() > 0
