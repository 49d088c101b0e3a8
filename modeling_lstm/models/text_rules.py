"""The rules by which `LstmTokenizer` cleans a text and splits it into units, before it applies a vocabulary."""

import html.entities
import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers

# Each alternative matches one kind of unit; they are tried in this order. Contractions are split as in the Penn
# Treebank: "can't" is "ca" + "n't", so all negations share one token, even in text that was split beforehand.
_UNITS = "|".join(
    [
        # a word that no other alternative could match: most text is matched here, quickly
        r"(?!\p{N})[\p{L}\p{M}\p{N}_]++(?!'[tT]|[.&]\p{L})",
        r"@user",  # what the normalizer replaces user names with
        r"#[\p{L}\p{N}_]+",  # hashtags
        r"\p{N}+(?:[.,:/]\p{N}+)+",  # 3.5, 1,000.00, 18:30, 1/2
        r"(?i:n't)(?!\p{L})",
        r"'(?i:s|m|d|re|ve|ll)(?!\p{L})",
        r"[\p{L}\p{M}\p{N}_]+?(?=(?i:n't)(?!\p{L}))",
        r"\p{L}(?:[.&]\p{L}(?!\p{L}))+",  # u.s, r&b
        r"[\p{L}\p{M}\p{N}_]+",  # words, numbers and both: 100km, 5th
        r"[:;=8xX][-'^]?[)(\]\[dDpPoO/\\|*]{1,8}(?![\p{L}\p{N}])|<3+",  # :-) ;) :D <3
        r"[\x{1F1E6}-\x{1F1FF}]{2}",  # flags
        r"[\p{So}\p{Sk}](?:\x{FE0F}|\x{200D}[\p{So}]|[\x{1F3FB}-\x{1F3FF}\x{E0020}-\x{E007F}])*",  # emoji
        r"\.{2,}|([!?])\1*|-{2,}|[^\s\p{L}\p{N}]",  # "..." and "!!" are one unit, other punctuation one character each
    ]
)

# Scripts without spaces between words. The last characters, such as Katakana's long mark, do not belong to one script.
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
# A letter of these scripts, and a letter with its vowel signs and tone marks. Their digits form numbers like any digits
_LETTER = rf"[{_UNSPACED}&&[\p{{L}}\p{{M}}\p{{Nl}}]]"
CHARACTER = rf"{_LETTER}[\p{{M}}\x{{FF9E}}\x{{FF9F}}]*+"


def _units_and_characters() -> str:
    """Return the pattern for units in which each character of a script without spaces is a unit of its own."""
    pattern = _UNITS
    for kind in "LMN":
        pattern = pattern.replace(rf"\p{{{kind}}}", rf"[\p{{{kind}}}&&[^{_LETTER[1:-1]}]]")
    word, others = pattern.split("|@user", 1)
    return f"{word}|{CHARACTER}|@user{others}"  # the word stays first, since it matches most text


# Escapes are marked first, so that the patterns for single escapes fail fast on text without any
_ENTITY, _CODE = "\ue000\ue000", "\ue000\ue001"


def _escapes() -> Iterator[tuple[str, str]]:
    """Yield pairs of a pattern for all escapes of a character (`&eacute;|&#233;|\\u00e9`) and that character (é)."""
    names: dict[int, list[str]] = {}
    for name, code in html.entities.name2codepoint.items():
        names.setdefault(code, []).append(name)
    yield r"&(?:amp|#0*38|#[xX]0*26);|\\u0026", "&"  # before the others, since escapes may themselves be escaped
    yield r"&(?=#|\w+;)", _ENTITY
    yield r"\\u(?=[0-9a-fA-F]{4})", _CODE
    # ASCII characters, Latin letters and typographic characters; any other number or \uXXXX becomes a space
    codes = [*range(0x20, 0x26), *range(0x27, 0x7F), *range(0xA0, 0x100), *range(0x2010, 0x2027)]
    codes += [0x2032, 0x2033, 0x20AC, 0x2122, 0xFE0F, *range(0x200B, 0x2010), 0x2060, 0xFEFF]
    patterns: dict[str, list[str]] = {}
    for code in codes:
        entities = [*names.get(code, []), f"#0*{code}", f"#[xX]0*(?i:{code:x})"]
        character = _PLAIN.get(chr(code), chr(code))
        alternatives = [*(f"\ue000{entity};" for entity in entities), f"\ue001(?i:{code:04x})"]
        patterns.setdefault(character, []).extend(alternatives)
    for character, alternatives in patterns.items():
        yield f"\ue000(?:{'|'.join(alternatives)})", character
    yield rf"(?:{_CODE}[0-9a-fA-F]{{4}}|{_ENTITY}#(?:[0-9]+|[xX][0-9a-fA-F]+);)+", " "
    yield _ENTITY, "&"


