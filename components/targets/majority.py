"""What every model has to beat: the most frequent answer."""

import numpy as np


def majority(target: str, train_targets: np.ndarray, num_labels: int, rows: int) -> np.ndarray:
    """Scores of always giving the training rows' most frequent answer (their mean for number).

    Returns:
        float64 [rows, labels]: the share of each label among the training rows, the same for every row.
    """
    if target == "classes":
        shares = np.bincount(train_targets, minlength=num_labels) / len(train_targets)
    else:
        shares = np.atleast_1d(train_targets.mean(axis=0))
    return np.tile(shares, (rows, 1))
