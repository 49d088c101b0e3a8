"""Train word vectors with gensim: word2vec (Mikolov et al., 2013) and fastText (Bojanowski et al., 2017)."""

import logging
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from huggingface_hub.utils import tqdm

from ..data.digests import identify_rows
from ..data.sources import read_texts
from ..data.tokenization import iterate_texts
from ..models.text_classifier import count_cores
from ..models.tokenization_lstm import LstmTokenizer
from ..utils.errors import require, require_extra
from ..utils.files import claim_folder, is_occupied
from ..utils.settings import settings_of
from .arguments import VectorTrainingArguments
from .word_vectors import WordVectors

logger = logging.getLogger(__name__)

MAX_SENTENCE_LEN = 10_000  # maximum number of words that gensim takes at once


def train_vectors(
    arguments: VectorTrainingArguments | None = None,
    *,
    command: str | None = None,
    rows: Dataset | None = None,
    **settings: Any,
) -> WordVectors:
    """
    Train word vectors and write them to `output_dir`.

    Args:
        arguments: The settings, if they are not passed as keywords.
        command: The command that was typed, for the record.
        rows: Texts to learn from, in the column `text`, instead of those in `dataset`.
        settings: The fields of [`VectorTrainingArguments`]: `dataset="reviews.csv"`, `output_dir="vectors"`, ...

    Raises:
        InputError: gensim is not installed, or the text cannot be read or is too short.
    """
    gensim = import_gensim()
    arguments = settings_of(VectorTrainingArguments, arguments, settings)
    arguments = replace(arguments, workers=arguments.workers or count_cores())
    started = time.perf_counter()
    folder = Path(arguments.output_dir)
    _check_folder(folder)
    if rows is None:
        columns = None if arguments.text_column is None else [arguments.text_column]
        rows = read_texts(arguments.dataset, arguments.split, columns, arguments=arguments)
    tokenizer = LstmTokenizer.train(
        iterate_texts(rows),
        vocab_size=arguments.vocab_size + 2,
        min_frequency=arguments.min_frequency,
        lowercase=arguments.lowercase,
        model_max_length=10**9,
    )
    require(len(tokenizer) > 3, f"Fewer than two words occur {arguments.min_frequency} times: lower --min_frequency.")
    sentences = _Sentences(rows, tokenizer)
    logger.info(
        "%s texts: %s tokens, %s distinct", *(f"{n:,}" for n in (rows.num_rows, sentences.words, len(tokenizer) - 2))
    )
    with claim_folder(folder):  # before the training, which may take hours
        _check_folder(folder)
        vectors = WordVectors.from_gensim(_learn(gensim, sentences, arguments))
        vectors.record = _describe(arguments, command, rows, sentences.words, gensim.__version__, started)
        vectors.save_pretrained(folder)
    return vectors


def _check_folder(folder: Path) -> None:
    require(not folder.exists() or folder.is_dir(), f"--output_dir {str(folder)!r} is a file: name a folder.")
    require(
        not folder.exists() or not is_occupied(folder),
        f"--output_dir {str(folder)!r} is not empty: choose another, or remove it first.",
    )


def _describe(
    arguments: VectorTrainingArguments, command: str | None, rows: Dataset, words: int, version: str, started: float
) -> dict[str, Any]:
    """Return what the vectors record of how they were made."""
    record: dict[str, Any] = {"command": command} if command else {}
    record |= {name: value for name, value in asdict(arguments).items() if name != "output_dir"}
    if arguments.algorithm != "fasttext":
        del record["buckets"]
    record |= {"texts": rows.num_rows, "digest": identify_rows(rows, ["text"])}
    record |= {"running_words": words, "gensim": version}
    return record | {"seconds": round(time.perf_counter() - started, 1)}


def import_gensim() -> Any:
    """Import gensim, or raise [`InputError`] that names the extra."""
    with require_extra("vectors", "gensim is not installed"):
        import gensim
    return gensim


def _learn(gensim: Any, sentences: "_Sentences", arguments: VectorTrainingArguments) -> Any:
    """Train vectors with gensim, and return them as its `KeyedVectors`."""
    options: dict[str, Any] = {
        "vector_size": arguments.size,
        "window": arguments.window,
        "negative": arguments.negative,
        "sample": arguments.sample,
        "workers": arguments.workers,
        "seed": arguments.seed,
        "epochs": arguments.epochs,
        "min_count": 1,  # the tokenizer already limited the vocabulary
        "sg": int(arguments.algorithm != "cbow"),
    }
    if arguments.algorithm == "fasttext":
        model = gensim.models.FastText(bucket=arguments.buckets, **options)
    else:
        model = gensim.models.Word2Vec(**options)
    model.build_vocab(sentences)
    with tqdm(total=sentences.words * arguments.epochs, unit="word", unit_scale=True, desc="Training") as bar:
        sentences.bar = bar
        model.train(sentences, total_examples=model.corpus_count, total_words=sentences.words, epochs=arguments.epochs)
    return model.wv


class _Sentences:
    """The texts as lists of words, tokenized once and stored as ids. Words outside the vocabulary are left out."""

    def __init__(self, rows: Dataset, tokenizer: LstmTokenizer):
        self.vocabulary = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
        self.texts: list[np.ndarray] = []
        self.bar: Any = None
        unknown = tokenizer.unk_token_id
        with tqdm(total=rows.num_rows, unit="text", desc="Tokenizing") as bar:
            for texts in iterate_texts(rows):
                for ids in tokenizer(texts)["input_ids"]:
                    numbers = np.array(ids, dtype=np.int32)
                    self.texts.append(numbers[numbers != unknown])
                bar.update(len(texts))
        self.words = sum(len(text) for text in self.texts)

    def __iter__(self) -> Iterator[list[str]]:
        words = self.vocabulary
        for text in self.texts:
            for start in range(0, len(text), MAX_SENTENCE_LEN):  # gensim would drop the rest of the text
                part = text[start : start + MAX_SENTENCE_LEN]
                yield [words[number] for number in part]
                if self.bar is not None:
                    self.bar.update(len(part))
