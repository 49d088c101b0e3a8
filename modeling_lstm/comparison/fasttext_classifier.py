"""fastText's classifier (Joulin et al., 2017), trained with the original library."""

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
# With several labels, each has its own classifier ("one versus all"). The library has no regression
LOSSES = {SINGLE_LABEL: "softmax", MULTI_LABEL: "ova"}
# With t threads the library initializes only t tenths of its vectors (DenseMatrix::uniform). The others keep what was
# in memory: zeros only in a new process whose allocator does not fill memory
_TRAIN = "import fasttext, json, sys; fasttext.train_supervised(**json.loads(sys.argv[1])).save_model(sys.argv[2])"
_OF_MALLOC = ("MALLOC_", "GLIBC_TUNABLES")
_SCRATCH = ".training-"


class FastText(System):
    """A linear classifier on the mean of the vectors of words and word pairs."""

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
        Train on one thread, since several threads make runs irreproducible, and in a separate process (see `_TRAIN`).
        With balanced class weights, texts with rare labels are repeated.
        """
        labels = task.kind.held(task.labels("train"))
        repeats = np.ones(len(labels), dtype=int)
        if task.class_weights == "balanced":
            numbers = task.labels("train")
            counts = np.bincount(numbers)
            repeats = np.maximum(1, np.rint(counts.max() / np.maximum(counts, 1)).astype(int))[numbers]
        texts = task.texts("train")
        nothing = [len(task.label_names)]  # an extra label for rows without labels, which the library would skip
        for old in folder.glob(f"{_SCRATCH}*"):  # left by a killed process
            shutil.rmtree(old)
        with tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=folder) as scratch:
            lines, made = Path(scratch, "train.txt"), Path(scratch, FILE)
            with lines.open("w", encoding="utf-8") as file:
                for row in np.random.default_rng(seed).permutation(len(texts)):  # the library does not shuffle
                    marks = " ".join(f"{MARK}{label}" for label in labels[row] or nothing)
                    file.write(f"{marks} {_words(texts[row])}\n" * int(repeats[row]))
            # the library treats seed 0 like seed 1
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
        """Load the library's model."""
        model = _library().load_model(str(folder / FILE))
        is_single = model.f.getArgs().loss.name == LOSSES[SINGLE_LABEL]

        def predict(texts: list[str]) -> np.ndarray:
            found = np.full((len(texts), labels), 1e-7, dtype=np.float32)
            for row, text in enumerate(texts):
                names, chances = model.predict(_words(text), k=-1)
                for name, chance in zip(names, chances, strict=True):
                    if (label := int(name.removeprefix(MARK))) < labels:
                        found[row, label] = chance
            # the library returns probabilities up to 1.00001
            return found / found.sum(axis=1, keepdims=True) if is_single else found.clip(0.0, 1.0)

        return predict


def _words(text: str) -> str:
    """Split a text into lowercase words and punctuation on one line, as in the library's tutorial, without its mark."""
    return " ".join(re.findall(WORD, text.lower().replace(MARK, "label ")))


def _library() -> Any:
    with require_extra("compare", "The system fasttext needs the fasttext library"):
        import fasttext
    return fasttext
