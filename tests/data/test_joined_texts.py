"""Texts that are classified together: `[SEP]` between them is a token, and other tokenizers mark pairs in their way."""

from pathlib import Path

import numpy as np
import pytest
import torch
from datasets import Dataset
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import AutoTokenizer, BertConfig, BertModel, PreTrainedTokenizerFast, pipeline

from modeling_lstm import LstmTokenizer
from modeling_lstm.data.arguments import TokenizerArguments
from modeling_lstm.data.tokenization import build_tokenizer, tokenize
from modeling_lstm.explanation.attribution import encode
from modeling_lstm.explanation.explainer import explain
from modeling_lstm.explanation.tracing import trace
from modeling_lstm.inference.torch_backend import torch_classifier
from modeling_lstm.models import tokenization_lstm
from modeling_lstm.models.text_classifier import JOINT, TextClassifier, prepare_texts
from modeling_lstm.models.tokenization_lstm import SEPARATOR
from modeling_lstm.vectors.token_table import TokenTable
from modeling_lstm.vectors.word_sources import open_vectors
from tests.conftest import tiny_model

ALGORITHMS = ("word", "bpe", "wordpiece", "unigram")
TEXTS = ["A film [SEP] it isn't good", "the film was good [SEP] a film", "电影好看 [SEP] 电影 &amp; film"]
WORDS = ["a", "film", "it", "is", "good", "sep", "[", "]"]


