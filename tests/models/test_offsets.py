"""Offsets that cover the text as it was given: whole words in explanations, and texts of which only one is changed."""

import copy
import itertools
import pickle
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from datasets.fingerprint import Hasher
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from modeling_lstm import LstmTokenizer
from modeling_lstm.demo.answers import ClassifierPage
from modeling_lstm.demo.app import move_word
from modeling_lstm.explanation.attribution import encode
from modeling_lstm.explanation.tracing import trace
from modeling_lstm.models.offsets import tile
from tests.conftest import tiny_model

TEXTS = ["hello @bob nice film was great", "café fish &amp; chips can't http://a.b/c !!! 100km"] * 4
WHOLE = {
    "hello @bob nice": ["hello", "@bob", "nice"],
    "(@bob_2)": ["(", "@bob_2", ")"],
    "@a's": ["@a", "'s"],
    "see HTTPS://a.b/c?d=e now": ["see", "HTTPS://a.b/c?d=e", "now"],
    "www.a.b/c": ["www.a.b/c"],
    "a &amp; b": ["a", "&amp;", "b"],
    "fish&amp;chips": ["fish", "&amp;", "chips"],
    "&eacute;t&#233; x": ["&eacute;t&#233;", "x"],
    "can&#39;t &quot;go&quot;": ["ca", "n&#39;t", "&quot;", "go", "&quot;"],
    "&amp;eacute; x": ["&amp;eacute;", "x"],
    "\\u00e9t\\u00c9 x": ["\\u00e9t\\u00c9", "x"],
    "cafe\u0301 x": ["cafe\u0301", "x"],
    "x cafe\u0301": ["x", "cafe\u0301"],
    "\u1112\u1161\u11ab\u1100\u1173\u11af !": ["\u1112\u1161\u11ab\u1100\u1173\u11af", "!"],
    "e\u0301\u0323, &amp;": ["e\u0301\u0323", ",", "&amp;"],
    "good.<br /><br />bad": ["good", ".", "<br /><br />bad"],
    "good <br/>": ["good <br/>"],
    "wow!!!!!! ....... ok": ["wow", "!!!!!!", ".......", "ok"],
    "\u201chi\u201d \u2014 it\u2019s\u2026": ["\u201c", "hi", "\u201d", "\u2014", "it", "\u2019s", "\u2026"],
    "a ''b''": ["a", "''", "b", "''"],
    "😀👍🏽 \U0001f469\u200d\U0001f4bb x": ["😀", "👍🏽", "\U0001f469\u200d\U0001f4bb", "x"],
    "  a \n\t b\u00a0&nbsp;c ": ["a", "b", "&nbsp;c"],
    "\\ud83d\\ude00 ok": ["\\ud83d\\ude00 ok"],
}
PARTS = ["@bob", "http://a.b", "&amp;", "&eacute;", "&#233;", "\\u00e9", "e\u0301", "\u1100\u1161\u11a8", "<br />"]
PARTS += [
    "😀",
    "!!!!!!",
    "\u201c",
    "\u2014",
    "\u2026",
    "''",
    "can't",
    " ",
    "\n",
    "\u00a0",
    "ab",
    ".",
    "\u0301",
    "\\u1234",
]
PARTS += ["3.5", ":)", "ﬁ", "½", "\x85", "\x1f"]
ANY = st.lists(st.sampled_from(PARTS) | st.text(max_size=3), max_size=8).map("".join)


def made(algorithm: str = "word", lowercase: bool = True) -> LstmTokenizer:
    return LstmTokenizer.train(TEXTS, min_frequency=1, algorithm=algorithm, vocab_size=90, lowercase=lowercase)


TOKENIZERS = {name: made(name) for name in ("word", "bpe", "wordpiece", "unigram")}


@pytest.mark.parametrize("algorithm", TOKENIZERS)
@pytest.mark.parametrize("text", WHOLE)
def test_words_are_whole(text: str, algorithm: str) -> None:
    found = encode(TOKENIZERS[algorithm], text)
    assert found.words == WHOLE[text]
    assert found.token_spans[0][0] == 0 and found.token_spans[-1][1] == found.input_ids.shape[1]
    assert all(before[1] == after[0] for before, after in itertools.pairwise(found.token_spans))


