"""Scores measured by the kind of target that they are for."""

from collections.abc import Sequence

import numpy as np

from stillhouse.components.targets.labels import label_target
from stillhouse.components.targets.measure import values_of


def measure(kind: str, scores: np.ndarray, targets: np.ndarray, labels: Sequence[str]) -> dict[str, float]:
    """All measures of one model by name.

    Args:
        kind: classes, multi_label or number.
        scores: float [rows, labels]; [rows, 1] for a number.
        targets: class indices [rows], multi-hot [rows, labels] or numbers [rows].
    """
    target = label_target(kind, labels)
    return values_of(target.statistics(scores, targets), target.measures, len(targets))
