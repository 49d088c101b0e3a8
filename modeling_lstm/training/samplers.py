"""The order of rows: length-grouped batches that are the same in a resumed training."""

from collections.abc import Iterator, Sized

import torch
from transformers import Trainer, TrainingArguments
from transformers.trainer_pt_utils import BatchRebalanceSampler, LengthGroupedSampler


class EpochSampler(LengthGroupedSampler):
    """Length-grouped batches, drawn anew in each epoch from the seed and the epoch's number."""

    def __init__(self, sampler: LengthGroupedSampler, trainer: Trainer):
        super().__init__(sampler.batch_size * trainer.args.world_size, lengths=sampler.lengths)
        self.trainer = trainer

    def __iter__(self) -> Iterator[int]:
        seed, epoch = _seed_and_epoch(self.trainer)
        self.generator = torch.Generator().manual_seed(1_000_003 * seed + epoch)
        return super().__iter__()


class RandomEpochSampler(torch.utils.data.Sampler[int]):
    """A random order that depends only on seed and epoch: the one that accelerate uses in an uninterrupted run."""

    def __init__(self, rows: Sized, trainer: Trainer):
        self.rows, self.trainer = rows, trainer

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(sum(_seed_and_epoch(self.trainer)))
        return iter(torch.randperm(len(self.rows), generator=generator).tolist())


class RebalancedEpochSampler(BatchRebalanceSampler):
    """Trainer's `batch_rebalance`, in an order that depends only on seed and epoch."""

    def __init__(self, sampler: BatchRebalanceSampler, trainer: Trainer):
        vars(self).update(vars(sampler))
        self.trainer = trainer

    def set_epoch(self, epoch: int) -> None:
        """Do nothing: the order of the rows follows the epoch of the trainer."""

    def __iter__(self) -> Iterator[list[int]]:
        self.seed, self.epoch = _seed_and_epoch(self.trainer)
        return super().__iter__()


def divide_batches(sampler: torch.utils.data.Sampler, args: TrainingArguments) -> torch.utils.data.Sampler:
    """Return a sampler of rows, or with several processes one of this process's part of each batch."""
    return BatchParts(sampler, args) if args.world_size > 1 else sampler


class BatchParts(BatchRebalanceSampler):
    """
    One process's part of each batch that a single process would take.

    The parts differ by one row at most. If a batch has fewer rows than there are processes, each process takes the
    whole batch, which does not change the average of their gradients. This is a `BatchRebalanceSampler` so that Trainer
    knows that batches are already divided.
    """

    def __init__(self, sampler: torch.utils.data.Sampler, args: TrainingArguments):
        self.whole = torch.utils.data.BatchSampler(
            sampler, args.train_batch_size * args.world_size, args.dataloader_drop_last
        )
        self.drop_last = args.dataloader_drop_last
        self.rank, self.processes = args.process_index, args.world_size

    def set_epoch(self, epoch: int) -> None:
        """Do nothing: the order of the rows follows the epoch of the trainer."""

    def __len__(self) -> int:
        return len(self.whole)

    def __iter__(self) -> Iterator[list[int]]:
        for batch in self.whole:
            yield batch[self.rank :: self.processes] if len(batch) >= self.processes else batch


def _seed_and_epoch(trainer: Trainer) -> tuple[int, int]:
    """Return the seed of the order of rows, and the number of the current epoch."""
    args = trainer.args
    return args.seed if args.data_seed is None else args.data_seed, int(trainer.state.epoch or 0)
