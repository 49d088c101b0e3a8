"""Run folders: the output of training."""
