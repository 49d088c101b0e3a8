"""fastText's own classifier (Joulin et al., 2017), by the real library."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from ..evaluation.metrics import MULTI_LABEL, SINGLE_LABEL
from ..utils.errors import InputError, require_extra
from .systems import WORD, ComparisonTask, Predict, System

FILE = "model.bin"
MARK = "__label__"
# Of several labels each has a classifier of its own, "one versus all". Numbers the library cannot learn
LOSSES = {SINGLE_LABEL: "softmax", MULTI_LABEL: "ova"}
# With t threads the library sets t tenths of its first vectors (DenseMatrix::uniform), the others are what memory held
# before: zeros only in a process that is new, and whose allocator does not fill memory
_TRAIN = "import fasttext, json, sys; fasttext.train_supervised(**json.loads(sys.argv[1])).save_model(sys.argv[2])"
_OF_MALLOC = ("MALLOC_", "GLIBC_TUNABLES")
_SCRATCH = ".training-"


class FastText(System):
    """The mean of the vectors of words and pairs of words, and a linear classifier."""

    name = "fasttext"
    problem_types = tuple(LOSSES)

    def settings(self) -> list[dict[str, Any]]:
        """A fast and a slow learning rate, and subwords."""
        pairs = {"wordNgrams": 2, "bucket": 200_000, "epoch": 25}
        return [pairs | {"lr": 0.1}, pairs | {"lr": 0.5}, pairs | {"lr": 0.1, "minn": 3, "maxn": 6}]

    def prepare(self) -> None:
        """Import the library."""
        _library()

    def fit(self, task: ComparisonTask, settings: dict[str, Any], seed: int, folder: Path) -> dict[str, Any]:
        """
        Train on one thread, for with several no two runs are alike, and in a process of its own (see `_TRAIN`). Rare
        labels count more by being repeated.
        """
        labels = task.kind.held(task.labels("train"))
        repeats = np.ones(len(labels), dtype=int)
        if task.class_weights == "balanced":
            numbers = task.labels("train")
            counts = np.bincount(numbers)
            repeats = np.maximum(1, np.rint(counts.max() / np.maximum(counts, 1)).astype(int))[numbers]
        texts = task.texts("train")
        nothing = [len(task.label_names)]  # a label of rows without any, for the library leaves such rows out
        for old in folder.glob(f"{_SCRATCH}*"):  # of a process that was killed
            shutil.rmtree(old)
        with tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=folder) as scratch:
            lines, made = Path(scratch, "train.txt"), Path(scratch, FILE)
            with lines.open("w", encoding="utf-8") as file:
                for row in np.random.default_rng(seed).permutation(len(texts)):  # the library reads them as they come
                    marks = " ".join(f"{MARK}{label}" for label in labels[row] or nothing)
                    file.write(f"{marks} {_words(texts[row])}\n" * int(repeats[row]))
            # its seed 0 is the same as 1
            how = settings | {"input": str(lines), "thread": 1, "seed": seed + 1, "verbose": 0}
            how["loss"] = LOSSES[task.data.problem_type]
            command = [sys.executable, "-P", "-c", _TRAIN, json.dumps(how), str(made)]
            variables = {name: value for name, value in os.environ.items() if not name.startswith(_OF_MALLOC)}
            done = subprocess.run(command, env=variables, capture_output=True, text=True)
            if done.returncode != 0:
                cause = (done.stderr.splitlines() or ["killed"])[-1]
                raise InputError(f"fastText cannot learn from these texts: {cause}")
            made.replace(folder / FILE)
        model = _library().load_model(str(folder / FILE))
        sizes = (model.get_input_matrix().size, model.get_output_matrix().size)
        return {"model_type": "fasttext", "parameters": int(sum(sizes))}

    def load(self, folder: Path, labels: int) -> Predict:
        """The library's model."""
        model = _library().load_model(str(folder / FILE))
        is_single = model.f.getArgs().loss.name == LOSSES[SINGLE_LABEL]

        def predict(texts: list[str]) -> np.ndarray:
            found = np.full((len(texts), labels), 1e-7, dtype=np.float32)
            for row, text in enumerate(texts):
                names, chances = model.predict(_words(text), k=-1)
                for name, chance in zip(names, chances, strict=True):
                    if (label := int(name.removeprefix(MARK))) < labels:
                        found[row, label] = chance
            # of its own accord the library says 1.00001
            return found / found.sum(axis=1, keepdims=True) if is_single else found.clip(0.0, 1.0)

        return predict


def _words(text: str) -> str:
    """Words and punctuation in lower case on one line, as the library's tutorial has them, none of them its mark."""
    return " ".join(re.findall(WORD, text.lower().replace(MARK, "label ")))


def _library() -> Any:
    with require_extra("compare", "The system fasttext needs its library"):
        import fasttext
    return fasttext
