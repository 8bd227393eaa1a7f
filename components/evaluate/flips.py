"""Negative flips: rows that the champion has right and a candidate has wrong (Yan et al., 2021, arXiv:2011.09161)."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from stillhouse.components.targets.measure import Statistics
from stillhouse.components.tasks import Task


def negative_flips(task: Task, statistics: Mapping[str, Statistics], rows: np.ndarray) -> dict[str, np.ndarray]:
    """Of each candidate by name the rows that it has wrong and the champion right, bool [test rows].

    Args:
        statistics: of the candidates and of `champion`, on the rows where they are compared.
        rows: bool [test rows], which those are.

    Returns:
        Nothing where the task's answers are not right or wrong.
    """
    right = {name: task.right(found) for name, found in statistics.items()}
    champion, flips = right.pop("champion"), {}
    for name, ours in right.items():
        if champion is not None and ours is not None:
            flips[name] = np.zeros(len(rows), bool)
            flips[name][rows] = champion & ~ours
    return flips


def described(number: int, rows: int, confidence: float) -> dict[str, Any]:
    """What evaluation.json says of `number` flips among `rows` compared ones.

    The bound is exact, one-sided: with more flips than that in a hundred rows so few were seen with a probability under
    1 - `confidence` (Clopper and Pearson, 1934, doi:10.1093/biomet/26.4.404).
    """
    from scipy.stats import binomtest

    bounds = binomtest(number, rows, alternative="less").proportion_ci(confidence, method="exact")
    return {"rows": rows, "number": number, "rate": number / rows, "upper": float(bounds.high)}
