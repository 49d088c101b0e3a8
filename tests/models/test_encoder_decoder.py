"""The encoder-decoder: what it writes does not depend on padding, batch or cache, and is what the papers' sums give."""

import copy
import itertools
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from huggingface_hub.errors import StrictDataclassError
from torch.nn import functional as F
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    BertConfig,
    BertModel,
    DataCollatorForSeq2Seq,
    DynamicCache,
    Seq2SeqTrainer,
    Seq2SeqTrainingArguments,
    T5Config,
    pipeline,
)
from transformers.modeling_outputs import BaseModelOutput

from modeling_lstm import LstmEncoderDecoderConfig, LstmForConditionalGeneration, LstmTokenizer
from modeling_lstm.models import attention_lstm
from modeling_lstm.models.attention_lstm import AdditiveAttention, MultiplicativeAttention
from modeling_lstm.models.cache_lstm import LstmCache
from modeling_lstm.models.pipeline_lstm import LstmTranslationPipeline
from tests.models.test_causal_lm import replace_table

pytestmark = pytest.mark.numeric

VOCABULARY = 23
KINDS = [
    (attention, cell, layers)
    for attention in ("none", "luong", "bahdanau")
    for cell, layers in (("lstm", 2), ("gru", 1))
]
FREE: dict[str, Any] = {"max_new_tokens": 8, "do_sample": False, "eos_token_id": None}


def translator(**changes: Any) -> LstmForConditionalGeneration:
    """A small one whose next tokens are far apart, so that no two come out alike by rounding."""
    torch.manual_seed(0)
    sizes: dict[str, Any] = {"vocab_size": VOCABULARY, "embedding_size": 6, "encoder_hidden_size": 5, "hidden_size": 8}
    sizes |= {"eos_token_id": 1, "bos_token_id": 1, "decoder_start_token_id": 1}
    model = LstmForConditionalGeneration(LstmEncoderDecoderConfig(**(sizes | changes))).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3)
    return model


