"""A page to try and inspect a model; needs the extra `demo`."""
