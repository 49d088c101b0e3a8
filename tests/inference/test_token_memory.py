"""Remembered tokens of words: those that the tokenizer gives for the whole text, whatever the text is."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, processors

from modeling_lstm import LstmTokenizer
from modeling_lstm.models import text_classifier
from modeling_lstm.models.text_classifier import TextClassifier, TokenMemory
from modeling_lstm.models.text_rules import cuts_at_blanks
from tests.conftest import opinion_rows

TEXTS = [text for text, _ in opinion_rows(60)] + [
    "",
    " ",
    "two  blanks and\ta tab\nand lines",
    "it starts<br /><br />and goes on <BR\t/>there <br  /> or here<br",
    "> what stands before was a break",
    "&amp;lt;br /&gt; &lt;br /&gt; &#39;quoted&#39; ''twice''",
    "[SEP] the film [SEP]was[PAD] good",
    "\u0301 a mark behind a blank \u0301, and one in caf e\u0301",
    "\u65e5\u672c\u8a9e \u3068 \u4e2d\u56fd\u200b\u8a9e \u0e20\u0e32\u0e29\u0e32\u0e44\u0e17\u0e22",
    "see http://a.b c www.x.y @someone !!!!! ....... can't won't o'clock",
    "\x00 control \x1f signs \x85 and\xa0blanks",
]
ALGORITHMS = ("word", "bpe", "wordpiece", "unigram", "whitespace")
SIGNS = [*"ab'&<>br/ \t\n.!?#@;:)DN'T\u200b\u200d\u200f\u2066\u00ad\u0301\u4e2d\u0e01\u2019\u201c\ue000\u00e91,0\\u"]
BREAKS = [
    *" /><brBR\t\u00ad!",
    "<br",
    "br",
    "&lt;",
    "&gt;",
    "&#47;",
    "&amp;gt;",
    "&shy;",
    "\\u003c",
    "\\u003e",
    "\ue000\ue000gt;",
]


def random_texts(number: int) -> list[str]:
    """Texts of signs that normalizers look at, and of what makes up `<br />`."""
    rng = random.Random(0)
    return ["".join(rng.choices(signs, k=rng.randrange(20))) for _ in range(number) for signs in (SIGNS, BREAKS)]


def bert() -> Tokenizer:
    """A tokenizer of BERT's kind, with special tokens around each text."""
    words = sorted(
        {*"abcdefghijklmnopqrstuvwxyz", *(f"##{one}" for one in "abcdefghijklmnopqrstuvwxyz"), "film", "the"}
    )
    vocabulary = {word: number for number, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *words])}
    found = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    found.normalizer, found.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    found.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
    special = [("[CLS]", 2), ("[SEP]", 3)]
    found.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=special)
    return found


@pytest.fixture(scope="module", params=[*ALGORITHMS, "cased", "bert", "adopted"])
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    if request.param == "bert":
        return bert()
    if request.param == "adopted":
        return LstmTokenizer.adopt(bert(), "[PAD]", "[UNK]").backend_tokenizer
    settings = {"vocab_size": 300, "min_frequency": 1, "separator": request.param == "bpe"}
    algorithm = "bpe" if request.param == "cased" else request.param
    return LstmTokenizer.train(
        [TEXTS], algorithm=algorithm, lowercase=request.param != "cased", **settings
    ).backend_tokenizer


@pytest.mark.parametrize("limit, side", [(None, "right"), (5, "right"), (5, "left"), (2, "right")])
def test_it_gives_the_tokens_of_the_whole_text(tokenizer: Tokenizer, limit: int | None, side: str) -> None:
    tokenizer = Tokenizer.from_str(tokenizer.to_str())
    tokenizer.no_truncation()
    if limit is not None:
        tokenizer.enable_truncation(limit, direction=side)
    assert cuts_at_blanks(tokenizer)
    memory = TokenMemory(tokenizer)
    texts = TEXTS + random_texts(2000)
    expected = [one.ids for one in tokenizer.encode_batch(texts)]
    assert memory(texts) == expected
    assert [memory([text])[0] for text in texts[:200]] == expected[:200]  # now all are remembered


