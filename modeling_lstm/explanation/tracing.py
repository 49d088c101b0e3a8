"""Traces: the values of a model's cells at each word, and the answer as if the text ended there."""

import json
import logging
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedModel

from ..data.token_limits import token_limit
from ..models.text_classifier import to_probabilities
from ..runs.run_folders import OpenRun, label_names, open_run, problem_type_of
from ..utils.errors import require
from .attribution import tokenize
from .cells import GruCell, LstmCell, read_sequence

logger = logging.getLogger(__name__)

MAX_TOKENS = 1_000  # each prefix of the text is run, so time grows quadratically with its length


@dataclass
class LayerTrace:
    """A layer in one direction. `values` has f, i, g, o, c, h (for a GRU r, z, n, h), each `(words, hidden_size)`."""

    layer: int
    direction: str
    values: dict[str, np.ndarray]


@dataclass
class Trace:
    """
    The inner values of a model while it reads a text.

    Args:
        text: The text.
        words: The parts of the text that the tokens stand for.
        labels: The model's labels.
        layers: Gates, candidate, memory and output of each layer and direction.
        probabilities (`(words, labels)`): The answer as if the text ended at each word; the last row is the actual
            answer. For a multi-label model the probabilities are independent; for a regression these are numbers.
        truncated_at: The number of tokens that the model reads, if the text has more; otherwise `None`.
    """

    text: str
    words: list[str]
    labels: list[str]
    layers: list[LayerTrace]
    probabilities: np.ndarray
    truncated_at: int | None = None

    def to_frame(self) -> Any:
        """
        Convert the trace to a `pandas.DataFrame` with a row for each word, layer, direction and unit, and a column for
        each symbol.
        """
        import pandas

        frames = []
        for one in self.layers:
            words, units = next(iter(one.values.values())).shape
            position, unit = np.indices((words, units)).reshape(2, -1)
            frames.append(
                pandas.DataFrame(
                    {"position": position, "word": np.array(self.words, dtype=object)[position], "layer": one.layer}
                    | {"direction": one.direction, "unit": unit}
                    | {name: array.reshape(-1) for name, array in one.values.items()}
                )
            )
        return pandas.concat(frames, ignore_index=True)

    def to_json(self) -> str:
        """Return the trace as JSON, with arrays as nested lists."""
        return json.dumps(asdict(self), default=lambda array: array.tolist(), ensure_ascii=False)


@torch.no_grad()
def trace(run: str | Path | OpenRun, text: str) -> Trace:
    """
    Read a text word by word with the reference cells, which compute the same as the model's fast kernel.

    Args:
        run: Run folder or Hub id; or an `LstmForSequenceClassification` (LSTM or GRU, with any number of layers and
            directions) in evaluation mode and its tokenizer, as returned by [`load_run`].
        text: The text. It is truncated to the tokenizer's `model_max_length`, as in training, with a warning.

    Raises:
        InputError: the model is not a classifier of the LSTM family, or the text has no word, more than 1,000 tokens,
            or is not UTF-8.
    """
    model, tokenizer = open_run(run)
    network: Any = model
    kind = model.config.model_type
    require(kind == "lstm", f"Only the LSTM family has cells to trace; this is a {kind} model.")
    require(hasattr(network, "classifier"), f"Only classifiers have answers to trace; found {type(model).__name__}.")
    require(not model.training, "Call model.eval() first: dropout changes what is traced.")
    found, _, words = tokenize(tokenizer, text)
    limit = token_limit(tokenizer) if found.encodings[0].overflowing else None
    if limit is not None:
        logger.warning("The text has more than %d tokens: the model does not read the rest.", limit)
    ids = found["input_ids"].long()
    require(ids.shape[1] > 0, f"The text {text!r} has no word.")
    require(ids.shape[1] <= MAX_TOKENS, f"The text has {ids.shape[1]:,} tokens; a trace takes at most {MAX_TOKENS:,}.")
    states = network.lstm.word_embeddings(ids.to(model.device))[0]
    rnn = network.lstm.encoder.rnn
    make = LstmCell if isinstance(rnn, torch.nn.LSTM) else GruCell
    layers = []
    for layer in range(rnn.num_layers):
        outputs = []
        for reverse in (False, True) if rnn.bidirectional else (False,):
            steps: Any = read_sequence(make(rnn, layer, reverse), states, reverse)
            arrays = {one.name: torch.stack([getattr(step, one.name) for step in steps]) for one in fields(steps[0])}
            outputs.append(arrays["h"])
            values = {name: array.float().cpu().numpy() for name, array in arrays.items()}
            layers.append(LayerTrace(layer, "backward" if reverse else "forward", values))
        states = torch.cat(outputs, dim=-1)
    return Trace(text, words, label_names(model), layers, _answer_beginnings(model, ids), limit)


def _answer_beginnings(model: PreTrainedModel, ids: torch.Tensor) -> np.ndarray:
    """Compute the model's answer to each prefix of a text, `(words, labels)`, from its tokens, `(1, words)`."""
    words = ids.shape[1]
    mask = torch.ones(words, words, dtype=torch.long).tril().to(model.device)
    rows = []
    for begin in range(0, words, 64):
        part = mask[begin : begin + 64]
        rows.append(model(input_ids=ids.to(model.device) * part, attention_mask=part).logits.float())
    return to_probabilities(torch.cat(rows).cpu().numpy(), problem_type_of(model))