def token_ids(rows: int, tokens: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(2, VOCABULARY, (rows, tokens), generator=torch.Generator().manual_seed(seed))


def written(model: LstmForConditionalGeneration, source: torch.Tensor, tokens: int) -> torch.Tensor:
    """The likeliest tokens one after the other, each by a pass over all before it."""
    ids = torch.ones(len(source), 1, dtype=torch.long)
    for _ in range(tokens):
        following = model(source, decoder_input_ids=ids, use_cache=False).logits[:, -1].argmax(-1, keepdim=True)
        ids = torch.cat([ids, following], dim=1)
    return ids


@pytest.mark.parametrize(("attention", "cell_type", "layers"), KINDS)
def test_padding_changes_nothing_wherever_it_stands(attention: str, cell_type: str, layers: int) -> None:
    model = translator(attention=attention, cell_type=cell_type, num_encoder_layers=layers, num_hidden_layers=layers)
    source, target = token_ids(1, 4), token_ids(1, 5, 1)
    expected = model(source, decoder_input_ids=target).logits
    for mask in ([1, 1, 1, 1, 0, 0], [0, 0, 1, 1, 1, 1], [0, 1, 1, 0, 1, 1]):
        chosen = torch.tensor([mask, mask], dtype=torch.bool)
        ids = torch.full((2, 6), 7)
        ids[chosen] = source.repeat(2, 1).flatten()
        outputs = model(
            ids, attention_mask=chosen.long(), decoder_input_ids=target.repeat(2, 1), output_attentions=True
        )
        torch.testing.assert_close(outputs.logits, expected.repeat(2, 1, 1), atol=1e-5, rtol=1e-5)
        if attention != "none":
            (weights,) = outputs.cross_attentions
            assert weights.shape == (2, 1, 5, 6) and (weights[:, 0, :, ~chosen[0]] == 0).all()
            torch.testing.assert_close(weights.sum(-1), torch.ones(2, 1, 5))


@pytest.mark.parametrize(("attention", "cell_type", "layers"), KINDS)
@pytest.mark.parametrize("beams", [1, 3])
def test_generation_equals_full_passes(attention: str, cell_type: str, layers: int, beams: int) -> None:
    """One text or a padded batch, token by token; beams with the state as without it."""
    model = translator(attention=attention, cell_type=cell_type, num_encoder_layers=layers, num_hidden_layers=layers)
    rows = [token_ids(1, tokens, tokens)[0] for tokens in (3, 7, 1, 5)]
    ids = torch.stack([F.pad(row, (0, 7 - len(row))) for row in rows])
    batch = model.generate(ids, attention_mask=(ids != 0).long(), **FREE, num_beams=beams)
    for row, found in zip(rows, batch, strict=True):
        alone = row.unsqueeze(0)
        if beams == 1:
            expected = written(model, alone, 8)
        else:
            expected = model.generate(alone, **FREE, num_beams=beams, use_cache=False)
        assert torch.equal(model.generate(alone, **FREE, num_beams=beams), expected)
        assert torch.equal(found[None], expected)


@pytest.mark.parametrize("penalty", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("attention", ["none", "luong", "bahdanau"])
def test_wide_beams_find_the_best_of_all_translations(attention: str, penalty: float) -> None:
    """Against a search through every text of at most three tokens, each scored by a pass of its own."""
    model = translator(vocab_size=6, attention=attention)
    source = token_ids(1, 4).clamp(max=5)
    texts = []
    for length in (1, 2, 3):
        for tokens in itertools.product(range(6), repeat=length):
            ends = [place for place, token in enumerate(tokens) if token == 1]
            if ends == [length - 1] or (length == 3 and not ends):
                texts.append(tokens)
    scores = {}
    for tokens in texts:
        ids = torch.tensor([[1, *tokens]])
        steps = model(source, decoder_input_ids=ids[:, :-1]).logits.log_softmax(-1)
        total = float(steps[0].gather(1, ids[0, 1:, None]).sum())
        scores[tokens] = total / len(tokens) ** penalty
    best = max(scores, key=lambda tokens: scores[tokens])
    found = model.generate(
        source, max_new_tokens=3, num_beams=110, length_penalty=penalty, early_stopping=False, do_sample=False
    )
    assert tuple(found[0, 1:].tolist()) == best


@pytest.mark.parametrize(("attention", "cell_type", "layers"), KINDS)
def test_parts_with_the_state_carried_over_are_as_one_pass(attention: str, cell_type: str, layers: int) -> None:
    model = translator(attention=attention, cell_type=cell_type, num_hidden_layers=layers)
    source, target = token_ids(3, 6), token_ids(3, 7, 1)
    expected = model(source, decoder_input_ids=target)
    encoded, cache, found = model.encoder(source), None, []
    for part in target.split([3, 1, 2, 1], dim=1):
        outputs = model(encoder_outputs=encoded, decoder_input_ids=part, past_key_values=cache)
        cache = outputs.past_key_values
        found.append(outputs.logits)
    torch.testing.assert_close(torch.cat(found, dim=1), expected.logits, atol=1e-5, rtol=1e-5)
    assert torch.equal(expected.encoder_last_hidden_state, encoded.last_hidden_state)


def test_the_scores_are_those_of_the_papers() -> None:
    torch.manual_seed(0)
    queries, values = torch.randn(2, 3, 4), torch.randn(2, 5, 6)
    mask = torch.tensor([[True] * 5, [True, True, False, False, False]])
    luong, bahdanau = MultiplicativeAttention(4, 6), AdditiveAttention(4, 6)
    for module in (luong, bahdanau):
        context, weights = module(queries, module.keys(values), values, mask)
        for row, place in itertools.product(range(2), range(3)):
            tokens = int(mask[row].sum())
            scores = []
            for token in range(tokens):
                q, s = queries[row, place], values[row, token]
                if isinstance(module, MultiplicativeAttention):
                    scores.append(q @ module.key.weight @ s)
                else:
                    inner = module.query.weight @ q + module.key.weight @ s + module.key.bias
                    scores.append(module.score.weight[0] @ torch.tanh(inner))
            expected = torch.stack(scores).softmax(0)
            torch.testing.assert_close(weights[row, place, :tokens], expected)
            torch.testing.assert_close(context[row, place], expected @ values[row, :tokens])


def test_a_long_additive_score_is_computed_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    module = AdditiveAttention(4, 6)
    values, mask = torch.randn(2, 5, 6), torch.ones(2, 5, dtype=torch.bool)
    found = []
    for most in (2**26, 1):
        monkeypatch.setattr(attention_lstm, "MAX_NUMBERS", most)
        queries = torch.randn(2, 7, 4, generator=torch.Generator().manual_seed(1)).requires_grad_()
        context, _ = module(queries, module.keys(values), values, mask)
        module.zero_grad()
        context.square().sum().backward()
        found.append((context.detach(), queries.grad, module.score.weight.grad.clone()))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


def test_a_source_without_tokens() -> None:
    for attention in ("none", "luong", "bahdanau"):
        model = translator(attention=attention)
        ids = torch.zeros(2, 3, dtype=torch.long)
        ids[0] = token_ids(1, 3)
        outputs = model(ids, decoder_input_ids=token_ids(2, 2))
        assert bool(torch.isfinite(outputs.logits).all())
        alone = model(ids[:1], decoder_input_ids=token_ids(2, 2)[:1]).logits
        torch.testing.assert_close(outputs.logits[:1], alone, atol=1e-5, rtol=1e-5)
        nothing = model(ids[1:, :0], decoder_input_ids=token_ids(2, 2)[1:]).logits
        torch.testing.assert_close(nothing, outputs.logits[1:], atol=1e-5, rtol=1e-5)
        assert model.generate(ids[:, :0], max_new_tokens=3).shape[0] == 2


def test_the_loss_is_the_mean_over_the_predicted_tokens_smoothed_in_training_alone() -> None:
    model = translator(label_smoothing=0.1, attention="luong")
    source, labels = token_ids(2, 5), token_ids(2, 4, 1)
    labels[0, 2:] = -100
    inputs = model.prepare_decoder_input_ids_from_labels(labels)
    assert inputs[:, 0].tolist() == [1, 1] and torch.equal(inputs[1, 1:], labels[1, :-1])
    assert inputs[0].tolist() == [1, *labels[0, :2].tolist(), 0]
    outputs = model(source, labels=labels)
    usual = F.cross_entropy(outputs.logits.flatten(0, 1), labels.flatten())
    torch.testing.assert_close(outputs.loss, usual)
    smoothed = F.cross_entropy(outputs.logits.flatten(0, 1), labels.flatten(), label_smoothing=0.1)
    torch.testing.assert_close(model.train()(source, labels=labels).loss, smoothed)
    half = model(source, labels=labels, num_items_in_batch=torch.tensor(12)).loss
    torch.testing.assert_close(half, smoothed / 2)


@pytest.mark.parametrize(
    "changes", [{}, {"source_vocab_size": 31}, {"tie_word_embeddings": False}, {"cell_type": "gru"}]
)
def test_saved_and_opened_by_auto_classes(changes: dict[str, Any], tmp_path: Path) -> None:
    model = translator(**changes)
    tables = [model.encoder.model.word_embeddings.weight, model.decoder.word_embeddings.weight, model.lm_head.weight]
    is_tied, is_shared = changes.get("tie_word_embeddings", True), "source_vocab_size" not in changes
    assert (tables[1] is tables[2]) == is_tied and (tables[0] is tables[1]) == (is_tied and is_shared)
    model.save_pretrained(tmp_path)
    config = AutoConfig.from_pretrained(tmp_path)
    assert isinstance(config, LstmEncoderDecoderConfig) and config.source_vocab_size == model.config.source_vocab_size
    opened, report = AutoModelForSeq2SeqLM.from_pretrained(tmp_path, output_loading_info=True)
    assert isinstance(opened, LstmForConditionalGeneration) and not report["missing_keys"]
    assert isinstance(AutoModel.from_pretrained(tmp_path), LstmForConditionalGeneration)
    source = token_ids(2, 5)
    assert torch.equal(opened.generate(source, **FREE), model.generate(source, **FREE))
    names = {path.name for path in tmp_path.glob("*.py")}
    assert {"modeling_lstm_encoder_decoder.py", "pipeline_lstm.py", "attention_lstm.py"} <= names
    assert config.auto_map["AutoModel"] == config.auto_map["AutoModelForSeq2SeqLM"]


@pytest.mark.parametrize("attention", ["none", "luong", "bahdanau"])
def test_a_transformer_reads_for_the_decoder(attention: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    sizes = {"vocab_size": 31, "hidden_size": 12, "num_hidden_layers": 1, "num_attention_heads": 2}
    bert = BertModel(BertConfig(**sizes, intermediate_size=16)).eval()
    model = translator(attention=attention, encoder_config=bert.config.to_dict())
    model.encoder.model.load_state_dict(bert.state_dict())
    source, target = token_ids(2, 5), token_ids(2, 3, 1)
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    outputs = model(source, attention_mask=mask, decoder_input_ids=target)
    states = bert(source, attention_mask=mask).last_hidden_state * mask.unsqueeze(-1)
    torch.testing.assert_close(outputs.encoder_last_hidden_state, states)
    alone = model(source[1:, :3], attention_mask=mask[1:, :3], decoder_input_ids=target[1:]).logits
    torch.testing.assert_close(outputs.logits[1:], alone, atol=1e-5, rtol=1e-5)
    assert model.get_input_embeddings() is model.encoder.model.get_input_embeddings()
    model.save_pretrained(tmp_path)
    again = LstmForConditionalGeneration.from_pretrained(tmp_path)
    torch.testing.assert_close(again(source, attention_mask=mask, decoder_input_ids=target).logits, outputs.logits)


def test_a_transformer_has_the_type_of_the_whole_model(tmp_path: Path) -> None:
    sizes = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    stored = BertConfig(vocab_size=30, **sizes).to_dict() | {"dtype": "float32"}
    translator(encoder_config=stored).save_pretrained(tmp_path)
    model = LstmForConditionalGeneration.from_pretrained(tmp_path, dtype=torch.bfloat16)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.bfloat16}
    whole = translator(encoder_config=stored | {"dtype": "bfloat16"})
    assert {parameter.dtype for parameter in whole.parameters()} == {torch.float32}
    assert "dtype" not in whole.config.encoder_config, "so that it equals those of earlier checkpoints"


@pytest.mark.parametrize("attention", ["none", "luong"])
@pytest.mark.parametrize("cell_type", ["lstm", "gru"])
def test_gradient_checkpointing_changes_nothing(cell_type: str, attention: str) -> None:
    """The state with which the decoder begins has a gradient, too."""
    model = translator(attention=attention, cell_type=cell_type, num_hidden_layers=2).train()
    source, target = token_ids(2, 5), token_ids(2, 3, 1)
    expected = torch.autograd.grad(model(source, labels=target).loss, tuple(model.parameters()), allow_unused=True)
    for is_reentrant in (False, True):
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": is_reentrant})
        model.zero_grad()
        model(source, labels=target).loss.backward()
        for parameter, gradient in zip(model.parameters(), expected, strict=True):
            if gradient is not None:
                torch.testing.assert_close(parameter.grad, gradient)
        model.gradient_checkpointing_disable()


def test_the_trainer_of_the_library_and_its_collator(tmp_path: Path) -> None:
    """`Seq2SeqTrainer` as for the library's own models: loss, generation while it evaluates, a model that learns."""
    tokenizer = LstmTokenizer.train_reversible(["a b c d e f g h"] * 3, vocab_size=30, min_frequency=1)
    texts = [" ".join(letters) for letters in itertools.permutations("abcde", 3)]
    ids = tokenizer(texts)["input_ids"]
    rows = Dataset.from_dict({"input_ids": ids, "labels": [one[:-1][::-1] + one[-1:] for one in ids]})
    torch.manual_seed(0)
    ends = dict.fromkeys(("bos_token_id", "eos_token_id", "decoder_start_token_id"), tokenizer.eos_token_id)
    sizes = {"embedding_size": 16, "encoder_hidden_size": 16, "hidden_size": 32}
    model = LstmForConditionalGeneration(LstmEncoderDecoderConfig(vocab_size=len(tokenizer), **sizes, **ends))
    args = Seq2SeqTrainingArguments(
        output_dir=str(tmp_path),
        use_cpu=True,
        predict_with_generate=True,
        generation_max_length=8,
        generation_num_beams=2,
        per_device_train_batch_size=20,
        num_train_epochs=60,
        learning_rate=0.01,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )
    trainer = Seq2SeqTrainer(
        model=model, args=args, train_dataset=rows, data_collator=DataCollatorForSeq2Seq(tokenizer, model)
    )
    trainer.train()
    outcome = trainer.predict(rows)
    found = tokenizer.batch_decode(outcome.predictions.clip(min=0), skip_special_tokens=True)
    right = sum(text.split()[::-1] == one.split() for text, one in zip(texts, found, strict=True))
    assert right > 54 and outcome.metrics["test_loss"] < 0.5  # of 60


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"attention": "dot"}, "attention"),
        ({"output_dropout": 1.0}, "output_dropout must be at least 0 and below 1, found 1.0"),
        ({"hidden_size": 0}, "hidden_size must be at least 1, found 0"),
        ({"encoder_hidden_size": 0}, "hidden_size must be at least 1, found 0"),
        ({"word_dropout": -0.1}, "word_dropout must be at least 0 and below 1"),
        ({"encoder_config": {"hidden_size": 3}}, "must be the configuration of a Transformer"),
    ],
)
def test_a_configuration_that_cannot_be_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(StrictDataclassError) as caught:
        LstmEncoderDecoderConfig(**fields)
    assert message in f"{caught.value} {caught.value.__cause__}"


