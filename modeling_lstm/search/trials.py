"""A trial: a training run with suggested settings, scored on validation after each epoch."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from ..training.error_messages import explain_failures
from ..training.job import TrainingJob


class ReportCallback(TrainerCallback):
    """
    Reports the score of each evaluation.

    Args:
        metric: The metric, as named in the log.
        greater_is_better: Whether a greater score is better; otherwise scores are reported with the opposite sign.
        report: Called with the number of the epoch and its score. If it returns True, training ends.
    """

    def __init__(self, metric: str, greater_is_better: bool, report: Callable[[int, float], bool]):
        self.metric, self.sign, self.report = metric, 1 if greater_is_better else -1, report
        self.found: list[float] = []
        self.is_pruned = False

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **_: Any) -> None:
        self.found.append(self.sign * float(metrics[self.metric]))
        self.is_pruned = self.report(len(self.found), self.found[-1])
        control.should_training_stop |= self.is_pruned


def run_trial(settings: dict[str, Any], folder: Path, report: Callable[[int, float], bool]) -> dict[str, Any]:
    """
    Train with the given settings. Only the returned values are kept.

    Args:
        settings: The settings of [`TrainingJob`], including the data.
        folder: A temporary folder for this trial, which is removed afterwards.
        report: See [`ReportCallback`].

    Returns:
        `value` (the score of the best epoch, with the opposite sign if less is better), that `epoch`, the `metric`,
        the number of `parameters`, and whether `report` ended the training (`is_pruned`).

    Raises:
        InputError: the settings or the data cannot be used, or the training diverged.
    """
    quiet = {"save_strategy": "no", "load_best_model_at_end": False, "logging_strategy": "no", "report_to": "none"}
    job = TrainingJob(**settings | quiet | {"output_dir": str(folder), "overwrite": True, "disable_tqdm": True})
    try:
        trainer = job.runner().trainer()
        metric = str(trainer.args.metric_for_best_model)
        callback = ReportCallback(f"eval_{metric}", bool(trainer.args.greater_is_better), report)
        trainer.add_callback(callback)
        with explain_failures(trainer.args, None):
            trainer.train()
        best = max(callback.found)
        return {
            "value": best,
            "epoch": callback.found.index(best) + 1,
            "metric": metric,
            "parameters": trainer.model.num_parameters(),
            "is_pruned": callback.is_pruned,
        }
    finally:
        shutil.rmtree(folder, ignore_errors=True)
