"""Versions and hardware of a process, for `run.json`."""

import contextlib
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

PACKAGES = (
    "modeling-lstm",
    "torch",
    "transformers",
    "datasets",
    "tokenizers",
    "accelerate",
    "evaluate",
    "scikit-learn",
    "numpy",
)


def describe_environment() -> dict[str, Any]:
    """Return the versions and hardware of this process, for `run.json`."""
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            versions[package] = version(package)
    return {"versions": versions, "hardware": _hardware()}


def physical_memory() -> int | None:
    """Return the memory of this machine in bytes; `None` where the system does not tell."""
    with contextlib.suppress(ValueError, OSError, AttributeError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return None


def _hardware() -> dict[str, Any]:
    hardware: dict[str, Any] = {
        "platform": platform.platform(terse=True),
        "processor": _processor(),
        "instructions": torch.backends.cpu.get_cpu_capability(),  # those that torch may use
        "cores": os.cpu_count(),
    }
    hardware["threads"] = torch.get_num_threads()
    if (memory := physical_memory()) is not None:
        hardware["memory_gb"] = round(memory / 2**30, 1)
    if torch.cuda.is_available() and torch.cuda.is_initialized():  # otherwise it was not used
        hardware["gpu"] = torch.cuda.get_device_name()
    return hardware


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
