"""Rows for which a model has no answer: its scores are not finite numbers."""

import numpy as np


def unanswered(scores: np.ndarray) -> np.ndarray:
    """bool [rows]: which rows of `scores` [rows, labels] hold nan or an infinite number."""
    return np.logical_not(np.isfinite(scores).all(axis=1))


def with_wrong_answers(target: str, scores: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The scores with a wrong answer in each row that has none, so that it counts against the model and every measure
    is a number: surely another class, every label the other way round, a number off by all that the targets span."""
    missing = unanswered(scores)
    if not missing.any():
        return scores
    if target == "classes":
        wrong = (np.asarray(targets)[:, None] != np.arange(scores.shape[1])) / max(scores.shape[1] - 1, 1)
    elif target == "multi_label":
        wrong = 1.0 - (np.asarray(targets) >= 0.5)
    else:
        wrong = (targets + (float(np.ptp(targets)) or 1.0))[:, None]
    return np.where(missing[:, None], wrong, scores)
