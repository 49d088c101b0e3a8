"""
Registration of our classes with `transformers`: with `AutoConfig`, `AutoModel` and the others, and for remote loading.

`import modeling_lstm` does it and is quick, so nothing is imported here, not even wrapt, before somebody imports
`transformers` or a module that needs it. Each step waits until the modules are imported that it is about. A step that
imports our own modules waits, too, while one of the modules that these need is being imported:
`transformers.modeling_layers`, say, imports `AutoModel` before it has defined its layers.
"""

import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType

AUTO = "transformers.models.auto"
CONFIGURATIONS = tuple(
    f"{__package__}.configuration_{name}" for name in ("lstm", "bag_of_words", "lstm_encoder_decoder")
)
NETWORKS = tuple(
    f"{__package__}.modeling_{name}" for name in ("lstm", "bag_of_words", "lstm_causal_lm", "lstm_encoder_decoder")
)
# What these import from
PARTS = tuple(f"{__package__}.{name}_lstm" for name in ("recurrence", "cache", "softmax", "attention"))
TOKENIZER = f"{__package__}.tokenization_lstm"


def register_configurations() -> None:
    """Let `AutoConfig` know the LSTM family and the bag of words."""
    from transformers import AutoConfig

    from .configuration_bag_of_words import BagOfWordsConfig
    from .configuration_lstm import LstmConfig
    from .configuration_lstm_encoder_decoder import LstmEncoderDecoderConfig

    for config in (LstmConfig, LstmEncoderDecoderConfig, BagOfWordsConfig):
        AutoConfig.register(config.model_type, config)


def register_models() -> None:
    """Let `AutoModel` and the like know the networks."""
    from transformers import AutoModel, AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoModelForSequenceClassification

    from .configuration_bag_of_words import BagOfWordsConfig
    from .configuration_lstm import LstmConfig
    from .configuration_lstm_encoder_decoder import LstmEncoderDecoderConfig
    from .modeling_bag_of_words import BagOfWordsForSequenceClassification
    from .modeling_lstm import LstmForSequenceClassification, LstmModel
    from .modeling_lstm_causal_lm import LstmForCausalLM
    from .modeling_lstm_encoder_decoder import LstmForConditionalGeneration

    AutoModel.register(LstmConfig, LstmModel)
    AutoModelForCausalLM.register(LstmConfig, LstmForCausalLM)
    AutoModelForSeq2SeqLM.register(LstmEncoderDecoderConfig, LstmForConditionalGeneration)
    AutoModelForSequenceClassification.register(LstmConfig, LstmForSequenceClassification)
    AutoModelForSequenceClassification.register(BagOfWordsConfig, BagOfWordsForSequenceClassification)


def register_tokenizer() -> None:
    """Let `AutoTokenizer` know the tokenizer of all of them."""
    from transformers import AutoTokenizer

    from .configuration_bag_of_words import BagOfWordsConfig
    from .configuration_lstm import LstmConfig
    from .configuration_lstm_encoder_decoder import LstmEncoderDecoderConfig
    from .tokenization_lstm import LstmTokenizer

    for config in (LstmConfig, LstmEncoderDecoderConfig, BagOfWordsConfig):
        AutoTokenizer.register(config, tokenizer_class=LstmTokenizer)


def _save_source(module: str, name: str, auto_class: str) -> None:
    getattr(import_module(module), name).register_for_auto_class(auto_class)


# Classes whose source `save_pretrained` copies, for those who load with `trust_remote_code=True`, without this package.
# The tokenizer is none of them: all that it does is in `tokenizer.json`.
_REMOTE = (
    (CONFIGURATIONS[0], "LstmConfig", "AutoConfig"),
    (CONFIGURATIONS[1], "BagOfWordsConfig", "AutoConfig"),
    (CONFIGURATIONS[2], "LstmEncoderDecoderConfig", "AutoConfig"),
    (NETWORKS[0], "LstmModel", "AutoModel"),
    (NETWORKS[0], "LstmForSequenceClassification", "AutoModelForSequenceClassification"),
    (NETWORKS[1], "BagOfWordsForSequenceClassification", "AutoModelForSequenceClassification"),
    (NETWORKS[2], "LstmForCausalLM", "AutoModelForCausalLM"),
    (NETWORKS[3], "LstmForConditionalGeneration", "AutoModelForSeq2SeqLM"),
)
# Each step, the module that it is about, and those of which none may be half imported when it is taken
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
_whole: set[str] = set()  # modules whose import is complete


def register_when_imported() -> None:
    """Take each step now if its module is imported already, else as soon as it is."""
    if "transformers" in sys.modules:
        _wait_for_modules()
    else:
        sys.meta_path.insert(0, _Beginning())


class _Beginning(MetaPathFinder):
    """Begins to wait for modules when the first one is looked for that a step may be about."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != "transformers" and fullname not in _WATCHED:
            return None
        sys.meta_path.remove(self)
        _wait_for_modules()
        return find_spec(fullname)  # looked for anew, so that what waits sees it


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
        if is_ready and one in _waiting:  # a step before it may have taken it, by what it imported
            _waiting.remove(one)
            step()
