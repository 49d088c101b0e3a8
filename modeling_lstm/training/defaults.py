"""Defaults that depend on the model, the number of rows and the task."""

import logging
import math
from collections.abc import Collection, Mapping
from typing import Any

from ..data.arguments import LENGTHS
from ..tasks.base import Task
from ..utils.errors import InputError, as_text, require

logger = logging.getLogger(__name__)

PRETRAINED_RATE = 0.3  # times the learning rate, for vectors initialized from --embeddings; chosen on validation
# Times the learning rate, for randomly initialized vectors of a classifier with at least this many labels and this many
# tokens per text. The words that tell many labels apart are each in few batches and make up little of a long text, so
# each update must move them far. Chosen on validation, on film reviews with 8 and 20 labels; it harms scores on reviews
# with two labels and on tweets with 20
RANDOM_RATE, MANY_LABELS, LONG_TEXTS = 5.0, 8, 50

# Defaults for fine-tuning a Transformer, where they differ
TRANSFORMER_DEFAULTS: dict[str, Any] = {
    "learning_rate": 5e-5,
    "num_train_epochs": 3.0,
    "per_device_train_batch_size": 32,
    "lr_scheduler_type": "linear",
    "max_length": 256,
}

# Chosen on validation, on eight datasets of 500 to 8,000 texts: with few rows, an LSTM needs more epochs, and an
# average of its weights. From FEW_ROWS on, the usual defaults apply
STEPS, MAX_EPOCHS = 1_000, 30
PRETRAINED_STEPS = 250  # for a classifier initialized from a language model; chosen on 3,400 film reviews
VERY_FEW_ROWS, SMALL_BATCH = 2_000, 32
FEW_ROWS, AVERAGE_EPOCHS = 20_000, 0.5
FITTED = ("per_device_train_batch_size", "average_epochs")  # to the number of rows, unless the epochs are given
TRANSFORMER_STEPS, MAX_TRANSFORMER_EPOCHS = 1_200, 20  # chosen on validation of TREC-6, with all labels and with 500

FEW_STEPS, ENOUGH_STEPS = 100, 300


def random_vectors_rate(labels: int, tokens: float) -> float:
    """
    Return the learning rate of randomly initialized word vectors, as a multiple of the learning rate.

    Args:
        labels: Number of labels of a classifier; 0 for other models.
        tokens: Mean number of tokens in a text.
    """
    return RANDOM_RATE if labels >= MANY_LABELS and tokens >= LONG_TEXTS else 1.0


def fit_epochs(seen: int, rows: int, bounds: tuple[float, float]) -> float:
    """
    Return the number of epochs in which a training run sees about `seen` rows.

    Args:
        seen: Rows in all epochs together.
        rows: Rows in an epoch.
        bounds: The fewest and the most epochs.
    """
    fewest, most = bounds
    return float(min(most, max(fewest, round(seen / rows))))


def max_epochs(rows: int, batch: int, steps: int = ENOUGH_STEPS) -> int:
    """
    Return the most epochs of a training run on few rows: `MAX_EPOCHS`, or as many as make `steps` optimizer steps.

    Args:
        rows: Rows in an epoch.
        batch: Rows in an optimizer step.
        steps: Number of steps.
    """
    return max(MAX_EPOCHS, math.ceil(steps / math.ceil(rows / batch)))


def settings_for_rows(args: Any, rows: int, given: Collection[str] = (), *, steps: int = STEPS) -> dict[str, Any]:
    """
    Return epochs, batch size and average of the weights for the number of rows, as far as they differ from those in
    `args`. Given settings are kept; if the length of the training is among them, all are.

    Args:
        args: [`training.trainer_arguments.LstmTrainingArguments`].
        rows: Rows in an epoch.
        given: Names of the given settings.
        steps: Approximate number of optimizer steps.
    """
    if "num_train_epochs" in given or args.max_steps > 0:
        return {}
    fitted: dict[str, Any] = {}
    if rows < VERY_FEW_ROWS:
        fitted["per_device_train_batch_size"] = SMALL_BATCH
    if rows < FEW_ROWS and args.frozen_epochs == 0:
        fitted["average_epochs"] = AVERAGE_EPOCHS
    fitted = {name: value for name, value in fitted.items() if name not in given}
    batch = fitted.get("per_device_train_batch_size", args.per_device_train_batch_size)
    in_step = batch * args.world_size * args.gradient_accumulation_steps
    most = max_epochs(rows, in_step, min(steps, ENOUGH_STEPS))
    epochs = fit_epochs(steps * in_step, rows, (args.num_train_epochs, most))
    return fitted | ({"num_train_epochs": epochs} if epochs > args.num_train_epochs else {})


def fit_to_rows(args: Any, rows: int, given: Collection[str], *, steps: int = STEPS) -> dict[str, Any]:
    """
    Set in `args` what [`settings_for_rows`] returns, and log it. The arguments are the same.

    Returns:
        The fitted batch size and average, which would not be fitted if the number of epochs was given.
    """
    fitted = settings_for_rows(args, rows, given, steps=steps)
    _change(args, rows, fitted)
    return {name: value for name, value in fitted.items() if name in FITTED}


