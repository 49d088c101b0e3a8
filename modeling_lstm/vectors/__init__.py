"""Word vectors: files and models to read them from, training one's own, and looking at them."""

from .words import WordVectors

__all__ = ["WordVectors"]
