"""bf16 or fp32: not every processor that has bf16 is faster with it, so a few steps tell."""

import time
from collections.abc import Mapping
from typing import Any

import torch
from transformers import PreTrainedModel

GAIN = 1.2  # times as fast as fp32, from which on bf16 is worth its fewer digits
TURNS = 3  # of both, the first of which is not counted


def has_bf16(device: str) -> bool:
    """Whether a device computes in bf16, and does not only imitate it."""
    if device.startswith("cuda"):
        return torch.cuda.is_bf16_supported(including_emulation=False)
    has_kernels = torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return has_kernels and torch.cpu._is_avx512_bf16_supported()


def gains_by_bf16(model: PreTrainedModel, batch: Mapping[str, Any]) -> bool:
    """
    Whether steps of a model on a CPU are at least [`GAIN`] times as fast in bf16 as in fp32, by a trial.

    Args:
        model: The model, whose weights and random numbers stay as they are.
        batch: What it takes, as in training.
    """
    if not has_bf16("cpu"):
        return False
    seconds: dict[bool, list[float]] = {False: [], True: []}
    was_training = model.training
    model.train()
    with torch.random.fork_rng(devices=[]):
        for _ in range(TURNS):
            for in_bf16, found in seconds.items():
                started = time.perf_counter()
                with torch.autocast("cpu", torch.bfloat16, enabled=in_bf16):
                    logits = model(**batch).logits
                logits.float().sum().backward()
                found.append(time.perf_counter() - started)
                model.zero_grad()
    model.train(was_training)
    fp32, bf16 = (min(found[1:]) for found in seconds.values())
    return fp32 >= GAIN * bf16
