"""The honest comparison: systems of any kind on the same rows, by `compare`; [`System`] is what one's own must be."""

from .compare import CompareArguments, compare
from .systems import Predict, System, Task

__all__ = ["CompareArguments", "Predict", "System", "Task", "compare"]
