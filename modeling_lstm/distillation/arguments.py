"""Settings of a distillation."""

from dataclasses import MISSING, dataclass
from typing import ClassVar

from ..utils.errors import require
from ..utils.settings import require_at_least, setting

# Defaults of a student that differ from those of `train`: a teacher's answers are many and exact, so little dropout is
# needed. Chosen on validation
STUDENT_DEFAULTS = {"word_dropout": 0.0, "embedding_dropout": 0.05, "classifier_dropout": 0.1, "average_epochs": 0.5}

# Settings that must stay the same when a distillation resumes
KEPT_ON_RESUME = (
    *("logit_weight", "divergence_weight", "label_weight", "temperature"),
    *("teacher_labels", "teacher_max_length"),
)


@dataclass
class DistillationArguments:
    """The teachers, the text that they label, and the loss of the student."""

    flag_group: ClassVar[str] = "Distillation"

    teacher: str = setting(
        "", "Run folder or Hub id of the teacher, or several separated by commas: the student learns their mean."
    )
    teacher_revision: str | None = setting(None, "Branch, tag or commit of a teacher on the Hub.")
    teacher_labels: list[str] | None = setting(
        None,
        "The teacher's names for the labels, in the order of the data's labels, if they differ; other "
        "labels of the teacher are ignored. Default: the names in the data.",
    )
    unlabeled: list[str] = setting(
        MISSING, "Unlabeled text: one or several Hub ids (or id:subset), files or folders.", factory=list
    )
    unlabeled_column: list[str] | None = setting(
        None, "Text column of --unlabeled, or several columns to join. Default: recognized by its name."
    )
    unlabeled_split: str = setting("train", "Split of --unlabeled to read.")
    sentences: bool = setting(False, "Split the unlabeled text into sentences.")
    language: str = setting("en", "Language code for sentence splitting.")
    augmentations: int | None = setting(
        None,
        "Variants to generate from each text, by masking and replacing words and keeping only a short piece of it, "
        "drawn with --split_seed. Default: 0 with --unlabeled, otherwise 10.",
    )
    replaced_words: float = setting(
        0.3,
        "Share of the words of a variant to replace, each with one of the ten words nearest to it in the "
        "teacher's word vectors; 0: none.",
    )
    transfer_rows: int | None = setting(
        None,
        "Maximum number of unlabeled texts (or sentences) to learn from, drawn with --split_seed; if there "
        "are fewer, variants make up the number, as far as --augmentations allows. Default: all.",
    )
    logit_weight: float = setting(1.0, "Weight of the squared distance between the student's and the teacher's logits.")
    divergence_weight: float = setting(0.0, "Weight of the KL divergence between their probabilities at --temperature.")
    label_weight: float = setting(0.0, "Weight of the loss on the true labels.")
    temperature: float = setting(2.0, "Temperature that logits are divided by for the divergence.")
    teacher_max_length: int = setting(512, "Maximum tokens of a text for the teacher.")
    teacher_batch_size: int = setting(64, "Texts in a batch of the teacher.")
    teacher_bf16: bool | None = setting(
        None, "Run the teacher in bf16. Default: if a trial shows that it is faster. A regression teacher runs in fp32."
    )
    logits_cache: str | None = setting(
        None, "Folder that keeps the logits of teachers. Default: modeling_lstm/logits in HF_HOME."
    )

    needs_teacher: ClassVar[bool] = True

    def __post_init__(self) -> None:
        named = bool(self.teachers) or not self.needs_teacher
        require(named, "Name the teacher with --teacher: a run folder or a Hub id.")
        for name in ("sentences", "unlabeled_column"):
            is_used = bool(self.unlabeled) or not getattr(self, name)
            require(is_used, f"--{name} is for unlabeled text: name it with --unlabeled, or leave --{name} out.")
        require_at_least(self, transfer_rows=1, teacher_max_length=1, teacher_batch_size=1)
        for name in ("augmentations", "logit_weight", "divergence_weight", "label_weight"):
            value = getattr(self, name)
            require(value is None or value >= 0, f"--{name} must not be negative, found {value}.")
        require(
            0 <= self.replaced_words <= 0.9, f"--replaced_words must be from 0 to 0.9, found {self.replaced_words}."
        )
        require(self.temperature > 0, f"--temperature must be greater than 0, found {self.temperature}.")
        require(
            self.logit_weight + self.divergence_weight > 0,
            "--logit_weight and --divergence_weight are both 0: set one of them, or the teacher teaches nothing.",
        )
        makes_variants = not bool(self.unlabeled) if self.augmentations is None else self.augmentations > 0
        used = {"language": (self.sentences, "--sentences"), "replaced_words": (makes_variants, "--augmentations")}
        used["temperature"] = (self.divergence_weight > 0, "--divergence_weight")
        for name, (is_used, needed) in used.items() if self.needs_teacher else ():  # otherwise checked later
            is_usual = getattr(self, name) == getattr(DistillationArguments, name)
            require(is_used or is_usual, f"--{name} has no effect without {needed}: add that, or leave --{name} out.")

    @property
    def teachers(self) -> list[str]:
        """The teachers' names."""
        return [name.strip() for name in self.teacher.split(",") if name.strip()]
