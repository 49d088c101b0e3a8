"""Presets: trainings of several stages that replace a series of commands."""
