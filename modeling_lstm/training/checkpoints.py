"""Checkpoints: which one to go on from, and whether it was trained on what is there now."""

import json
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset
from transformers import PreTrainedTokenizerBase

from ..data.digests import digest_of, identify_rows
from ..data.tokenization import identify_tokenizer
from ..models.tokenization_lstm import target_tokenizer
from ..tasks.base import Task, TaskData
from ..utils.errors import InputError, as_list, require
from .averaging import WeightAverage
from .lstm_trainer import IN_BF16, ORIGIN

logger = logging.getLogger(__name__)


def find_last_checkpoint(folder: Path) -> str | None:
    """The newest complete checkpoint; one whose saving was interrupted is removed."""
    numbered = [path for path in folder.glob("checkpoint-*") if path.name.removeprefix("checkpoint-").isdigit()]
    for path in sorted(numbered, key=lambda path: int(path.name.removeprefix("checkpoint-")), reverse=True):
        if is_complete(path):
            return str(path)
        logger.warning("%s was not saved to the end: removed", path)
        shutil.rmtree(path)
    logger.warning("%s has no checkpoint yet: training starts at the beginning", folder)
    return None


def is_complete(checkpoint: Path) -> bool:
    """Trainer writes `trainer_state.json` last, so a checkpoint is whole when that can be read."""
    try:
        json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return True


def describe_origin(
    task: Task,
    data: TaskData,
    tokenizer: PreTrainedTokenizerBase,
    arguments: Any,
    train: Dataset,
    teachers: Sequence[dict[str, Any]] = (),
) -> dict[str, str]:
    """
    What a checkpoint must have been trained with for a run to go on from it, as lines of text.

    Args:
        task: What is learned.
        data: The splits.
        tokenizer: The tokenizer.
        arguments: Which tokenizer was asked for, as a dataclass.
        train: The rows trained on, in the columns `text` and `label`, those that a teacher labeled included.
        teachers: Name and digest of each.
    """
    settings = [f"{name} {value}" for name, value in vars(arguments).items() if name != "tokenizer"]
    tokenizers = list(dict.fromkeys([tokenizer, target_tokenizer(tokenizer)]))
    return {
        **task.identify(),
        # before the texts, of which some may be made with the words of the teacher
        "teacher": as_list(teacher["digest"] for teacher in teachers) or "none",
        "train split": identify_rows(train, task.columns),
        "validation split": identify_rows(data.splits["validation"], task.columns),
        "tokenizer": f"{len(tokenizer)} tokens, digest {digest_of(map(identify_tokenizer, tokenizers))}",
        "setting of the tokenizer": as_list(settings),
    }


def describe_rates(args: Any) -> dict[str, str]:
    """The settings that a checkpoint's optimizer brings along: others that are given later would have no effect."""
    names = ("learning_rate", "embedding_learning_rate", "layer_decay", "weight_decay")
    return {f"--{name}": str(getattr(args, name)) for name in names}


def check_origin(checkpoint: str, now: dict[str, str]) -> None:
    """Raise [`InputError`] if the checkpoint was trained with something else than what is there now."""
    try:
        then = json.loads((Path(checkpoint) / ORIGIN).read_text(encoding="utf-8"))
    except FileNotFoundError:
        logger.warning(
            "%s does not tell on what it was trained: make sure that data and labels are the same", checkpoint
        )
        return
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"{ORIGIN} of the checkpoint {checkpoint!r} cannot be read: {error}") from error
    require(isinstance(then, dict), f"{ORIGIN} of the checkpoint {checkpoint!r} cannot be read: it holds no object.")
    for what, value in now.items():
        if then.get(what, value) != value:
            raise InputError(
                f"The checkpoint {checkpoint!r} was trained with another {what} ({then[what]}) than is there now "
                f"({value}): resume with the data and settings of that training, or begin anew with --overwrite."
            )


def read_scaling(checkpoint: str) -> dict[str, float]:
    """In which units a regression was learned that goes on: those of older checkpoints are the targets' own."""
    config = json.loads((Path(checkpoint) / "config.json").read_text(encoding="utf-8"))
    return {name: config.get(name, usual) for name, usual in (("target_mean", 0.0), ("target_scale", 1.0))}


def check_average(checkpoint: str, average_epochs: float) -> None:
    """Raise [`InputError`] if a training with an average of the weights would go on without it, or the reverse."""
    had_one = (Path(checkpoint) / WeightAverage.file).is_file()
    then, now = ("with", "without") if had_one else ("without", "with")
    require(
        had_one == (average_epochs > 0),
        f"The checkpoint {checkpoint!r} was trained {then} an average of the weights, and would go on {now} one. "
        "Resume with the settings of that training: --average_epochs, which has another default where "
        "--num_train_epochs is given, or --num_train_epochs as it was.",
    )


def was_bf16(checkpoint: str) -> bool | None:
    """Whether a checkpoint, whose origin was checked, was trained in bf16; `None` if it does not tell."""
    path = Path(checkpoint) / ORIGIN
    return json.loads(path.read_text(encoding="utf-8")).get(IN_BF16) if path.is_file() else None
