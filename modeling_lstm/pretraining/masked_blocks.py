"""Blocks of text with masks, the same in a resumed training and with any number of processes."""

from collections.abc import Iterator

import numpy as np
import torch

from ..data.token_masker import TokenMasker
from ..data.token_stream import TokenStream
from ..training.samplers import RandomEpochSampler
from ..utils.errors import require


class MaskedBlocks(torch.utils.data.Dataset[dict[str, torch.Tensor]]):
    """
    A stream of tokens, cut into blocks. Where they begin, which of their tokens are masked and, with `shuffles`, the
    order of the texts differ from epoch to epoch.

    Args:
        stream: The texts.
        block_size: Number of tokens of a block.
        masker: What masks the tokens.
        shuffles: Whether each epoch reads the texts in a different order.
        seed: The random seed, used together with the numbers of the epoch and the block.

    Raises:
        InputError: The text is too short for one block.
    """

    def __init__(
        self, stream: TokenStream, block_size: int, masker: TokenMasker, *, shuffles: bool = False, seed: int = 0
    ):
        self.stream, self.size, self.masker, self.shuffles, self.seed = stream, block_size, masker, shuffles, seed
        require(len(stream) > len(stream.ends), "All training texts are empty: there is nothing to learn from.")
        require(
            len(stream.ids) >= block_size,
            f"The text has {len(stream):,} tokens, but a block has {block_size}: lower --block_size, or add text.",
        )
        self.blocks = max(1, len(stream.ids) // block_size - 1)
        self.begin_epoch(0)

    def begin_epoch(self, epoch: int) -> None:
        """Cut the stream into the blocks of an epoch."""
        random = np.random.default_rng([self.seed, epoch])
        ids = (self.stream.shuffle(random) if self.shuffles else self.stream).ids
        length = self.blocks * self.size
        first = int(random.integers(min(self.size, len(ids) - length + 1)))
        self._epoch, self._rows = epoch, ids[first : first + length].reshape(self.blocks, self.size)

    def __len__(self) -> int:
        return self.blocks

    def __getitem__(self, number: int) -> dict[str, torch.Tensor]:
        ids = torch.from_numpy(self._rows[number].astype(np.int64))
        inputs, labels = self.masker.mask(ids, self.seed, self._epoch, number)
        # a random token in the place of a mask may be the one that pads
        return {"input_ids": inputs, "attention_mask": torch.ones_like(inputs), "labels": labels}


class MaskedBlockSampler(RandomEpochSampler):
    """Samples [`MaskedBlocks`] in random order, and cuts new blocks for each epoch of a trainer."""

    rows: MaskedBlocks

    def __iter__(self) -> Iterator[int]:
        self.rows.begin_epoch(int(self.trainer.state.epoch or 0))
        return super().__iter__()
