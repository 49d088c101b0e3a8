"""Slices of rows, by length and by words of negation or contrast, and texts with shuffled words."""

import re

import numpy as np

from ..models.text_classifier import JOINT

NEGATION = re.compile(
    r"\b(?:no|not|never|nor|neither|nobody|nothing|nowhere|none|cannot|without|hardly|barely|scarcely)\b|n['’]t\b",
    re.IGNORECASE,
)
CONTRAST = re.compile(
    r"\b(?:but|however|although|though|yet|despite|while|whereas|except|instead|nevertheless|nonetheless|unless)\b",
    re.IGNORECASE,
)


def group_rows(texts: list[str]) -> dict[str, np.ndarray]:
    """
    Group rows by whether they contain an English word of negation, one of contrast, or neither; and by their number of
    words, into three groups of about the same size.

    Returns:
        For each group, a mask of shape `(texts,)`. Empty groups are left out.
    """
    negation, contrast = (np.array([bool(one.search(text)) for text in texts]) for one in (NEGATION, CONTRAST))
    words = np.array([len(text.split()) for text in texts])
    low, high = (int(value) for value in np.quantile(words, [1 / 3, 2 / 3]))
    found = {
        "negation": negation,
        "contrast": contrast,
        "neither": ~(negation | contrast),
        f"up to {low} words": words <= low,
        f"{low + 1} to {high} words".replace(f"{high} to ", ""): (words > low) & (words <= high),
        f"more than {high} words": words > high,
    }
    return {name: rows for name, rows in found.items() if rows.any()}


def shuffle_words(texts: list[str]) -> list[str]:
    """
    Shuffle the words of each text, separated by whitespace, always in the same way. The texts of a pair are shuffled
    separately.
    """
    rng = np.random.default_rng(0)

    def shuffle(text: str) -> str:
        words = text.split()
        return " ".join(words[index] for index in rng.permutation(len(words)))

    return [JOINT.join(map(shuffle, text.split(JOINT))) for text in texts]
