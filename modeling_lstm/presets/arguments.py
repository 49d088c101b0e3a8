"""Settings of a preset."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from ..distillation.arguments import STUDENT_DEFAULTS, DistillationArguments

# Chosen on validation: the student's settings in the recipes of distillation, the others in each of results/comparison
STUDENT: dict[str, Any] = {"embedding_size": 320, "hidden_size": 128}
ALONE: dict[str, Any] = {
    "per_device_train_batch_size": 32,
    "learning_rate": 1e-3,
    "early_stopping_patience": 2,
    "early_stopping_min_steps": 300,
    "average_epochs": 0.5,
    "adversarial_size": 0.25,
}
AUGMENTATIONS, MOST_VARIANTS = 4, 40  # variants of each text, the first with unlabeled text

# What --help says of settings that follow from the data and the teacher
BEST_DEFAULTS: dict[str, str] = {
    **{name: f"{value} with a teacher, otherwise as for train" for name, value in STUDENT.items()},
    **{name: f"as for train without a teacher, {value} with one" for name, value in STUDENT_DEFAULTS.items()},
    **{name: f"{value} without a teacher, with one as for distill" for name, value in ALONE.items()},
    "augmentations": f"as many as make enough texts, at least 10 ({AUGMENTATIONS} with --unlabeled) and at most "
    f"{MOST_VARIANTS}",
    "num_train_epochs": "by the number of texts",
    "embeddings": "those of a Transformer that teaches, or vectors learned from --unlabeled",
}


@dataclass
class PresetArguments:
    """Which preset."""

    flag_group: ClassVar[str] = "Training"

    preset: Literal["best"] | None = field(
        default=None,
        metadata={
            "help": "best: fine-tune --teacher and distill it, or learn word vectors from --unlabeled text, or else "
            "train an LSTM with more care. See train --preset best --help."
        },
    )


@dataclass
class OptionalTeacherArguments(DistillationArguments):
    """Those of a distillation, where there may be no teacher."""

    teacher: str = field(
        default="",
        metadata={
            "help": "Run folder or Hub id of a Transformer to learn from, or several separated by commas. What is no "
            "classifier yet is fine-tuned first. Named three times, it is fine-tuned with three seeds, and their mean "
            "teaches. Default: none."
        },
    )
    needs_teacher: ClassVar[bool] = False
