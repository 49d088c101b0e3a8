"""How `LstmTokenizer` cleans a text and cuts it into units, before a vocabulary is looked at."""

import html.entities
import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers

# One unit of text for each alternative, tried in this order. Contractions come apart as in the Penn Treebank: "can't"
# is "ca" + "n't", so that every negation shares one token, also with text that was split beforehand.
_UNITS = "|".join(
    [
        # a word that none of the other alternatives could want: most text ends here, and quickly
        r"(?!\p{N})[\p{L}\p{M}\p{N}_]++(?!'[tT]|[.&]\p{L})",
        r"@user",  # what the normaliser left of a user name
        r"#[\p{L}\p{N}_]+",  # hashtags
        r"\p{N}+(?:[.,:/]\p{N}+)+",  # 3.5, 1,000.00, 18:30, 1/2
        r"(?i:n't)(?!\p{L})",
        r"'(?i:s|m|d|re|ve|ll)(?!\p{L})",
        r"[\p{L}\p{M}\p{N}_]+?(?=(?i:n't)(?!\p{L}))",
        r"\p{L}(?:[.&]\p{L}(?!\p{L}))+",  # u.s, r&b
        r"[\p{L}\p{M}\p{N}_]+",  # words, numbers and both: 100km, 5th
        r"[:;=8xX][-'^]?[)(\]\[dDpPoO/\\|*]{1,8}(?![\p{L}\p{N}])|<3+",  # :-) ;) :D <3
        r"[\p{So}\p{Sk}](?:\x{FE0F}|\x{200D}[\p{So}]|[\x{1F3FB}-\x{1F3FF}])*",  # emoji with their modifiers
        r"\.{2,}|([!?])\1*|-{2,}|[^\s\p{L}\p{N}]",  # "..." and "!!" are one unit, other punctuation one character each
    ]
)

# Scripts that put no blanks between words. The last characters, as the long mark of Katakana, belong to no one script.
_UNSPACED = (
    "".join(
        rf"\p{{{script}}}"
        for script in (
            *("Han", "Hiragana", "Katakana", "Bopomofo", "Yi", "Tangut", "Nushu", "Thai", "Lao", "Khmer", "Myanmar"),
            *("Tai_Le", "New_Tai_Lue", "Tai_Tham", "Tai_Viet", "Ahom", "Javanese", "Balinese"),
        )
    )
    + r"\x{3006}\x{3031}-\x{3035}\x{303C}\x{30FC}\x{FF70}"
)
# A letter of theirs with its vowel signs and tone marks; their digits make up numbers as other digits do
_LETTER = rf"[{_UNSPACED}&&[\p{{L}}\p{{M}}\p{{Nl}}]]"
SIGN = rf"{_LETTER}[\p{{M}}\x{{FF9E}}\x{{FF9F}}]*+"


def _units_and_characters() -> str:
    """The units, in which letters are those of other scripts, and each character of these scripts as a unit."""
    pattern = _UNITS
    for kind in "LMN":
        pattern = pattern.replace(rf"\p{{{kind}}}", rf"[\p{{{kind}}}&&[^{_LETTER[1:-1]}]]")
    word, others = pattern.split("|@user", 1)
    return f"{word}|{SIGN}|@user{others}"  # the word goes first still: most text ends there


# Escapes are marked first, so that what looks for one of them passes quickly over text that has none
_ENTITY, _CODE = "\ue000\ue000", "\ue000\ue001"


def _escapes() -> Iterator[tuple[str, str]]:
    """Pairs of a pattern for all escapes of a character and that character: `&eacute;|&#233;|\\u00e9` and é."""
    names: dict[int, list[str]] = {}
    for name, code in html.entities.name2codepoint.items():
        names.setdefault(code, []).append(name)
    yield r"&(?:amp|#0*38|#[xX]0*26);|\\u0026", "&"  # before the others: an escape may be escaped
    yield r"&(?=#|\w+;)", _ENTITY
    yield r"\\u(?=[0-9a-fA-F]{4})", _CODE
    # ASCII characters, Latin letters and typographic characters; any other \uXXXX becomes a blank
    codes = [*range(0x20, 0x26), *range(0x27, 0x30), *range(0x3A, 0x41), *range(0x5B, 0x61), *range(0x7B, 0x7F)]
    codes += [*range(0xA0, 0x100), *range(0x2010, 0x2027), 0x2032, 0x2033, 0x20AC, 0x2122, 0xFE0F]
    codes += [*range(0x200B, 0x2010), 0x2060, 0xFEFF]
    patterns: dict[str, list[str]] = {}
    for code in codes:
        entities = [*names.get(code, []), f"#0*{code}", f"#[xX]0*(?i:{code:x})"]
        character = _PLAIN.get(chr(code), chr(code))
        alternatives = [*(f"\ue000{entity};" for entity in entities), f"\ue001(?i:{code:04x})"]
        patterns.setdefault(character, []).extend(alternatives)
    for character, alternatives in patterns.items():
        yield f"\ue000(?:{'|'.join(alternatives)})", character
    yield rf"(?:{_CODE}[0-9a-fA-F]{{4}})+", " "
    yield _ENTITY, "&"


