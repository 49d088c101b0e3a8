"""Checkpoints: which one to resume from, and whether it was trained with the current data and settings."""

import contextlib
import json
import logging
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from datasets import Dataset
from transformers import PreTrainedConfig, PreTrainedTokenizerBase, TrainerState

from ..data.arguments import LENGTHS
from ..data.digests import digest_of, identify_rows
from ..data.tokenization import identify_tokenizer
from ..models.tokenization_lstm import target_tokenizer
from ..runs.record import read_run_file
from ..tasks.base import Task, TaskData
from ..utils.errors import InputError, as_text, require
from .averaging import WeightAverage
from .callbacks import EarlyStopping
from .lstm_trainer import IN_BF16, ORIGIN

logger = logging.getLogger(__name__)

BF16 = " in bf16"  # after the digest of a teacher that computed in it

KEPT_ON_RESUME = (
    *("learning_rate", "embedding_learning_rate", "layer_decay", "frozen_epochs", "lr_scheduler_type"),
    *("lr_scheduler_kwargs", "warmup_steps", "dataloader_drop_last", "neftune_noise_alpha"),
    *("optim", "weight_decay", "max_grad_norm", "adam_beta1", "adam_beta2", "adam_epsilon", "average_epochs"),
    *("seed", "data_seed", "train_sampling_strategy", "adversarial_size", "label_smoothing_factor"),
    "metric_for_best_model",
)
MODEL_KEPT = (
    *("embeddings", "embeddings_revision", "center_embeddings", "scale_embeddings"),
    *("pretrained", "pretrained_revision", "class_weights", "encoder_learning_rate"),
)


def find_last_checkpoint(folder: Path) -> str | None:
    """Return the newest complete checkpoint, or `None`."""
    newest_first = sorted(_list_checkpoints(folder), key=_step, reverse=True)
    found = next((str(path) for path in newest_first if is_complete(path)), None)
    if found is None:
        logger.warning("%s has no checkpoint yet: training starts from the beginning", folder)
    return found


def find_incomplete(folder: Path) -> list[Path]:
    """Return the checkpoints that a training run is saving, or was saving when it was killed."""
    return [path for path in _list_checkpoints(folder) if not is_complete(path)]


def remove_incomplete(folder: Path) -> None:
    """Remove half-saved checkpoints. Claim the folder first: another training run may be saving them."""
    for path in find_incomplete(folder):
        logger.warning("%s was not saved completely: removed", path)
        shutil.rmtree(path)


def _list_checkpoints(folder: Path) -> list[Path]:
    return [path for path in folder.glob("checkpoint-*") if path.name.removeprefix("checkpoint-").isdigit()]


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.removeprefix("checkpoint-"))


def is_complete(checkpoint: Path) -> bool:
    """Whether a checkpoint is complete: Trainer writes `trainer_state.json` last, so it must be readable."""
    try:
        state = json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(state, dict) and isinstance(state.get("global_step"), int)


def log_progress(checkpoint: str, planned: int, *, is_sure: bool) -> None:
    """
    Log from where a training run resumes. Warn if it now plans another number of steps, since the schedule of the
    learning rate then changes in the middle. `is_sure` is false if the batch size is not known yet.
    """
    state = read_run_file(Path(checkpoint) / "trainer_state.json", checkpoint)
    done, before = state["global_step"], state.get("max_steps", planned)
    logger.info("Resuming from %s, after %d of %d steps.", checkpoint, done, planned)
    if done < before != planned and is_sure:
        logger.warning(
            "The interrupted run planned %d steps. From here on, the learning rate follows the schedule of %d steps.",
            *(before, planned),
        )


def describe_origin(
    task: Task,
    data: TaskData,
    tokenizer: PreTrainedTokenizerBase,
    arguments: Any,
    train: Dataset,
    teachers: Sequence[dict[str, Any]] = (),
) -> dict[str, str]:
    """
    Describe in strings what a checkpoint must have been trained with so that a run can resume from it.

    Args:
        task: The task.
        data: The splits.
        tokenizer: The tokenizer.
        arguments: The tokenizer settings, a dataclass.
        train: The training rows, including those that a teacher labeled.
        teachers: Digest and precision of each teacher.
    """
    settings = [f"{name} {value}" for name, value in vars(arguments).items() if name != "tokenizer"]
    tokenizers = list(dict.fromkeys([tokenizer, target_tokenizer(tokenizer)]))
    return {
        **task.identify(),
        # before the texts, because some may be made with the teacher's words
        "teacher": as_text(one["digest"] + (BF16 if one["bf16"] else "") for one in teachers) or "none",
        "train split": identify_rows(train, task.columns),
        "validation split": identify_rows(data.splits["validation"], task.columns),
        "tokenizer": f"{len(tokenizer)} tokens, digest {digest_of(map(identify_tokenizer, tokenizers))}",
        "setting of the tokenizer": as_text(settings),
    }


