"""`LstmTokenizer` finds sensible units and is wholly described by tokenizer.json."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from transformers import AutoTokenizer

from modeling_lstm import LstmTokenizer
from tests.interpreters import run_program

ALGORITHMS = ("word", "bpe", "wordpiece", "unigram")


def units(text: str, **options: object) -> list[str]:
    """The units that a word-level tokenizer trained on the text finds in it."""
    tokenizer = LstmTokenizer.train([text], min_frequency=1, **options)
    return tokenizer.convert_ids_to_tokens(tokenizer(text).input_ids)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Good, really GOOD!", ["good", ",", "really", "good", "!"]),
        ("I can't. It's fine; they're ok", ["i", "ca", "n't", ".", "it", "'s", "fine", ";", "they", "'re", "ok"]),
        ("ca n't , it 's", ["ca", "n't", ",", "it", "'s"]),
        ("I don\\u2019t\\u002c ok", ["i", "do", "n't", ",", "ok"]),
        ("don’t “quote” – dash…", ["do", "n't", '"', "quote", '"', "--", "dash", "..."]),
        ("&u00e9; R&udead", ["&", "u00e9", ";", "r", "&", "udead"]),
        ("&amp;#39; &amp;quot; AT&T &unk; \\ud83d\\ude00 a", ["'", '"', "at", "&", "t", "&", "unk", ";", "a"]),
        ("Tom &amp; Jerry &lt;3 &#39;x&#x27; caf&eacute;", ["tom", "&", "jerry", "<3", "'", "x", "'", "café"]),
        ("thanks @Some_One see https://t.co/x?y=1 www.a.org", ["thanks", "@user", "see", "http", "http"]),
        ("mail me@home.org", ["mail", "me", "@", "home", ".", "org"]),
        ("#MondayMotivation rocks", ["#mondaymotivation", "rocks"]),
        ("3.5% off $1,000.00 at 18:30 on the 5th 2nite", ["3.5", "%", "off", "$", "1,000.00", "at", "18:30", "on"]
         + ["the", "5th", "2nite"]),
        ("1990s 100km 10:00pm 3.5mm", ["1990s", "100km", "10:00", "pm", "3.5", "mm"]),
        ("it ended.I left (2016): awww... so", ["it", "ended", ".", "i", "left", "(", "2016", ")", ":"]
         + ["awww", "...", "so"]),
        ("nice :) :-( ;D <3", ["nice", ":)", ":-(", ";d", "<3"]),
        ("ok 😀😀👍🏽❤️ end", ["ok", "😀", "😀", "👍🏽", "❤️", "end"]),
        ("wow!!!!!! what??? hm.....", ["wow", "!!!", "what", "???", "hm", "..."]),
        ("one<br /><br />two", ["one", "two"]),
        ("U.S. r&b so-so", ["u.s", ".", "r&b", "so", "-", "so"]),
        ("lost \\ud83d\\ude00 emoji", ["lost", "emoji"]),
        ("&#65;bc \\u0041\\u0062c x\\u0031", ["abc", "abc", "x1"]),
        ("gone &#128512;&#x1F600; ok &#39;x&#39;", ["gone", "ok", "'", "x", "'"]),
        ("🇺🇸🇫🇷 🏴󠁧󠁢󠁥󠁮󠁧󠁿 end", ["🇺🇸", "🇫🇷", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "end"]),
        ("won\u00adderful won&shy;der&#173;ful won&#xAD;der\\u00adful", ["wonderful"] * 3),
        ("\ufeffgood go\ufeffod go\\ufeffod zero\u200bwidth word\u2060joiner don\u00ad't", ["good", "good", "good"]
         + ["zerowidth", "wordjoiner", "do", "n't"]),
        ("👨\u200d👩\u200d👧 ❤️\u200d🔥 می\u200cخواهم", ["👨\u200d👩\u200d👧", "❤️\u200d🔥", "میخواهم"]),
        ("foot\u200eball &rlm;go&zwnj;od\u2069 क्\u200dष नन्\u200d a\u200d👩", ["football", "good", "क्ष", "नन्", "a"]
         + ["👩"]),
        ("Das ist über 日本語", ["das", "ist", "über", "日", "本", "語"]),
        ("我爱iPhone手机,2024年买的。", ["我", "爱", "iphone", "手", "机", ",", "2024", "年", "买", "的", "。"]),
        ("二〇二四年 人々", ["二", "〇", "二", "四", "年", "人", "々"]),
        ("コーヒーが ｶﾞﾗｽ #日本 don't飲む", ["コ", "ー", "ヒ", "ー", "が", "ｶﾞ", "ﾗ", "ｽ", "#", "日", "本", "do", "n't"]
         + ["飲", "む"]),
        ("ที่นี่ดีมาก๑๐๐บาท", ["ที่", "นี่", "ดี", "ม", "า", "ก", "๑๐๐", "บ", "า", "ท"]),
        ("ດີຫຼາຍ ល្អ ကောင်း", ["ດີ", "ຫຼ", "າ", "ຍ", "ល្", "អ", "ကော", "င်း"]),
        ("정말 좋은 영화 очень хорошо बहुत अच्छा", ["정말", "좋은", "영화", "очень", "хорошо", "बहुत", "अच्छा"]),
        ("", []),
        ("   \n\t ", []),
    ],
)  # fmt: skip
def test_units(text: str, expected: list[str]) -> None:
    assert units(text) == expected


def test_pieces_of_scripts_without_blanks_are_learned_as_before() -> None:
    assert units("电影好看", algorithm="wordpiece") == ["电", "影", "好", "看"]
    assert units("电影好看", algorithm="bpe") == ["电影好看</w>"]
    assert units("ស្រលាញ់\u200bអ្នក", algorithm="bpe") == ["ស្រលាញ់</w>", "អ្នក</w>"]


@pytest.mark.parametrize("words", [["电", "影", "好"], ["电影", "好"]])
def test_given_words_say_whether_text_has_blanks_between_words(words: list[str]) -> None:
    tokenizer = LstmTokenizer.from_words([*words, "ที่"])
    assert tokenizer.convert_ids_to_tokens(tokenizer("".join(words[:-1]) + " 好 ที่").input_ids) == [*words, "ที่"]


def test_case_can_be_kept() -> None:
    assert units("Good GOOD CAN'T", lowercase=False) == ["Good", "GOOD", "CA", "N'T"]


def test_a_long_run_of_signs_takes_no_time_to_speak_of() -> None:
    for sign in "(:!.@#'-":
        assert units(sign * 100_000)


def test_rare_words_are_unknown_and_the_vocabulary_is_bounded() -> None:
    texts = ["a a a b b c"]
    tokenizer = LstmTokenizer.train(texts, min_frequency=2)
    assert tokenizer.get_vocab() == {"[PAD]": 0, "[UNK]": 1, "a": 2, "b": 3}
    assert tokenizer("a c").input_ids == [2, 1]
    assert len(LstmTokenizer.train(texts, min_frequency=1, vocab_size=3)) == 3


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_pieces_cover_words_that_were_not_seen(algorithm: str) -> None:
    texts = ["low lower lowest new newer newest wide wider widest"] * 20
    tokenizer = LstmTokenizer.train(texts, algorithm=algorithm, vocab_size=60)
    assert len(tokenizer) <= 60
    known = tokenizer.unk_token_id not in tokenizer("newest").input_ids
    assert known
    covered = tokenizer.unk_token_id not in tokenizer("lowider").input_ids
    assert covered == (algorithm != "word")
    assert tokenizer.decode(tokenizer("newest lower").input_ids) == "newest lower"


@pytest.mark.parametrize("size", [0, 1, 2])
def test_a_vocabulary_smaller_than_the_special_tokens_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"greater than 2, the number of special tokens.*found {size}"):
        LstmTokenizer.train(["a"], vocab_size=size)


@pytest.mark.parametrize(
    "texts", ["good thing", {"text": ["a"]}, pd.DataFrame({"text": ["a"]}), [{"text": "a"}], ["a", None], [["a", 1]]]
)
@pytest.mark.parametrize("train", [LstmTokenizer.train, LstmTokenizer.train_reversible])
def test_what_is_no_texts_is_refused(train: Any, texts: Any) -> None:
    with pytest.raises(TypeError, match="texts must be strings or lists of strings"):
        train(texts)


def test_an_unknown_algorithm_is_refused() -> None:
    with pytest.raises(ValueError, match="word, bpe, wordpiece, unigram or whitespace, found 'char'"):
        LstmTokenizer.train(["a"], algorithm="char")  # type: ignore[arg-type]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_reloading_changes_nothing(tmp_path: Path, algorithm: str) -> None:
    texts = ["the film isn't good :) &amp; @you", "It was GREAT!!!", ""]
    tokenizer = LstmTokenizer.train(texts * 3, algorithm=algorithm, vocab_size=100, model_max_length=4)
    tokenizer.save_pretrained(tmp_path)
    loaded = LstmTokenizer.from_pretrained(tmp_path)
    auto = AutoTokenizer.from_pretrained(tmp_path)
    for other in (loaded, auto):
        assert other(texts, padding=True).data == tokenizer(texts, padding=True).data
        assert other(texts, truncation=True).data == tokenizer(texts, truncation=True).data
        assert other.model_max_length == 4
        assert (other.pad_token, other.unk_token) == ("[PAD]", "[UNK]")


def test_loads_without_this_package_and_without_remote_code(tmp_path: Path) -> None:
    text = "I can't say @you &amp; me"
    tokenizer = LstmTokenizer.train([text], min_frequency=1)
    tokenizer.save_pretrained(tmp_path)
    script = (
        "import sys; from transformers import AutoTokenizer; "
        f"t = AutoTokenizer.from_pretrained({str(tmp_path)!r}); print(t({text!r}).input_ids); "
        "assert not any(name.startswith('modeling_lstm') for name in sys.modules)"
    )
    found = run_program(script, folder=tmp_path)
    assert found.returncode == 0, found.stderr
    assert found.stdout.strip() == str(tokenizer(text).input_ids)


def test_a_target_tokenizer_is_not_left_out_of_a_push(tmp_path: Path) -> None:
    source, target = (LstmTokenizer.train([text], min_frequency=1) for text in ("a dog", "un perro"))
    source.target_tokenizer = target
    with pytest.raises(ValueError, match=r"tokenizer.push_to_hub\('me/name'\) does"):
        source.save_pretrained(tmp_path, push_to_hub=True)
    assert not list(tmp_path.iterdir())


def test_the_length_alone_truncates_joined_texts_as_pairs() -> None:
    text, other = "one two three four five six", "seven eight"
    tokenizer = LstmTokenizer.train([text, other], min_frequency=1, separator=True)
    for settings in ({"max_length": 5}, {"max_length": 5, "truncation": True}, {}):
        pair = tokenizer(text, other, **settings).input_ids
        assert tokenizer(f"{text} [SEP] {other}", **settings).input_ids == pair
    assert len(pair) == 9
