"""What `run.json` records of a training run: main settings, changed settings and the history of the scores."""

from collections.abc import Mapping
from typing import Any

from transformers import Trainer, TrainingArguments

from .trainer_arguments import LstmTrainingArguments

MAIN = ("learning_rate", "per_device_train_batch_size", "num_train_epochs", "seed")  # recorded even as defaults


def describe_outcome(trainer: Trainer, *, resumed: bool, stopped_early: bool) -> dict[str, Any]:
    """Return what `run.json` records of the training itself: settings, score history and the final model's scores."""
    args, state = trainer.args, trainer.state
    history = [entry for entry in state.log_history if "eval_loss" in entry]
    validation = {name.removeprefix("eval_"): value for name, value in trainer.evaluate().items() if _is_score(name)}
    ended: dict[str, Any] = {"steps": state.global_step, "resumed": resumed, "stopped_early": stopped_early}
    if args.auto_find_batch_size:
        ended["per_device_train_batch_size"] = state.train_batch_size
    return {
        "training": {name: getattr(args, name) for name in MAIN} | find_changed_settings(args) | ended,
        "best": {"metric": args.metric_for_best_model, "step": state.best_global_step},
        "history": history,
        "metrics": {"validation": validation},
    }


def find_end(record: Mapping[str, Any], args: Any, planned: int) -> str | None:
    """
    Return the setting that ended a training run; `None` if there is more to train. Checkpoints do not tell: in the end,
    only the best is kept.

    Args:
        record: Content of its `run.json`.
        args: The settings now, [`LstmTrainingArguments`].
        planned: The steps of a training run with these settings.
    """
    then = record["training"]
    if then["steps"] >= planned:
        return "max_steps" if args.max_steps > 0 else "num_train_epochs"
    patience = args.early_stopping_patience
    has_waited = patience is not None and patience <= then.get("early_stopping_patience", 0)
    is_long_enough = then["steps"] >= args.early_stopping_min_steps
    return "early_stopping_patience" if then.get("stopped_early") and has_waited and is_long_enough else None


def find_changed_settings(args: TrainingArguments) -> dict[str, Any]:
    """Return the settings that differ from the defaults."""
    # `use_cpu` decides whether the processes of a launch find each other
    defaults = LstmTrainingArguments(output_dir=str(args.output_dir), use_cpu=args.use_cpu).to_dict() | {
        "use_cpu": False
    }
    ignored = {"output_dir", "resume_from_checkpoint", "overwrite", "greater_is_better"}
    return {name: value for name, value in args.to_dict().items() if value != defaults[name] and name not in ignored}


def _is_score(name: str) -> bool:
    return name not in ("eval_runtime", "eval_samples_per_second", "eval_steps_per_second", "epoch")