def roberta() -> Tokenizer:
    """A tokenizer with RoBERTa's marks: `<s> A </s></s> B </s>`."""
    names = ["<s>", "<pad>", "</s>", "<unk>", *WORDS]
    backend = Tokenizer(models.WordLevel({word: n for n, word in enumerate(names)}, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    backend.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>"])
    backend.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    return backend


def bert() -> Tokenizer:
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS]
    backend = Tokenizer(models.WordPiece({word: n for n, word in enumerate(names)}, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
    backend.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return backend


def classifier(backend: Tokenizer, max_length: int | None = None) -> tuple[TextClassifier, list[list[int]]]:
    """A classifier that notes which token numbers it is given."""
    seen: list[list[int]] = []

    def logits(input_ids: np.ndarray, attention_mask: np.ndarray) -> np.ndarray:
        seen.extend(ids[: mask.sum()].tolist() for ids, mask in zip(input_ids, attention_mask, strict=True))
        return np.zeros((len(input_ids), 2), dtype=np.float32)

    return TextClassifier(logits, backend, {"id2label": {"0": "a", "1": "b"}}, max_length), seen


def numbers(backend: Tokenizer, text: str, max_length: int = 512) -> list[int]:
    """What `raw_scores` and `tokenize` make of a text: the same."""
    served, seen = classifier(backend, max_length)
    served.raw_scores([text])
    special = {"unk_token": "[UNK]" if backend.token_to_id("[UNK]") else "<unk>"}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, **special)
    rows = tokenize(Dataset.from_dict({"text": [text], "label": [0]}), "test", tokenizer, max_length).rows
    assert rows["input_ids"][0] == seen[0]
    return seen[0]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_pair_is_what_the_joined_text_is(tmp_path: Path, algorithm: str) -> None:
    tokenizer = LstmTokenizer.train([TEXTS] * 3, algorithm=algorithm, vocab_size=90, separator=True)  # type: ignore[arg-type]
    assert (tokenizer.sep_token, tokenizer.sep_token_id) == (SEPARATOR, 2)
    assert not {"sep", "[", "sep</w>", "▁sep"} & tokenizer.get_vocab().keys()
    tokenizer.save_pretrained(tmp_path)
    for one in (tokenizer, LstmTokenizer.from_pretrained(tmp_path), AutoTokenizer.from_pretrained(tmp_path)):
        assert one.sep_token_id == 2
        for text in TEXTS:
            joined = one(text).input_ids
            assert one(*text.split(JOINT)).input_ids == joined and joined.count(2) == 1
            assert numbers(one.backend_tokenizer, text) == joined


def test_an_empty_second_text_is_read_as_in_training() -> None:
    """Also by tokenizers that make tokens of a blank."""
    backend = Tokenizer(models.WordLevel({"[PAD]": 0, "[UNK]": 1, " ": 2, "film": 3, "a": 4}, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Split(" ", "isolated")
    tokenizer = LstmTokenizer.adopt(backend, "[PAD]", "[UNK]", separator=True)
    expected = numbers(tokenizer.backend_tokenizer, "a film [SEP] ")
    assert expected == [4, 2, 3, tokenizer.sep_token_id]
    for found in (tokenizer("a film [SEP] "), tokenizer("a film", "")):
        assert found["input_ids"] == expected and found["attention_mask"] == [1] * 4 and found.word_ids()
    assert tokenizer(["a film [SEP] ", "a"])["input_ids"] == [expected, [4]]
    assert tokenizer("a film [SEP] ", return_tensors="pt")["input_ids"].tolist() == [expected]
    assert encode(tokenizer, "a film [SEP] ").input_ids[0].tolist() == expected
    assert len(tokenizer("a film", "", return_offsets_mapping=True)["offset_mapping"]) == 4


def test_without_a_separator_nothing_changes() -> None:
    tokenizer = LstmTokenizer.train(TEXTS, min_frequency=1)
    described = tokenizer.backend_tokenizer.to_str()
    assert tokenizer.sep_token is None and SEPARATOR not in described
    assert tokenizer.convert_ids_to_tokens(tokenizer("film [SEP] good").input_ids) == ["film", "[", "sep", "]", "good"]
    # one text, whoever reads it: the pipeline and explain call the tokenizer itself
    for one in (tokenizer, LstmTokenizer.adopt(bert(), "[PAD]", "[UNK]"), LstmTokenizer.train_reversible(TEXTS)):
        text = "the film [SEP] it is good"
        assert numbers(one.backend_tokenizer, text) == one(text).input_ids


def test_transformers_get_pairs_in_their_way() -> None:
    assert JOINT == tokenization_lstm.JOINT == f" {SEPARATOR} "
    assert numbers(bert(), "a film [SEP] it is") == bert().encode("a film", "it is").ids == [2, 4, 5, 3, 6, 7, 3]
    assert numbers(roberta(), "a film [SEP] it is") == roberta().encode("a film", "it is").ids
    assert numbers(roberta(), "a [SEP] it") == [0, 4, 2, 2, 6, 2]
    assert numbers(bert(), "a film") == [2, 4, 5, 3]  # one text stays one
    assert numbers(roberta(), " [SEP] ") == [0, 2, 2, 2]  # two empty texts
    assert numbers(bert(), "a [SEP] it [SEP] film") == [2, 4, 3, 6, 3, 5, 3]  # three
    assert prepare_texts(["a", "a [SEP] it"], roberta()) == ["a", ("a", "it")]


@pytest.mark.parametrize("second", ["good film", "it is good it is good", "a &amp; film [SEP] it is", ""])
@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("limit", [3, 4, 6, 512])
def test_both_texts_of_a_long_pair_are_cut_in_every_way_to_give_them(second: str, side: str, limit: int) -> None:
    tokenizer = LstmTokenizer.from_words(WORDS, separator=True, model_max_length=limit)
    tokenizer.truncation_side = side
    first, settings = "a film it is", {"truncation": True, "return_offsets_mapping": True}
    whole = f"{first} [SEP] {second}"
    pair, joined = tokenizer(first, second, **settings), tokenizer(whole, **settings)
    expected = pair.input_ids
    assert len(expected) == min(limit, len(tokenizer(whole).input_ids))
    assert 2 in expected and expected[0] != 2 and (expected[-1] == 2) == (second == "")  # something of each
    listed = tokenizer(["a", whole], truncation=True).input_ids
    assert joined.input_ids == listed[1] == tokenizer([(first, second)], truncation=True).input_ids[0] == expected
    assert side == "left" or numbers(tokenizer.backend_tokenizer, whole, limit) == expected
    assert tokenizer.encode(whole, truncation=True) == tokenizer.encode(first, second, truncation=True) == expected
    assert tokenizer.encode(whole, truncation=True, return_tensors="pt").tolist() == [expected]
    assert [whole[slice(*place)] for place in joined.offset_mapping] == [
        "&amp;" if word == "[UNK]" else word for word in tokenizer.convert_ids_to_tokens(expected)
    ]


def test_transformers_cut_both_texts_of_a_pair() -> None:
    assert numbers(roberta(), "a film it is good [SEP] it is", 8) == roberta().encode("a film", "it is").ids


def test_statistics_of_pairs() -> None:
    rows = Dataset.from_dict(
        {"text": [" [SEP] ", "a [SEP] ", " [SEP]  [SEP] ", "x film a [SEP] it is"], "label": [0] * 4}
    )
    for tokenizer, own in (
        (LstmTokenizer.from_words(WORDS, separator=True), [1, 2, 2, 6]),
        (PreTrainedTokenizerFast(tokenizer_object=bert(), unk_token="[UNK]", sep_token="[SEP]"), [3, 4, 4, 8]),
    ):
        found = tokenize(rows, "test", tokenizer, max(own) - 1).statistics
        assert found["empty"] == 2 and found["truncated"] == 1
        assert found["tokens_per_row"] == sum(own) / 4
        assert found["rows_out_of_vocabulary"] == 1


@pytest.mark.parametrize("kind", ["end", "mask"])
def test_a_language_model_reads_the_separator(kind: str) -> None:
    tokenizer = LstmTokenizer.train([WORDS], min_frequency=1, separator=True, **{kind: True})
    words = ["a", "film", "[SEP]", "it", "is"]
    framed = ["[EOS]", *words, *["[EOS]"] * (kind == "mask")]
    settings = {"truncation": True, "return_offsets_mapping": True}
    for found in (tokenizer("a film [SEP] it is", **settings), tokenizer("a film", "it is")):
        assert tokenizer.convert_ids_to_tokens(found.input_ids) == framed
    assert numbers(tokenizer.backend_tokenizer, "a film [SEP] it is") == found.input_ids
    rows = Dataset.from_dict({"text": ["a film [SEP] it is"], "label": [0]})
    for is_whole, expected in ((False, words), (True, framed)):
        (ids,) = tokenize(rows, "train", tokenizer, 99, is_whole=is_whole).rows["input_ids"]
        assert tokenizer.convert_ids_to_tokens(ids) == expected


def test_an_explanation_is_of_what_is_classified() -> None:
    """Also with the tokenizer of a language model of single texts, in which another token stands between two."""
    whole = "a film [SEP] it is good"
    for marks in ({"end": True}, {"mask": True}, {"separator": True}, {"separator": True, "end": True}, {}):
        tokenizer = LstmTokenizer.train([WORDS], min_frequency=1, **marks)
        text = encode(tokenizer, whole)
        assert text.input_ids[0].tolist() == numbers(tokenizer.backend_tokenizer, whole)
        for word, (begin, end) in zip(text.words, text.char_spans, strict=True):
            assert whole[begin:end] in (word, "") or (word, whole[begin:end]) == ("[EOS]", "[SEP]")
        assert [word for word in text.words if word.isalpha() and word != "SEP"] == ["a", "film", "it", "is", "good"]
        model = tiny_model(vocab_size=len(tokenizer))
        assert trace((model, tokenizer), whole).words == text.words
        found = explain((model, tokenizer), whole)
        ours = torch_classifier(model, tokenizer).scores([whole])[0]
        assert np.allclose(found.probabilities[-1], ours, atol=1e-6)


def test_texts_that_were_joined_beforehand_get_the_token_too() -> None:
    for texts, expected in ((["a film [SEP] it is"] * 2, 2), (["a film, [sep] it is"] * 2, None)):
        rows = Dataset.from_dict({"text": texts})
        assert build_tokenizer(TokenizerArguments(), rows, 9).sep_token_id == expected
    assert build_tokenizer(TokenizerArguments(), rows, 9, has_pairs=True).sep_token_id == 2


def test_the_pipeline_takes_pairs() -> None:
    tokenizer = LstmTokenizer.from_words(WORDS, separator=True)
    model = tiny_model(vocab_size=len(tokenizer))
    classify = pipeline("text-classification", model=model, tokenizer=tokenizer, top_k=None)
    found = classify({"text": "a film", "text_pair": "it is good"})
    ours = torch_classifier(model, tokenizer).scores(["a film [SEP] it is good"])[0]
    theirs = {one["label"]: one["score"] for one in found}
    assert np.allclose([theirs[model.config.id2label[n]] for n in range(3)], ours, atol=1e-6)


def transformer(folder: Path, backend: Tokenizer, **special: str) -> TokenTable:
    """The embeddings of a tiny Transformer with `[SEP]` between texts."""
    PreTrainedTokenizerFast(tokenizer_object=backend, **special).save_pretrained(folder)
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8}
    torch.manual_seed(0)
    # more rows than tokens, as Transformers have them for the speed
    BertModel(BertConfig(vocab_size=backend.get_vocab_size() + 5, **sizes)).save_pretrained(folder)
    table = open_vectors(f"transformer:{folder}", separator=True)
    assert isinstance(table, TokenTable)
    return table


def test_vectors_of_transformers_keep_that_of_their_separator(tmp_path: Path) -> None:
    marks = {"pad_token": "<pad>", "unk_token": "<unk>", "sep_token": "</s>"}
    table = transformer(tmp_path / "roberta", roberta(), **marks)
    place = table.tokenizer.sep_token_id
    assert place == roberta().get_vocab_size() and len(table.tokenizer) == len(table.vectors) == place + 1
    assert np.array_equal(table.vectors[place], table.vectors[2]) and table.vectors[place].any()
    own = transformer(tmp_path / "bert", bert(), pad_token="[PAD]", unk_token="[UNK]", sep_token="[SEP]")
    assert own.tokenizer.sep_token_id == 3 and len(own.tokenizer) == bert().get_vocab_size()
    for one in (table, own):
        trimmed = one.trim([["a film [SEP] it is"]], 1)
        for tokenizer, vectors in ((one.tokenizer, one.vectors), (trimmed.tokenizer, trimmed.vectors)):
            found = tokenizer("a film", "it is").input_ids
            assert found == tokenizer("a film [SEP] it is").input_ids
            assert tokenizer.convert_ids_to_tokens(found) == ["a", "film", "[SEP]", "it", "is"]
            assert np.array_equal(vectors[tokenizer.sep_token_id], one.vectors[one.tokenizer.sep_token_id])
        assert len(trimmed.tokenizer) < len(one.tokenizer)


def test_a_separator_without_a_vector_starts_at_zero(tmp_path: Path) -> None:
    backend = roberta()
    table = transformer(tmp_path, backend, pad_token="<pad>", unk_token="<unk>")
    assert not table.vectors[table.tokenizer.sep_token_id].any()
