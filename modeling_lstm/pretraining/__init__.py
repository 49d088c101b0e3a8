"""Pretraining of language models on the user's own texts."""
