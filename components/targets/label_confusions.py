"""Which labels a model takes for which: the pairs that are confused most, with examples, and a matrix to look at."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from stillhouse.components.targets.measure import Statistics

NOTHING = "nothing"
"""Stands for no label at all where a row may have several."""
MAX_PAIRS = 12
PAIR_EXAMPLES = 2
"""Examples of each pair."""
MAX_MATRIX_LABELS = 50
"""Labels of a matrix; of more those that are confused most, and all others together."""
MAX_IN_GIVEN_ORDER = 12
"""Up to so many labels stand in their own order; more of them beside those that they are confused with."""
OTHERS = "all others"


@dataclass(frozen=True)
class Confused:
    """A label that is answered with another one."""

    true: str
    answered: str
    rows: int
    of: int
    """Rows of the true label."""
    back: int
    """Rows that are confused the other way round."""
    examples: list[int]
    """Some of the rows, those first whose wrong answer is surest."""


def confused_pairs(labels: Sequence[str], statistics: Statistics) -> list[Confused]:
    """The pairs of labels that are confused most often.

    Where a row may have several labels, each that is missed is paired with each that is answered in its place.

    Args:
        statistics: of classes or label sets: true and answered, bool [rows, labels], and scores, float [rows, labels].
    """
    true, scores = statistics["true"], statistics["scores"]
    wrong = _wrong_rows(true, statistics["answered"])
    counts = Counter({pair: len(rows) for pair, rows in wrong.items()})
    names, of = [*labels, NOTHING], [*true.sum(axis=0).tolist(), len(true)]
    return [
        Confused(
            names[missed],
            names[answered],
            rows,
            of[missed],
            counts[answered, missed],
            _surest(wrong[missed, answered], scores, answered),
        )
        for (missed, answered), rows in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MAX_PAIRS]
    ]


def confusion(statistics: Statistics) -> np.ndarray:
    """The confusion matrix of classes, int64 [labels, labels]: rows are true, columns answered."""
    true, answered = (statistics[name].argmax(axis=1) for name in ("true", "answered"))
    size = statistics["true"].shape[1]
    return np.bincount(true * size + answered, minlength=size**2).reshape(size, size)


def _wrong_rows(true: np.ndarray, answered: np.ndarray) -> dict[tuple[int, int], list[int]]:
    """Rows of each pair of a true and an answered label; one behind the last stands for none."""
    found: dict[tuple[int, int], list[int]] = {}
    nothing = true.shape[1]
    for row in np.flatnonzero((true != answered).any(axis=1)).tolist():
        missed, false = (
            np.flatnonzero(marks).tolist() for marks in (true[row] & ~answered[row], answered[row] & ~true[row])
        )
        for pair in product(missed or [nothing], false or [nothing]):
            found.setdefault(pair, []).append(row)
    return found


def _surest(rows: list[int], scores: np.ndarray, answered: int) -> list[int]:
    certainty = scores[rows, answered] if answered < scores.shape[1] else -scores[rows].max(axis=1)
    return [rows[i] for i in np.argsort(-certainty, kind="stable")[:PAIR_EXAMPLES]]


def shown_matrix(matrix: np.ndarray, labels: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """Labels and counts as a reader can take them in: of many labels those that are confused stand side by side.

    Args:
        matrix: int64 [labels, labels], rows are true, columns answered.
    """
    names = list(labels)
    if len(names) > MAX_MATRIX_LABELS:
        names, matrix = _with_others(matrix, names)
    if len(names) <= MAX_IN_GIVEN_ORDER:
        return names, matrix
    last = [len(names) - 1] if len(labels) > MAX_MATRIX_LABELS else []
    inner = len(names) - len(last)
    order = [*_side_by_side(matrix[:inner, :inner]), *last]
    return [names[i] for i in order], matrix[np.ix_(order, order)]


def _with_others(matrix: np.ndarray, names: list[str]) -> tuple[list[str], np.ndarray]:
    wrong = matrix.sum(axis=0) + matrix.sum(axis=1) - 2 * matrix.diagonal()
    kept = np.sort(np.argsort(-wrong, kind="stable")[: MAX_MATRIX_LABELS - 1])
    place = np.full(len(names), len(kept))
    place[kept] = np.arange(len(kept))
    merged = np.zeros((len(kept) + 1,) * 2, matrix.dtype)
    np.add.at(merged, (place[:, None], place[None, :]), matrix)
    return [*(names[i] for i in kept), OTHERS], merged


def _side_by_side(matrix: np.ndarray) -> list[int]:
    """An order of the labels in which neighbours are confused (Bar-Joseph et al., 2001: optimal leaf ordering)."""
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    likeness = share + share.T
    np.fill_diagonal(likeness, 0.0)
    distance = likeness.max() - likeness
    np.fill_diagonal(distance, 0.0)
    return leaves_list(linkage(squareform(distance, checks=False), "average", optimal_ordering=True)).tolist()