def describe_kept(args: Any, data: Any, model: Any) -> dict[str, str]:
    """
    Return the settings that must stay the same when a training run resumes. The optimizer restores its own. With other
    values of the rest, `run.json` would claim for all steps what is true of the last ones only.

    Args:
        args: [`training.trainer_arguments.LstmTrainingArguments`].
        data: The data settings, a dataclass.
        model: The model settings, a dataclass.
    """
    values = {name: getattr(args, name) for name in KEPT_ON_RESUME}
    values |= {name: getattr(data, name) for name in LENGTHS if hasattr(data, name)}
    values |= {name: getattr(model, name) for name in MODEL_KEPT if hasattr(model, name)}
    if not isinstance(values.get("embeddings"), str | None):  # vectors in memory
        del values["embeddings"]
    rows = args.per_device_train_batch_size * args.gradient_accumulation_steps * args.world_size
    flags = {f"--{name}": str(getattr(value, "value", value)) for name, value in values.items()}
    return flags | {"number of rows in a step": str(rows)}


def check_origin(checkpoint: str, now: dict[str, str]) -> None:
    """Raise [`InputError`] if the checkpoint was not trained with the current data and settings."""
    if then := read_origin(checkpoint):
        _check_same(checkpoint, then, now)
        return
    logger.warning("%s does not record what it was trained on: make sure that data and labels are the same", checkpoint)


def read_origin(checkpoint: str) -> dict[str, Any]:
    """Return what a checkpoint was trained with, as far as it records that."""
    path = Path(checkpoint) / ORIGIN
    return read_run_file(path, checkpoint) if path.is_file() else {}


def check_model(checkpoint: str, config: PreTrainedConfig) -> None:
    """Raise [`InputError`] if the model of the checkpoint has other sizes, dropout or class weights, for example."""
    saved = read_run_file(Path(checkpoint) / "config.json")
    _check_same(checkpoint, {"model_type": saved.get("model_type")}, {"model_type": config.model_type})
    common = {one.name for one in fields(PreTrainedConfig)}
    names = [one.name for one in fields(config) if one.name not in common and not one.name.endswith("_token_id")]
    then, now = (  # through JSON, in which the keys of a nested configuration are strings
        json.loads(json.dumps({name: getattr(one, name, None) for name in names}, default=str))
        for one in (type(config).from_pretrained(checkpoint), config)
    )
    _check_same(checkpoint, then, now)


def _check_same(checkpoint: str, then: dict[str, Any], now: dict[str, Any]) -> None:
    for what, value in now.items():
        if then.get(what, value) != value:
            differs = what == "teacher" and then[what].replace(BF16, "") == value.replace(BF16, "")
            hint = ", with --teacher_bf16 " + ("true" if BF16 in then[what] else "false") if differs else ""
            raise InputError(
                f"The checkpoint {checkpoint!r} was trained with another {what} ({then[what]}) than the current one "
                f"({value}): resume with the data and settings of that training{hint}, or start over with --overwrite."
            )


def read_scaling(checkpoint: str) -> dict[str, float]:
    """Read the mean and scale of a checkpoint's regression targets. Older checkpoints did not standardize targets."""
    config = read_run_file(Path(checkpoint) / "config.json")
    return {name: config.get(name, usual) for name, usual in (("target_mean", 0.0), ("target_scale", 1.0))}


def check_average(checkpoint: str, average_epochs: float) -> None:
    """Raise [`InputError`] if a training run with an average of the weights would resume without it, or the reverse."""
    had_one = (Path(checkpoint) / WeightAverage.file).is_file()
    then, now = ("with", "without") if had_one else ("without", "with")
    require(
        had_one == (average_epochs > 0),
        f"The checkpoint {checkpoint!r} was trained {then} an average of the weights, and would resume {now} one. "
        "Resume with the --average_epochs and --num_train_epochs of that training: giving --num_train_epochs changes "
        "the default of --average_epochs.",
    )


def stopped_early(checkpoint: str, args: Any) -> bool:
    """Whether a training run that stops when its score no longer improves has stopped at a checkpoint."""
    if args.early_stopping_patience is None:
        return False
    state = TrainerState.load_from_json(str(Path(checkpoint) / "trainer_state.json"))
    stored = state.stateful_callbacks.get(EarlyStopping.__name__, {})
    count = stored.get("attributes", {}).get("early_stopping_patience_counter", 0)
    return count >= args.early_stopping_patience and state.global_step >= args.early_stopping_min_steps


@contextlib.contextmanager
def no_more_steps(args: Any) -> Iterator[None]:
    """Let `Trainer.train` only load the best checkpoint, for a training run that was killed after it stopped early."""
    length = args.num_train_epochs, args.max_steps
    args.num_train_epochs, args.max_steps = 0, -1
    try:
        yield
    finally:
        args.num_train_epochs, args.max_steps = length


def was_bf16(checkpoint: str) -> bool | None:
    """Whether a checkpoint that passed [`check_origin`] was trained in bf16; `None` if it does not record this."""
    path = Path(checkpoint) / ORIGIN
    return read_run_file(path).get(IN_BF16) if path.is_file() else None
