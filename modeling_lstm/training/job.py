"""`TrainingJob`: a training run to start, with all its settings."""

from pkgutil import resolve_name
from typing import Any

from ..runs.record import RunRecord
from ..tasks.base import TEXT_CLASSIFICATION, job_class
from ..utils.errors import InputError, as_text
from ..utils.progress import hide_progress_bars
from ..utils.ray_cluster import Cluster
from .job_settings import TrainingSettings
from .steps import Training

# Trainings of several stages, which build on this module; imported on demand
PRESETS = {"best": "modeling_lstm.presets.best:BestJob"}


class TrainingJob(TrainingSettings):
    """
    What to train, on which data, and how. Settings are named like the flags of `modeling-lstm train`.

    ```python
    job = TrainingJob(dataset="reviews.csv", output_dir="runs/reviews", hidden_size=100)
    record = job.run()
    ```

    Args:
        settings: The settings of [`TrainingSettings`].
    """

    def runner(self) -> Training:
        """Return the steps of the training, to run one by one. [`Training.trainer`] returns a ready `Trainer`."""
        return Training(self)

    def run(self) -> RunRecord:
        """
        Train, and write the run folder.

        Returns:
            The content of `run.json`.

        Raises:
            InputError: data or settings cannot be used, or the run folder is taken.
        """
        with hide_progress_bars(bool(self.training.disable_tqdm)):
            if self.ray.engine == "ray":
                from .ray_training import train_by_ray

                return train_by_ray(self, self.prepare_workers)
            return self.runner().run()

    def prepare_workers(self, cluster: Cluster) -> None:
        """Prepare a cluster, once, before the workers of `--engine ray` train. Does nothing here."""


def train(**settings: Any) -> RunRecord:
    """
    Train a model and write its run folder.

    Args:
        settings: The flags of `modeling-lstm train --help` by their names: `dataset` and `output_dir` (both required),
            `text_column`, `label_column`, `hidden_size`, `cell_type`, `embeddings`, `transformer`, `learning_rate`,
            `num_train_epochs`, `per_device_train_batch_size`, `seed`, ... See [`TrainingSettings`]. For
            `task="translation"` see `modeling-lstm train --task translation --help`, and for `preset="best"` see
            `modeling-lstm train --preset best --help`.

    Returns:
        The content of `run.json`.

    Raises:
        InputError: data or settings cannot be used, or the run folder is taken.
    """
    if settings.get("preset") is None:
        settings.pop("preset", None)
    return find_job(settings.get("task", TEXT_CLASSIFICATION), settings.get("preset"))(**settings).run()


def find_job(task: str, preset: str | None) -> Any:
    """
    Return the job class of a task or a preset.

    Raises:
        InputError: there is no such task or preset.
    """
    if preset is None:
        return job_class(task)
    if preset not in PRESETS:
        raise InputError(f"Unknown preset {preset!r} for --preset: choose one of {as_text(PRESETS)}.")
    return resolve_name(PRESETS[preset])
