"""The most likely of all tokens, as texts."""

from typing import Any

import torch

CANDIDATES = 4  # tokens for each one asked for, since some may be the same as texts
DAMAGED = "\ufffd"  # what a part of a character is decoded to


def likely_tokens(shares: torch.Tensor, tokenizer: Any, number: int) -> list[tuple[str, float]]:
    """
    Return the most likely tokens as texts, and their probabilities, most likely first. Tokens with the same text, as at
    the beginning and inside of a word, count as one.

    Args:
        shares: The probabilities of all tokens, `(vocab_size,)`.
        tokenizer: The tokenizer.
        number: Maximum number of tokens.
    """
    best = shares.topk(min(CANDIDATES * number, len(shares)))
    found: dict[str, float] = {}
    for index, share in zip(best.indices.tolist(), best.values.tolist(), strict=True):
        text = tokenizer.decode([index]).strip()
        if not text or DAMAGED in text:
            text = tokenizer.convert_ids_to_tokens(index)
        found[text] = found.get(text, 0.0) + share
    return sorted(found.items(), key=lambda one: -one[1])[:number]
