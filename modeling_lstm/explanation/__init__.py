"""Explain a model's answer: contributions of the words, the answer after each word, gates and memory."""

from typing import TYPE_CHECKING

from ..utils.lazy import lazy_names

if TYPE_CHECKING:
    from .explainer import Explanation as Explanation
    from .explainer import Reading as Reading
    from .explainer import explain as explain

_MODULES = {
    "Explanation": ".explainer",
    "Reading": ".explainer",
    "explain": ".explainer",
}
__all__ = list(_MODULES)
__getattr__, __dir__ = lazy_names(__name__, _MODULES)
