"""`TextClassifier`: classify texts with numpy, `tokenizers` and any model. Needs neither torch nor transformers.

This file is self-contained: it is copied into the folder of an exported model as `classify.py`.
"""

import argparse
import bisect
import itertools
import json
import math
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

MODEL = "model.onnx"
TOKEN_TYPES = "token_type_ids"
INPUTS = ("input_ids", "attention_mask", TOKEN_TYPES)  # of a model; token types only for models that use them
AT_ONCE = 128  # texts tokenized at once: the cut-off parts of long texts take memory until a batch is done
WORDS_AT_ONCE = 64  # words tokenized at once, to spread the overhead of a call
REMEMBERED = 4_000_000  # size of the token memory in characters, with WORD more for each word: about 50 MB
WORD = 20
# Even a tokenizer that splits at spaces reads `<br />` as one unit, and it may contain escapes and invisible
# characters. A text is therefore never split before a possible end of `<br />`.
_END = r"[/>&\\\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\ue000]"
END, BEFORE_END, BLANK = re.compile(rf"\s*{_END}"), re.compile(rf"\s{_END}"), re.compile(rf" (?!\s*{_END})")
PLAIN = re.compile(r"#?[A-Za-z0-9]+[.,!?:;]?")  # words that a normalizer leaves unchanged or only lowercases
QUOTA = Path("/sys/fs/cgroup/cpu.max")  # of a container: microseconds of computing time, in so many of all
JOINT = " [SEP] "  # between texts that are classified together


def prepare_texts(texts: Sequence[str], tokenizer: Tokenizer) -> list[str | tuple[str, str]]:
    """
    Return texts in the form that the tokenizer expects. Texts joined by `[SEP]` become pairs, which the tokenizer marks
    (`A [SEP] B`, `[CLS] A [SEP] B [SEP]`, `<s> A </s></s> B </s>`) and truncates in its own way. If the tokenizer does
    not mark pairs, for example because it was trained on single texts, all texts stay unchanged.
    """
    alone, beside = (tokenizer.num_special_tokens_to_add(is_pair) for is_pair in (False, True))
    if alone == beside:
        return list(texts)
    pairs = (text.partition(JOINT) for text in texts)
    return [(first, second) if found else first for first, found, second in pairs]


def _cut(text: str) -> list[str]:
    """Split a text into parts that a tokenizer that splits at spaces reads independently of each other."""
    may_break = "br" in text.lower() or "&" in text or "\\" in text or not text.isascii()
    return BLANK.split(text) if may_break and BEFORE_END.search(text) else text.split(" ")


def _pieces(words: list[str]) -> list[list[str]]:
    """Split a list of words into chunks of `WORDS_AT_ONCE`."""
    return [words[begin : begin + WORDS_AT_ONCE] for begin in range(0, len(words), WORDS_AT_ONCE)]


def _tokenize(tokenizer: Tokenizer, words: list[str]) -> Iterator[list[int]]:
    """Tokenize words as one text, and yield the tokens of each word."""
    encoding = tokenizer.encode(" ".join(words), add_special_tokens=False)
    firsts, ids = [first for first, _ in encoding.offsets], encoding.ids
    begin, position = 0, 0
    for word in words:
        position += len(word) + 1
        end = bisect.bisect_left(firsts, position, lo=begin)
        yield ids[begin:end]
        begin = end