# What says in which direction text runs, and in a word how letters are joined; between emoji a joiner makes one of two
_JOINERS = r"[\x{200C}\x{200D}]"
_UNSEEN = (
    r"[\x{061C}\x{200E}\x{200F}\x{202A}-\x{202E}\x{2066}-\x{2069}]"
    rf"|{_JOINERS}(?<=[\p{{L}}\p{{M}}\x{{200C}}\x{{200D}}&&[^\x{{FE0F}}]]{_JOINERS})"
)

# Typographic characters that mean the same as a plain one, so that texts of different keyboards share tokens; invisible
# ones that only say where a line may break are left out: soft hyphen, zero-width space, word joiner, byte order mark
_PLAIN = {
    **dict.fromkeys("\u00ad\u200b\u2060\ufeff", ""),
    **dict.fromkeys("\u2018\u2019\u201b\u2032\u0060\u00b4", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"'),
    **dict.fromkeys("\u2010\u2011", "-"),
    **dict.fromkeys("\u2012\u2013\u2014\u2015", "--"),
    "\u2026": "...",
    "\u00a0": " ",
}


@cache  # of so many patterns, compiling takes a while
def make_normalizer(lowercase: bool) -> normalizers.Normalizer:
    """Decode escapes, unify characters, hide user names and links, drop HTML line breaks, fold case."""
    steps: list[normalizers.Normalizer] = [normalizers.NFC()]
    steps += [normalizers.Replace(Regex(pattern), character) for pattern, character in _escapes()]
    # where no blanks are put between words, a zero-width space may be
    steps.append(normalizers.Replace(Regex(rf"\x{{200B}}(?<=[{_UNSPACED}]\x{{200B}})(?=[{_UNSPACED}])"), " "))
    steps += [normalizers.Replace(sign, plain) for sign, plain in _PLAIN.items()]
    steps.append(normalizers.Replace(Regex(_UNSEEN), ""))
    steps += [
        normalizers.Replace("''", '"'),
        normalizers.Replace(Regex(r"!{4,}"), "!!!"),
        normalizers.Replace(Regex(r"\?{4,}"), "???"),
        normalizers.Replace(Regex(r"\.{4,}"), "..."),
        normalizers.Replace(Regex(r"(?i)<br\s*/?>"), " "),
        normalizers.Replace(Regex(r"(?i:https?)://\S+"), "http"),
        normalizers.Replace(Regex(r"(?<!\w)(?i:www)\.\w\S*"), "http"),
        normalizers.Replace(Regex(r"(?<![\w@])@\w+"), "@user"),
    ]
    if lowercase:
        steps.append(normalizers.Lowercase())
    return normalizers.Sequence(steps)


@cache
def make_pre_tokenizer(*, cuts_characters: bool) -> pre_tokenizers.PreTokenizer:
    """What finds the units of a text; with `cuts_characters` each character of a script without blanks is a unit."""
    return pre_tokenizers.Split(Regex(_units_and_characters() if cuts_characters else _UNITS), "removed", invert=True)


# Steps that read no further than the next blank
_WORDWISE = {
    *("BertNormalizer", "Lowercase", "NFC", "NFD", "NFKC", "NFKD", "StripAccents"),
    *("BertPreTokenizer", "Whitespace", "WhitespaceSplit", "Punctuation", "Digits"),
}
_CUTTING = {"BertPreTokenizer", "Whitespace", "WhitespaceSplit", "Split"}


def cuts_at_blanks(tokenizer: Tokenizer) -> bool:
    """
    Whether the tokens of a text are those of the parts between its blanks, one after the other; but `<br />` is read as
    one. So it is with the tokenizers that are trained here, and with those of BERT's kind.
    """
    ours = [
        make_normalizer(lowercase=True),
        make_pre_tokenizer(cuts_characters=True),
        make_pre_tokenizer(cuts_characters=False),
        pre_tokenizers.Metaspace(),
    ]
    known = [step for one in ours for step in _steps(one)]
    steps, cuts = _steps(tokenizer.normalizer), _steps(tokenizer.pre_tokenizer)
    added = tokenizer.get_added_tokens_decoder().values()
    return (
        all(step["type"] in _WORDWISE or step in known for step in steps + cuts)
        and any(step["type"] in _CUTTING for step in cuts[:1])
        and not any(one.lstrip or one.rstrip or one.single_word or " " in one.content for one in added)
        and getattr(tokenizer.model, "dropout", None) is None
    )


def _steps(part: Any) -> list[dict[str, Any]]:
    """A normalizer or a pre-tokenizer as the steps that it takes, each as in `tokenizer.json`."""

    def flat(one: dict[str, Any]) -> list[dict[str, Any]]:
        inner = one.get("normalizers", one.get("pretokenizers"))
        return [one] if inner is None else [step for some in inner for step in flat(some)]

    return [] if part is None else flat(json.loads(part.__getstate__()))
