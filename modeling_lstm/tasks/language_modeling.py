"""Language modeling: predict the next token, and thus generate text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from ..utils.markdown import quote
from .base import TEXT_GENERATION
from .unlabeled_texts import UnlabeledTexts

if TYPE_CHECKING:
    from datasets import Dataset


Direction = Literal["forward", "backward", "both"]


@dataclass(frozen=True)
class LanguageModeling(UnlabeledTexts):
    """
    Language modeling of texts without labels, in one direction or both.

    Args:
        direction: The direction in which texts are read.
    """

    direction: Direction = "forward"

    name: ClassVar[str] = TEXT_GENERATION
    auto_class: ClassVar[str] = "AutoModelForCausalLM"
    command: ClassVar[str] = "generate"
    job: ClassVar[str] = "modeling_lstm.pretraining.pretraining_job:PretrainingJob"
    smaller_is_better: ClassVar[frozenset[str]] = frozenset(
        f"{direction}{kind}perplexity" for direction in ("", "backward_") for kind in ("", "word_")
    )

    def identify(self) -> dict[str, str]:
        """Return its name and the direction."""
        return {"task": self.name} | vars(self)

    def config_fields(self) -> dict[str, Any]:
        """Return the fields for the direction."""
        return {"bidirectional": self.direction == "both", "reads_backward": self.direction == "backward"}

    def predict(self, model: Any, tokenizer: Any, rows: Dataset, batch_size: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the forward and backward loss (NaN if not computed), the tokens and the words of each text."""
        from ..data.token_stream import TokenStream
        from ..evaluation.perplexity import text_losses

        stream = TokenStream.from_rows(rows, tokenizer.eos_token_id)
        forward = backward = np.full(len(stream.ends), np.nan)
        if self.direction != "backward":
            forward = text_losses(model, stream, batch_size)
        if self.direction != "forward":
            is_second = self.direction == "both"
            backward = text_losses(model, stream.reverse(), batch_size, backward=is_second)[::-1]
        tokens = np.diff(np.concatenate([[0], stream.ends]))
        words = np.asarray(rows["words"][:])
        return np.stack([forward, backward, tokens, words], axis=1), np.zeros(len(words))

    @property
    def default_metric(self) -> str:
        """The perplexity of a forward model, otherwise the loss."""
        return "perplexity" if self.direction == "forward" else "loss"

    def metric_names(self) -> list[str]:
        """Return the metrics of [`evaluation.perplexity.compute_perplexities`]."""
        prefixes = {"forward": [""], "backward": ["backward_"], "both": ["", "backward_"]}[self.direction]
        return [f"{prefix}{name}" for prefix in prefixes for name in ("perplexity", "word_perplexity")]

    def scores(self, predictions: np.ndarray, references: np.ndarray) -> dict[str, float]:
        """Compute perplexities."""
        from ..evaluation.perplexity import compute_perplexities

        return compute_perplexities(predictions)

    def evaluate(self, predictions: np.ndarray, references: np.ndarray, resamples: int, seed: int) -> dict[str, Any]:
        """Compute perplexities and their intervals."""
        from ..evaluation.perplexity import perplexity_intervals

        scores = self.scores(predictions, references)
        return {"scores": scores, "intervals": perplexity_intervals(predictions)}

    @classmethod
    def predictor(cls, model: Any, tokenizer: Any) -> Any:
        """Return the text generator with a model."""
        from ..inference.generation import TextGenerator

        return TextGenerator(model, tokenizer)

    def card(self, record: Mapping[str, Any], examples: list[tuple[str, Any]]) -> dict[str, Any]:
        """Return what the model does, examples of calls, and its limits."""
        lines = []
        for text, answer in examples:
            lines.append(f"generate({quote(text)}, max_new_tokens=20, do_sample=False)")
            lines.append(f"# [{{'generated_text': {quote(text + answer)}}}]")
        does = "predicts the next word of a text"
        if self.direction != "forward":
            does = f"predicts the word before{' and the word after' if self.direction == 'both' else ''}"
        calls = "\n".join(lines) or 'generate("The")'
        if self.direction == "backward":
            calls = "# reads backward only, so it cannot continue a text; a classifier can start from it"
        limits = ["Generated text may be wrong or hurtful, like the texts that the model learned from."]
        return {"does": does, "verb": "generate", "calls": calls, "limits": limits}
