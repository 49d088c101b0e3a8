"""Distillation: a student learns what a teacher says of texts, with labels and without."""