# Marks for the direction of text, and joiners within words; a joiner between emoji is kept, since it combines them
_JOINERS = r"[\x{200C}\x{200D}]"
_UNSEEN = (
    r"[\x{061C}\x{200E}\x{200F}\x{202A}-\x{202E}\x{2066}-\x{2069}]"
    rf"|{_JOINERS}(?<=[\p{{L}}\p{{M}}\x{{200C}}\x{{200D}}&&[^\x{{FE0F}}]]{_JOINERS})"
)

# Typographic characters and their plain equivalents, so that texts from different keyboards share tokens. Invisible
# characters that only affect line breaks are removed: soft hyphen, zero-width space, word joiner, byte order mark
_PLAIN = {
    **dict.fromkeys("\u00ad\u200b\u2060\ufeff", ""),
    **dict.fromkeys("\u2018\u2019\u201b\u2032\u0060\u00b4", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"'),
    **dict.fromkeys("\u2010\u2011", "-"),
    **dict.fromkeys("\u2012\u2013\u2014\u2015", "--"),
    "\u2026": "...",
    "\u00a0": " ",
}


@cache  # compiling this many patterns takes a while
def make_normalizer(lowercase: bool) -> normalizers.Normalizer:
    """Make a normalizer that decodes escapes, unifies characters, hides user names and links, and may lowercase."""
    steps: list[normalizers.Normalizer] = [normalizers.NFC()]
    steps += [normalizers.Replace(Regex(pattern), character) for pattern, character in _escapes()]
    # in scripts without spaces between words, a zero-width space may separate them
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
    """Make a pre-tokenizer that finds units. `cuts_characters` makes each character of a script without spaces one."""
    return pre_tokenizers.Split(Regex(_units_and_characters() if cuts_characters else _UNITS), "removed", invert=True)


# Steps whose result for a word does not depend on the text beyond the next space
_WORDWISE = {
    *("BertNormalizer", "Lowercase", "NFC", "NFD", "NFKC", "NFKD", "StripAccents"),
    *("BertPreTokenizer", "Whitespace", "WhitespaceSplit", "Punctuation", "Digits"),
}
_CUTTING = {"BertPreTokenizer", "Whitespace", "WhitespaceSplit", "Split"}
_IN_PLAIN = re.compile(r"#?[A-Za-z0-9]*[.,!?:;]?")  # a part of a word that `text_classifier.PLAIN` matches


def cuts_at_blanks(tokenizer: Tokenizer) -> bool:
    """
    Return whether a tokenizer reads the parts of a text between spaces independently of each other, except `<br />`.
    This is true of the tokenizers trained by this package, and of those like BERT's.
    """
    ours = [
        make_normalizer(lowercase=True),
        make_pre_tokenizer(cuts_characters=True),
        make_pre_tokenizer(cuts_characters=False),
        pre_tokenizers.Metaspace(),
    ]
    known = [step for one in ours for step in _steps(one)]
    steps, cuts = _steps(tokenizer.normalizer), _steps(tokenizer.pre_tokenizer)
    normalizer, added = tokenizer.normalizer, tokenizer.get_added_tokens_decoder().values()
    # the parts of plain words are read without the normalizer, which may change an added token
    plain = [one for one in added if normalizer is not None and _IN_PLAIN.fullmatch(one.content)]
    return (
        all(step["type"] in _WORDWISE or step in known for step in steps + cuts)
        and any(step["type"] in _CUTTING for step in cuts[:1])
        and not any(one.lstrip or one.rstrip or one.single_word or " " in one.content for one in added)
        and not any(not one.normalized or normalizer.normalize_str(one.content) != one.content for one in plain)
        and getattr(tokenizer.model, "dropout", None) is None
    )


def _steps(part: Any) -> list[dict[str, Any]]:
    """List the steps of a normalizer or pre-tokenizer, each as in `tokenizer.json`."""

    def flat(one: dict[str, Any]) -> list[dict[str, Any]]:
        inner = one.get("normalizers", one.get("pretokenizers"))
        return [one] if inner is None else [step for some in inner for step in flat(some)]

    return [] if part is None else flat(json.loads(part.__getstate__()))
