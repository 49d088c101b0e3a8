"""Distillation: a student learns what a teacher thinks of texts, with and without labels."""

from .arguments import DistillationArguments
from .trainer import DistillationTrainer

__all__ = ["DistillationArguments", "DistillationTrainer"]
