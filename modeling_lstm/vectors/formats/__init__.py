"""Readers of files of word vectors, one for each format."""
