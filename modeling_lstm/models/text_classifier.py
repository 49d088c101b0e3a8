"""`TextClassifier`: from texts to labels, with numpy, `tokenizers` and any model. Needs neither torch nor transformers.

An exported model takes this file along as `classify.py`: it is self-contained.
"""

import argparse
import bisect
import itertools
import json
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
INPUTS = ("input_ids", "attention_mask", TOKEN_TYPES)  # of a model, the last where it reads them
AT_ONCE = 128  # texts tokenized at once: what is cut off of a long one takes memory until then
WORDS_AT_ONCE = 64  # words tokenized at once: a call costs as much as some words do
REMEMBERED = 4_000_000  # characters, and WORD more a word, of which the tokens are remembered, in some 50 MB
WORD = 20
# What a tokenizer that cuts at blanks still reads as one is `<br />`, which may have escapes and invisible characters
# in it: so a text is not cut before what may be its end
_END = r"[/>&\\\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\ue000]"
END, BEFORE_END, BLANK = re.compile(rf"\s*{_END}"), re.compile(rf"\s{_END}"), re.compile(rf" (?!\s*{_END})")
PLAIN = re.compile(r"#?[A-Za-z0-9]+[.,!?:;]?")  # words that a normaliser leaves as they are, or lowercases
JOINT = " [SEP] "  # between texts that are classified together


def prepare_texts(texts: Sequence[str], tokenizer: Tokenizer) -> list[str | tuple[str, str]]:
    """
    Texts as the tokenizer takes them. Of those with `[SEP]` between two, it is its business how it marks the two
    (`A [SEP] B`, `[CLS] A [SEP] B [SEP]`, `<s> A </s></s> B </s>`) and truncates them, so it gets a pair. A tokenizer
    that marks no pairs, as one trained on single texts, reads all texts as they stand.
    """
    alone, beside = (tokenizer.num_special_tokens_to_add(is_pair) for is_pair in (False, True))
    if alone == beside:
        return list(texts)
    pairs = (text.partition(JOINT) for text in texts)
    return [(first, second) if found else first for first, found, second in pairs]


def _cut(text: str) -> list[str]:
    """The words of a text, as far as a tokenizer that cuts at blanks reads each of them by itself."""
    may_break = "br" in text.lower() or "&" in text or "\\" in text or not text.isascii()
    return BLANK.split(text) if may_break and BEFORE_END.search(text) else text.split(" ")


def _pieces(words: list[str]) -> list[list[str]]:
    """The words, some at a time."""
    return [words[begin : begin + WORDS_AT_ONCE] for begin in range(0, len(words), WORDS_AT_ONCE)]


def _tokenize(tokenizer: Tokenizer, words: list[str]) -> Iterator[list[int]]:
    """The tokens of each of some words, which are tokenized as one text."""
    encoding = tokenizer.encode(" ".join(words), add_special_tokens=False)
    firsts, ids = [first for first, _ in encoding.offsets], encoding.ids
    begin, place = 0, 0
    for word in words:
        place += len(word) + 1
        end = bisect.bisect_left(firsts, place, lo=begin)
        yield ids[begin:end]
        begin = end


