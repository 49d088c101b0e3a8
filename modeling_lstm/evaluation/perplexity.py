"""How well a language model predicts texts: loss, perplexity and their intervals."""

import math
from typing import Any

import numpy as np
import torch
from scipy.stats import t as student
from torch.nn import functional as F

from ..data.token_limits import max_positions
from ..data.token_stream import TokenStream
from ..data.tokenization import fit_batch

BLOCK = 70  # tokens that a recurrent model reads at once
BEFORE = 4 * BLOCK  # tokens read before each part to build up a state


@torch.inference_mode()
def text_losses(model: Any, stream: TokenStream, streams: int, *, backward: bool = False) -> np.ndarray:
    """
    Compute the negative log-likelihood of each text, including its final end token.

    A recurrent model reads the texts in order and keeps its state between them. For speed, it reads several parts in
    parallel, each starting from the state after the 280 tokens before it. A Transformer reads windows that overlap by
    half, so that each prediction has at least half a window of context.

    Args:
        model: A causal language model of transformers.
        stream: The texts; for a backward model, as returned by [`TokenStream.reverse`].
        streams: Maximum number of parts or windows to read in parallel; fewer if their logits need too much memory.
        backward: Whether to use the backward model of a bidirectional model.

    Returns:
        The losses in nats, of shape `(texts,)`.
    """
    model.eval()
    size = BLOCK if model._is_stateful else _context(model)
    streams = fit_batch(streams, size, model.config.vocab_size)
    losses = (
        _compute_by_state(model, stream, streams, backward)
        if model._is_stateful
        else _compute_by_window(model, stream, streams)
    )
    begins = np.concatenate([[0], stream.ends[:-1]])
    return np.add.reduceat(losses, begins) if len(stream.ends) else losses[:0]


def _compute_by_state(model: Any, stream: TokenStream, streams: int, backward: bool) -> np.ndarray:
    streams = max(1, min(streams, len(stream) // BEFORE))
    length, before = math.ceil(len(stream) / streams), BEFORE if streams > 1 else 0
    ids = np.zeros(before + streams * length + 1, dtype=np.int64)
    ids[before : before + len(stream.ids)] = stream.ids
    positions = length * np.arange(streams)[:, None] + np.arange(before + length)
    arrays = (ids[positions], ids[positions + 1], positions >= before)
    inputs, targets, mask = (torch.from_numpy(one).to(model.device) for one in arrays)
    found, cache = [], None
    for begin in range(0, before + length, BLOCK):
        some = slice(begin, begin + BLOCK)
        read = mask[:, some].long() if begin < before else None  # the first part has no context
        outputs = model(inputs[:, some], read, past_key_values=cache, use_cache=True, backward=backward)
        cache = outputs.past_key_values
        if begin >= before:
            found.append(_losses(outputs.logits, targets[:, some]))
    return np.concatenate(found, axis=1).reshape(-1)[: len(stream)]


def _compute_by_window(model: Any, stream: TokenStream, windows: int) -> np.ndarray:
    size = min(_context(model), len(stream))
    half = size // 2
    begins = [0, *range(half, max(half + 1, len(stream) - half), half)] if len(stream) > size else [0]
    found = np.zeros(len(stream))
    for number in range(0, len(begins), windows):
        some = begins[number : number + windows]
        rows = [np.arange(begin, begin + size) for begin in some]
        positions = np.minimum(np.stack(rows), len(stream) - 1)  # the last window may extend beyond the end
        inputs = torch.from_numpy(stream.ids[positions].astype(np.int64)).to(model.device)
        targets = torch.from_numpy(stream.ids[positions + 1].astype(np.int64)).to(model.device)
        losses = _losses(model(inputs).logits, targets)
        for row, begin in enumerate(some):
            first = 0 if begin == 0 else size - half  # the first half belongs to the window before
            end = min(size, len(stream) - begin)
            found[begin + first : begin + end] = losses[row, first:end]
    return found


def _context(model: Any) -> int:
    """Return the number of tokens of a window: the block size in training, if known."""
    limit = max_positions(model.config) or 1024
    return min(limit, int(getattr(model.config, "trained_tokens", limit)))


def _losses(logits: torch.Tensor, targets: torch.Tensor) -> np.ndarray:
    found = F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten(), reduction="none")
    return found.view(targets.shape).cpu().double().numpy()


def to_perplexity(loss: float) -> float:
    """Return the exponential of a loss, limited to what 64 bits can hold."""
    return math.exp(min(700.0, loss))


def compute_perplexities(sums: np.ndarray) -> dict[str, float]:
    """
    Compute loss and perplexities from the losses of texts.

    Args:
        sums: For each text, its forward and backward loss in nats and its number of tokens and words, of shape
            `(texts, 4)`, or `(4,)` if summed over texts. The end token of a text counts as one. Values that were not
            measured are NaN.

    Returns:
        `loss` (nats per token, the mean of the directions), `perplexity` (per token) and `word_perplexity`. The
        perplexities of a backward model have the prefix `backward_`.
    """
    forward, backward, tokens, words = sums if sums.ndim == 1 else sums.sum(axis=0)
    found = {"loss": float(np.nanmean([forward, backward]) / tokens)}
    for name, value in (("", forward), ("backward_", backward)):
        if not math.isnan(value):
            found[f"{name}perplexity"] = to_perplexity(value / tokens)
            found[f"{name}word_perplexity"] = to_perplexity(value / words)
    return found


def perplexity_intervals(sums: np.ndarray) -> dict[str, list[float]]:
    """
    Compute 95% intervals for [`compute_perplexities`]; a single text has none. A loss is a ratio of two sums over
    texts, so its error is that of a ratio estimator (Cochran, 1977, section 2.11). It is multiplied by the quantile of
    Student's t, which makes the interval wide if there are few texts.
    """
    if len(sums) < 2:
        return {}
    forward, backward, tokens, words = sums.T
    found = {"loss": ratio_interval(np.nanmean([forward, backward], axis=0), tokens)}
    for name, values in (("", forward), ("backward_", backward)):
        if not np.isnan(values).any():
            for unit, counts in (("perplexity", tokens), ("word_perplexity", words)):
                ends = ratio_interval(values, counts)
                found[f"{name}{unit}"] = [to_perplexity(end) for end in ends]
    return found


def ratio_interval(values: np.ndarray, counts: np.ndarray) -> list[float]:
    """Return the interval of the sum of the values divided by the sum of the counts, with a lower limit of 0."""
    number, ratio = len(values), values.sum() / counts.sum()
    error = math.sqrt(number / (number - 1) * np.square(values - ratio * counts).sum()) / counts.sum()
    reach = float(student.ppf(0.975, number - 1)) * error
    return [max(0.0, float(ratio - reach)), float(ratio + reach)]
