"""`TokenStream`: texts as one row of tokens, as a language model reads them."""

from dataclasses import dataclass

import numpy as np
from datasets import Dataset


@dataclass(frozen=True)
class TokenStream:
    """
    Texts one after the other, with the token that ends a text before the first one and after each.

    Args:
        ids: Token numbers, `(tokens,)`, int32.
        ends: For each text the place of the token that ends it, `(texts,)`.
    """

    ids: np.ndarray
    ends: np.ndarray

    @classmethod
    def from_rows(cls, rows: Dataset, end: int) -> "TokenStream":
        """
        The texts of rows with the column `input_ids`.

        Args:
            rows: Tokenized texts.
            end: The token that ends a text.
        """
        column = rows.with_format("arrow")["input_ids"][:]
        chunks = getattr(column, "chunks", [column])
        numbers = [chunk.flatten().cast("int32").to_numpy(zero_copy_only=False) for chunk in chunks]
        lengths = np.concatenate([chunk.value_lengths().to_numpy() for chunk in chunks]).astype(np.int64)
        ends = np.cumsum(lengths + 1)
        ids = np.full(int(ends[-1]) + 1 if len(ends) else 1, end, dtype=np.int32)
        is_text = np.ones(len(ids), dtype=bool)
        is_text[ends] = is_text[0] = False
        ids[is_text] = np.concatenate(numbers) if numbers else []
        return cls(ids, ends)

    def __len__(self) -> int:
        """The tokens that there are to predict: all but the first."""
        return len(self.ids) - 1

    def reverse(self) -> "TokenStream":
        """The same from the end to the beginning: the last text first, and of each the last token."""
        last = len(self.ids) - 1
        return TokenStream(self.ids[::-1], np.append(last - self.ends[-2::-1], last) if len(self.ends) else self.ends)

    def shuffle(self, random: np.random.Generator) -> "TokenStream":
        """The texts in another order."""
        order = random.permutation(len(self.ends))
        begins = np.concatenate([[0], self.ends[:-1]]) + 1
        lengths = self.ends - begins + 1
        ends = np.cumsum(lengths[order])
        # where each token is taken from: the place in its text, moved to where the text begins
        places = np.arange(len(self.ids) - 1) + np.repeat(begins[order] - (ends - lengths[order]), lengths[order])
        return TokenStream(np.concatenate([self.ids[:1], self.ids[places]]), ends)
