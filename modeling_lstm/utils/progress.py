"""Progress bars: those of the libraries and of this package are hidden together."""

import contextlib
from collections.abc import Iterator


@contextlib.contextmanager
def hide_progress_bars(are_hidden: bool) -> Iterator[None]:
    """Hide the bars of datasets, transformers and huggingface_hub, whose bars this package uses, until the end."""
    if not are_hidden:
        yield
        return
    import datasets
    from transformers.utils import logging  # switches those of huggingface_hub, too

    of_datasets, of_transformers = not datasets.are_progress_bars_disabled(), logging.is_progress_bar_enabled()
    datasets.disable_progress_bars()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if of_datasets:
            datasets.enable_progress_bars()
        if of_transformers:
            logging.enable_progress_bar()
