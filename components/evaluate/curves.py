"""Confusion matrix and ROC curve of a model's scores."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stillhouse.components.targets.label_metrics import predictions

MAX_POINTS = 120
"""Points of a ROC curve that are kept, evenly along its length."""


@dataclass(frozen=True)
class RocCurve:
    """Rates from (0, 0) to (1, 1), and the score from which a row counts as positive at each point."""

    false_positive: list[float]
    true_positive: list[float]
    thresholds: list[float]


def confusion(scores: np.ndarray, targets: np.ndarray, labels: Sequence[str]) -> np.ndarray:
    """int64 [labels, labels] of classes: rows are true, columns answered."""
    cells = targets * len(labels) + predictions("classes", scores)
    return np.bincount(cells, minlength=len(labels) ** 2).reshape(len(labels), len(labels))


def roc_curve(target: str, scores: np.ndarray, targets: np.ndarray) -> RocCurve:
    """ROC curve of classes or label sets.

    Two classes: the second is the positive one. Otherwise every (row, label) is a decision (micro-average).
    """
    from sklearn.metrics import roc_curve as sklearn_roc_curve

    num_labels = scores.shape[1]
    if target == "multi_label":
        positive, score = (targets >= 0.5).ravel(), scores.ravel()
    elif num_labels == 2:
        positive, score = targets == 1, scores[:, 1]
    else:
        positive, score = (targets[:, None] == np.arange(num_labels)).ravel(), scores.ravel()
    false_positive, true_positive, thresholds = sklearn_roc_curve(positive, score)
    # scikit-learn's first threshold is infinite, which JSON does not have.
    thresholds[0] = max(1.0, float(score.max()))
    keep = _evenly(false_positive + true_positive)
    return RocCurve(false_positive[keep].tolist(), true_positive[keep].tolist(), thresholds[keep].tolist())


def _evenly(length: np.ndarray) -> np.ndarray:
    """Indices of at most MAX_POINTS points, both ends among them, where `length` never falls."""
    if len(length) <= MAX_POINTS:
        return np.arange(len(length))
    return np.unique(np.searchsorted(length, np.linspace(length[0], length[-1], MAX_POINTS)).clip(0, len(length) - 1))
