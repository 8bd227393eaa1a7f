"""Measures of classes, label sets and numbers, asked for by the name of the kind of target."""

from collections.abc import Sequence

import numpy as np

from stillhouse.components.targets.label_measures import ECE_BINS, THRESHOLD, bins_of, decisions
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


def predictions(target: str, scores: np.ndarray) -> np.ndarray:
    """A model's answers: class indices [rows], multi-hot bool [rows, labels] (from 0.5) or numbers [rows]."""
    if target == "classes":
        return scores.argmax(axis=1)
    return scores >= THRESHOLD if target == "multi_label" else scores[:, 0]


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


def reliability(
    target: str, scores: np.ndarray, targets: np.ndarray, labels: Sequence[str]
) -> list[tuple[float, float, int]]:
    """Mean confidence, share of right answers and number of answers of each bin that holds any."""
    _, _, confidence, right = decisions(target, scores, targets, len(labels))
    bins = bins_of(confidence)
    return [
        (float(confidence[here].mean()), float(right[here].mean()), int(here.sum()))
        for here in (bins == index for index in range(ECE_BINS))
        if here.any()
    ]