@settings(max_examples=300, deadline=None)
@given(ANY, st.sampled_from(list(TOKENIZERS)))
@example("\u0301&amp;", "word")
def test_every_character_that_is_not_white_space_belongs_to_one_word(text: str, algorithm: str) -> None:
    tokenizer = TOKENIZERS[algorithm]
    offsets = tokenizer(text, return_offsets_mapping=True)["offset_mapping"]
    plain = tokenizer(text)["input_ids"]
    assert len(offsets) == len(plain)
    if not plain:
        return
    found = encode(tokenizer, text)
    covered = np.zeros(len(text), dtype=int)
    for (begin, end), word in zip(found.char_spans, found.words, strict=True):
        covered[begin:end] += 1
        assert text[begin:end] == word != ""
        assert word[0] in "\x1c\x1d\x1e\x1f" or not word[0].isspace()  # these are none to Unicode
    assert [text[place] for place in np.flatnonzero(covered == 0) if not text[place].isspace()] == []
    assert covered.max() == 1 and found.input_ids[0].tolist() == plain


def test_what_was_cut_off_is_no_part_of_a_word() -> None:
    text = "a @bob www.x.y <br />b &amp; caf&eacute; <br />"
    whole = ["a", "@bob", "www.x.y", "<br />b", "&amp;", "caf&eacute; <br />"]
    for side in ("right", "left"):
        tokenizer = made()
        tokenizer.truncation_side = side
        for kept in range(1, len(whole) + 1):
            tokenizer.model_max_length = kept
            assert encode(tokenizer, text).words == (whole[:kept] if side == "right" else whole[-kept:])


def test_batches_pairs_and_tensors() -> None:
    tokenizer = TOKENIZERS["word"]
    texts = ["@bob a", "x", "a &amp; www.b.c"]
    found = tokenizer(texts, padding=True, return_offsets_mapping=True, return_tensors="pt")
    assert isinstance(found["offset_mapping"], torch.Tensor) and found["offset_mapping"].shape == (3, 3, 2)
    assert found["offset_mapping"].tolist() == [
        [[0, 4], [5, 6], [0, 0]],
        [[0, 1], [0, 0], [0, 0]],
        [[0, 1], [2, 7], [8, 15]],
    ]
    assert [tokenizer(text, return_offsets_mapping=True)["offset_mapping"] for text in texts] == [
        [tuple(one) for one in row if one != [0, 0]] for row in found["offset_mapping"].tolist()
    ]
    expected = [(0, 1), (0, 4), (5, 6)]
    assert tokenizer("x", "@bob a", return_offsets_mapping=True)["offset_mapping"] == expected
    assert tokenizer([("x", "@bob a")], return_offsets_mapping=True)["offset_mapping"] == [expected]
    assert "offset_mapping" not in tokenizer("@bob")
    one = tokenizer("@bob a", return_offsets_mapping=True, return_tensors="np")
    assert one["input_ids"].shape == (1, 2) and one["offset_mapping"].tolist() == [[[0, 4], [5, 6]]]
    assert tokenizer(text_target="@bob a", return_offsets_mapping=True)["offset_mapping"] == [(0, 4), (5, 6)]
    assert tokenizer("a", text_target="@bob", return_offsets_mapping=True)["offset_mapping"] == [(0, 1)]


@pytest.mark.parametrize("algorithm", TOKENIZERS)
@pytest.mark.parametrize("side", ["right", "left"])
def test_overlapping_parts_have_the_offsets_of_the_whole(algorithm: str, side: str) -> None:
    tokenizer = made(algorithm)
    tokenizer.truncation_side = side
    texts = ["a @bob www.x.y &amp; caf&eacute; \u00bd <br />b", "", "@bob", "&amp; &amp; &amp; &amp; a"]
    settings = {"truncation": True, "return_overflowing_tokens": True, "return_offsets_mapping": True}
    wholes = tokenizer(texts, return_offsets_mapping=True)
    found = tokenizer(texts, max_length=4, stride=1, **settings)
    for number, offsets, ids in zip(
        found["overflow_to_sample_mapping"], found["offset_mapping"], found["input_ids"], strict=True
    ):
        known = zip(wholes["input_ids"][number], wholes["offset_mapping"][number], strict=True)
        assert set(zip(ids, offsets, strict=True)) <= set(known)
    alone = tokenizer(texts[0], max_length=4, stride=1, **settings)["offset_mapping"]
    assert alone == found["offset_mapping"][: len(alone)] and len(alone) > 1
    pairs = tokenizer(texts[0], texts[3], max_length=6, return_tensors="np", padding=True, **settings)
    places = {tuple(one) for part in pairs["offset_mapping"].tolist() for one in part}
    assert places <= {*wholes["offset_mapping"][0], *wholes["offset_mapping"][3], (0, 0)}


