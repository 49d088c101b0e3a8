"""Word vectors: files and models to read them from, training one's own, and looking at them."""

from .word_vectors import WordVectors

__all__ = ["WordVectors"]
