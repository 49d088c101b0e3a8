"""Masked language modeling: fill in masked tokens from the text on both sides of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..utils.markdown import quote
from .base import FILL_MASK
from .unlabeled_texts import UnlabeledTexts

if TYPE_CHECKING:
    from datasets import Dataset


@dataclass(frozen=True)
class MaskedLanguageModeling(UnlabeledTexts):
    """
    Masked language modeling of texts without labels.

    Args:
        mlm_probability: Share of the tokens to predict.
        block_size: Number of tokens of a block of text.
    """

    mlm_probability: float = 0.15
    block_size: int = 70

    name: ClassVar[str] = FILL_MASK
    auto_class: ClassVar[str] = "AutoModelForMaskedLM"
    job: ClassVar[str] = "modeling_lstm.pretraining.masked_pretraining_job:MaskedPretrainingJob"
    smaller_is_better: ClassVar[frozenset[str]] = frozenset({"perplexity"})

    def config_fields(self) -> dict[str, Any]:
        """Return the field for both directions."""
        return {"bidirectional": True}

    def predict(self, model: Any, tokenizer: Any, rows: Dataset, batch_size: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the result of [`evaluation.masked_tokens.score_masked_tokens`] for the texts."""
        from ..data.token_masker import TokenMasker
        from ..data.token_stream import TokenStream
        from ..evaluation.masked_tokens import score_masked_tokens

        stream = TokenStream.from_rows(rows, tokenizer.eos_token_id)
        masker = TokenMasker(tokenizer, self.mlm_probability)
        return score_masked_tokens(model, masker, stream, self.block_size, batch_size), np.zeros(rows.num_rows)

    @property
    def default_metric(self) -> str:
        """The perplexity of the masked tokens."""
        return "perplexity"

    def metric_names(self) -> list[str]:
        """Return the metrics of [`evaluation.masked_tokens.masked_token_scores`]."""
        return ["perplexity", "accuracy"]

    def scores(self, predictions: np.ndarray, references: np.ndarray) -> dict[str, float]:
        """Compute the scores of the masked tokens."""
        from ..evaluation.masked_tokens import masked_token_scores

        return masked_token_scores(predictions)

    def evaluate(self, predictions: np.ndarray, references: np.ndarray, resamples: int, seed: int) -> dict[str, Any]:
        """Compute the scores of the masked tokens and their intervals."""
        from ..evaluation.masked_tokens import masked_token_intervals

        scores = self.scores(predictions, references)
        return {"scores": scores, "intervals": masked_token_intervals(predictions)}

    @classmethod
    def predictor(cls, model: Any, tokenizer: Any) -> Any:
        """Return what fills in the mask of a text with a model."""
        from ..inference.mask_filling import MaskFiller

        return MaskFiller(model, tokenizer)

    def card(self, record: Mapping[str, Any], examples: list[tuple[str, Any]]) -> dict[str, Any]:
        """Return what the model does, examples of calls, and its limits."""
        lines = []
        for text, (first, *_) in examples:
            lines.append(f"fill_mask({quote(text)})[0]")
            lines.append(f"# {{'score': {first.score:.4f}, 'token_str': {quote(first.token)}, ...}}")
        mask = record["tokenizer"]["mask_token"]
        share = f"{100 * self.mlm_probability:g}%"
        return {
            "does": "fills in masked tokens of a text",
            "verb": "fill_mask",
            "calls": "\n".join(lines) or f'fill_mask("The film was {mask}.")',
            "scored": f"The scores are those of masked tokens: {share} of all, chosen at random.",
            "limits": ["What the model fills in may be wrong or hurtful, like the texts that it learned from."],
        }
