"""Distillation: a student learns a teacher's answers to texts, labeled and unlabeled."""
