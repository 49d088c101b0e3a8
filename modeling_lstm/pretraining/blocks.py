"""Consecutive blocks of text in parallel streams, for truncated backpropagation through time."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from ..data.token_stream import TokenStream
from ..utils.errors import require


class Blocks(torch.utils.data.Dataset[dict[str, torch.Tensor]]):
    """
    A stream of tokens, divided into as many parts as a batch has rows, each cut into blocks. Item n is block
    `n // parts` of part `n % parts`, so that each row of a batch continues the same row of the previous batch.

    Where the blocks begin, and with `shuffles` the order of the texts, differs from epoch to epoch.

    Args:
        stream: The texts.
        parts: Number of rows of a batch over all processes.
        block_size: Number of tokens of a block.
        direction: `forward`, `backward` or `both`.
        shuffles: Whether each epoch reads the texts in a different order.
        seed: The random seed, used together with the number of the epoch.

    Raises:
        InputError: The text is too short for one batch.
    """

    def __init__(
        self, stream: TokenStream, parts: int, block_size: int, direction: str, *, shuffles: bool = False, seed: int = 0
    ):
        self.stream, self.parts, self.size = stream, parts, block_size
        self.direction, self.shuffles, self.seed = direction, shuffles, seed
        self.blocks = (len(stream) - block_size) // parts // block_size
        require(len(stream) > len(stream.ends), "All training texts are empty: there is nothing to learn from.")
        require(
            self.blocks > 0,
            f"The text has {len(stream):,} tokens, but a batch of {parts} rows of {block_size} tokens needs "
            f"{(parts + 1) * block_size:,}: lower --per_device_train_batch_size or --block_size, or add text.",
        )
        self._tables: dict[str, torch.Tensor] = {}

    def begin_epoch(self, epoch: int) -> None:
        """Cut the stream into the blocks of an epoch."""
        random = np.random.default_rng([self.seed, epoch])
        stream = self.stream.shuffle(random) if self.shuffles else self.stream
        first = int(random.integers(self.size))
        length = self.blocks * self.size
        for name, reverses in (("forward", False), ("backward", True)):
            if self.direction in (name, "both"):
                ids = (stream.reverse() if reverses else stream).ids[first : first + self.parts * length + 1]
                for what, some in (("inputs", ids[:-1]), ("targets", ids[1:])):
                    table = torch.from_numpy(np.ascontiguousarray(some).reshape(self.parts, length))
                    self._tables[f"{name}_{what}"] = table

    def __len__(self) -> int:
        return self.blocks * self.parts

    def __getitem__(self, number: int) -> dict[str, torch.Tensor]:
        block, part = divmod(number, self.parts)
        indices = slice(block * self.size, (block + 1) * self.size)
        return {name: table[part, indices].long() for name, table in self._tables.items()}


class BlockSampler(torch.utils.data.Sampler[int]):
    """Samples all rows of [`Blocks`] in order, and cuts new blocks for each epoch of a trainer."""

    def __init__(self, blocks: Blocks, trainer: Any):
        self.blocks, self.trainer = blocks, trainer

    def __len__(self) -> int:
        return len(self.blocks)

    def __iter__(self) -> Iterator[int]:
        self.blocks.begin_epoch(int(self.trainer.state.epoch or 0))
        return iter(range(len(self.blocks)))
