"""The HTML that the page shows for a sentence: answers with their times, colored words, and the figure."""

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from transformers import PreTrainedModel

from ..explanation import explain
from ..explanation.attribution import Encoded, encode
from ..explanation.explainer import NO_LABEL
from ..explanation.figure import draw
from ..explanation.html_page import color_words
from ..inference.answering import data_of_training
from ..inference.torch_backend import torch_classifier
from ..runs.record import check_joined
from ..runs.run_folders import load_run, run_folder, task_of_run
from ..tasks.base import TEXT_CLASSIFICATION
from ..utils.errors import InputError, require
from ..utils.figures import to_svg
from ..utils.templates import render_template
from .errors import check_length

_render = partial(render_template, Path(__file__).with_name("answers.html"))
MAX_CHARACTERS = 2_000
MAX_WORDS = 120
TIMES = 5  # number of runs whose median time is shown


@dataclass
class Shown:
    """The content of the page: HTML of the answers and the explanation, and the words that can be moved."""

    answers: str
    explanation: str
    words: list[str]


class ClassifierPage:
    """
    A model to inspect, and others whose answers are shown for comparison.

    Args:
        run: Run folder or Hub id of a model of the LSTM family.
        beside: Run folders or Hub ids of the other models, of any kind.
    """

    def __init__(self, run: str, beside: list[str]):
        folders = {one: run_folder(one) for one in [run, *beside]}
        for one, folder in folders.items():
            task = task_of_run(folder, one)
            require(task.name == TEXT_CLASSIFICATION, f"{one!r} is a model for {task.name}: it has no answer to show.")
        self.loaded = [load_run(folders[one], name=one) for one in [run, *beside]]
        self.data = [data_of_training(folders[one], one) for one in [run, *beside]]
        self.names = [_name(one, loaded[0]) for one, loaded in zip([run, *beside], self.loaded, strict=True)]
        self.classifiers = [torch_classifier(*one) for one in self.loaded]
        kind = self.loaded[0][0].config.model_type
        require(kind == "lstm", f"The page shows models of the LSTM family; {run!r} is a {kind} model.")

    def show(self, text: str) -> Shown:
        """Answer and explain a text, or say in a sentence why that is not possible."""
        try:
            check_length(text, MAX_CHARACTERS)
            require(bool(text.strip()), "Type a sentence.")
            for data in self.data:
                check_joined(text, data)
            model, tokenizer = self.loaded[0]
            words = self.encode(text).words
            require(len(words) <= MAX_WORDS, f"That has {len(words)} words; at most {MAX_WORDS} fit the page.")
            found = explain((model, tokenizer), text)
        except InputError as error:
            return Shown(_render(error=str(error)), "", [])
        parts = {"words": color_words(found), "found": found.contributions, "warnings": found.warnings}
        explanation = _render(**parts, svg=to_svg(draw([found])))
        return Shown(_render(answers=[self._answer(n, text) for n in range(len(self.names))]), explanation, words)

    def encode(self, text: str) -> Encoded:
        """
        Encode a text as the inspected model reads it.

        Raises:
            InputError: the text has no word.
        """
        return encode(self.loaded[0][1], text)

    def _answer(self, number: int, text: str) -> dict[str, Any]:
        """Return a model's predicted labels and their probabilities, or the number of a regression, and the time."""
        classify = self.classifiers[number]
        seconds = []
        for _ in range(TIMES):
            started = time.perf_counter()
            answer = classify(text)[0]
            seconds.append(time.perf_counter() - started)
        labels, scores = answer["label"], answer["score"]
        if classify.problem_type == "regression":
            labels, scores = [f"{scores:.3f}"], []
        elif classify.problem_type == "multi_label_classification":
            labels = labels or [NO_LABEL]
        else:
            labels, scores = [labels], [scores]
        milliseconds = 1000 * float(np.median(seconds))
        return {"name": self.names[number], "labels": labels, "scores": scores, "ms": milliseconds}


def _name(run: str, model: PreTrainedModel) -> str:
    """Return the name of a run for the page, with the kind of model."""
    folder = Path(run)
    if not folder.is_dir():
        return run
    kind = model.config.model_type
    return f"{'/'.join(folder.resolve().parts[-2:])} ({model.config.cell_type if kind == 'lstm' else kind})"
