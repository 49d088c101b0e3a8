"""bf16 or fp32: not every processor with bf16 is faster with it, so a trial decides."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from transformers import PreTrainedModel

GAIN = 1.2  # times as fast as fp32 that bf16 must be, to be worth its lower precision
WORTH_A_TRIAL = 2e8  # multiplications in a batch; with fewer, there is nothing to gain
TURNS = 3  # of each precision; the first is not counted


def has_bf16(device: str) -> bool:
    """Whether a device computes in bf16 without emulation."""
    if device.startswith("cuda"):
        return torch.cuda.is_bf16_supported(including_emulation=False)
    has_kernels = torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return has_kernels and torch.cpu._is_avx512_bf16_supported()


def gains_by_bf16(model: PreTrainedModel, batch: Mapping[str, Any], *, trains: bool = True) -> bool:
    """
    Whether a model on a CPU is at least [`GAIN`] times as fast in bf16 as in fp32, by a trial.

    Args:
        model: The model. Its weights and the random state do not change.
        batch: The inputs of the model.
        trains: Whether to time training steps, or forward passes alone.
    """
    work = batch["input_ids"].numel() * model.num_parameters(exclude_embeddings=True)
    if not has_bf16("cpu") or work < WORTH_A_TRIAL:
        return False
    fp32, bf16 = time_batch(model, batch, (False, True), trains=trains)
    return fp32 >= GAIN * bf16


def time_batch(
    model: PreTrainedModel, batch: Mapping[str, Any], precisions: Sequence[bool], *, trains: bool
) -> list[float]:
    """
    Return the seconds that a model on a CPU takes for a batch in each precision: the fastest of a few turns.

    Args:
        model: The model. Its weights and the random state do not change.
        batch: The inputs of the model. Without labels, the loss is the sum of the logits.
        precisions: For each precision, whether it is bf16.
        trains: Whether the gradient is computed too.
    """
    seconds: dict[bool, list[float]] = {in_bf16: [] for in_bf16 in precisions}
    was_training = model.training
    model.train(trains)
    with torch.random.fork_rng(devices=[]):
        for _ in range(TURNS):
            for in_bf16, found in seconds.items():
                started = time.perf_counter()
                with torch.autocast("cpu", torch.bfloat16, enabled=in_bf16), torch.set_grad_enabled(trains):
                    outputs = model(**batch)
                    loss = outputs.loss if "labels" in batch else outputs.logits.float().sum()
                if trains:
                    loss.backward()
                found.append(time.perf_counter() - started)
                model.zero_grad()
    model.train(was_training)
    return [min(found[1:]) for found in seconds.values()]