def fit_transformer_to_rows(args: Any, rows: int, given: Collection[str]) -> None:
    """
    Fit the epochs of a Transformer to the number of rows, unless the length of the training is given. With few rows, it
    hardly begins to learn in the usual number of epochs.

    Args:
        args: [`training.trainer_arguments.LstmTrainingArguments`], changed in place.
        rows: Rows in an epoch.
        given: Names of the given settings.
    """
    if "num_train_epochs" in given or args.max_steps > 0:
        return
    batch = args.per_device_train_batch_size * args.world_size * args.gradient_accumulation_steps
    epochs = transformer_epochs(rows, batch, args.num_train_epochs)
    if epochs > args.num_train_epochs:
        _change(args, rows, {"num_train_epochs": epochs})


def transformer_epochs(rows: int, batch: int, usual: float) -> float:
    """
    Return the number of epochs in which a Transformer takes about `TRANSFORMER_STEPS` optimizer steps: at least
    `usual`, and at most `MAX_TRANSFORMER_EPOCHS`.

    Args:
        rows: Rows in an epoch.
        batch: Rows in an optimizer step.
        usual: The number of epochs with many rows.
    """
    return fit_epochs(TRANSFORMER_STEPS * batch, rows, (usual, MAX_TRANSFORMER_EPOCHS))


def _change(args: Any, rows: int, fitted: dict[str, Any]) -> None:
    """Set the fitted values, and log them."""
    for name, value in fitted.items():
        setattr(args, name, value)
    if fitted:
        logger.info("For %d training texts: %s", rows, _to_flags(fitted))


def _to_flags(settings: Mapping[str, Any]) -> str:
    return " ".join(f"--{name} {value:g}" for name, value in settings.items())


def warn_of_few_steps(args: Any, rows: int) -> None:
    """
    Warn of a training run too short for a network to learn much, as with few rows and few epochs.

    Args:
        args: [`training.trainer_arguments.LstmTrainingArguments`].
        rows: Rows in an epoch.
    """
    each = math.ceil(rows / (args.per_device_train_batch_size * args.world_size * args.gradient_accumulation_steps))
    steps = math.ceil(each * args.num_train_epochs)
    if steps < FEW_STEPS and args.max_steps <= 0:
        logger.warning(
            "Only %d training steps: with so few rows, try --num_train_epochs %d or a smaller "
            "--per_device_train_batch_size.",
            steps,
            math.ceil(ENOUGH_STEPS / each),
        )


def warn_of_truncation(statistics: Mapping[str, float], length: int, limit: int | None) -> None:
    """
    Warn if most training texts are truncated although the model could read more of them.

    Args:
        statistics: Those of [`data.tokenization.TokenizedSplit`].
        length: Maximum tokens per text.
        limit: The largest maximum that the model allows, if any.
    """
    longer = min(statistics["tokens_at_90_percent"], limit or math.inf)
    if 2 * statistics["truncated"] > statistics["rows"] and longer > length:
        logger.warning(
            "More than half of the training texts (%d of %d) are truncated at %d tokens. To read more of them, add "
            "--max_length %d; training then takes longer.",
            *(statistics["truncated"], statistics["rows"], length, longer),
        )


def fit_length(length: int, limit: int | None, transformer: str, given: Mapping[str, Any]) -> int:
    """Return `length`, or the Transformer's limit if that is lower; [`InputError`] if a given setting exceeds it."""
    if limit is None or length <= limit:
        return length
    about = f"The Transformer {transformer!r} reads at most {limit} tokens"
    asked = {name: given.get(name) or 0 for name in LENGTHS}
    found = as_text(f"--{name} {number}" for name, number in asked.items() if number > limit)
    require(not found, f"{about}, found {found}: lower it.")
    logger.info("%s: --max_length %d", about, limit)
    return limit


def choose_metric(args: Any, task: Task, given: Mapping[str, Any]) -> None:
    """
    Set the metric that selects the best checkpoint, and whether greater is better.

    Args:
        args: [`training.trainer_arguments.LstmTrainingArguments`], changed in place.
        task: The task.
        given: The given settings.

    Raises:
        InputError: the task has no such metric, or `greater_is_better` is wrong for it.
    """
    known = [*task.metric_names(), "loss"]
    default = "loss" if args.prediction_loss_only else task.default_metric
    name = default if args.metric_for_best_model == "auto" else args.metric_for_best_model.removeprefix("eval_")
    if name not in known:
        raise InputError(f"Unknown metric {name!r} for --metric_for_best_model: choose one of {', '.join(known)}.")
    require(
        name == "loss" or not args.prediction_loss_only,
        f"--prediction_loss_only leaves no score but the loss: --metric_for_best_model cannot be {name}.",
    )
    args.metric_for_best_model = name
    args.greater_is_better = not task.is_better_when_smaller(name)
    said = given.get("greater_is_better")
    require(
        said in (None, args.greater_is_better),
        f"--greater_is_better {said} is wrong for {name}: leave it out.",
    )
