"""Fill in masked tokens with a masked language model."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import torch
from transformers import PreTrainedModel

from ..data.token_limits import max_positions
from ..data.tokenization import fit_batch
from ..models.text_classifier import list_texts
from ..runs.run_folders import load_for_inference
from ..utils.errors import check_text, require
from .answering import find_mask_problem
from .likely_tokens import likely_tokens

TOKENS = 5  # proposed for a mask
MAX_TOKENS = 512  # tokens around a mask that are read


class FilledToken(NamedTuple):
    """
    A token in the place of a mask.

    Args:
        token: The token as text.
        score: Its probability. If several tokens of the vocabulary have the same text, the sum of theirs.
    """

    token: str
    score: float


class MaskFiller:
    """
    A masked language model with its tokenizer.

    Args:
        model: The model.
        tokenizer: Its tokenizer.
    """

    def __init__(self, model: PreTrainedModel, tokenizer: Any):
        require(tokenizer.mask_token is not None, "The tokenizer has no mask token, so it marks no place to fill in.")
        self.model: Any = model.eval()
        self.tokenizer = tokenizer

    @classmethod
    def from_run(cls, run: str | Path, revision: str | None = None) -> "MaskFiller":
        """
        Load the masked language model of a run folder or Hub id, onto the GPU if there is one.

        Raises:
            InputError: there is none.
        """
        model, tokenizer = load_for_inference(run, revision)
        require(
            type(model).__name__.endswith("ForMaskedLM"),
            f"{str(run)!r} is not a masked language model: train one with modeling-lstm pretrain --task fill-mask.",
        )
        return cls(model, tokenizer)

    def problem(self, text: str) -> str | None:
        """Return why a text cannot be answered, as the end of a sentence, or `None`."""
        return find_mask_problem(text, self.tokenizer.mask_token)

    @torch.inference_mode()
    def __call__(self, texts: str | Iterable[str], batch_size: int = 32) -> list[list[FilledToken]]:
        """
        Return the most likely tokens for the mask of each text, most likely first.

        Args:
            texts: One text or several, each with one mask token. Of a long one, the 512 tokens around it are read.
            batch_size: Texts to read at once; fewer if their logits would need too much memory.

        Raises:
            InputError: a text does not have exactly one mask token, or is not UTF-8.
        """
        texts = list_texts(texts)
        for text in texts:
            check_text(text)
            problem = self.problem(text)
            require(problem is None, f"Each text {problem}")
        if not texts:
            return []
        ids, found = [self._encode(text) for text in texts], []
        batch_size = fit_batch(batch_size, max(map(len, ids)), self.model.config.vocab_size)
        for begin in range(0, len(ids), batch_size):
            rows = ids[begin : begin + batch_size]
            inputs = self.tokenizer.pad({"input_ids": rows}, padding_side="right", return_tensors="pt")
            logits = self.model(**inputs.to(self.model.device)).logits
            positions = [row.index(self.tokenizer.mask_token_id) for row in rows]
            shares = logits[range(len(rows)), positions, : len(self.tokenizer)].float().softmax(-1)
            found += [[FilledToken(*best) for best in likely_tokens(one, self.tokenizer, TOKENS)] for one in shares]
        return found

    def _encode(self, text: str) -> list[int]:
        """Return the tokens of a text, or of a long one those around its mask."""
        ids: list[int] = self.tokenizer(text, verbose=False)["input_ids"]
        limit = min(MAX_TOKENS, max_positions(self.model.config) or MAX_TOKENS)
        begin = max(0, min(ids.index(self.tokenizer.mask_token_id) - limit // 2, len(ids) - limit))
        return ids[begin : begin + limit]

    def columns(self) -> dict[str, pa.DataType]:
        """Return the columns of a row other than the text, with their types."""
        return {"token": pa.list_(pa.string()), "score": pa.list_(pa.float64())}

    def answer(self, texts: list[str], batch_size: int) -> Iterator[dict[str, Any]]:
        """Yield one row for each text, with the proposed tokens and their probabilities."""
        for row in self(texts, batch_size):
            yield {"token": [one.token for one in row], "score": [one.score for one in row]}
