"""Word vectors of one's own text: word2vec (Mikolov et al., 2013) and fastText (Bojanowski et al., 2017) by gensim."""

import logging
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from datasets import Dataset
from huggingface_hub.utils import tqdm

from ..errors import InputError, require
from ..preprocessing import texts_of
from ..sources import read_texts
from ..tables import FileArguments
from ..tokenization_lstm import LstmTokenizer
from .words import WordVectors

logger = logging.getLogger(__name__)

MAX_SENTENCE_LEN = 10_000  # words of a text that gensim takes at once


@dataclass
class VectorTrainingArguments(FileArguments):
    """Which text to learn word vectors from, and how."""

    dataset: str = field(
        metadata={"help": "Hub id (or id:subset), file or folder of CSV, TSV, JSON lines or Parquet; no labels needed."}
    )
    output_dir: str = field(metadata={"help": "Folder to write the vectors to."})
    text_column: str | None = field(default=None, metadata={"help": "Column with the text."})
    split: str = field(default="train", metadata={"help": "Split with the text."})
    algorithm: Literal["skipgram", "cbow", "fasttext"] = field(
        default="skipgram",
        metadata={"help": "word2vec by skip-gram or CBOW, or fastText (skip-gram with n-grams of letters)."},
    )
    size: int = field(default=100, metadata={"help": "Numbers in a vector."})
    window: int = field(default=5, metadata={"help": "Words to each side that are a word's context."})
    min_frequency: int = field(default=5, metadata={"help": "Occurrences that a word needs."})
    vocab_size: int = field(default=100_000, metadata={"help": "Most words."})
    lowercase: bool = field(default=True, metadata={"help": "Fold upper and lower case."})
    epochs: int = field(default=5, metadata={"help": "Passes over the text."})
    negative: int = field(default=5, metadata={"help": "Random words that a true context is told apart from."})
    sample: float = field(default=1e-4, metadata={"help": "Share of the text above which a word is skipped at random."})
    buckets: int = field(default=100_000, metadata={"help": "fastText: buckets that n-grams are hashed into."})
    workers: int = field(
        default=os.cpu_count() or 1, metadata={"help": "Threads; only 1 gives the same vectors every time."}
    )
    seed: int = field(default=42, metadata={"help": "Seed of the first vectors."})

    def __post_init__(self) -> None:
        positive = ("size", "window", "min_frequency", "vocab_size", "epochs", "negative", "buckets", "workers")
        for name in positive:
            require(getattr(self, name) >= 1, f"--{name} must be at least 1, found {getattr(self, name)}.")
        require(self.seed >= 0, f"--seed must not be negative, found {self.seed}.")
        require(0 <= self.sample < 1, f"--sample must be at least 0 and below 1, found {self.sample}.")


def train_vectors(arguments: VectorTrainingArguments, *, command: str | None = None) -> WordVectors:
    """
    Learn word vectors and write them to `arguments.output_dir`.

    Raises:
        InputError: gensim is not installed, or the text cannot be read or is too short.
    """
    try:
        import gensim
    except ImportError as error:
        raise InputError("gensim is not installed: pip install 'modeling-lstm[vectors]'") from error
    started = time.perf_counter()
    folder = Path(arguments.output_dir)
    require(not folder.exists() or folder.is_dir(), f"--output_dir {str(folder)!r} is a file.")
    require(
        not folder.exists() or not any(folder.iterdir()),
        f"--output_dir {str(folder)!r} is not empty: choose another, or remove it first.",
    )
    columns = None if arguments.text_column is None else [arguments.text_column]
    rows = read_texts(arguments.dataset, arguments.split, columns, arguments=arguments)
    tokenizer = LstmTokenizer.train(
        texts_of(rows),
        vocab_size=arguments.vocab_size + 2,
        min_frequency=arguments.min_frequency,
        lowercase=arguments.lowercase,
        model_max_length=10**9,
    )
    require(len(tokenizer) > 3, f"Fewer than two words occur {arguments.min_frequency} times: lower --min_frequency.")
    sentences = _Sentences(rows, tokenizer)
    logger.info("%d texts, %d words of %d kinds", rows.num_rows, sentences.words, len(tokenizer) - 2)
    options: dict[str, Any] = {
        "vector_size": arguments.size,
        "window": arguments.window,
        "negative": arguments.negative,
        "sample": arguments.sample,
        "workers": arguments.workers,
        "seed": arguments.seed,
        "epochs": arguments.epochs,
        "min_count": 1,  # the vocabulary was cut by the tokenizer
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
    record: dict[str, Any] = {"command": command} if command else {}
    record |= {name: value for name, value in asdict(arguments).items() if name != "output_dir"}
    if arguments.algorithm != "fasttext":
        del record["buckets"]
    record |= {"texts": rows.num_rows, "running_words": sentences.words, "gensim": gensim.__version__}
    record["seconds"] = round(time.perf_counter() - started, 1)
    vectors = WordVectors.from_gensim(model.wv, record)
    vectors.save_pretrained(arguments.output_dir)
    return vectors


class _Sentences:
    """The texts as lists of words, tokenized once and kept as numbers; words out of the vocabulary are left out."""

    def __init__(self, rows: Dataset, tokenizer: LstmTokenizer):
        self.vocabulary = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
        self.texts: list[np.ndarray] = []
        self.bar: Any = None
        unknown = tokenizer.unk_token_id
        with tqdm(total=rows.num_rows, unit="text", desc="Tokenizing") as bar:
            for texts in texts_of(rows):
                for ids in tokenizer(texts)["input_ids"]:
                    numbers = np.array(ids, dtype=np.int32)
                    self.texts.append(numbers[numbers != unknown])
                bar.update(len(texts))
        self.words = sum(len(text) for text in self.texts)

    def __iter__(self) -> Iterator[list[str]]:
        words = self.vocabulary
        for text in self.texts:
            for start in range(0, len(text), MAX_SENTENCE_LEN):  # gensim would cut the rest of the text off
                part = text[start : start + MAX_SENTENCE_LEN]
                yield [words[number] for number in part]
                if self.bar is not None:
                    self.bar.update(len(part))
