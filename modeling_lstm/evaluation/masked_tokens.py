"""How well a masked language model fills in tokens: loss, perplexity, accuracy and their intervals."""

from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from ..data.token_masker import TokenMasker
from ..data.token_stream import TokenStream
from ..utils.errors import require
from .perplexity import ratio_interval, to_perplexity

SEED = 0  # of the masks, which are the same for each model with the same tokenizer, block size and share of tokens


@torch.inference_mode()
def score_masked_tokens(
    model: Any, masker: TokenMasker, stream: TokenStream, block_size: int, batch_size: int
) -> np.ndarray:
    """
    Mask tokens of texts and predict them. The texts are read one after another, in blocks, as in training.

    Args:
        model: A masked language model of transformers.
        masker: What masks the tokens.
        stream: The texts.
        block_size: Number of tokens of a block.
        batch_size: Number of blocks in a batch.

    Returns:
        For each text the negative log-likelihood of its masked tokens in nats, how many of them were predicted, and
        their number, `(texts, 3)`.
    """
    model.eval()
    ids = torch.from_numpy(stream.ids.astype(np.int64))
    found = np.zeros((len(ids), 3))
    begins = range(0, len(ids), block_size)
    for first in range(0, len(begins), batch_size):
        some = begins[first : first + batch_size]
        # the last block of the text may be shorter
        inputs, labels, read = (torch.full((len(some), block_size), fill) for fill in (0, -100, 0))
        for row, begin in enumerate(some):
            block = ids[begin : begin + block_size]
            inputs[row, : len(block)], labels[row, : len(block)] = masker.mask(block, SEED, begin)
            read[row, : len(block)] = 1
        chosen = labels != -100
        logits = model(inputs.to(model.device), read.to(model.device)).logits
        targets, predicted = labels[chosen], logits[chosen.to(model.device)].float().cpu()
        places = (torch.tensor(some).unsqueeze(1) + torch.arange(block_size))[chosen].numpy()
        found[places, 0] = F.cross_entropy(predicted, targets, reduction="none").double().numpy()
        found[places, 1] = (predicted.argmax(-1) == targets).numpy()
        found[places, 2] = 1
    after = np.concatenate([[0], stream.ends[:-1]]) + 1  # where each text begins
    return np.add.reduceat(found, after) if len(stream.ends) else found[:0]


def masked_token_scores(sums: np.ndarray) -> dict[str, float]:
    """
    Compute the scores of the masked tokens.

    Args:
        sums: The result of [`score_masked_tokens`].

    Returns:
        `loss` (nats per masked token), `perplexity` (its exponential) and `accuracy`.

    Raises:
        InputError: No token was masked.
    """
    loss, right, number = sums.sum(axis=0)
    require(number > 0, "The held-out text is so short that none of its tokens was masked: hold out more.")
    loss /= number
    return {"loss": float(loss), "perplexity": to_perplexity(loss), "accuracy": float(right / number)}


def masked_token_intervals(sums: np.ndarray) -> dict[str, list[float]]:
    """Compute 95 % intervals for [`masked_token_scores`], as for [`perplexity_intervals`]; a single text has none."""
    if len(sums) < 2:
        return {}
    loss, right, number = sums.T
    found = {"loss": ratio_interval(loss, number)}
    found["perplexity"] = [to_perplexity(end) for end in found["loss"]]
    found["accuracy"] = [min(1.0, end) for end in ratio_interval(right, number)]
    return found
