"""Translate texts with a sequence-to-sequence model, using `generate` from transformers."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from ..models.text_classifier import list_texts
from ..models.tokenization_lstm import target_tokenizer
from ..runs.run_folders import load_for_inference
from ..utils.errors import check_text, require

logger = logging.getLogger(__name__)


@dataclass
class Alignment:
    """
    Where the attention looked while a translation was written.

    Args:
        source: The tokens of the text.
        target: The tokens of the translation.
        weights: The attention weights, `(target, source)`. Each row sums to 1.
        text: The text.
        translation: The translation.
    """

    source: list[str]
    target: list[str]
    weights: np.ndarray
    text: str
    translation: str


class Translator:
    """
    A sequence-to-sequence model with its tokenizer.

    Args:
        model: The model. Its `generation_config` holds the defaults of `generate`.
        tokenizer: The tokenizer of the source texts; see [`target_tokenizer`].

    Attributes:
        num_beams: Beams to search with; `None` for those of the `generation_config`.
    """

    num_beams: int | None = None

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase):
        self.model: Any = model.eval()
        self.tokenizer: Any = tokenizer
        self.target_tokenizer: Any = target_tokenizer(tokenizer)

    @classmethod
    def from_run(cls, run: str | Path, revision: str | None = None) -> "Translator":
        """
        Load the translator of a run folder or Hub id, onto the GPU if there is one.

        Raises:
            InputError: there is none.
        """
        model, tokenizer = load_for_inference(run, revision)
        require(
            model.can_generate() and model.config.is_encoder_decoder,
            f"{str(run)!r} is not a translation model: train one with modeling-lstm train --task translation.",
        )
        return cls(model, tokenizer)

    def __call__(self, texts: str | Iterable[str], batch_size: int = 32, **options: Any) -> list[str]:
        """
        Translate texts, and return the translations in order.

        Args:
            texts: One text or several. A blank one has an empty translation.
            batch_size: Texts to translate at once. Texts of similar length share a batch.
            options: Options of transformers' `generate`.
        """
        texts = list_texts(texts)
        if not texts:
            return []
        for text in texts:
            check_text(text)
        limit = self.tokenizer.model_max_length
        ids = self.tokenizer(texts, verbose=False)["input_ids"]
        cut = [index for index, one in enumerate(ids) if len(one) > limit]
        for index in cut:
            ids[index] = self.tokenizer(texts[index], truncation=True, max_length=limit)["input_ids"]
        if cut:
            logger.warning(
                "%d of %d texts have more than %d tokens: their ends are not translated.", len(cut), len(ids), limit
            )
        found = self.translate_tokens(ids, batch_size, **options)
        return [one if text.strip() else "" for text, one in zip(texts, found, strict=True)]

    def translate_tokens(self, ids: Sequence[Sequence[int]], batch_size: int, **options: Any) -> list[str]:
        """Translate texts that are passed as lists of token ids."""
        number = options.get("num_return_sequences") or 1
        require(batch_size >= 1, f"batch_size must be at least 1, found {batch_size}.")
        require(number == 1, f"Expected one translation per text, found num_return_sequences {number}: leave it out.")
        found: list[str] = [""] * len(ids)
        order = np.argsort([len(one) for one in ids], kind="stable")
        for begin in range(0, len(order), batch_size):
            indices = order[begin : begin + batch_size].tolist()
            inputs = self.tokenizer.pad({"input_ids": [list(ids[index]) for index in indices]}, return_tensors="pt")
            with torch.inference_mode():
                written = self._generate(inputs.to(self.model.device), options)
            texts = self.target_tokenizer.batch_decode(written, skip_special_tokens=True)
            for index, text in zip(indices, texts, strict=True):
                found[index] = text.strip()
        return found

    def _generate(self, inputs: Mapping[str, Any], options: dict[str, Any]) -> torch.Tensor:
        if options.get("stop_strings") is not None:
            options = {"tokenizer": self.target_tokenizer} | options
        if self.num_beams is not None:
            options = {"num_beams": self.num_beams} | options
        written = self.model.generate(**inputs, **options | {"num_return_sequences": 1})
        return getattr(written, "sequences", written)

    def columns(self) -> dict[str, pa.DataType]:
        """Return the columns of a row other than the text, with their types."""
        return {"translation": pa.string()}

    def answer(self, texts: list[str], batch_size: int) -> Iterator[dict[str, Any]]:
        """Yield one row for each text, in order."""
        return ({"translation": one} for one in self(texts, batch_size))

    @torch.inference_mode()
    def align(self, text: str, **options: Any) -> Alignment:
        """
        Translate a text, and return where the attention looked.

        Args:
            text: The text.
            options: Options of transformers' `generate`.

        Raises:
            InputError: the model has no attention, the text is empty, or several translations were asked for.
        """
        require(
            getattr(self.model.config, "attention", None) in ("luong", "bahdanau"),
            "Alignments need an LSTM with attention (--attention luong or bahdanau).",
        )
        check_text(text)
        require(bool(text.strip()), "There is nothing to translate: the text is empty.")
        require(
            options.get("num_return_sequences") in (None, 1),
            "One translation can be aligned: leave out num_return_sequences.",
        )
        limit = self.tokenizer.model_max_length
        if len(self.tokenizer(text, verbose=False)["input_ids"]) > limit:
            logger.warning("The text has more than %d tokens: its end is not translated.", limit)
        read = self.tokenizer([text], truncation=True, return_tensors="pt").to(self.model.device)
        inputs = {name: read[name] for name in ("input_ids", "attention_mask")}
        written = self._generate(inputs, options)
        labels = written[:, 1:]  # without the start token
        weights = self.model(**inputs, decoder_input_ids=written[:, :-1], output_attentions=True).cross_attentions[0]
        return Alignment(
            source=_readable(self.tokenizer, inputs["input_ids"][0]),
            target=_readable(self.target_tokenizer, labels[0]),
            weights=weights[0, 0].float().cpu().numpy(),
            text=text,
            translation=self.target_tokenizer.decode(labels[0], skip_special_tokens=True).strip(),
        )


def _readable(tokenizer: Any, ids: torch.Tensor) -> list[str]:
    """Return tokens in readable form: byte-level ones, as in GPT-2, decoded; in others a mark may stand for a space."""
    tokens = tokenizer.convert_ids_to_tokens(ids.tolist())
    is_of_bytes = "ByteLevel" in str(getattr(getattr(tokenizer, "backend_tokenizer", None), "decoder", ""))
    return [tokenizer.convert_tokens_to_string([one]) for one in tokens] if is_of_bytes else tokens
