"""Measures of classes, label sets and numbers, asked for by the name of the kind of target."""

from collections.abc import Sequence

import numpy as np

from stillhouse.components.targets.labels import label_target
from stillhouse.components.targets.measure import values_of

_LESS_IS_BETTER = {
    measure.name
    for kind in ("classes", "multi_label", "number")
    for measure in label_target(kind, ()).measures
    if not measure.greater_is_better
}


def main_metric(target: str) -> str:
    """Name of the measure that models of this kind of target are compared by."""
    return label_target(target, ()).measures[0].name


def greater_is_better(metric: str) -> bool:
    """Whether a larger value of the measure is the better one."""
    return metric not in _LESS_IS_BETTER


def measure(target: str, scores: np.ndarray, targets: np.ndarray, labels: Sequence[str]) -> dict[str, float]:
    """All measures of one model.

    Args:
        target: classes, multi_label or number.
        scores: float [rows, labels] probabilities; [rows, 1] values for number.
        targets: class indices [rows], multi-hot [rows, labels] or numbers [rows].
        labels: names of the classes or labels; empty for number.

    Returns:
        accuracy (all labels of a row right for multi_label), precision, recall and f1 as _macro and _micro,
        roc_auc (macro, one against the rest), ece; for number mae and r2. Macro means run over the labels
        that occur among targets or answers; roc_auc is left out where no label has rows of both kinds.
    """
    kind = label_target(target, labels)
    return values_of(kind.statistics(scores, targets), kind.measures, len(targets))
