"""`TaskTrainer`: `LstmTrainer` that scores what a model writes instead of its logits."""

from typing import Any

from ..tasks.base import Task
from ..utils.processes import run_on_main
from .lstm_trainer import LstmTrainer


class TaskTrainer(LstmTrainer):
    """
    [`LstmTrainer`] that evaluates with the task's scores.

    Args:
        task: The task.
        args: The arguments of [`LstmTrainer`], with an `eval_dataset` that the task encoded.
    """

    task: Any

    def __init__(self, *args: Any, task: Task, **kwargs: Any):
        self.task = task
        super().__init__(*args, **kwargs)

    def evaluate(
        self, eval_dataset: Any = None, ignore_keys: list[str] | None = None, metric_key_prefix: str = "eval"
    ) -> dict[str, float]:
        """Return the task's scores on the held-out rows; during training with averaged weights, if there are any."""
        rows = self.eval_dataset if eval_dataset is None else eval_dataset
        model: Any = self.accelerator.unwrap_model(self.model)
        was_training = model.training
        if (rows_optimizer := self.row_optimizer()) is not None:
            rows_optimizer.settle()  # in every process, so that all round alike
        with self.averaged_weights(model):
            model.eval()
            # by one process: with other numbers, another could stop earlier
            scores = run_on_main(lambda: self.task_scores(model, rows))
        model.train(was_training)
        metrics = {f"{metric_key_prefix}_{name}": value for name, value in scores.items()}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def task_scores(self, model: Any, rows: Any) -> dict[str, float]:
        """Return the scores of a model in evaluation mode."""
        found = self.task.predict(model, self.processing_class, rows, self.args.per_device_eval_batch_size)
        return self.task.scores(*found)
