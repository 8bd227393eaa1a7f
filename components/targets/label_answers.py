"""Answers of classes, label sets and numbers as people and programs read them, and how bad a wrong one is."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from stillhouse.components.targets.label_measures import THRESHOLD


def badness(target: str, scores: np.ndarray, answers: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Confidence in the wrong answer of each row, for number how far off it is: float [rows], 0 for a right row.

    Args:
        target: classes, multi_label or number.
        scores: float [rows, labels]; [rows, 1] for number.
        answers: what `label_metrics.predictions` makes of the scores.
        targets: class indices [rows], multi-hot [rows, labels] or numbers [rows].
    """
    if target == "number":
        return np.abs(answers - targets)
    if target == "classes":
        return np.where(answers != targets, scores.max(axis=1), 0.0)
    return np.where(answers != (targets >= THRESHOLD), np.maximum(scores, 1 - scores), 0.0).max(axis=1)


def name_of(target: str, answer: np.ndarray, labels: Sequence[str]) -> str:
    """One answer or target in words: a class, the labels of a set or `none`, a number."""
    if target == "number":
        return f"{float(answer):.4g}"
    if target == "classes":
        return labels[int(answer)]
    return ", ".join(label for label, has in zip(labels, answer, strict=True) if has >= THRESHOLD) or "none"


def answer_rows(target: str, scores: np.ndarray, labels: Sequence[str]) -> Iterator[dict[str, Any]]:
    """What predict adds to each row: `label` and its probability `score`, lists of both for label sets, or `value`.

    Args:
        scores: float [rows, labels]; [rows, 1] for number.
    """
    for row in scores.tolist():
        if target == "number":
            yield {"value": row[0]}
        elif target == "multi_label":
            given = [index for index, score in enumerate(row) if score >= THRESHOLD]
            yield {"label": [labels[index] for index in given], "score": [row[index] for index in given]}
        else:
            best = max(range(len(row)), key=row.__getitem__)
            yield {"label": labels[best], "score": row[best]}