@pytest.mark.parametrize("algorithm", TOKENIZERS)
def test_offsets_of_words_begin_with_each_word(algorithm: str) -> None:
    tokenizer = TOKENIZERS[algorithm]
    words = ["@bob", "www.x.y", "", "&amp;", "a.b", "caf&eacute;"]
    settings = {"is_split_into_words": True, "return_offsets_mapping": True}
    expected = [one for word in words for one in tokenizer(word, return_offsets_mapping=True)["offset_mapping"]]
    first = tokenizer(["@bob"], **settings)["offset_mapping"]
    assert tokenizer(words, **settings)["offset_mapping"] == expected
    assert tokenizer([words, ["@bob"]], **settings)["offset_mapping"] == [expected, first]
    assert tokenizer(["@bob"], words, **settings)["offset_mapping"] == [*first, *expected]
    assert tokenizer([(["@bob"], words)], **settings)["offset_mapping"] == [[*first, *expected]]
    assert tokenizer(words, truncation=True, max_length=2, **settings)["offset_mapping"] == expected[:2]


def test_threads_share_a_tokenizer() -> None:
    """Whose truncation none of them takes away from the others."""
    tokenizer, texts = made(), ["a @bob www.x.y &amp; b " * 50] * 8
    cut: dict[str, Any] = {"truncation": True, "max_length": 3, "return_offsets_mapping": True}
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: tokenizer(texts, **cut)["offset_mapping"], range(60)))
    assert all(offsets == [[(0, 1), (2, 6), (7, 14)]] * 8 for offsets in found)


def test_offsets_do_not_change_the_fingerprint() -> None:
    """By which `datasets` finds rows in its cache that the tokenizer has encoded before."""
    tokenizer = made()
    before = Hasher.hash(tokenizer)
    tokenizer("a @bob", return_offsets_mapping=True)
    assert Hasher.hash(tokenizer) == before


def test_tokens_that_are_added_have_offsets() -> None:
    tokenizer = made()
    settings: dict[str, Any] = {"return_offsets_mapping": True}
    assert tokenizer("a x-y @bob", **settings)["offset_mapping"] == [(0, 1), (2, 3), (3, 4), (4, 5), (6, 10)]
    size = len(pickle.dumps(made()))
    tokenizer.add_tokens(["x-y"])
    expected = [(0, 1), (2, 5), (6, 10)]
    for one in (tokenizer, copy.deepcopy(tokenizer), pickle.loads(pickle.dumps(tokenizer))):
        assert one("a x-y @bob", **settings)["offset_mapping"] == expected
    assert len(pickle.dumps(tokenizer)) < 1.5 * size, "what offsets need is made anew"
    marked = LstmTokenizer.train(TEXTS, min_frequency=1, separator=True)
    for splits, expected in ((False, [(0, 1), (2, 7)]), (True, [(0, 1), (2, 3), (3, 6), (6, 7)])):
        assert marked("a [SEP]", split_special_tokens=splits, **settings)["offset_mapping"] == expected
    marker = marked.sep_token_id
    assert marker in marked("a [SEP] b")["input_ids"]
    assert marker not in marked("a [SEP] b", split_special_tokens=True)["input_ids"]
    marked.split_special_tokens = True
    assert marker not in marked("a [SEP] b")["input_ids"]


def byte_level() -> LstmTokenizer:
    """GPT-2's kind: a token holds the blank before its word, and a letter may have several tokens."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=280, special_tokens=["[PAD]"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    backend.train_from_iterator(["the movie was bad , it was great"] * 9, trainer)
    return LstmTokenizer.adopt(backend, "[PAD]", None)


def whole_text() -> LstmTokenizer:
    """Llama's kind: no blank separates words before the vocabulary is applied."""
    letters = ["[PAD]", "<unk>", "▁", *"abcdefghijklmnopqrstuvwxyz\u0301"]
    vocabulary = {one: number for number, one in enumerate(letters)}
    backend = Tokenizer(models.BPE(vocabulary, [], unk_token="<unk>"))
    backend.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    return LstmTokenizer.adopt(backend, "[PAD]", "<unk>")


