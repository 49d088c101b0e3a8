"""Settings of a preset."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from ..distillation.arguments import DistillationArguments


@dataclass
class PresetArguments:
    """Which preset."""

    flag_group: ClassVar[str] = "Training"

    preset: Literal["best"] | None = field(
        default=None,
        metadata={
            "help": "best: fine-tune --teacher and distil it, or learn word vectors from --unlabeled text, or else "
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

    def __post_init__(self) -> None:
        if self.teachers:
            super().__post_init__()
