"""Translation: from a source text to a target text."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..utils.errors import require
from ..utils.markdown import quote
from ..utils.settings import pick_settings
from .base import TRANSLATION, Task

if TYPE_CHECKING:
    from datasets import Dataset

    from ..data.pairs import TextPairs
    from ..data.tokenization import TokenizedSplit
    from ..evaluation.arguments import EvaluationArguments

logger = logging.getLogger(__name__)

TRANSLATED = "translation data must have the columns of the training data"


@dataclass(frozen=True)
class Translation(Task):
    """
    Translation of pairs of texts.

    Args:
        source: The name of the source: its column or language.
        target: The name of the target.
    """

    source: str
    target: str

    name: ClassVar[str] = TRANSLATION
    auto_class: ClassVar[str] = "AutoModelForSeq2SeqLM"
    job: ClassVar[str] = "modeling_lstm.translators.translation_job:TranslationJob"
    columns: ClassVar[tuple[str, ...]] = ("text", "target")
    decimals: ClassVar[int] = 1
    hub_metrics: ClassVar[Mapping[str, tuple[str, dict[str, Any]]]] = {"bleu": ("sacrebleu", {}), "chrf": ("chrf", {})}

    @classmethod
    def load(cls, arguments: Any) -> TextPairs:
        """Read the splits train, validation and, if it exists, test."""
        from ..data.pairs import load_pairs

        return load_pairs(arguments)

    @classmethod
    def load_split(cls, record: Mapping[str, Any], arguments: EvaluationArguments) -> TextPairs:
        """Read one split of the training dataset, or of another dataset with the same columns."""
        from ..data.pair_arguments import PairArguments
        from ..data.pairs import SOURCE, load_pairs

        for name in ("text_column", "label_column"):
            require(getattr(arguments, name) is None, f"--{name} is for classifiers: {TRANSLATED}.")
        recorded, is_other = record["data"], arguments.dataset is not None
        chosen = pick_settings(PairArguments, recorded | (arguments.of_other_data() if is_other else {}))
        held_out_by = recorded.get("held_out_by", SOURCE)  # older versions do not record it
        return load_pairs(PairArguments(**chosen), arguments.split, is_other=is_other, held_out_by=held_out_by)

    @classmethod
    def from_data(cls, data: TextPairs) -> Translation:
        """Create the task for pairs of texts."""
        return cls(data.source, data.target)

    def identify(self) -> dict[str, str]:
        """Return its name and the names of source and target."""
        return {"task": self.name} | vars(self)

    def config_fields(self) -> dict[str, Any]:
        """Return no fields: a model does not store the names of its languages."""
        return {}

    def loss_fields(self, data: Any, label_smoothing: float, balanced: bool) -> dict[str, Any]:
        """Return the label smoothing."""
        return {"label_smoothing": label_smoothing}

    def encode(self, rows: Dataset, name: str, tokenizer: Any, max_length: int) -> TokenizedSplit:
        """Encode sources as `input_ids` and targets as `labels`. Drop training pairs with too many tokens on a side."""
        from ..data.tokenization import TokenizedSplit, encode_targets, tokenize

        longest = max_length + 1 if name == "train" else max_length  # one more token shows which texts are too long
        split = tokenize(rows, name, tokenizer, longest)
        encoded, statistics = encode_targets(split.rows, tokenizer, longest), dict(split.statistics)
        if name == "train":
            lengths = np.maximum(encoded["length"][:], encoded["target_length"][:])
            kept = np.flatnonzero(lengths <= max_length)
            statistics["left_out"] = encoded.num_rows - len(kept)
            if statistics["left_out"]:
                logger.warning(
                    "%d training pairs have more than %d tokens on a side (--max_length): left out.",
                    statistics["left_out"],
                    max_length,
                )
                encoded = encoded.select(kept)
            require(len(kept) > 0, f"All training pairs have more than {max_length} tokens: raise --max_length.")
        return TokenizedSplit(encoded, statistics)

    def predict(self, model: Any, tokenizer: Any, rows: Dataset, batch_size: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the translation of each row, and its reference. Raise first if these could not be scored."""
        from ..evaluation.translation_metrics import make_metrics
        from ..inference.translator import Translator

        make_metrics()
        ids = rows.with_format(None)["input_ids"][:]
        found = Translator(model, tokenizer).translate_tokens(ids, batch_size)
        return np.array(found, dtype=object), np.array(rows["target"][:], dtype=object)

    @property
    def default_metric(self) -> str:
        """chrF, the F-score of character n-grams, which is more informative than BLEU for short texts."""
        return "chrf"

    def metric_names(self) -> list[str]:
        """Return the names of BLEU and chrF."""
        return ["bleu", "chrf"]

    def scores(self, predictions: np.ndarray, references: np.ndarray) -> dict[str, float]:
        """Compute BLEU and chrF."""
        return self.score_texts(predictions.tolist(), references.tolist())

    @staticmethod
    def score_texts(translations: Sequence[str], references: Sequence[str]) -> dict[str, float]:
        """Compute BLEU and chrF for lists of texts."""
        from ..evaluation.translation_metrics import score_translations

        return score_translations(translations, references)

    def evaluate(self, predictions: np.ndarray, references: np.ndarray, resamples: int, seed: int) -> dict[str, Any]:
        """Compute BLEU and chrF with bootstrap intervals, and sacrebleu's `signatures`."""
        from ..evaluation.translation_metrics import score_systems, signatures

        texts, targets = predictions.tolist(), references.tolist()
        found = score_systems({"": texts}, targets, resamples)[""]
        return {
            "scores": {name: one["score"] for name, one in found.items()},
            "intervals": {name: one["interval"] for name, one in found.items() if "interval" in one},
            "signatures": signatures(texts, targets),
        }

    def write_evaluation(
        self, result: Mapping[str, Any], rows: Dataset, predictions: np.ndarray, references: np.ndarray, folder: Path
    ) -> None:
        """
        Write `translations.jsonl` with the texts, their translations and their references. If training pairs were too
        long to be scored, it has no texts.
        """
        found = {"translation": predictions.tolist(), "reference": references.tolist()}
        if rows.num_rows == len(predictions):
            found = {"text": rows["text"][:], **found}
        each = (dict(zip(found, row, strict=True)) for row in zip(*found.values(), strict=True))
        lines = [json.dumps(row, ensure_ascii=False) for row in each]
        (folder / "translations.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    @staticmethod
    def _describe_decoding(record: Mapping[str, Any]) -> str:
        """Describe how the scored translations were decoded: greedily in training, with beams by `evaluate`."""
        beams, evaluated = record["model"].get("num_beams", 1), record.get("signatures", {})
        shown = [split for split in record["metrics"] if split != "train"]
        searched = [split for split in shown if split in evaluated and beams > 1]
        greedy = [split for split in shown if split not in searched]
        told = [f"Translations of {' and '.join(greedy)} were decoded greedily."] if greedy else []
        told += [f"Translations of {' and '.join(searched)} were found with {beams} beams."] if searched else []
        for metric, signature in next(iter(evaluated.values()), {}).items():
            told.append(f"{metric}: sacrebleu's `{signature}`.")
        return " ".join(told)

    @classmethod
    def predictor(cls, model: Any, tokenizer: Any) -> Any:
        """Return the translator with a model."""
        from ..inference.translator import Translator

        return Translator(model, tokenizer)

    def card(self, record: Mapping[str, Any], examples: list[tuple[str, Any]]) -> dict[str, Any]:
        """Return what the model does, examples of calls, how it was scored, and its limits."""
        lines = []
        for text, answer in examples:
            lines += [f"translate([{quote(text)}])", f"# [{quote(answer)}]"]
        return {
            "scored": self._describe_decoding(record),
            "does": f"translates texts from {self.source} to {self.target}",
            "verb": "translate",
            "opening": 'import modeling_lstm as ml\n\ntranslate = ml.Translator.from_run("REPOSITORY")',
            "calls": "\n".join(lines) or 'translate(["A text."])',
            "limits": ["Translations may be fluent but wrong, especially in names, numbers and negations."],
        }
