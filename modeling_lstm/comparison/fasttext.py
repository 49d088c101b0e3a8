"""fastText's own classifier (Joulin et al., 2017), by the real library."""

import re
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from .systems import Predict, System, Task

FILE = "model.bin"
MARK = "__label__"
HALVINGS = 4  # of the learning rate, at most
_WORD = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")


class FastText(System):
    """The mean of the vectors of words and pairs of words, and a linear classifier."""

    name = "fasttext"

    def settings(self) -> list[dict[str, Any]]:
        """A fast and a slow learning rate, and pieces of words."""
        pairs = {"wordNgrams": 2, "bucket": 200_000, "epoch": 25}
        return [pairs | {"lr": 0.1}, pairs | {"lr": 0.5}, pairs | {"lr": 0.1, "minn": 3, "maxn": 6}]

    def prepare(self) -> None:
        """Import the library."""
        _library()

    def fit(self, task: Task, settings: dict[str, Any], seed: int, folder: Path) -> dict[str, Any]:
        """
        Train on one thread: with several, no two runs are alike. Rare labels count more by being repeated. A learning
        rate at which the library ends in NaN is halved.
        """
        library = _library()
        labels = task.labels("train")
        counts = np.bincount(labels, minlength=len(task.label_names))
        repeats = np.ones(len(counts), dtype=int)
        if task.class_weights == "balanced":
            repeats = np.maximum(1, np.rint(counts.max() / np.maximum(counts, 1)).astype(int))
        texts, lines = task.texts("train"), folder / "train.txt"
        with lines.open("w", encoding="utf-8") as file:
            for row in np.random.default_rng(seed).permutation(len(texts)):  # the library reads them as they come
                file.write(f"{MARK}{labels[row]} {_words(texts[row])}\n" * int(repeats[labels[row]]))
        rates = [settings["lr"] / 2**halvings for halvings in range(HALVINGS + 1)]
        try:
            for rate in rates:
                # its seed 0 is the same as 1
                how = settings | {"lr": rate, "thread": 1, "seed": seed + 1, "verbose": 0}
                try:
                    model = library.train_supervised(str(lines), **how)
                    break
                except RuntimeError as error:
                    if "NaN" not in str(error) or rate == rates[-1]:
                        raise
        except (RuntimeError, ValueError) as error:
            raise InputError(f"fastText cannot learn from these texts: {error}") from error
        finally:
            lines.unlink()
        model.save_model(str(folder / FILE))
        sizes = (model.get_input_matrix().size, model.get_output_matrix().size)
        return {"model_type": "fasttext", "parameters": int(sum(sizes)), "learning_rate": rate}

    def load(self, folder: Path, labels: int) -> Predict:
        """The library's model."""
        model = _library().load_model(str(folder / FILE))

        def predict(texts: list[str]) -> np.ndarray:
            found = np.full((len(texts), labels), 1e-7, dtype=np.float32)
            for row, text in enumerate(texts):
                names, chances = model.predict(_words(text), k=-1)
                for name, chance in zip(names, chances, strict=True):
                    found[row, int(name.removeprefix(MARK))] = chance
            return found / found.sum(axis=1, keepdims=True)

        return predict


def _words(text: str) -> str:
    """Words and signs in lower case on one line, as the library's tutorial prepares them, none of them its mark."""
    return " ".join(_WORD.findall(text.lower().replace(MARK, "label ")))


def _library() -> Any:
    try:
        import fasttext
    except ImportError as error:
        raise InputError("The system fasttext needs its library: pip install 'modeling-lstm[compare]'") from error
    return fasttext
