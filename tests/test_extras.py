"""Libraries of extras: without one, a sentence names the extra to install, before any work is done."""

import sys
from collections.abc import Callable
from typing import Any

import pytest
from datasets import Dataset

from modeling_lstm.distillation.transfer import _sentences
from modeling_lstm.evaluation.translation_metrics import make_metrics, score_systems
from modeling_lstm.search.search_space import open_optuna
from modeling_lstm.utils.errors import InputError
from modeling_lstm.vectors.learning import import_gensim


@pytest.mark.parametrize(
    ("modules", "extra", "use"),
    [
        (["optuna"], "search", open_optuna),
        (["gensim", "gensim.models"], "vectors", import_gensim),
        (["sentencex"], "distill", lambda: _sentences(Dataset.from_dict({"text": ["a"]}), "en")),
        (["sacrebleu.metrics.bleu"], "translation", make_metrics),
        (["sacrebleu.metrics.bleu"], "translation", lambda: score_systems({"": ["a"]}, ["a"])),
    ],
)
def test_a_missing_library_names_its_extra(
    modules: list[str], extra: str, use: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for one in modules:
        monkeypatch.setitem(sys.modules, one, None)
    with pytest.raises(InputError, match=rf"pip install 'modeling-lstm\[{extra}\]'"):
        use()
