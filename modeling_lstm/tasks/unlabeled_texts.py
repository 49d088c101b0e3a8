"""`UnlabeledTexts`: what tasks that learn from texts without labels have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..runs.record import columns_of_training, data_sources
from ..utils.errors import as_text, require
from ..utils.settings import pick_settings
from .base import Task

if TYPE_CHECKING:
    from datasets import Dataset

    from ..data.corpus import Corpus
    from ..data.tokenization import TokenizedSplit
    from ..evaluation.arguments import EvaluationArguments


class UnlabeledTexts(Task):
    """A task that is learned from texts alone."""

    columns: ClassVar[tuple[str, ...]] = ("text",)

    @classmethod
    def load(cls, arguments: Any) -> Corpus:
        """Read the texts for pretraining, given its [`data.corpus_arguments.CorpusArguments`]."""
        from ..data.corpus import load_corpus

        return load_corpus(arguments)

    @classmethod
    def from_data(cls, data: Corpus) -> UnlabeledTexts:
        """Create the task for a corpus, which says nothing of it."""
        return cls()

    @classmethod
    def load_split(cls, record: Mapping[str, Any], arguments: EvaluationArguments) -> Corpus:
        """Read one split of the pretraining texts, or of another dataset."""
        from ..data.corpus import load_corpus_split, load_other_corpus
        from ..data.corpus_arguments import CorpusArguments

        recorded = record["data"] | {"dataset": data_sources(record["data"])}
        chosen = pick_settings(CorpusArguments, recorded)
        if arguments.dataset is not None:
            require(not arguments.label_column, "--label_column is for labels, and a language model has none.")
            if arguments.text_column:
                columns = arguments.text_column
                require(len(columns) == 1, f"A language model reads one --text_column, found {as_text(columns)}.")
                chosen["text_column"] = columns[0]
            else:
                chosen["text_column"] = _column_of_training(recorded.get("text_column"), arguments)
            chosen |= {"dataset": [arguments.dataset]} | vars(arguments.of_files())
            return load_other_corpus(CorpusArguments(**chosen), arguments.split)
        return load_corpus_split(CorpusArguments(**chosen), arguments.split)

    def encode(self, rows: Dataset, name: str, tokenizer: Any, max_length: int) -> TokenizedSplit:
        """Tokenize whole texts, and count the words of each. The end of a text counts as a word."""
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


def _column_of_training(column: str | None, arguments: EvaluationArguments) -> str | None:
    """Return the text column of the training data, if the other dataset also has it."""
    from ..data.arguments import split_subset
    from ..data.sources import open_dataset

    splits = open_dataset(*split_subset(str(arguments.dataset)), arguments=arguments)
    split = splits.get(arguments.split) or next(iter(splits.values()))
    found = columns_of_training(column, split.find, f"the {split.origin}")
    return found[0] if found else None
