"""`InputError`: what the user gave cannot be used. The command line prints its one sentence and exits with status 2."""


class InputError(ValueError):
    """Says what was found, what was expected and what to type."""
