"""`explain`: explain an answer of a model of the LSTM family word by word."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..models.text_classifier import make_answers
from ..runs.run_folders import OpenRun, open_run, problem_type_of
from .attribution import Contributions, Encoded, attribute, encode
from .tracing import LayerTrace, trace

NO_LABEL = "no label above one half"
GATES = {"f": "forget", "i": "input", "o": "output", "r": "reset", "z": "update"}


@dataclass
class Reading:
    """
    The gates and memory of a layer in one direction, word by word.

    Args:
        layer: Index of the layer, from 0.
        direction: `forward` or `backward`.
        gates: For each gate, its mean over the units and the word's tokens, `(words,)`, from 0 to 1.
        memory_change (`(words,)`): Root mean square over the units of the change of the memory at each word.
    """

    layer: int
    direction: str
    gates: dict[str, np.ndarray]
    memory_change: np.ndarray


@dataclass
class Explanation:
    """
    The explanation of a model's answer.

    Args:
        text: The text.
        words: The words of the text.
        labels: The model's labels.
        problem_type: The problem type, as in a configuration of transformers.
        contributions: The contribution of each word to the explained label.
        probabilities (`(words, labels)`): The answer as if the text ended at each word; the last row is the actual
            answer. For a regression these are numbers.
        readings: The gates and memory of each layer and direction.
        truncated_at: The number of tokens that the model reads, if the text has more; otherwise `None`.
    """

    text: str
    words: list[str]
    labels: list[str]
    problem_type: str
    contributions: Contributions
    probabilities: np.ndarray
    readings: list[Reading]
    truncated_at: int | None = None

    @property
    def warnings(self) -> list[str]:
        """What a reader should know: that the text is cut, or that the integrated gradients do not add up."""
        cut = f"The model reads only the first {self.truncated_at} tokens of this text."
        found = [cut if self.truncated_at is not None else None, self.contributions.warning]
        return [one for one in found if one is not None]

    @property
    def answer(self) -> tuple[Any, Any]:
        """
        The predicted label and its probability, or the number for a regression. For multi-label models, the list of
        labels with probabilities above one half, the most probable first, and the list of these probabilities.
        """
        (last,) = make_answers(self.probabilities[-1:], self.labels, self.problem_type)
        return last["label"], last["score"]

    def verdict(self, decimals: int = 2) -> str:
        """Format the answer as text."""
        label, score = self.answer
        if self.problem_type == "regression":
            return f"{score:.{decimals}f}"
        if self.problem_type == "multi_label_classification":
            return ", ".join(f"{one} {sure:.{decimals}f}" for one, sure in zip(label, score, strict=True)) or NO_LABEL
        return f"{label} {score:.{decimals}f}"

    def to_json(self) -> str:
        """Return the explanation as JSON, with arrays as lists."""
        content = asdict(self) | {"answer": dict(zip(("label", "score"), self.answer, strict=True))}
        return json.dumps(content, default=lambda array: array.tolist(), ensure_ascii=False, indent=2)


def explain(run: str | Path | OpenRun, text: str, label: str | None = None) -> Explanation:
    """
    Explain the answer to one text.

    Args:
        run: Run folder or Hub id; or an `LstmForSequenceClassification` in evaluation mode and its tokenizer, as
            returned by [`load_run`].
        text: The text.
        label: The label to explain; by default the predicted one.

    Raises:
        InputError: the model is not a classifier of the LSTM family, the text has no word, or there is no such label.
    """
    model, tokenizer = open_run(run)
    traced = trace((model, tokenizer), text)
    encoded = encode(tokenizer, text)
    ends = [end - 1 for _, end in encoded.token_spans]
    return Explanation(
        text=text,
        words=encoded.words,
        labels=traced.labels,
        problem_type=problem_type_of(model),
        contributions=attribute(model, tokenizer, encoded, label),
        probabilities=traced.probabilities[ends],
        readings=[_make_reading(one, encoded) for one in traced.layers],
        truncated_at=traced.truncated_at,
    )


def _make_reading(layer: LayerTrace, text: Encoded) -> Reading:
    values: dict[str, Any] = layer.values
    memory = values["c"] if "c" in values else values["h"]
    # The memory after the word minus the memory before it, in reading order
    if layer.direction == "forward":
        before = np.concatenate([np.zeros_like(memory[:1]), memory[:-1]])
        change = [memory[end - 1] - before[begin] for begin, end in text.token_spans]
    else:
        before = np.concatenate([memory[1:], np.zeros_like(memory[:1])])
        change = [memory[begin] - before[end - 1] for begin, end in text.token_spans]
    gates = {
        title: np.array([values[name][begin:end].mean() for begin, end in text.token_spans])
        for name, title in GATES.items()
        if name in values
    }
    return Reading(layer.layer, layer.direction, gates, np.sqrt(np.square(change).mean(axis=-1)))
