"""The directions of vectors, whose products are cosines."""

import numpy as np


def to_directions(table: np.ndarray) -> np.ndarray:
    """The vectors of a table, `(rows, dimension)`, each divided by its length; those of zeros as they are."""
    largest = np.maximum(table.max(axis=1, initial=0), -table.min(axis=1, initial=0))[:, None]
    directions = table / np.where(largest > 0, largest, 1)  # squares of tiny or huge numbers are zero or infinity
    directions /= np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), 1)
    return directions
