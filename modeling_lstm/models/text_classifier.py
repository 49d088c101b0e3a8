"""`TextClassifier`: from texts to labels, with numpy, `tokenizers` and any model. Needs neither torch nor transformers.

An exported model takes this file along as `classify.py`: it is self-contained.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

MODEL = "model.onnx"
AT_ONCE = 128  # texts tokenized at once: what is cut off of a long one takes memory until then
JOINT = " [SEP] "  # between texts that are classified together


def prepare_texts(texts: Sequence[str], tokenizer: Tokenizer) -> list[str | tuple[str, str]]:
    """
    Texts as the tokenizer takes them. Of those with `[SEP]` between two, it is a Transformer's business how it marks
    the two (`[CLS] A [SEP] B [SEP]`, `<s> A </s></s> B </s>`), so it gets a pair. `LstmTokenizer` knows `[SEP]` itself,
    or in older models, which read a line break there, no pairs.
    """
    alone, beside = (tokenizer.num_special_tokens_to_add(is_pair) for is_pair in (False, True))
    if alone == beside:
        return [text.replace(JOINT, "\n") for text in texts]
    if alone == 0:
        return list(texts)
    pairs = (text.partition(JOINT) for text in texts)
    return [(first, second) if found else first for first, found, second in pairs]


class TextClassifier:
    """
    Classifies texts in batches of like lengths and gives the answers in the order of the texts.

    Args:
        logits: A function from `input_ids` and `attention_mask`, integers of shape `(batch, tokens)`, to logits, of
            shape `(batch, labels)`. A row's tokens come first, then its padding.
        tokenizer: A tokenizer of the library `tokenizers`.
        config: The model's `config.json`: `id2label`, `problem_type` and `pad_token_id` are read.
        max_length: Tokens after which a text is cut off; `None`: never.
        truncation_side: Where it is cut, `"right"` or `"left"`.
    """

    def __init__(
        self,
        logits: Callable[[np.ndarray, np.ndarray], np.ndarray],
        tokenizer: Tokenizer,
        config: dict[str, Any],
        max_length: int | None = None,
        truncation_side: str = "right",
    ):
        self.logits = logits
        self.tokenizer = Tokenizer.from_str(tokenizer.to_str())
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        if max_length is not None:
            self.tokenizer.enable_truncation(max_length, direction=truncation_side)
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
            threads: Threads of ONNX Runtime; by default as many as there are cores.

        Raises:
            ImportError: ONNX Runtime is not installed.
            FileNotFoundError: the folder lacks one of the files.
        """
        try:
            import onnxruntime
        except ImportError as error:
            raise ImportError("ONNX Runtime is not installed: pip install onnxruntime") from error
        folder = Path(folder)
        for name in (MODEL, "tokenizer.json", "config.json", "tokenizer_config.json"):
            if not (folder / name).is_file():
                raise FileNotFoundError(f"{str(folder)!r} has no {name}: make it with modeling-lstm export.")
        options = onnxruntime.SessionOptions()
        if threads is not None:
            options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(folder / MODEL, options, providers=["CPUExecutionProvider"])

        def logits(input_ids: np.ndarray, attention_mask: np.ndarray) -> np.ndarray:
            return session.run(["logits"], {"input_ids": input_ids, "attention_mask": attention_mask})[0]

        config, settings = (
            json.loads((folder / name).read_text(encoding="utf-8")) for name in ("config.json", "tokenizer_config.json")
        )
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        return cls(logits, tokenizer, config, settings["model_max_length"], settings["truncation_side"])

    def __call__(self, texts: str | Sequence[str], batch_size: int = 32) -> list[dict[str, Any]]:
        """
        Classify one text or several.

        Returns:
            For each text `label` and `score`, its probability. A multi-label model gives the list of the labels above
            one half and the list of their probabilities, the surest first, a regression the number as `score`.
        """
        return self.answers(self.scores([texts] if isinstance(texts, str) else texts, batch_size))

    def answers(self, found: np.ndarray) -> list[dict[str, Any]]:
        """From what [`scores`] gives, of shape `(texts, labels)`, to what a call gives."""
        if self.problem_type == "multi_label_classification":
            chosen = [[n for n in np.argsort(-row, kind="stable") if row[n] > 0.5] for row in found]
            return [
                {"label": [self.labels[n] for n in numbers], "score": row[numbers].tolist()}
                for row, numbers in zip(found, chosen, strict=True)
            ]
        best = found.argmax(axis=1)
        return [{"label": self.labels[n], "score": float(row[n])} for row, n in zip(found, best, strict=True)]

    def scores(self, texts: Sequence[str], batch_size: int = 32) -> np.ndarray:
        """Probabilities of the labels, of shape `(texts, labels)`; for regression the numbers."""
        return to_probabilities(self.raw_scores(texts, batch_size), self.problem_type)

    def raw_scores(self, texts: Sequence[str], batch_size: int = 32) -> np.ndarray:
        """Logits of the labels, of shape `(texts, labels)`, worked out in batches of texts of like lengths."""
        rows: list[list[int]] = []
        for begin in range(0, len(texts), AT_ONCE):
            some = prepare_texts(texts[begin : begin + AT_ONCE], self.tokenizer)
            rows += [one.ids for one in self.tokenizer.encode_batch_fast(some)]
        order = sorted(range(len(rows)), key=lambda number: len(rows[number]))
        found = np.zeros((len(rows), len(self.labels)), dtype=np.float32)
        for begin in range(0, len(order), batch_size):
            batch = order[begin : begin + batch_size]
            longest = max(1, len(rows[batch[-1]]))
            input_ids = np.full((len(batch), longest), self.pad_token_id, dtype=np.int64)
            attention_mask = np.zeros((len(batch), longest), dtype=np.int64)
            for place, number in enumerate(batch):
                input_ids[place, : len(rows[number])] = rows[number]
                attention_mask[place, : len(rows[number])] = 1
            found[batch] = self.logits(input_ids, attention_mask)
        return found


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
