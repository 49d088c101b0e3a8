"""Shared helpers: errors, files, figures, processes."""
