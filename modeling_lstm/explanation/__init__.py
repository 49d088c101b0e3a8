"""Why a model gave its answer: contributions of the words, the course of the answer, gates and memory."""

from .explainer import Explanation, Reading, explain

__all__ = ["Explanation", "Reading", "explain"]
