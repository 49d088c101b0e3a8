"""Helpers that all other folders share, such as errors, files, settings and flags."""
