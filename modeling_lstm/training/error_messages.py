"""Explain failures during training in one sentence."""

import contextlib
import logging
from collections.abc import Collection, Iterator
from dataclasses import MISSING, fields
from pathlib import Path

import torch
from transformers import TrainingArguments

from ..utils.errors import InputError, UnavailableError, as_text, explain_save_failure
from .arguments import TrainerSettings
from .outcome import find_changed_settings
from .trainer_arguments import LstmTrainingArguments

logger = logging.getLogger(__name__)

# settings that every training changes, or that were checked before: no cause of a library's error
_ORDINARY = {
    *(one.name for one in fields(TrainerSettings) if one.default != getattr(TrainingArguments, one.name, MISSING)),
    *(
        "seed",
        "data_seed",
        "max_steps",
        "use_cpu",
        "disable_tqdm",
        "report_to",
        "push_to_hub",
        "ddp_find_unused_parameters",
        "run_name",
        "hub_model_id",
        "hub_private_repo",
        "hub_revision",
        "save_steps",
        "eval_steps",
        "gradient_accumulation_steps",
    ),
}


@contextlib.contextmanager
def explain_failures(
    args: LstmTrainingArguments, checkpoint: str | None, usual: Collection[str] = ()
) -> Iterator[None]:
    """
    Turn errors during training that the user can fix into one sentence.

    Args:
        args: The settings of the training.
        checkpoint: The checkpoint that it resumes from.
        usual: Settings that every training of this kind changes.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # whatever the libraries raise
        if "gloo/transport" in str(error) or isinstance(error, torch.distributed.DistError):
            raise  # another process is gone: no setting is at fault
        if cause := explain_save_failure(error):
            raise UnavailableError(f"A checkpoint could not be saved in {str(args.output_dir)!r}: {cause}") from error
        if isinstance(error, OSError) and error.filename is not None and Path(error.filename) == Path(args.output_dir):
            raise InputError(
                f"--output_dir {str(args.output_dir)!r} cannot be created ({error.strerror}): choose another."
            ) from error
        said = str(error).lower()
        if isinstance(error, MemoryError) or "out of memory" in said or "allocate memory" in said:
            raise InputError(
                "There is not enough memory: try a smaller --per_device_train_batch_size with more "
                "--gradient_accumulation_steps, or a smaller --max_length."
            ) from error
        if "size mismatch" in str(error) or "parameter group" in str(error):
            raise InputError(
                f"The checkpoint {checkpoint!r} belongs to another model or vocabulary: resume with the data and "
                "settings that it was trained with."
            ) from error
        unusual = [f"--{name}" for name in find_changed_settings(args) if name not in _ORDINARY and name not in usual]
        if unusual:
            logger.debug("Training failed", exc_info=error)
            raise InputError(
                f"Training failed with {type(error).__name__}: {str(error).strip()} - the cause may be one of the "
                f"settings {as_text(unusual)}: try without them."
            ) from error
        raise