def test_inputs_that_say_too_little_are_refused() -> None:
    model = translator()
    with pytest.raises(ValueError, match="needs decoder_input_ids or labels"):
        model(token_ids(1, 3))
    with pytest.raises(ValueError, match="either input_ids or inputs_embeds, found neither"):
        model(decoder_input_ids=token_ids(1, 3))
    with pytest.raises(ValueError, match="The source has 1 rows, but the decoder's input has 2"):
        model(token_ids(1, 3), decoder_input_ids=token_ids(2, 3))
    config = copy.deepcopy(model.config)
    config.decoder_start_token_id = None
    with pytest.raises(ValueError, match="must have a decoder_start_token_id"):
        LstmForConditionalGeneration(config)(token_ids(1, 3), labels=token_ids(1, 3))


@pytest.mark.parametrize("changes", [{"num_hidden_layers": 2}, {"cell_type": "gru", "num_encoder_layers": 2}])
def test_hidden_states_of_both(changes: dict[str, Any]) -> None:
    model, source, target = translator(**changes), token_ids(2, 4), token_ids(2, 3, seed=1)
    found = model(source, decoder_input_ids=target, output_hidden_states=True)
    assert len(found.encoder_hidden_states) == 1 + model.config.num_encoder_layers
    assert len(found.decoder_hidden_states) == 1 + model.config.num_hidden_layers
    assert torch.equal(found.encoder_hidden_states[-1], found.encoder_last_hidden_state)
    assert torch.equal(found.decoder_hidden_states[0], model.decoder.word_embeddings(target))
    assert found.decoder_hidden_states[-1].shape == (2, 3, model.config.hidden_size)
    plain = model(source, decoder_input_ids=target)
    assert plain.encoder_hidden_states is None and plain.decoder_hidden_states is None
    settings = {"max_new_tokens": 2, "return_dict_in_generate": True, "output_hidden_states": True}
    for beams in (1, 2):
        steps = model.generate(source, num_beams=beams, **settings)
        torch.testing.assert_close(steps.encoder_hidden_states[-1][0], found.encoder_last_hidden_state[0])
        assert steps.decoder_hidden_states[0][-1].shape == (2 * beams, 1, model.config.hidden_size)


