"""Presets: training runs of several stages that replace a series of commands."""
