"""transformers without its progress bars and load reports: a step has its own, and the head is meant to be new."""

from transformers.utils import logging


def quiet() -> None:
    """Silence transformers below errors."""
    logging.set_verbosity_error()
    logging.disable_progress_bar()