@pytest.mark.parametrize("limit", [None, 5, 2])
def test_pairs_are_remembered_where_they_are_joined(limit: int | None) -> None:
    words = LstmTokenizer.train([TEXTS], min_frequency=1, separator=True).backend_tokenizer
    texts = [*TEXTS, *zip(TEXTS, TEXTS[1:] + [""], strict=True)]
    bert_of_pairs = bert()
    bert_of_pairs.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    roberta = bert()
    roberta.post_processor = processors.RobertaProcessing(("[SEP]", 3), ("[CLS]", 2))
    for tokenizer, joins in ((words, True), (bert_of_pairs, True), (roberta, False)):
        if limit is not None:
            tokenizer.enable_truncation(max(limit, tokenizer.num_special_tokens_to_add(True)))
        memory = TokenMemory(tokenizer)
        assert memory.joins_pairs == joins
        if joins:
            assert memory(texts) == [one.ids for one in tokenizer.encode_batch(texts)]


def test_it_does_not_grow_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = bert()
    expected = [one.ids for one in tokenizer.encode_batch(TEXTS)]
    monkeypatch.setattr(text_classifier, "REMEMBERED", 100)
    memory = TokenMemory(tokenizer)
    for text, ids in zip(TEXTS, expected, strict=True):
        assert memory([text]) == [ids]
        assert sum(map(len, memory.known)) <= 100 + len(text)


def test_several_threads_may_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_classifier, "REMEMBERED", 200)
    tokenizer = bert()
    memory = TokenMemory(tokenizer)
    texts = [text for text in random_texts(200) for _ in range(5)]
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda text: memory([text])[0], texts))
    assert found == [one.ids for one in tokenizer.encode_batch(texts)]


def test_a_classifier_begins_to_remember_after_some_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_classifier, "AT_ONCE", 3)
    classify = TextClassifier(lambda ids, mask: ids[:, :1], bert(), {"id2label": {"0": "a"}}, cuts_at_blanks=True)
    texts = TEXTS[:8]
    found = [classify.tokenize([text])[0][0] for text in texts[:3]]
    assert classify.memory is None
    found += [classify.tokenize([text])[0][0] for text in texts[3:]]
    assert classify.memory is not None and len(classify.memory.known) > 1
    assert found == [one.ids for one in bert().encode_batch(texts)]


@pytest.mark.parametrize(
    "pre_tokenizer",
    [
        pre_tokenizers.ByteLevel(),
        pre_tokenizers.Metaspace(),
        pre_tokenizers.Sequence([pre_tokenizers.Punctuation(), pre_tokenizers.WhitespaceSplit()]),
        None,
    ],
)
def test_it_is_for_tokenizers_that_cut_at_blanks(pre_tokenizer: pre_tokenizers.PreTokenizer | None) -> None:
    tokenizer = bert()
    tokenizer.pre_tokenizer = pre_tokenizer
    assert not cuts_at_blanks(tokenizer)


def test_it_is_for_normalizers_that_read_no_further_than_a_blank() -> None:
    for normalizer in (normalizers.Replace("a b", "c"), normalizers.Strip(), normalizers.Prepend("x")):
        tokenizer = bert()
        tokenizer.normalizer = normalizers.Sequence([normalizers.Lowercase(), normalizer])
        assert not cuts_at_blanks(tokenizer)
    tokenizer = bert()
    tokenizer.add_tokens(["two words"])
    assert not cuts_at_blanks(tokenizer)


@pytest.mark.parametrize(
    ("token", "text", "fits"),
    [
        ("iPhone", "my iPhone is good", False),
        (AddedToken("USER", special=True), "USER is good", False),
        (AddedToken("user", special=True), "USER is good", False),
        ("iphone", "my iPhone is good", True),
        (AddedToken("[USER]", special=True), "[USER] is good", True),
    ],
)
def test_added_tokens_that_the_normalizer_changes_are_found_in_every_text(
    token: str | AddedToken, text: str, fits: bool
) -> None:
    """Plain words are looked up without the normalizer."""
    words = LstmTokenizer.train(["my is good user"], min_frequency=1)
    backend = words.backend_tokenizer
    backend.add_special_tokens([token]) if isinstance(token, AddedToken) else backend.add_tokens([token])
    assert cuts_at_blanks(backend) == fits
    if fits:
        memory = TokenMemory(backend)
        assert memory([text, text.upper()])[0] == backend.encode(text).ids
