"""Distillation: a student learns what a teacher thinks of texts, with and without labels."""

from .arguments import STUDENT_DEFAULTS, DistillationArguments
from .trainer import DistillationTrainer

__all__ = ["STUDENT_DEFAULTS", "DistillationArguments", "DistillationTrainer"]