@pytest.mark.parametrize("beams", [1, 3])
def test_a_prompt_is_read_in_pieces(beams: int) -> None:
    model, source = translator(), token_ids(2, 4)
    prompt = torch.cat([torch.ones(2, 1, dtype=torch.long), token_ids(2, 4, seed=1)], dim=1)
    settings = {"decoder_input_ids": prompt, "max_new_tokens": 4, "num_beams": beams}
    expected = model.generate(source, **settings)
    assert torch.equal(model.generate(source, prefill_chunk_size=2, **settings), expected)
    begun = model(source, decoder_input_ids=prompt[:, :2], use_cache=True).past_key_values
    with pytest.raises(ValueError, match="prefill_chunk_size cannot be used with past_key_values"):
        model.generate(source, prefill_chunk_size=2, past_key_values=begun, **settings)


def test_word_vectors_in_place_of_the_tokens_of_the_target() -> None:
    model, source, target = translator(), token_ids(2, 4), token_ids(2, 3, seed=1)
    vectors = model.decoder.word_embeddings(target)
    found = model(source, decoder_inputs_embeds=vectors, labels=target)
    expected = model(source, decoder_input_ids=target, labels=target)
    torch.testing.assert_close((found.loss, found.logits), (expected.loss, expected.logits))
    with pytest.raises(ValueError, match="either decoder_input_ids or decoder_inputs_embeds, found both"):
        model(source, decoder_input_ids=target, decoder_inputs_embeds=vectors)


