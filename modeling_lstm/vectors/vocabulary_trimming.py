"""Trim a tokenizer's vocabulary to the subwords that some texts need and the characters that spell everything else."""

import json
from collections.abc import Collection
from typing import Any

from tokenizers import Tokenizer

from ..models.tokenization_lstm import LstmTokenizer
from ..utils.errors import InputError
from .word_matching import find_special_ids


def trim_tokenizer(tokenizer: LstmTokenizer, wanted: Collection[int]) -> tuple[LstmTokenizer, list[int]]:
    """
    Make a tokenizer with only some of the tokens of another. Text whose tokens are all kept is tokenized as before.
    Other text is split into shorter subwords, and becomes unknown where there are none for its characters.

    Args:
        tokenizer: The tokenizer.
        wanted: The ids of the tokens to keep. Special and added tokens, single characters, and the subwords that BPE
            merges into a wanted token are also kept.

    Returns:
        The new tokenizer, and for each of its token ids the old one.

    Raises:
        InputError: this kind of tokenizer cannot be trimmed.
    """
    described = json.loads(tokenizer.backend_tokenizer.to_str())
    model: dict[str, Any] = described["model"]
    added = [token["content"] for token in described["added_tokens"]]
    names = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    kept = {names[number] for number in find_special_ids(tokenizer).union(wanted)} | set(added)
    kind = model.get("type")
    if kind == "Unigram":
        subwords = [subword for subword, _ in model["vocab"]]
        unknown = None if model["unk_id"] is None else subwords[model["unk_id"]]
        subwords = [
            subword for subword in subwords if subword in kept or subword == unknown or _is_character(subword, "")
        ]
        scores = dict(model["vocab"])
        model["vocab"] = [[subword, scores[subword]] for subword in subwords]
        model["unk_id"] = None if unknown is None else subwords.index(unknown)
    elif kind in ("WordLevel", "WordPiece", "BPE"):
        own = model["vocab"]
        kept |= {model["unk_token"]} & own.keys()
        if kind == "WordPiece":
            kept |= {subword for subword in own if _is_character(subword, model["continuing_subword_prefix"])}
        elif kind == "BPE":
            model["merges"] = _merges(model, kept)
        subwords = sorted(kept & own.keys(), key=own.__getitem__)
        model["vocab"] = {subword: number for number, subword in enumerate(subwords)}
    else:
        raise InputError(f"A tokenizer of the kind {kind} cannot be trimmed: leave out --trim_vocabulary.")
    subwords = list(dict.fromkeys([*subwords, *added]))
    indices = {subword: number for number, subword in enumerate(subwords)}
    for token in described["added_tokens"]:
        token["id"] = indices[token["content"]]
    backend = Tokenizer.from_str(json.dumps(described))
    new = LstmTokenizer.around(
        backend,
        tokenizer.pad_token,
        tokenizer.unk_token,
        tokenizer.model_max_length,
        separator=tokenizer.sep_token is not None,
    )
    numbers = tokenizer.get_vocab()
    return new, [numbers[subword] for subword in subwords]


def _is_character(subword: str, prefix: str) -> bool:
    """Whether a subword is a single character, or a byte (`<0x0A>`)."""
    return len(subword.removeprefix(prefix)) == 1 or (
        len(subword) == 6 and subword.startswith("<0x") and subword[-1] == ">"
    )


def _merges(model: dict[str, Any], kept: set[str]) -> list[list[str]]:
    """Return the BPE merges that lead to kept tokens. Adds to `kept` what they need, and tokens that no merge makes."""
    prefix = model["continuing_subword_prefix"] or ""
    merges = [pair if isinstance(pair, list) else pair.split(" ") for pair in model["merges"]]
    results = [first + second.removeprefix(prefix) for first, second in merges]
    kept |= model["vocab"].keys() - set(results)
    made: dict[str, list[list[str]]] = {}
    for result, pair in zip(results, merges, strict=True):
        made.setdefault(result, []).append(pair)
    waiting = list(kept)
    while waiting:
        for pair in made.get(waiting.pop(), ()):
            waiting += [part for part in pair if part not in kept]
            kept.update(pair)
    return [pair for pair, result in zip(merges, results, strict=True) if result in kept]
