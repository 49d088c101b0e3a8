"""Find the word that a token stands for, and the other spellings that word vectors may have for it."""

import re

from tokenizers import models
from transformers import PreTrainedTokenizerBase

_PLACEHOLDERS = {"@user": "<user>", "http": "<url>"}  # as in GloVe's Twitter vectors


def find_spellings(token: str) -> list[str]:
    """
    Return the spellings under which to look up a token, best first: as it is, in lower case, as GloVe's placeholder,
    capitalized, in upper case, a hashtag without its sign, and with `#` for each digit, as GoogleNews writes numbers.
    """
    found = [token, token.lower()]
    if token in _PLACEHOLDERS:
        found.append(_PLACEHOLDERS[token])
    found += [token.capitalize(), token.upper()]
    if token.startswith("#") and (word := token.lstrip("#")):
        found += find_spellings(word)
    if re.search(r"\d", token) and len(token) > 1:
        found.append(re.sub(r"\d", "#", token))
    return list(dict.fromkeys(found))


def find_whole_words(tokenizer: PreTrainedTokenizerBase) -> list[str | None]:
    """Return the word that each token stands for, as it is written; `None` for special tokens and for subwords."""
    tokens = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    special = find_special_ids(tokenizer)
    model = tokenizer.backend_tokenizer.model
    suffix = getattr(model, "end_of_word_suffix", None)
    prefix = None if suffix else getattr(model, "continuing_subword_prefix", None)
    begin = None
    if not isinstance(model, models.WordLevel) and not suffix and not prefix:
        begin = next((sign for sign in ("\u2581", "\u0120") if any(token.startswith(sign) for token in tokens)), None)
    words: list[str | None] = []
    for number, token in enumerate(tokens):
        word: str | None = token
        if number in special:
            word = None
        elif suffix:
            word = token.removesuffix(suffix) if token.endswith(suffix) else None
        elif prefix:
            word = None if token.startswith(prefix) else token
        elif begin == "\u2581":
            word = token.removeprefix(begin) if token.startswith(begin) else None
        elif begin:  # byte-level tokens, which write each byte as a character
            text = tokenizer.convert_tokens_to_string([token]) if token.startswith(begin) else ""
            word = text.removeprefix(" ")
            word = None if "\ufffd" in word or word.split() != [word] else word  # a part of a character, or spaces
        words.append(word or None)
    return words


def find_special_ids(tokenizer: PreTrainedTokenizerBase) -> set[int]:
    """Return the ids of tokens that stand for no text: padding, unknown, and marks such as [CLS] and [MASK]."""
    marks = {number for number, token in tokenizer.added_tokens_decoder.items() if token.special}
    return marks | set(tokenizer.all_special_ids)
