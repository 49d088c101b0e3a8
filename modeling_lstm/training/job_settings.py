"""`TrainingSettings`: all settings of a training run, from keyword arguments, a dictionary or a YAML recipe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from ..data.arguments import DataArguments, TokenizerArguments
from ..tasks.base import task_class
from ..utils.errors import require
from ..utils.ray_cluster import RayArguments
from ..utils.settings import build_settings, to_command, without_secrets
from .arguments import ModelArguments, TaskArguments
from .defaults import TRANSFORMER_DEFAULTS
from .recipes import read_recipe
from .trainer_arguments import LstmTrainingArguments


class TrainingSettings:
    """
    What to train, on which data, and how. Settings are named like the flags of `modeling-lstm train`.

    Args:
        model_init: A function of the tokenizer and the task ([`tasks.base.Task`]) that returns the model to train. It
            replaces the model settings. The model's configuration must have the labels of `task.config_fields()`.
        command: The command to record. Default: the command that does the same, if there is one.
        settings: `task`, and the settings of [`DataArguments`], [`ModelArguments`], [`TokenizerArguments`],
            [`LstmTrainingArguments`] (with all of `transformers.TrainingArguments`) and [`RayArguments`].

    Attributes:
        model: Settings of the model.
        tokenizer: Settings of the tokenizer.
        data: Settings of the data.
        training: Settings of the training, with the run folder.
        ray: Settings of the processes.

    Raises:
        InputError: a setting does not exist or has a value that cannot be used.
    """

    command_name: ClassVar[str] = "train"
    kinds: ClassVar[tuple[type, ...]] = (
        TaskArguments,
        DataArguments,
        ModelArguments,
        TokenizerArguments,
        LstmTrainingArguments,
        RayArguments,
    )
    data: Any
    model: Any
    tokenizer: Any
    training: LstmTrainingArguments
    ray: RayArguments

    def __init__(
        self,
        *,
        model_init: Callable[[Any, Any], Any] | None = None,
        command: str | None = None,
        **settings: Any,
    ):
        self.model_init, self.settings = model_init, settings
        self.parts = build_settings(self.kinds, self.default_settings(settings) | settings)
        task, self.data, self.model, self.tokenizer, self.training, self.ray = self.parts[:6]
        self.task: str = task.task
        task_class(self.task)
        self.command = command or (None if model_init else to_command(self.command_name, settings))

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any], **changes: Any) -> Self:
        """Create a job from a dictionary of settings. `changes` override them."""
        require(isinstance(settings, Mapping), f"settings must be a dictionary, found {type(settings).__name__}.")
        return cls(**{**settings, **changes})

    @classmethod
    def from_yaml(cls, path: str | Path, **changes: Any) -> Self:
        """
        Create a job from a YAML recipe, whose lines are `setting: value`. `changes` override them.

        Raises:
            InputError: the file does not exist or cannot be read.
        """
        return cls(**{**read_recipe(Path(path), cls.kinds), **changes})

    @staticmethod
    def default_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return the defaults that depend on other settings: a Transformer needs others than an LSTM."""
        return TRANSFORMER_DEFAULTS if settings.get("transformer") is not None else {}

    def __repr__(self) -> str:
        shown = without_secrets(self.settings)
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in shown.items())})"