@pytest.mark.parametrize("make", [byte_level, whole_text])
@pytest.mark.parametrize("text", ["it was bad and great", "cafe\u0301 great", " e\u0301 a\u0301  bad "])
def test_words_of_adopted_tokenizers_are_whole_and_hold_no_blanks(make: Callable[[], LstmTokenizer], text: str) -> None:
    tokenizer = make()
    found = encode(tokenizer, text)
    assert found.words == text.split()
    for word, (first, last) in zip(found.words, found.token_spans, strict=True):
        pieces = tokenizer.convert_ids_to_tokens(found.input_ids[0, first:last].tolist())
        whole = decoders.ByteLevel().decode(pieces) if make is byte_level else "".join(pieces).strip("▁")
        assert whole.strip() == unicodedata.normalize("NFC", word) or "<unk>" in whole, "with all its tokens"
    answers: Any = SimpleNamespace(encode=partial(encode, tokenizer))
    for number in range(len(text.split())):
        rest = [word for place, word in enumerate(text.split()) if place != number]
        assert move_word(answers, text, number, "Leave out").split() == rest
    assert move_word(answers, "it was bad", 1, "Leave out") == "it bad"


def test_words_of_two_texts_are_left_out_and_moved() -> None:
    tokenizer = LstmTokenizer.train(["login now great movie"] * 2, min_frequency=1, separator=True)
    answers: Any = SimpleNamespace(encode=partial(encode, tokenizer))
    text = "login now [SEP] great movie"
    assert encode(tokenizer, text).words == text.split()
    assert move_word(answers, text, 0, "Leave out") == "now [SEP] great movie"
    assert move_word(answers, text, 4, "Move left") == "login now [SEP] movie great"
    assert move_word(answers, text, 1, "Move right") == "login [SEP] now great movie"
    assert encode(tokenizer, " [SEP] great").char_spans == [(1, 6), (7, 12)]
    assert encode(tokenizer, "login [SEP] ").char_spans == [(0, 5), (6, 11)]


def test_pieces_of_a_replaced_word_share_it_out() -> None:
    """As a masker that joins the texts of the tokens needs it."""
    tokenizer = TOKENIZERS["bpe"]
    text = "hello @bob &amp; caf&eacute;s"
    offsets = tokenizer(text, return_offsets_mapping=True)["offset_mapping"]
    parts = [text[begin : max(end, after)] for (begin, end), (after, _) in itertools.pairwise(offsets)]
    assert "".join(parts) + text[slice(*offsets[-1])] == text


def test_tiles_by_hand() -> None:
    assert tile("ab  c", [(0, 1), (4, 5)]) == [(0, 1), (1, 5)]
    assert tile(" a ", []) == [] and tile(" a\n", [(1, 2)]) == [(1, 2)]
    assert tile("½ x", [(0, 1), (0, 1), (0, 1), (2, 3)]) == [(0, 1), (1, 1), (1, 1), (2, 3)]


def test_a_trace_names_what_stands_in_the_text() -> None:
    tokenizer = TOKENIZERS["word"]
    assert trace((tiny_model(vocab_size=len(tokenizer)), tokenizer), "a @bob").words == ["a", "@bob"]


@pytest.fixture(scope="module")
def answers(trained: Path) -> ClassifierPage:
    return ClassifierPage(str(trained), [])


@pytest.mark.parametrize(
    ("text", "chosen", "how", "expected"),
    [
        ("hello @bob nice", 0, "Leave out", "@bob nice"),
        ("hello @bob nice", 1, "Leave out", "hello nice"),
        ("hello  @bob\n nice ", 2, "Leave out", "hello  @bob "),
        ("hello  @bob\n nice", 1, "Leave out", "hello  nice"),
        ("fish&amp;chips", 1, "Leave out", "fish chips"),
        ("(a &amp; b), www.c.d!", 2, "Leave out", "(a b), www.c.d!"),
        ("(great)", 1, "Leave out", "( )"),
        ("a, b", 0, "Leave out", ", b"),
        ("cafe\u0301 &eacute; x", 2, "Leave out", "cafe\u0301 &eacute;"),
        ("hello @bob nice", 1, "Move left", "@bob hello nice"),
        ("hello  @bob &amp; x", 1, "Move right", "hello  &amp; @bob x"),
        ("can't stop!", 0, "Move right", "n't ca stop!"),
        ("was great!", 1, "Move right", "was ! great"),
        ("was great!", 2, "Move right", "was great!"),
    ],
)
def test_only_the_chosen_word_is_changed(
    answers: ClassifierPage, text: str, chosen: int, how: str, expected: str
) -> None:
    assert move_word(answers, text, chosen, how) == expected
