"""Presets: trainings of several stages, in place of commands that are given one after the other."""
