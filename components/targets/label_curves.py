"""The ROC curve of a model's scores for classes or label sets."""

from dataclasses import dataclass

import numpy as np

from stillhouse.components.targets.measure import Statistics

MAX_POINTS = 120
"""Points of a ROC curve that are kept, evenly along its length."""


@dataclass(frozen=True)
class RocCurve:
    """Rates from (0, 0) to (1, 1), and the score from which a row counts as positive at each point."""

    false_positive: list[float]
    true_positive: list[float]
    thresholds: list[float]


def roc_curve(statistics: Statistics, positive: int | None) -> RocCurve:
    """The ROC curve of one label, or of every (row, label) as a decision of its own (micro-average).

    Args:
        statistics: true, bool [rows, labels], and scores, float [rows, labels].
        positive: index of the label; None for all of them.
    """
    from sklearn.metrics import roc_curve as sklearn_roc_curve

    chosen = slice(None) if positive is None else positive
    positive_rows, score = (statistics[name][:, chosen].ravel() for name in ("true", "scores"))
    false_positive, true_positive, thresholds = sklearn_roc_curve(positive_rows, score)
    # scikit-learn's first threshold is infinite, which JSON does not have.
    thresholds[0] = max(1.0, float(score.max()))
    keep = _evenly(false_positive + true_positive)
    return RocCurve(false_positive[keep].tolist(), true_positive[keep].tolist(), thresholds[keep].tolist())


def _evenly(length: np.ndarray) -> np.ndarray:
    """Indices of at most MAX_POINTS points, both ends among them, where `length` never falls."""
    if len(length) <= MAX_POINTS:
        return np.arange(len(length))
    return np.unique(np.searchsorted(length, np.linspace(length[0], length[-1], MAX_POINTS)).clip(0, len(length) - 1))
