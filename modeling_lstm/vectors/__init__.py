"""Word vectors: reading them from files and models, training them, and exploring them."""

from typing import TYPE_CHECKING

from ..utils.lazy import lazy_names

if TYPE_CHECKING:
    from .word_vectors import WordVectors as WordVectors

_MODULES = {
    "WordVectors": ".word_vectors",
}
__all__ = list(_MODULES)
__getattr__, __dir__ = lazy_names(__name__, _MODULES)
