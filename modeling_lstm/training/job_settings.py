"""`TrainingSettings`: everything that a training needs to know, from keywords, a dictionary or a YAML recipe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from ..data.arguments import DataArguments, TokenizerArguments
from ..tasks.base import task_class
from ..utils.ray_cluster import RayArguments
from ..utils.settings import build_settings, to_command, without_secrets
from .arguments import ModelArguments, TaskArguments
from .defaults import TRANSFORMER_DEFAULTS
from .recipes import read_recipe
from .trainer_arguments import LstmTrainingArguments


class TrainingSettings:
    """
    What to train, on which data, and how. The settings have the names of the flags of `modeling-lstm train`.

    Args:
        model_init: Called with tokenizer and task ([`tasks.base.Task`]), it makes the model to train, in place of the
            settings of the model. `task.config_fields()` is what its configuration must say of the labels.
        command: What was typed, for the record. By default the command that does the same, if there is one.
        settings: `task`, and those of [`DataArguments`], [`ModelArguments`], [`TokenizerArguments`] and
            [`LstmTrainingArguments`], which include all of `transformers.TrainingArguments`; and of [`RayArguments`].

    Attributes:
        model: How the model is built.
        tokenizer: How texts become tokens.
        data: Which data to read.
        training: How to train, and where to.
        ray: In which processes.

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
        """The job of a dictionary of settings; `changes` override them."""
        return cls(**{**settings, **changes})

    @classmethod
    def from_yaml(cls, path: str | Path, **changes: Any) -> Self:
        """
        The job of a YAML recipe, whose lines are `setting: value`; `changes` override them.

        Raises:
            InputError: there is no such file, or it cannot be read.
        """
        return cls(**{**read_recipe(Path(path), cls.kinds), **changes})

    @staticmethod
    def default_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
        """Defaults that depend on other settings: what suits a Transformer does not suit an LSTM."""
        return TRANSFORMER_DEFAULTS if settings.get("transformer") is not None else {}

    def __repr__(self) -> str:
        shown = without_secrets(self.settings)
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in shown.items())})"
