"""Rows for which a model has no answer: its scores are not finite numbers."""

import numpy as np


def unanswered(scores: np.ndarray) -> np.ndarray:
    """bool [rows]: which rows of `scores` [rows, labels] hold nan or an infinite number."""
    return np.logical_not(np.isfinite(scores).all(axis=1))
