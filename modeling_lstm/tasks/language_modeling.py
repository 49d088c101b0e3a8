"""Language modeling: to predict the next token, and so to write text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from ..runs.record import columns_of_training, data_sources
from ..utils.markdown import quote
from .base import TEXT_GENERATION, Task

if TYPE_CHECKING:
    from datasets import Dataset

    from ..data.corpus import Corpus
    from ..data.tokenization import TokenizedSplit
    from ..evaluation.arguments import EvaluationArguments

Direction = Literal["forward", "backward", "both"]


@dataclass(frozen=True)
class LanguageModeling(Task):
    """
    Texts without labels, read in one direction or in both.

    Args:
        direction: From where a text is read.
    """

    direction: Direction = "forward"

    name: ClassVar[str] = TEXT_GENERATION
    auto_class: ClassVar[str] = "AutoModelForCausalLM"
    command: ClassVar[str] = "generate"
    job: ClassVar[str] = "modeling_lstm.pretraining.pretraining_job:PretrainingJob"
    columns: ClassVar[tuple[str, ...]] = ("text",)
    smaller_is_better: ClassVar[frozenset[str]] = frozenset(
        f"{direction}{kind}perplexity" for direction in ("", "backward_") for kind in ("", "word_")
    )

    @classmethod
    def load(cls, arguments: Any) -> Corpus:
        """Read the text of a pretraining, by its [`data.corpus_arguments.CorpusArguments`]."""
        from ..data.corpus import load_corpus

        return load_corpus(arguments)

    @classmethod
    def load_split(cls, record: Mapping[str, Any], arguments: EvaluationArguments) -> Corpus:
        """Read one split of the text of the pretraining, or of another."""
        from ..data.corpus import load_corpus_split, load_other_corpus
        from ..data.corpus_arguments import CorpusArguments

        recorded = record["data"] | {"dataset": data_sources(record)}
        chosen = {one.name: recorded[one.name] for one in fields(CorpusArguments) if one.name in recorded}
        if arguments.dataset is not None:
            if arguments.text_column:
                chosen["text_column"] = arguments.text_column[0]
            else:
                chosen["text_column"] = _column_of_training(recorded.get("text_column"), arguments)
            chosen |= {"dataset": [arguments.dataset]} | vars(arguments.of_files())
            return load_other_corpus(CorpusArguments(**chosen), arguments.split)
        return load_corpus_split(CorpusArguments(**chosen), arguments.split)

    @classmethod
    def from_data(cls, data: Corpus) -> LanguageModeling:
        """The task that texts are for."""
        return cls()

    @classmethod
    def from_record(cls, described: Mapping[str, Any]) -> LanguageModeling:
        """The task of a run."""
        return cls(described["direction"])

    def describe(self) -> dict[str, Any]:
        """Its name, and the direction."""
        return {"name": self.name, "direction": self.direction}

    def identify(self) -> dict[str, str]:
        """Its name, and the direction."""
        return {"task": self.name, "direction": self.direction}

    def config_fields(self) -> dict[str, Any]:
        """Which directions there are."""
        return {"bidirectional": self.direction == "both", "reads_backward": self.direction == "backward"}

    def encode(self, rows: Dataset, name: str, tokenizer: Any, max_length: int) -> TokenizedSplit:
        """The texts as token numbers, whole; beside them the words of each, the end of the text counted as one."""
        from ..data.tokenization import TokenizedSplit, tokenize

        counted = rows.map(
            lambda texts: {"words": [len(text.split()) + 1 for text in texts]},
            input_columns="text",
            batched=True,
            remove_columns=[one for one in rows.column_names if one != "text"],
        )
        found = tokenize(counted, name, tokenizer, max_length, is_whole=False)
        words = int(np.sum(found.rows["words"][:]))
        return TokenizedSplit(found.rows, found.statistics | {"words": words})

    def predict(self, model: Any, tokenizer: Any, rows: Dataset, batch_size: int) -> tuple[np.ndarray, np.ndarray]:
        """For each text its loss, forward and backward (NaN where there is none), its tokens and its words."""
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
        """The perplexity, or of several directions the loss."""
        return "perplexity" if self.direction == "forward" else "loss"

    def metric_names(self) -> list[str]:
        """Those of [`evaluation.perplexity.compute_perplexities`]."""
        prefixes = {"forward": [""], "backward": ["backward_"], "both": ["", "backward_"]}[self.direction]
        return [f"{prefix}{name}" for prefix in prefixes for name in ("perplexity", "word_perplexity")]

    def scores(self, predictions: np.ndarray, references: np.ndarray) -> dict[str, float]:
        """Perplexities."""
        from ..evaluation.perplexity import compute_perplexities

        return compute_perplexities(predictions)

    def evaluate(self, predictions: np.ndarray, references: np.ndarray, resamples: int, seed: int) -> dict[str, Any]:
        """Perplexities and their intervals."""
        from ..evaluation.perplexity import perplexity_intervals

        scores = self.scores(predictions, references)
        return {"scores": scores, "intervals": perplexity_intervals(predictions)}

    @classmethod
    def predictor(cls, run: str, revision: str | None = None) -> Any:
        """What goes on from texts."""
        from ..inference.generation import TextGenerator

        return TextGenerator.from_run(run, revision)

    def card(self, record: Mapping[str, Any], examples: list[tuple[str, Any]]) -> dict[str, Any]:
        """What it does, and how it is called."""
        lines = []
        for text, answer in examples:
            lines.append(f"generate({quote(text)}, max_new_tokens=20, do_sample=False)")
            lines.append(f"# [{{'generated_text': {quote(text + answer)}}}]")
        does = "predicts the next word of a text"
        if self.direction != "forward":
            does = f"predicts the word before{' and the word after' if self.direction == 'both' else ''}"
        calls = "\n".join(lines) or 'generate("The")'
        if self.direction == "backward":
            calls = "# reads backward only, so it cannot go on from a beginning; a classifier can start from it"
        limits = ["What it writes may be wrong, or hurtful, as the texts that it has learned from."]
        return {"does": does, "verb": "generate", "calls": calls, "limits": limits}


def _column_of_training(column: str | None, arguments: EvaluationArguments) -> str | None:
    """The text column of the training, if the other data set has it too."""
    from ..data.arguments import split_subset
    from ..data.sources import open_dataset

    splits = open_dataset(*split_subset(str(arguments.dataset)), arguments=arguments)
    split = splits.get(arguments.split) or next(iter(splits.values()))
    found = columns_of_training([column] if column else [], split.find, f"the {split.origin}")
    return found[0] if found else None
