"""The honest comparison: systems of any kind on the same rows, by `compare`; [`System`] is what one's own must be."""

from .arguments import CompareArguments
from .runner import compare
from .systems import Predict, System, Task

__all__ = ["CompareArguments", "Predict", "System", "Task", "compare"]
