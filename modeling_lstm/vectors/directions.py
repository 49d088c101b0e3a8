"""Directions of vectors. The dot product of two directions is a cosine."""

import numpy as np


def to_directions(table: np.ndarray) -> np.ndarray:
    """Divide each vector of a table `(rows, dimension)` by its length. Zero vectors stay as they are."""
    largest = np.maximum(table.max(axis=1, initial=0), -table.min(axis=1, initial=0))[:, None]
    directions = table / np.where(largest > 0, largest, 1)  # squares of tiny or huge numbers would be zero or infinity
    directions /= np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), 1)
    return directions