class TokenMemory:
    """
    Tokenizes texts with a tokenizer that splits at spaces. Each word is tokenized once and then looked up, which is
    faster since most words of a text have been seen before.

    Args:
        tokenizer: A tokenizer without padding. It may truncate and add special tokens around a text.
    """

    def __init__(self, tokenizer: Tokenizer):
        self.truncating = tokenizer
        self.tokenizer = Tokenizer.from_str(tokenizer.to_str())
        self.tokenizer.no_truncation()
        self.plain = Tokenizer.from_str(json.dumps(json.loads(self.tokenizer.to_str()) | {"normalizer": None}))
        normalizer = tokenizer.normalizer
        self.lowercases = normalizer is not None and normalizer.normalize_str("A") == "a"
        self.known: dict[str, list[int]] = {"": []}
        self.size = 0
        alone, framed = (self.tokenizer.encode("a", add_special_tokens=special).ids for special in (False, True))
        position = next(n for n in range(len(framed)) if framed[n : n + len(alone)] == alone)
        self.before, self.after = framed[:position], framed[position + len(alone) :]
        self.joins_pairs = self.tokenizer.encode("a", "a").ids == self.tokenizer.encode(JOINT.join("aa")).ids
        truncation = tokenizer.truncation or {}
        limit = truncation.get("max_length")
        self.limit = None if limit is None else limit - len(self.before) - len(self.after)
        self.keeps_end = truncation.get("direction") == "left"

    def __call__(self, texts: Sequence[str | tuple[str, str]]) -> list[list[int]]:
        """Return the tokens of each text, or of each pair if the tokenizer joins pairs."""
        cut = [_cut(one if isinstance(one, str) else JOINT.join(one)) for one in texts]
        if self.size > REMEMBERED:
            self.known, self.size = {"": []}, 0
        known = self.known  # another thread may replace it
        new = [word for word in dict.fromkeys(itertools.chain.from_iterable(cut)) if word not in known]
        plain = [word for word in new if PLAIN.fullmatch(word)]
        others = [word for word in new if not PLAIN.fullmatch(word)]
        for some in _pieces(plain):
            written = [word.lower() for word in some] if self.lowercases else some
            known.update(zip(some, _tokenize(self.plain, written), strict=True))
        ends = [[word] for word in others if END.match(word)]
        for some in [*ends, *_pieces([word for word in others if not END.match(word)])]:
            known.update(zip(some, _tokenize(self.tokenizer, some), strict=True))
        self.size += sum(map(len, new)) + WORD * len(new)
        rows = (list(itertools.chain.from_iterable(map(known.__getitem__, some))) for some in cut)
        return [self._frame(tokens, one) for tokens, one in zip(rows, texts, strict=True)]

    def _frame(self, tokens: list[int], text: str | tuple[str, str]) -> list[int]:
        """Truncate the tokens of a text and add special tokens around them."""
        if self.limit is not None and len(tokens) > self.limit:
            if not isinstance(text, str):
                return self.truncating.encode(*text).ids
            tokens = tokens[len(tokens) - self.limit :] if self.keeps_end else tokens[: self.limit]
        return [*self.before, *tokens, *self.after] if self.before or self.after else tokens


class OnnxModel:
    """
    A model that ONNX Runtime runs. Pickling and copying keep only its path, and the file is opened again.

    Args:
        path: The path of the model.

    Raises:
        ImportError: ONNX Runtime is not installed.
    """

    def __init__(self, path: Path):
        try:
            import onnxruntime
        except ImportError as error:
            raise ImportError("ONNX Runtime is not installed: pip install onnxruntime") from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # parallel batches are faster than threads within a batch
        self.path = path.absolute()
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def __call__(self, *inputs: np.ndarray) -> np.ndarray:
        """Return the logits, of shape `(batch, labels)`, for as many of [`INPUTS`] as the model takes."""
        return self.session.run(["logits"], dict(zip(INPUTS, inputs, strict=False)))[0]

    def __reduce__(self) -> tuple[type["OnnxModel"], tuple[Path]]:
        return OnnxModel, (self.path,)


