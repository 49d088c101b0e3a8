"""The page on which a model can be tried and looked into; needs the extra `demo`."""
