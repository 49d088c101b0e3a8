"""Compare systems of any kind on the same rows with `compare`. Your own systems subclass [`System`]."""

from typing import TYPE_CHECKING

from ..utils.lazy import lazy_names

if TYPE_CHECKING:
    from .arguments import CompareArguments as CompareArguments
    from .comparing import compare as compare
    from .systems import ComparisonTask as ComparisonTask
    from .systems import Predict as Predict
    from .systems import System as System

_MODULES = {
    "CompareArguments": ".arguments",
    "Predict": ".systems",
    "System": ".systems",
    "ComparisonTask": ".systems",
    "compare": ".comparing",
}
__all__ = list(_MODULES)
__getattr__, __dir__ = lazy_names(__name__, _MODULES)
