"""`TokenStream`: texts as one sequence of tokens, as a language model reads them."""

from dataclasses import dataclass

import numpy as np
from datasets import Dataset


@dataclass(frozen=True)
class TokenStream:
    """
    Texts one after another. The token that ends a text precedes the first one and follows each.

    Args:
        ids: Token ids, `(tokens,)`, int32.
        ends: The position of the token that ends each text, `(texts,)`.
    """

    ids: np.ndarray
    ends: np.ndarray

    @classmethod
    def from_rows(cls, rows: Dataset, end: int) -> "TokenStream":
        """
        Build a stream from rows with the column `input_ids`.

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
        """Return the number of tokens to predict: all but the first."""
        return len(self.ids) - 1

    def reverse(self) -> "TokenStream":
        """Return the stream back to front: the last text first, and each text from its last token on."""
        last = len(self.ids) - 1
        return TokenStream(self.ids[::-1], np.append(last - self.ends[-2::-1], last) if len(self.ends) else self.ends)

    def shuffle(self, random: np.random.Generator) -> "TokenStream":
        """Return the texts in random order."""
        order = random.permutation(len(self.ends))
        begins = np.concatenate([[0], self.ends[:-1]]) + 1
        lengths = self.ends - begins + 1
        ends = np.cumsum(lengths[order])
        # where each token comes from: its position in the text, moved to where the text begins
        positions = np.arange(len(self.ids) - 1) + np.repeat(begins[order] - (ends - lengths[order]), lengths[order])
        return TokenStream(np.concatenate([self.ids[:1], self.ids[positions]]), ends)
