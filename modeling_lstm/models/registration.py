"""
Registration of our classes with the auto classes of `transformers` (`AutoConfig`, `AutoModel`, ...) and as remote code.

`import modeling_lstm` starts the registration. To keep that import fast, nothing is imported here, not even wrapt,
until `transformers` or a module that needs it is imported. Each step waits until the module that it concerns has been
imported. A step that imports our own modules also waits while any of their dependencies is still being imported:
`transformers.modeling_layers`, for example, imports `AutoModel` before it has defined its layers.
"""

import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

AUTO = "transformers.models.auto"
# The classes and the auto classes that open them. `save_pretrained` copies their source, for loading with
# `trust_remote_code=True` without this package. The tokenizer is not among them: `tokenizer.json` describes it
# completely.
_REMOTE = tuple(
    (f"{__package__}.{module}", name, auto_class)
    for module, name, auto_class in (
        ("configuration_lstm", "LstmConfig", "AutoConfig"),
        ("configuration_bag_of_words", "BagOfWordsConfig", "AutoConfig"),
        ("configuration_lstm_encoder_decoder", "LstmEncoderDecoderConfig", "AutoConfig"),
        ("modeling_lstm", "LstmModel", "AutoModel"),
        ("modeling_lstm", "LstmForSequenceClassification", "AutoModelForSequenceClassification"),
        ("modeling_bag_of_words", "BagOfWordsForSequenceClassification", "AutoModelForSequenceClassification"),
        ("modeling_lstm_causal_lm", "LstmForCausalLM", "AutoModelForCausalLM"),
        ("modeling_lstm_encoder_decoder", "LstmForConditionalGeneration", "AutoModelForSeq2SeqLM"),
        ("modeling_lstm_masked_lm", "LstmForMaskedLM", "AutoModelForMaskedLM"),
    )
)
OWN_MODEL_TYPES = ("lstm", "bag-of-words", "lstm-encoder-decoder")  # those of the configurations, without an import
CONFIGURATIONS = tuple(module for module, _, auto_class in _REMOTE if auto_class == "AutoConfig")
NETWORKS = tuple(dict.fromkeys(module for module, _, auto_class in _REMOTE if auto_class != "AutoConfig"))
# Modules that the networks import from
PARTS = tuple(f"{__package__}.{name}_lstm" for name in ("recurrence", "cache", "softmax", "attention"))
TOKENIZER = f"{__package__}.tokenization_lstm"


def _load(module: str, name: str) -> Any:
    return getattr(import_module(module), name)


def _save_source(module: str, name: str, auto_class: str) -> None:
    _load(module, name).register_for_auto_class(auto_class)


def _configurations() -> list[Any]:
    return [_load(module, name) for module, name, auto_class in _REMOTE if auto_class == "AutoConfig"]


def register_configurations() -> None:
    """Register the configurations of the LSTM family and the bag of words with `AutoConfig`."""
    from transformers import AutoConfig

    for config in _configurations():
        AutoConfig.register(config.model_type, config)


def register_models() -> None:
    """Register the networks with `AutoModel` and the other auto classes for models."""
    import transformers

    for module, name, auto_class in _REMOTE:
        if auto_class != "AutoConfig":
            model = _load(module, name)
            getattr(transformers, auto_class).register(model.config_class, model)
            if auto_class == "AutoModelForSeq2SeqLM":  # it has no base model of its own
                transformers.AutoModel.register(model.config_class, model)


def register_tokenizer() -> None:
    """Register the tokenizer of all these models with `AutoTokenizer`."""
    from transformers import AutoTokenizer

    from .tokenization_lstm import LstmTokenizer

    for config in _configurations():
        AutoTokenizer.register(config, tokenizer_class=LstmTokenizer)


# Each step, the module that it concerns, and the modules that must not be partially imported when the step runs
_STEPS: list[tuple[Callable[[], None], str, tuple[str, ...]]] = [
    *((partial(_save_source, *one), one[0], ()) for one in _REMOTE),
    (register_configurations, f"{AUTO}.configuration_auto", CONFIGURATIONS),
    (
        register_models,
        f"{AUTO}.modeling_auto",
        ("transformers.modeling_utils", "transformers.modeling_layers", *CONFIGURATIONS, *PARTS, *NETWORKS),
    ),
    (register_tokenizer, f"{AUTO}.tokenization_auto", (*CONFIGURATIONS, TOKENIZER)),
]
_WATCHED = dict.fromkeys(name for _, about, needed in _STEPS for name in (about, *needed))
_waiting: list[tuple[Callable[[], None], str, tuple[str, ...]]] = []
_whole: set[str] = set()  # modules that are fully imported


def register_when_imported() -> None:
    """Run each step now if its module is already imported, otherwise as soon as it is."""
    if "transformers" in sys.modules:
        _wait_for_modules()
    else:
        sys.meta_path.insert(0, _Beginning())


class _Beginning(MetaPathFinder):
    """Starts waiting for modules as soon as the first watched module is imported."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != "transformers" and fullname not in _WATCHED:
            return None
        sys.meta_path.remove(self)
        _wait_for_modules()
        return find_spec(fullname)  # search again, so that the new import hooks see this module


def _wait_for_modules() -> None:
    from wrapt import register_post_import_hook

    _waiting.extend(_STEPS)
    for name in _WATCHED:
        register_post_import_hook(_take_steps, name)


def _take_steps(module: ModuleType) -> None:
    _whole.add(module.__name__)
    for one in list(_waiting):
        step, about, needed = one
        is_ready = about in _whole and all(name in _whole or name not in sys.modules for name in needed)
        if is_ready and one in _waiting:  # an import by an earlier step may have run this one already
            _waiting.remove(one)
            step()
