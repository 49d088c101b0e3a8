"""Readers for files of word vectors, one per format."""