class TextClassifier:
    """
    Classifies texts in batches of similar lengths and returns the results in the order of the texts.

    Args:
        logits: A function that maps `input_ids` and `attention_mask`, integers of shape `(batch, tokens)`, to logits of
            shape `(batch, labels)`. Rows are padded on the right. With `reads_token_types`, the third argument is
            `token_type_ids`.
        tokenizer: A tokenizer of the `tokenizers` library. Its padding and truncation settings are overwritten.
        config: The content of the model's `config.json`; `id2label`, `problem_type` and `pad_token_id` are used.
        max_length: Maximum number of tokens of a text, to which longer texts are truncated; `None` for no limit.
        truncation_side: The side on which texts are truncated, `"right"` or `"left"`.
        cuts_at_blanks: Whether the tokenizer reads each word on its own, so that [`TokenMemory`] can store its tokens.
        workers: How many batches `logits` computes at the same time, each in its own thread.
        reads_token_types: Whether the model distinguishes the texts of a pair by token types, as BERT does.
    """

    def __init__(
        self,
        logits: Callable[..., np.ndarray],
        tokenizer: Tokenizer,
        config: dict[str, Any],
        max_length: int | None = None,
        truncation_side: str = "right",
        *,
        cuts_at_blanks: bool = False,
        workers: int = 1,
        reads_token_types: bool = False,
    ):
        self.logits = logits
        self.reads_token_types = reads_token_types
        self.workers = workers
        self.tokenizer = tokenizer
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        if max_length is not None:
            if not isinstance(max_length, int) or max_length < 1:
                raise ValueError(f"model_max_length must be a whole number of at least 1, found {max_length!r}.")
            self.tokenizer.enable_truncation(max_length, direction=truncation_side)
        self.cuts_at_blanks = cuts_at_blanks
        self.memory: TokenMemory | None = None  # created after enough texts to be worth it
        self.texts_seen = 0
        self.labels = [name for _, name in sorted((int(number), name) for number, name in config["id2label"].items())]
        usual = "regression" if len(self.labels) == 1 else "single_label_classification"
        self.problem_type = config.get("problem_type") or usual
        self.pad_token_id = config.get("pad_token_id") or 0

    @classmethod
    def from_onnx(cls, folder: str | Path, threads: int | None = None) -> "TextClassifier":
        """
        Open the classifier in a folder written by `modeling-lstm export`.

        Args:
            folder: A folder with `model.onnx`, `tokenizer.json`, `config.json` and `tokenizer_config.json`.
            threads: Number of batches that ONNX Runtime computes at the same time. Default: the number of cores.

        Raises:
            ImportError: ONNX Runtime is not installed.
            FileNotFoundError: One of the files is missing.
        """
        folder = Path(folder)
        for name in (MODEL, "tokenizer.json", "config.json", "tokenizer_config.json"):
            if not (folder / name).is_file():
                raise FileNotFoundError(f"{str(folder)!r} has no {name}: create it with modeling-lstm export.")
        model = OnnxModel(folder / MODEL)
        config, settings = (
            json.loads((folder / name).read_text(encoding="utf-8")) for name in ("config.json", "tokenizer_config.json")
        )
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        classifier = cls(
            model,
            tokenizer,
            config,
            settings["model_max_length"],
            settings["truncation_side"],
            cuts_at_blanks=settings.get("cuts_at_blanks", False),
            workers=threads or count_cores(),
            reads_token_types=any(one.name == TOKEN_TYPES for one in model.session.get_inputs()),
        )
        outputs = model.session.get_outputs()[0].shape[-1]
        if isinstance(outputs, int) and outputs != len(classifier.labels):
            raise ValueError(f"The model has {outputs} outputs, but config.json names {len(classifier.labels)} labels.")
        return classifier

    def __call__(self, texts: str | Iterable[str], batch_size: int = 32) -> list[dict[str, Any]]:
        """
        Classify one text or several.

        Returns:
            For each text a dict with `label` and `score`, the probability of the label. For a multi-label model, these
            are lists of the labels with a probability above 0.5 and of their probabilities, highest first. For a
            regression, `score` is the number.

        Raises:
            ValueError: See [`raw_scores`].
        """
        return make_answers(self.scores(texts, batch_size), self.labels, self.problem_type)

    def scores(self, texts: str | Iterable[str], batch_size: int = 32) -> np.ndarray:
        """Return the probabilities of the labels, of shape `(texts, labels)`; for a regression, the numbers."""
        return to_probabilities(self.raw_scores(texts, batch_size), self.problem_type)

    def raw_scores(self, texts: str | Iterable[str], batch_size: int = 32) -> np.ndarray:
        """
        Return the logits of the labels, of shape `(texts, labels)`, computed in batches of texts of similar lengths.

        Raises:
            ValueError: `batch_size` is below 1, `texts` is not a string or an iterable of strings, or a text contains a
                lone surrogate (half of an emoji, for example).
        """
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, found {batch_size}.")
        rows = self.tokenize(list_texts(texts))
        order = sorted(range(len(rows)), key=lambda number: len(rows[number][0]))
        found = np.zeros((len(rows), len(self.labels)), dtype=np.float32)
        batches = [order[begin : begin + batch_size] for begin in range(0, len(order), batch_size)]

        def work_out(batch: list[int]) -> None:
            found[batch] = self.logits(*self.pad([rows[number] for number in batch]))

        if self.workers > 1 and len(batches) > 1:
            with self.pool() as pool:
                list(pool.map(work_out, batches))
        else:
            for batch in batches:
                work_out(batch)
        return found

    def pool(self) -> AbstractContextManager[Executor]:
        """Return the pool of threads that compute batches in parallel."""
        return ThreadPoolExecutor(self.workers)

    def tokenize(self, texts: Sequence[str]) -> list[tuple[list[int], ...]]:
        """
        Return the tokens of each text, truncated to the maximum length, and their token types if the model uses them.

        Raises:
            ValueError: A text contains a lone surrogate (half of an emoji, for example).
        """
        rows: list[tuple[list[int], ...]] = []
        self.texts_seen += len(texts)
        if self.cuts_at_blanks and self.memory is None and self.texts_seen > AT_ONCE:
            self.memory = TokenMemory(self.tokenizer)
        for begin in range(0, len(texts), AT_ONCE):
            rows += self._tokenize(texts[begin : begin + AT_ONCE])
        return rows

    def _tokenize(self, texts: Sequence[str]) -> list[tuple[list[int], ...]]:
        some = prepare_texts(texts, self.tokenizer)
        try:
            if self.memory is not None and not self.reads_token_types:
                if self.memory.joins_pairs or all(isinstance(one, str) for one in some):
                    return [(ids,) for ids in self.memory(some)]
            encodings = self.tokenizer.encode_batch_fast(some)
        except TypeError:  # the error from `tokenizers` does not say which text is wrong
            for text in texts:
                check_text(text)
            raise
        return [(one.ids, one.type_ids) if self.reads_token_types else (one.ids,) for one in encodings]

    def pad(self, rows: list[tuple[list[int], ...]]) -> list[np.ndarray]:
        """Return the [`INPUTS`] for a batch of rows, the last of which must be the longest."""
        lengths = np.array([len(row[0]) for row in rows])
        is_token = np.arange(max(1, lengths[-1])) < lengths[:, None]
        inputs = []
        for column, filler in zip(zip(*rows, strict=True), (self.pad_token_id, 0), strict=False):
            padded = np.full(is_token.shape, filler, dtype=np.int64)
            padded[is_token] = list(itertools.chain.from_iterable(column))
            inputs.append(padded)
        return [inputs[0], is_token.astype(np.int64), *inputs[1:]]