def test_what_another_model_gave_is_refused() -> None:
    model, ids = translator(), token_ids(1, 3)
    states = (torch.zeros(1, 3, 10),)
    for given in (states, BaseModelOutput(last_hidden_state=states[0])):
        with pytest.raises(ValueError, match=f"LstmSourceOutput .*found {type(given).__name__}"):
            model(encoder_outputs=given, decoder_input_ids=ids)
    for cache in (DynamicCache(), states):
        with pytest.raises(ValueError, match=f"must be the LstmCache .*found {type(cache).__name__}"):
            model(ids, decoder_input_ids=ids, past_key_values=cache)


def test_each_text_has_its_own_tokenizer(tmp_path: Path) -> None:
    """Where source and target share no vocabulary."""
    tokenizer, other = (
        LstmTokenizer.train_reversible(texts, vocab_size=30) for texts in (["tea bread"] * 3, ["té pan"] * 3)
    )
    tokenizer.target_tokenizer = other
    found = tokenizer(["tea"], text_target=["té pan té"], truncation=True, max_length=9, max_target_length=2)
    assert found["input_ids"] == tokenizer(["tea"])["input_ids"]
    assert found["labels"] == other(["té pan té"], truncation=True, max_length=2)["input_ids"]
    assert tokenizer(text_target="pan")["input_ids"] == other("pan")["input_ids"] != tokenizer("pan")["input_ids"]
    model = translator(vocab_size=len(other), source_vocab_size=len(tokenizer))
    model.save_pretrained(tmp_path)
    files = tokenizer.save_pretrained(tmp_path)
    assert str(tmp_path / "target_tokenizer" / "tokenizer.json") in files
    opened = AutoTokenizer.from_pretrained(tmp_path)
    opened.save_pretrained(tmp_path / "again")
    for one in (opened, AutoTokenizer.from_pretrained(tmp_path, subfolder="again")):
        assert one(text_target="pan").input_ids == other("pan").input_ids
    del opened.target_tokenizer
    opened.save_pretrained(tmp_path / "sources")
    assert opened(text_target="tea").input_ids == AutoTokenizer.from_pretrained(tmp_path / "sources")("tea").input_ids

    def translate() -> Any:
        return pipeline("translation", model=str(tmp_path), trust_remote_code=True)("tea", max_new_tokens=5)

    assert translate() == LstmTranslationPipeline(model=model, tokenizer=tokenizer)("tea", max_new_tokens=5)
    shutil.rmtree(tmp_path / "target_tokenizer")
    with pytest.raises(ValueError, match="has no folder target_tokenizer/ with a tokenizer"):
        translate()


