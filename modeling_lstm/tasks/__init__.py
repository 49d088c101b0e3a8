"""The tasks, with one file for each."""