def list_texts(texts: str | Iterable[str]) -> list[str]:
    """Return one text or several as a list. Raise `ValueError` for anything else, such as the rows of a table."""
    if isinstance(texts, str):
        return [texts]
    is_table = isinstance(texts, Mapping) or hasattr(texts, "columns")  # iterating would yield names of columns
    is_table |= getattr(texts, "ndim", 1) != 1
    if is_table or isinstance(texts, bytes) or not isinstance(texts, Iterable):
        raise ValueError(
            f"texts must be a string or a list of strings, such as data['text']; found {type(texts).__name__}."
        )
    found = list(texts)
    for number, text in enumerate(found, start=1):
        if not isinstance(text, str):
            raise ValueError(f"Text {number} must be a string, found {text!r:.80}.")
    return found


def make_answers(scores: np.ndarray, labels: list[str], problem_type: str) -> list[dict[str, Any]]:
    """Convert the scores of texts, of shape `(texts, labels)`, to what [`TextClassifier`] returns when it is called."""
    if problem_type == "multi_label_classification":
        chosen = [[n for n in np.argsort(-row, kind="stable") if row[n] > 0.5] for row in scores]
        return [
            {"label": [labels[n] for n in numbers], "score": row[numbers].tolist()}
            for row, numbers in zip(scores, chosen, strict=True)
        ]
    best = scores.argmax(axis=1)
    found = np.take_along_axis(scores, best[:, None], axis=1)[:, 0]
    return [{"label": labels[n], "score": score} for n, score in zip(best.tolist(), found.tolist(), strict=True)]


def check_text(text: str) -> None:
    """Raise `ValueError` for a text with a lone surrogate (half of an emoji, for example), which tokenizers reject."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        around = text[max(0, error.start - 20) : error.end]
        raise ValueError(f"A text holds half a character, at the end of {around!r}: fix or remove the text.") from error


def count_cores() -> int:
    """Return the number of cores that this process may use, in a container at most its share of their time."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        time, of_all = QUOTA.read_text(encoding="utf-8").split()
        return min(cores, math.ceil(int(time) / int(of_all)))
    except (OSError, ValueError):  # there is no limit
        return cores


def to_probabilities(logits: np.ndarray, problem_type: str) -> np.ndarray:
    """
    Convert logits to probabilities. The numbers of a regression stay unchanged.

    Args:
        logits: Logits of shape `(rows, labels)`.
        problem_type: The `problem_type` of a configuration of transformers.

    Returns:
        An array of the same shape. For single-label, each row sums to 1; for multi-label, each label is independent.
    """
    if problem_type == "regression":
        return logits
    if problem_type == "multi_label_classification":
        return 1.0 / (1.0 + np.exp(-logits.clip(-80.0, 80.0)))
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True, initial=-np.inf))
    return exponents / exponents.sum(axis=1, keepdims=True)


def classify_arguments() -> None:
    """Classify the texts on the command line with the model in the folder of this file."""
    parser = argparse.ArgumentParser(description="Classify sentences with the model in this folder.")
    parser.add_argument("texts", nargs="+", metavar="text")
    texts = parser.parse_args().texts
    try:
        answers = TextClassifier.from_onnx(Path(__file__).parent)(texts)
    except (ImportError, OSError, ValueError) as error:
        parser.error(str(error))
    for text, answer in zip(texts, answers, strict=True):
        print(json.dumps({"text": text, **answer}, ensure_ascii=False))


if __name__ == "__main__":
    classify_arguments()