def test_a_vocabulary_is_resized_where_both_texts_share_it(tmp_path: Path) -> None:
    model = translator()
    model.resize_token_embeddings(VOCABULARY + 4)
    model.save_pretrained(tmp_path)
    again = LstmForConditionalGeneration.from_pretrained(tmp_path)
    source = torch.full((1, 3), VOCABULARY + 3)
    assert again.config.vocab_size == VOCABULARY + 4
    torch.testing.assert_close(
        again(source, decoder_input_ids=source).logits, model(source, decoder_input_ids=source).logits
    )
    for changes in ({"tie_word_embeddings": False}, {"source_vocab_size": 31}):
        with pytest.raises(NotImplementedError, match="Only a vocabulary that source and target share"):
            translator(**changes).resize_token_embeddings(40)


@pytest.mark.parametrize("which", ["config", "input", "output"])
def test_weights_that_are_no_longer_tied_are_saved(which: str, tmp_path: Path) -> None:
    model = translator()
    replace_table(model, which)
    model.save_pretrained(tmp_path)
    opened, report = LstmForConditionalGeneration.from_pretrained(tmp_path, output_loading_info=True)
    source, target = token_ids(2, 5), token_ids(2, 3, 1)
    found, expected = (one(source, decoder_input_ids=target).logits for one in (opened, model))
    torch.testing.assert_close(found, expected)
    assert not report["missing_keys"]


