"""Fill in masked tokens with the `fill-mask` pipeline of transformers."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
from transformers import FillMaskPipeline, PreTrainedModel

from ..runs.run_folders import load_run
from ..utils.errors import check_text, require

TOKENS = 5  # proposed for a mask


class FilledToken(NamedTuple):
    """
    A token in the place of a mask.

    Args:
        token: The token as text.
        score: Its probability.
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
        self.tokenizer: Any = tokenizer
        self.pipeline: Any = FillMaskPipeline(model=model.eval(), tokenizer=tokenizer)

    @classmethod
    def from_run(cls, run: str, revision: str | None = None) -> "MaskFiller":
        """
        Load the masked language model of a run folder or Hub id.

        Raises:
            InputError: there is none.
        """
        model, tokenizer = load_run(run, revision)
        require(
            type(model).__name__.endswith("ForMaskedLM") and tokenizer.mask_token is not None,
            f"{run!r} is not a masked language model: train one with modeling-lstm pretrain --task fill-mask.",
        )
        return cls(model, tokenizer)

    def __call__(self, texts: Sequence[str], batch_size: int = 32) -> list[list[FilledToken]]:
        """
        Return the most likely tokens for the mask of each text, most likely first.

        Args:
            texts: The texts, each with one mask token.
            batch_size: Texts to read at once.

        Raises:
            InputError: a text does not have exactly one mask token, or is not UTF-8.
        """
        require(not isinstance(texts, str), "Pass texts as a list, even a single one.")
        mask = self.tokenizer.mask_token
        for text in texts:
            check_text(text)
            number = text.count(mask)
            require(
                number == 1,
                f"Each text must have {mask} once, in the place to fill in; found {number} in {text!r:.80}.",
            )
        if not texts:
            return []
        found: Any = self.pipeline(list(texts), batch_size=batch_size, top_k=TOKENS)
        rows = [found] if len(texts) == 1 else found  # the pipeline returns the answers to a single text alone
        return [[FilledToken(one["token_str"].strip(), one["score"]) for one in row] for row in rows]

    def columns(self) -> dict[str, pa.DataType]:
        """Return the columns of a row other than the text, with their types."""
        return {"token": pa.list_(pa.string()), "score": pa.list_(pa.float64())}

    def answer(self, texts: list[str], batch_size: int) -> Iterator[dict[str, Any]]:
        """Yield one row for each text, with the proposed tokens and their probabilities."""
        for row in self(texts, batch_size):
            yield {"token": [one.token for one in row], "score": [one.score for one in row]}