class TokenMemory:
    """
    The tokens of texts, by a tokenizer that cuts at blanks: what stands between two of them is tokenized once and then
    looked up, since most words of a text have been seen before.

    Args:
        tokenizer: A tokenizer that does not pad. It may truncate, and put special tokens around a text.
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
        place = next(n for n in range(len(framed)) if framed[n : n + len(alone)] == alone)
        self.before, self.after = framed[:place], framed[place + len(alone) :]
        self.joins_pairs = self.tokenizer.encode("a", "a").ids == self.tokenizer.encode(JOINT.join("aa")).ids
        truncation = tokenizer.truncation or {}
        limit = truncation.get("max_length")
        self.limit = None if limit is None else limit - len(self.before) - len(self.after)
        self.keeps_end = truncation.get("direction") == "left"

    def __call__(self, texts: Sequence[str | tuple[str, str]]) -> list[list[int]]:
        """The tokens of each text, or pair where the tokenizer joins pairs."""
        cut = [_cut(one if isinstance(one, str) else JOINT.join(one)) for one in texts]
        if self.size > REMEMBERED:
            self.known, self.size = {"": []}, 0
        known = self.known  # of another thread's call it may be another one
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
        """The tokens of a text, no more than the limit, between the special ones."""
        if self.limit is not None and len(tokens) > self.limit:
            if not isinstance(text, str):
                return self.truncating.encode(*text).ids
            tokens = tokens[len(tokens) - self.limit :] if self.keeps_end else tokens[: self.limit]
        return [*self.before, *tokens, *self.after] if self.before or self.after else tokens


class OnnxModel:
    """
    The logits of a model by ONNX Runtime. Pickled or copied is its path: the file is opened again.

    Args:
        path: That of the model.

    Raises:
        ImportError: ONNX Runtime is not installed.
    """

    def __init__(self, path: Path):
        try:
            import onnxruntime
        except ImportError as error:
            raise ImportError("ONNX Runtime is not installed: pip install onnxruntime") from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # batches beside each other take less time than threads within a batch
        self.path = path.absolute()
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def __call__(self, *inputs: np.ndarray) -> np.ndarray:
        """From as many of [`INPUTS`] as the model reads to logits, of shape `(batch, labels)`."""
        return self.session.run(["logits"], dict(zip(INPUTS, inputs, strict=False)))[0]

    def __reduce__(self) -> tuple[type["OnnxModel"], tuple[Path]]:
        return OnnxModel, (self.path,)


class TextClassifier:
    """
    Classifies texts in batches of like lengths and gives the answers in the order of the texts.

    Args:
        logits: A function from `input_ids` and `attention_mask`, integers of shape `(batch, tokens)`, to logits, of
            shape `(batch, labels)`. A row's tokens come first, then its padding. With `reads_token_types` it takes
            `token_type_ids` as the third.
        tokenizer: A tokenizer of the library `tokenizers`, whose padding and truncation are set.
        config: The model's `config.json`: `id2label`, `problem_type` and `pad_token_id` are read.
        max_length: Tokens after which a text is cut off; `None`: never.
        truncation_side: Where it is cut, `"right"` or `"left"`.
        cuts_at_blanks: Whether the tokens of a text are those of its words, which [`TokenMemory`] then remembers.
        workers: How many batches `logits` works out at the same time, each in a thread.
        reads_token_types: Whether the model tells the two texts of a pair apart by token types, as BERT does.
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
            self.tokenizer.enable_truncation(max_length, direction=truncation_side)
        self.cuts_at_blanks = cuts_at_blanks
        self.memory: TokenMemory | None = None  # not before there were texts enough for it to pay
        self.texts_seen = 0
        self.labels = [name for _, name in sorted((int(number), name) for number, name in config["id2label"].items())]
        usual = "regression" if len(self.labels) == 1 else "single_label_classification"
        self.problem_type = config.get("problem_type") or usual
        self.pad_token_id = config.get("pad_token_id") or 0

    @classmethod
    def from_onnx(cls, folder: str | Path, threads: int | None = None) -> "TextClassifier":
        """
        The classifier in a folder that `modeling-lstm export` wrote.

        Args:
            folder: With `model.onnx`, `tokenizer.json`, `config.json` and `tokenizer_config.json`.
            threads: Batches that ONNX Runtime works out at the same time; by default as many as there are cores.

        Raises:
            ImportError: ONNX Runtime is not installed.
            FileNotFoundError: the folder lacks one of the files.
        """
        folder = Path(folder)
        for name in (MODEL, "tokenizer.json", "config.json", "tokenizer_config.json"):
            if not (folder / name).is_file():
                raise FileNotFoundError(f"{str(folder)!r} has no {name}: make it with modeling-lstm export.")
        model = OnnxModel(folder / MODEL)
        config, settings = (
            json.loads((folder / name).read_text(encoding="utf-8")) for name in ("config.json", "tokenizer_config.json")
        )
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        return cls(
            model,
            tokenizer,
            config,
            settings["model_max_length"],
            settings["truncation_side"],
            cuts_at_blanks=settings.get("cuts_at_blanks", False),
            workers=threads or count_cores(),
            reads_token_types=any(one.name == TOKEN_TYPES for one in model.session.get_inputs()),
        )

    def __call__(self, texts: str | Iterable[str], batch_size: int = 32) -> list[dict[str, Any]]:
        """
        Classify one text or several.

        Returns:
            For each text `label` and `score`, its probability. A multi-label model gives the list of the labels above
            one half and the list of their probabilities, the surest first, a regression the number as `score`.

        Raises:
            ValueError: as [`raw_scores`] does.
        """
        return self.answers(self.scores(texts, batch_size))

    def answers(self, found: np.ndarray) -> list[dict[str, Any]]:
        """From what [`scores`] gives, of shape `(texts, labels)`, to what a call gives."""
        if self.problem_type == "multi_label_classification":
            chosen = [[n for n in np.argsort(-row, kind="stable") if row[n] > 0.5] for row in found]
            return [
                {"label": [self.labels[n] for n in numbers], "score": row[numbers].tolist()}
                for row, numbers in zip(found, chosen, strict=True)
            ]
        best = found.argmax(axis=1)
        scores = np.take_along_axis(found, best[:, None], axis=1)[:, 0]
        return [
            {"label": self.labels[n], "score": score} for n, score in zip(best.tolist(), scores.tolist(), strict=True)
        ]

    def scores(self, texts: str | Iterable[str], batch_size: int = 32) -> np.ndarray:
        """Probabilities of the labels, of shape `(texts, labels)`; for regression the numbers."""
        return to_probabilities(self.raw_scores(texts, batch_size), self.problem_type)

    def raw_scores(self, texts: str | Iterable[str], batch_size: int = 32) -> np.ndarray:
        """
        Logits of the labels, of shape `(texts, labels)`, worked out in batches of texts of like lengths.

        Raises:
            ValueError: `batch_size` is below 1, or `texts` is no text and has none, or one holds half a character.
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
        """The threads that work out batches at the same time."""
        return ThreadPoolExecutor(self.workers)

    def tokenize(self, texts: Sequence[str]) -> list[tuple[list[int], ...]]:
        """
        The tokens of each text, cut off where the longest may end, and their token types where the model reads them.

        Raises:
            ValueError: one holds half a character, such as an emoji that was cut in two.
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
        except TypeError:  # that of `tokenizers` does not tell which text
            for text in texts:
                check_text(text)
            raise
        return [(one.ids, one.type_ids) if self.reads_token_types else (one.ids,) for one in encodings]

    def pad(self, rows: list[tuple[list[int], ...]]) -> list[np.ndarray]:
        """The [`INPUTS`] for a batch of rows, the last of which is the longest."""
        lengths = np.array([len(row[0]) for row in rows])
        is_token = np.arange(max(1, lengths[-1])) < lengths[:, None]
        inputs = []
        for column, filler in zip(zip(*rows, strict=True), (self.pad_token_id, 0), strict=False):
            padded = np.full(is_token.shape, filler, dtype=np.int64)
            padded[is_token] = list(itertools.chain.from_iterable(column))
            inputs.append(padded)
        return [inputs[0], is_token.astype(np.int64), *inputs[1:]]