def test_tables_that_are_not_tied_stay_apart() -> None:
    model = translator(tie_word_embeddings=False)
    before = model.decoder.word_embeddings
    model.set_input_embeddings(torch.nn.Embedding(9, model.config.embedding_size))
    assert model.decoder.word_embeddings is before


def test_generate_takes_the_mask_of_the_decoder() -> None:
    model, ids = translator(), torch.tensor([[3, 4, 5]])
    begun = torch.tensor([[model.config.decoder_start_token_id, 6]])
    found = model.generate(
        ids, decoder_input_ids=begun, decoder_attention_mask=torch.ones_like(begun), max_new_tokens=3, do_sample=False
    )
    assert torch.equal(found, model.generate(ids, decoder_input_ids=begun, max_new_tokens=3, do_sample=False))


def test_padding_of_the_target_stands_to_the_right() -> None:
    model = translator()
    source, target = torch.tensor([[5, 6, 7]]), torch.tensor([[3, 4, 5, 0, 0]])
    mask = torch.tensor([[1, 1, 1, 0, 0]])
    padded = model(source, decoder_input_ids=target, decoder_attention_mask=mask).logits
    torch.testing.assert_close(padded[:, :3], model(source, decoder_input_ids=target[:, :3]).logits)
    with pytest.raises(ValueError, match="pad the decoder's input on the right"):
        model(source, decoder_input_ids=target.flip(1), decoder_attention_mask=mask.flip(1))


def test_padding_of_the_labels_stands_to_the_right() -> None:
    model, source, labels = translator(), torch.tensor([[5, 6, 7]]), torch.tensor([[3, 4, -100, -100]])
    assert model(source, labels=labels).loss.isfinite()
    with pytest.raises(ValueError, match=r"labels have padding \(-100\) before a token: pad them on the right"):
        model(source, labels=labels.flip(1))


