"""Distillation: a training run that learns the answers of teachers to texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar

from datasets import Dataset
from transformers import PreTrainedModel

from ..data.loading import TextData
from ..inference.torch_backend import torch_classifier
from ..runs.record import RunRecord
from ..tasks.base import task_class
from ..training.job import TrainingJob
from ..training.steps import Training
from ..utils.errors import require
from ..utils.ray_cluster import Cluster
from .arguments import KEPT_ON_RESUME, STUDENT_DEFAULTS, DistillationArguments
from .dataset import label_dataset, warn_of_other_splits
from .distillation_trainer import DistillationTrainer
from .student_gap import measure_gap


class DistillationJob(TrainingJob):
    """
    A [`TrainingJob`] with a teacher.

    Args:
        settings: The settings of [`TrainingJob`] and [`DistillationArguments`]; `teacher` names the teacher.
    """

    command_name: ClassVar[str] = "distill"
    kinds: ClassVar[tuple[type, ...]] = (*TrainingJob.kinds, DistillationArguments)

    @property
    def distillation(self) -> DistillationArguments:
        """The settings of the distillation."""
        return self.parts[-1]

    def prepare_workers(self, cluster: Cluster) -> None:
        """Have the workers label the texts. On other machines, only `--logits_cache` can make the logits known."""
        Distillation(self).label(cluster)

    @staticmethod
    def default_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return the defaults of a student, or of a Transformer as a student."""
        usual = TrainingJob.default_settings(settings)
        return usual if settings.get("transformer") is not None else STUDENT_DEFAULTS | usual

    def runner(self) -> Training:
        """Return the steps of the distillation."""
        return Distillation(self)


class Distillation(Training):
    """A training run on rows that teachers labeled, unlabeled texts included."""

    job: DistillationJob
    data: TextData

    def sources(self) -> list[tuple[str, str | None]]:
        """Return the flags that name inputs, with the teachers and the unlabeled text."""
        chosen = self.job.distillation
        found = [("teacher", name) for name in chosen.teachers]
        return [*super().sources(), *found, *(("unlabeled", name) for name in chosen.unlabeled)]

    def check_checkpoint(self) -> None:
        """Same as in the base class, also for what the student learns from its teachers."""
        chosen = self.job.distillation
        self.trained_with |= {f"--{name}": str(getattr(chosen, name)) for name in KEPT_ON_RESUME}
        super().check_checkpoint()

    def collect(self) -> None:
        """Gather the unlabeled text, and have the teachers label it."""
        chosen = self.job.distillation
        self._check_weights()
        for name in chosen.teachers:
            warn_of_other_splits(name, self.data, self.job.data.dataset)
        self.dataset = label_dataset(self.data, chosen, self.job.data.split_seed, self.args.device.type)

    def label(self, cluster: Cluster) -> None:
        """Have the teachers label the texts on a cluster."""
        self._check_weights()
        data = task_class(self.job.task).load(self.job.data)
        device = "cpu" if self.args.use_cpu else None  # else each worker finds its own
        label_dataset(data, self.job.distillation, self.job.data.split_seed, device, cluster)  # type: ignore[arg-type]

    def _check_weights(self) -> None:
        is_weighted = self.job.model.class_weights is not None or self.args.label_smoothing_factor > 0
        require(
            not is_weighted or self.job.distillation.label_weight > 0,
            "--class_weights and --label_smoothing_factor apply to true labels only: set --label_weight too.",
        )

    def vocabulary_rows(self) -> Dataset:
        """Return the training texts and the unlabeled texts, without variants."""
        return self.dataset.texts()

    def training_rows(self) -> Dataset:
        """Return all rows that the teachers labeled."""
        return self.dataset.for_student(self.tokenizer)

    def teachers(self) -> list[dict[str, Any]]:
        """Return descriptions of the teachers, with names and digests."""
        return self.dataset.report["teachers"]

    def trainer_class(self) -> Callable[..., Any]:
        """Return a `Trainer` class that compares logits."""
        return partial(DistillationTrainer, distillation=self.job.distillation)

    def complete(self, record: dict[str, Any], model: PreTrainedModel) -> None:
        """Add the gap between student and teacher on validation to the record."""
        logits = torch_classifier(model.eval(), self.tokenizer).raw_scores(self.data.splits["validation"]["text"][:])
        found = measure_gap(self.data, "validation", logits, self.dataset.validation, self.args.metric_for_best_model)
        record["distillation"] = self.dataset.report | {"gap": {"validation": found}}


def distill(**settings: Any) -> RunRecord:
    """
    Train a student of one or several teachers and write its run folder.

    Args:
        settings: The flags of `modeling-lstm distill --help` by their names: `teacher`, `dataset` and `output_dir` are
            required; `unlabeled`, `augmentations`, `embeddings` and so on.

    Returns:
        The content of `run.json`. Its `distillation` has the gap between student and teachers.

    Raises:
        InputError: The settings contradict each other, or the data, a teacher or the run folder cannot be used.
    """
    return DistillationJob(**settings).run()