def list_texts(texts: str | Iterable[str]) -> list[str]:
    """One text or several as a list; raise `ValueError` for what is none, such as the rows of a table."""
    if isinstance(texts, str):
        return [texts]
    if isinstance(texts, (bytes, Mapping)) or not isinstance(texts, Iterable):
        raise ValueError(f"A text or a list of texts is needed, found {type(texts).__name__}.")
    found = list(texts)
    for number, text in enumerate(found, start=1):
        if not isinstance(text, str):
            raise ValueError(f"Text {number} must be a string, found {text!r:.80}.")
    return found


def check_text(text: str) -> None:
    """Raise `ValueError` for a text that holds half a character, which no tokenizer reads."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        around = text[max(0, error.start - 20) : error.end]
        raise ValueError(f"A text holds half a character, behind {around!r}: mend it or leave it out.") from error


def count_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def to_probabilities(logits: np.ndarray, problem_type: str) -> np.ndarray:
    """
    Probabilities of labels; of a regression the numbers, as they are.

    Args:
        logits: Of shape `(rows, labels)`.
        problem_type: As in a configuration of transformers.

    Returns:
        Of the same shape: each row sums to 1 for single labels; for several labels each stands for itself.
    """
    if problem_type == "regression":
        return logits
    if problem_type == "multi_label_classification":
        return 1.0 / (1.0 + np.exp(-logits.clip(-80.0, 80.0)))
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True, initial=-np.inf))
    return exponents / exponents.sum(axis=1, keepdims=True)


def classify_arguments() -> None:
    """Classify the sentences of the command line with the model beside this file."""
    parser = argparse.ArgumentParser(description="Classify sentences with the model in this folder.")
    parser.add_argument("texts", nargs="+", metavar="text")
    texts = parser.parse_args().texts
    for text, answer in zip(texts, TextClassifier.from_onnx(Path(__file__).parent)(texts), strict=True):
        print(json.dumps({"text": text, **answer}, ensure_ascii=False))


if __name__ == "__main__":
    classify_arguments()