def test_generation_goes_on_from_a_state_of_the_decoder() -> None:
    model, source, begun = translator(), token_ids(2, 5), torch.tensor([[1, 6, 7], [1, 8, 9]])
    expected = model.generate(source, decoder_input_ids=begun, **FREE)
    for read in (1, 2):
        state = model(source, decoder_input_ids=begun[:, :read]).past_key_values
        assert torch.equal(model.generate(source, decoder_input_ids=begun, past_key_values=state, **FREE), expected)
    state = model(source, decoder_input_ids=begun).past_key_values
    with pytest.raises(ValueError, match="has read 3 tokens, and the input has 3: pass all tokens so far"):
        model.generate(source, decoder_input_ids=begun, past_key_values=state, **FREE)


def test_labels_have_the_shape_of_the_target() -> None:
    torch.manual_seed(0)
    model = translator().eval()
    source, labels = token_ids(2, 5), token_ids(2, 4, 1)
    inputs = model.prepare_decoder_input_ids_from_labels(labels)
    with pytest.raises(ValueError, match=r"labels must have the shape \(2, 4\) of the target, found \(4, 2\)"):
        model(source, decoder_input_ids=inputs, labels=labels.T)
    assert torch.equal(model(source, labels=labels.int()).loss, model(source, labels=labels).loss)


def test_prompts_of_several_lengths_are_continued_as_alone() -> None:
    model, source = translator(), token_ids(2, 5)
    prompts = [torch.tensor([1, 6, 7]), torch.tensor([1, 8])]
    padded = torch.stack([F.pad(one, (0, 3 - len(one))) for one in prompts])
    mask = torch.stack([F.pad(torch.ones_like(one), (0, 3 - len(one))) for one in prompts])
    begun = model(source, decoder_input_ids=padded, decoder_attention_mask=mask)
    found = model.generate(source, decoder_input_ids=padded, decoder_attention_mask=mask, **FREE)
    more = torch.tensor([[3, 4], [5, 9]])
    after = model(source, decoder_input_ids=more, past_key_values=begun.past_key_values)
    for row, prompt in enumerate(prompts):
        alone = model.generate(source[row : row + 1], decoder_input_ids=prompt[None], **FREE)
        assert torch.equal(found[row, 3:], alone[0, len(prompt) :])
        whole = torch.cat([prompt, more[row]])[None]
        expected = model(source[row : row + 1], decoder_input_ids=whole).logits
        torch.testing.assert_close(after.logits[row], expected[0, -2:])
        torch.testing.assert_close(begun.logits[row, -1], expected[0, len(prompt) - 1])
    with pytest.raises(ValueError, match=r"decoder_attention_mask must have the shape \(batch, target\) = \(2, 3\)"):
        model(source, decoder_input_ids=padded, decoder_attention_mask=mask[:, :2])


def test_the_padding_token_of_the_tokenizer_counts_in_both_parts() -> None:
    """`Trainer` writes it into the configuration of the whole model."""
    model = translator(source_vocab_size=VOCABULARY).train()
    model.config.pad_token_id = 1
    source, target = torch.tensor([[0, 5, 1]]), torch.tensor([[0, 6]])
    assert model.encoder(source).mask.tolist() == [[True, True, False]]
    model(source, decoder_input_ids=target, labels=target).loss.backward()
    for table in (model.encoder.model.word_embeddings, model.decoder.word_embeddings):
        assert table.weight.grad is not None and table.weight.grad[0].abs().sum() > 0


def test_a_state_that_is_passed_is_written_in_training_too() -> None:
    model, source, target = translator().train(), token_ids(1, 4), token_ids(1, 6, 1)
    state = LstmCache(model.config.num_hidden_layers).detach()
    for part in target.split(3, dim=1):
        model(source, decoder_input_ids=part, labels=part, past_key_values=state).loss.backward()
        state.detach()
    assert state.get_seq_length() == 6
    assert model.eval()(source, labels=target).past_key_values is None


def test_an_encoder_decoder_is_no_encoder() -> None:
    with pytest.raises(StrictDataclassError, match="must be the configuration of an encoder; t5 is an encoder-decoder"):
        LstmEncoderDecoderConfig(encoder_config=T5Config().to_dict())
