"""Checks of the training settings, made before anything is read or written."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from transformers import TrainingArguments, get_scheduler
from transformers.integrations import INTEGRATION_TO_CALLBACK, get_available_reporting_integrations

from ..utils.errors import InputError, as_text, require
from ..utils.processes import count_processes
from ..utils.settings import require_at_least

AT_LEAST_ONE = (
    *("per_device_train_batch_size", "per_device_eval_batch_size", "gradient_accumulation_steps", "save_total_limit"),
    *("early_stopping_patience", "eval_accumulation_steps", "torch_empty_cache_steps", "ddp_bucket_cap_mb"),
    *("ddp_timeout", "dataloader_prefetch_factor"),
)
NOT_NEGATIVE = (
    *("learning_rate", "embedding_learning_rate", "weight_decay", "adam_epsilon", "max_grad_norm", "warmup_steps"),
    *("average_epochs", "adversarial_size", "early_stopping_min_steps", "eval_delay", "dataloader_num_workers"),
    *("neftune_noise_alpha", "seed", "data_seed", "frozen_epochs"),
)
GREATER_THAN_ZERO = ("logging_steps", "eval_steps", "save_steps")
BELOW_ONE = ("adam_beta1", "adam_beta2", "label_smoothing_factor")
MAX_VALUE = 1e12  # of steps, rows, epochs, megabytes: larger numbers are typing mistakes
MAX_ROWS = 1_000_000  # in a batch
MAX_WORKERS = 128  # processes that read data: a mistyped number would flood the machine
STRATEGIES = ("group_by_length", "random", "sequential", "batch_rebalance")
ONE_DEVICE = (None, "a model here fits on one device, and torchrun starts several processes")
ALL_ROWS = "scores are computed over all rows at once"
ONE_PRECISION = "the weights would be saved in the precision of the evaluation"
# Settings of Trainer that are not supported here: their only valid value, and why
FIXED: dict[str, tuple[Any, str]] = {
    **dict.fromkeys(("fsdp", "fsdp_config", "deepspeed", "parallelism_config"), ONE_DEVICE),
    "use_liger_kernel": (False, "Liger has no kernels for these models"),
    "liger_kernel_config": (None, "Liger has no kernels for these models"),
    "label_names": (None, "labels are named with --labels, and their column with --label_column"),
    "remove_unused_columns": (True, "the model takes no other columns"),
    "eval_do_concat_batches": (True, ALL_ROWS),
    "batch_eval_metrics": (False, ALL_ROWS),
    "bf16_full_eval": (False, ONE_PRECISION),
    "fp16_full_eval": (False, ONE_PRECISION),
    "enable_jit_checkpoint": (False, "a run that was killed is resumed from its last checkpoint"),
}


def check_numbers(args: Any) -> None:
    """Raise [`InputError`] for a number that is out of range, before `TrainingArguments` checks it."""
    for name, value in vars(args).items():
        require(not isinstance(value, float) or math.isfinite(value), f"--{name} must be finite, found {value}.")
    require_at_least(args, **dict.fromkeys(AT_LEAST_ONE, 1))
    _require_all(args, NOT_NEGATIVE, lambda value: value >= 0, "not be negative")
    _require_all(args, GREATER_THAN_ZERO, lambda value: value > 0, "be greater than 0")
    _require_all(args, BELOW_ONE, lambda value: 0 <= value < 1, "be at least 0 and below 1")
    counted = [*AT_LEAST_ONE, *GREATER_THAN_ZERO, "num_train_epochs", "max_steps", "warmup_steps"]
    counted += ["early_stopping_min_steps", "average_epochs", "eval_delay"]
    _require_all(args, counted, lambda value: value <= MAX_VALUE, f"be at most {MAX_VALUE:.0e}")
    batches = ("per_device_train_batch_size", "per_device_eval_batch_size")
    _require_all(args, batches, lambda value: value <= MAX_ROWS, f"be at most {MAX_ROWS}")
    _require_all(args, ["dataloader_num_workers"], lambda value: value <= MAX_WORKERS, f"be at most {MAX_WORKERS}")
    _require_all(args, ["layer_decay"], lambda value: 1 <= value <= 100, "be from 1 to 100")
    require(args.max_steps == -1 or args.max_steps >= 1, f"--max_steps must be at least 1, found {args.max_steps}.")
    require(
        args.num_train_epochs > 0 or args.max_steps > 0,
        f"--num_train_epochs must be greater than 0, found {args.num_train_epochs}.",
    )


def _require_all(args: Any, names: Iterable[str], fits: Callable[[float], bool], must: str) -> None:
    """Raise for a setting, unless it is not set, that does not do what it must."""
    for name in names:
        value = getattr(args, name)
        require(value is None or fits(value), f"--{name} must {must}, found {value}.")


def check_fixed(args: Any, fixed: Mapping[str, tuple[Any, str]]) -> None:
    """Raise [`InputError`] for a setting that differs from its only valid value. `fixed` holds that value, and why."""
    for name, (good, why) in fixed.items():
        value = getattr(args, name)
        unset = value == good or (good is None and value in (False, "", "false", "none"))
        require(unset, f"--{name} {value} cannot be used because {why}: leave it out.")
        setattr(args, name, good)


def check_choices(args: Any) -> None:
    """Raise [`InputError`] for a setting of Trainer that is not supported here."""
    check_fixed(args, FIXED)
    chosen = args.train_sampling_strategy
    require(chosen in STRATEGIES, f"--train_sampling_strategy must be one of {as_text(STRATEGIES)}, found {chosen}.")


def check_combinations(args: Any, between: float) -> None:
    """
    Raise [`InputError`] for settings that contradict each other.

    Args:
        args: The settings.
        between: Steps between two evaluations.
    """
    is_by_steps = args.load_best_model_at_end and args.eval_strategy == args.save_strategy == "steps"
    require(
        not is_by_steps or args.save_steps == between,
        f"To keep the best checkpoint, --save_steps must be equal to --eval_steps, found {args.save_steps} and "
        f"{between}: make them equal, or choose --save_strategy best.",
    )
    require(
        args.early_stopping_patience is None or args.load_best_model_at_end,
        "--early_stopping_patience needs --load_best_model_at_end true.",
    )
    require(
        args.early_stopping_patience is None or args.eval_strategy != "no",
        "--early_stopping_patience needs evaluations, but --eval_strategy is no: choose epoch or steps.",
    )
    require(
        not args.auto_find_batch_size or count_processes() == 1,
        "--auto_find_batch_size is not for several processes, which may run out of memory at different sizes: "
        "choose --per_device_train_batch_size.",
    )
    require(
        args.early_stopping_min_steps == 0 or args.early_stopping_patience is not None,
        "--early_stopping_min_steps needs --early_stopping_patience.",
    )
    require(
        args.hub_strategy == "end",
        f"--hub_strategy must be end, found {args.hub_strategy}: a run folder is pushed when it is complete.",
    )


def check_layers(args: Any, model: Any) -> None:
    """Raise [`InputError`] for layer-wise settings if the model is not an LSTM or a GRU."""
    is_lstm = model.transformer is None and model.model_type == "lstm"
    for name, usual in (("frozen_epochs", 0), ("layer_decay", 1.0)):
        value = getattr(args, name)
        require(is_lstm or value == usual, f"--{name} {value} is for the layers of an LSTM or a GRU: leave it out.")


def check_parts(args: TrainingArguments) -> None:
    """Raise [`InputError`] for a precision, data loader, compiler, reporter or scheduler that cannot be used."""
    if args.device.type == "cpu":
        require(not args.fp16, "--fp16 needs a GPU: leave it out, or try --bf16 true.")
    for name in ("lr_scheduler_kwargs", "activation_checkpointing_kwargs", "gradient_checkpointing_kwargs"):
        value = getattr(args, name)
        require(value is None or isinstance(value, dict), f"--{name} takes JSON, {{...}}; found {value!r}.")
    for name in ("dataloader_persistent_workers", "dataloader_multiprocessing_context"):
        require(
            args.dataloader_num_workers > 0 or not getattr(args, name),
            f"--{name} needs --dataloader_num_workers of at least 1.",
        )
    if args.torch_compile:
        _check_compiler(args)
    config: Any = args.accelerator_config
    require(
        config.even_batches and not config.split_batches and not config.dispatch_batches,
        "--accelerator_config must leave even_batches, split_batches and dispatch_batches as they are: batches are "
        "already divided among processes.",
    )
    _check_reporters(list(args.report_to or ()))
    dummy = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    try:
        get_scheduler(
            args.lr_scheduler_type,
            dummy,
            num_warmup_steps=1,
            num_training_steps=10,
            scheduler_specific_kwargs=dict(args.lr_scheduler_kwargs or {}),  # type: ignore[arg-type]
        )
    except (ValueError, TypeError, KeyError) as error:
        kind = getattr(args.lr_scheduler_type, "value", args.lr_scheduler_type)
        given = "" if args.lr_scheduler_kwargs is None else f" with --lr_scheduler_kwargs {args.lr_scheduler_kwargs}"
        raise InputError(f"--lr_scheduler_type {kind}{given} cannot be used: {error}.") from error


def _check_compiler(args: TrainingArguments) -> None:
    from accelerate.utils import DynamoBackend

    backends = [one.value.lower() for one in DynamoBackend if one != DynamoBackend.NO]
    require(
        str(args.torch_compile_backend).lower() in backends,
        f"--torch_compile_backend must be one of {as_text(backends)}, found {args.torch_compile_backend}.",
    )
    modes = list(torch._inductor.list_mode_options())
    require(
        args.torch_compile_mode in (None, *modes),
        f"--torch_compile_mode must be one of {as_text(modes)}, found {args.torch_compile_mode}.",
    )


def _check_reporters(names: list[str]) -> None:
    if "tensorboard" in names and "tensorboard" not in get_available_reporting_integrations():
        raise InputError("TensorBoard is not installed: pip install 'modeling-lstm[tensorboard]'")
    for name in names:
        known = sorted(INTEGRATION_TO_CALLBACK)
        require(name in known, f"--report_to must be none, all or one of {as_text(known)}; found {name}.")
        require(
            name in get_available_reporting_integrations(),
            f"--report_to {name} needs a package that is not installed: install it, or leave the flag out.",
        )


def check_optimizer(args: TrainingArguments, get: Any) -> None:
    """
    Raise [`InputError`] for an optimizer that cannot be created.

    Args:
        args: The settings.
        get: Returns the optimizer's class and arguments, as `Trainer.get_optimizer_cls_and_kwargs` does.
    """
    try:
        kind, kwargs = get(args, torch.nn.Linear(1, 1))
        if kind.__module__.startswith("torch.optim"):
            kind([torch.nn.Parameter(torch.zeros(1))], **kwargs)
    except Exception as error:  # partly installed packages raise anything
        name = getattr(args.optim, "value", args.optim)
        given = "" if args.optim_args is None else f" with --optim_args {args.optim_args}"
        raise InputError(
            f"--optim {name}{given} cannot be used: {str(error).strip() or type(error).__name__}"
        ) from error
