"""Search for the best settings on the validation split."""
