"""How well a masked language model fills in tokens: loss, perplexity, accuracy and their intervals."""

from typing import Any

import numpy as np
import torch
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from ..data.token_masker import TokenMasker
from ..data.token_stream import TokenStream
from ..data.tokenization import fit_batch
from ..models.modeling_lstm import IGNORED
from ..utils.errors import require
from .intervals import find_proportion_interval
from .perplexity import ratio_interval, to_perplexity

SEED = 0  # of the masks: with the same tokenizer, block size and share of tokens, they are the same for every model


def mask_blocks(masker: TokenMasker, stream: TokenStream, block_size: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Cut texts into blocks, of which the last may be shorter, and return ids and labels of [`TokenMasker.mask`]."""
    ids = torch.from_numpy(stream.ids.astype(np.int64))
    return [masker.mask(ids[begin : begin + block_size], SEED, begin) for begin in range(0, len(ids), block_size)]


def require_masks(number: float) -> None:
    """Raise [`InputError`] if no token was masked."""
    require(
        number > 0,
        "None of the held-out tokens was chosen to be predicted: hold out more text, or pretrain with a higher "
        "--mlm_probability.",
    )


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
        batch_size: Number of blocks in a batch; fewer if their logits would need too much memory.

    Returns:
        For each text the negative log-likelihood of its masked tokens in nats, how many of them were predicted, and
        their number, `(texts, 3)`.
    """
    model.eval()
    blocks = mask_blocks(masker, stream, block_size)
    found = np.zeros((len(blocks) * block_size, 3))
    batch_size = fit_batch(batch_size, block_size, model.config.vocab_size)
    for first in range(0, len(blocks), batch_size):
        some = blocks[first : first + batch_size]
        inputs = pad_sequence([one for one, _ in some], batch_first=True)
        labels = pad_sequence([one for _, one in some], batch_first=True, padding_value=IGNORED)
        read = pad_sequence([torch.ones_like(one) for one, _ in some], batch_first=True)
        rows, columns = (labels != IGNORED).nonzero(as_tuple=True)
        logits = model(inputs.to(model.device), read.to(model.device)).logits[rows, columns].float().cpu()
        targets, positions = labels[rows, columns], ((first + rows) * block_size + columns).numpy()
        found[positions, 0] = F.cross_entropy(logits, targets, reduction="none").double().numpy()
        found[positions, 1] = (logits.argmax(-1) == targets).numpy()
        found[positions, 2] = 1
    begins = np.concatenate([[0], stream.ends[:-1]]) + 1  # where each text begins
    return np.add.reduceat(found[: len(stream.ids)], begins) if len(stream.ends) else found[:0]


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
    require_masks(number)
    loss /= number
    return {"loss": float(loss), "perplexity": to_perplexity(loss), "accuracy": float(right / number)}


def masked_token_intervals(sums: np.ndarray) -> dict[str, list[float]]:
    """Compute 95% intervals for [`masked_token_scores`], as for [`perplexity_intervals`]; a single text has none."""
    if len(sums) < 2:
        return {}
    loss, right, number = sums.T
    found = {"loss": ratio_interval(loss, number)}
    found["perplexity"] = [to_perplexity(end) for end in found["loss"]]
    if right.sum() in (0, number.sum()):  # the variance between texts would be zero
        found["accuracy"] = list(find_proportion_interval(int(right.sum()), int(number.sum())))
    else:
        found["accuracy"] = [min(1.0, end) for end in ratio_interval(right, number)]
    return found
