"""Settings of a preset."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from ..distillation.arguments import STUDENT_DEFAULTS, DistillationArguments
from ..utils.settings import setting

# Chosen on validation: the student's settings on the distillation recipes, the others on each of results/comparison
STUDENT: dict[str, Any] = {"embedding_size": 320, "hidden_size": 128}
ALONE: dict[str, Any] = {
    "per_device_train_batch_size": 32,
    "learning_rate": 1e-3,
    "early_stopping_patience": 2,
    "early_stopping_min_steps": 300,
    "average_epochs": 0.5,
    "adversarial_size": 0.25,
}
AUGMENTATIONS, MAX_VARIANTS = 4, 40  # variants of each text: with unlabeled text, and the limit

# The defaults that --help shows for settings that depend on the data and the teacher
BEST_DEFAULTS: dict[str, str] = {
    **{name: f"{value} with a teacher, otherwise as for train" for name, value in STUDENT.items()},
    **{name: f"as for train without a teacher, {value} with one" for name, value in STUDENT_DEFAULTS.items()},
    **{name: f"{value} without a teacher, with one as for distill" for name, value in ALONE.items()},
    "augmentations": f"as many as make about 150,000 texts, at least 10 ({AUGMENTATIONS} with --unlabeled) and at most "
    f"{MAX_VARIANTS}",
    "num_train_epochs": "depends on the number of texts",
    "embeddings": "those of a Transformer teacher, or vectors learned from --unlabeled",
}


@dataclass
class PresetArguments:
    """The preset."""

    flag_group: ClassVar[str] = "Training"

    preset: Literal["best"] | None = setting(
        None,
        "best: fine-tune --teacher and distill it, or learn word vectors from --unlabeled text, or else "
        "train an LSTM more thoroughly. See train --preset best --help.",
    )


@dataclass
class OptionalTeacherArguments(DistillationArguments):
    """The settings of a distillation, with an optional teacher."""

    teacher: str = setting(
        "",
        "Run folder or Hub id of a Transformer to learn from, or several separated by commas. One that is "
        "not a classifier yet is fine-tuned first. Named three times, it is fine-tuned with three seeds, and the "
        "student learns their mean. Default: none.",
    )
    needs_teacher: ClassVar[bool] = False
