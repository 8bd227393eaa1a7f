"""Which labels a model takes for which: the pairs that are confused most, with examples, and a matrix to look at."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from stillhouse.components.evaluate.mistakes import excerpt
from stillhouse.components.targets.label_metrics import predictions

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
    examples: list[str]
    """Beginnings of texts, those first whose wrong answer is surest."""


def confused_pairs(
    target: str, scores: np.ndarray, targets: np.ndarray, labels: Sequence[str], texts: Sequence[str]
) -> list[Confused]:
    """The pairs of labels that are confused most often; none for number.

    Where a row may have several labels, each that is missed is paired with each that is answered in its place.
    """
    wrong = _wrong_rows(target, scores, targets)
    counts = Counter({pair: len(rows) for pair, rows in wrong.items()})
    names = [*labels, NOTHING]
    has = targets == np.arange(len(labels))[:, None] if target == "classes" else np.asarray(targets).T >= 0.5
    return [
        Confused(
            names[true],
            names[answered],
            rows,
            int(has[true].sum()) if true < len(labels) else len(texts),
            counts[answered, true],
            [excerpt(texts[row]) for row in _surest(wrong[true, answered], scores, answered)],
        )
        for (true, answered), rows in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MAX_PAIRS]
    ]


def _wrong_rows(target: str, scores: np.ndarray, targets: np.ndarray) -> dict[tuple[int, int], list[int]]:
    """Rows of each pair of a true and an answered label; one behind the last stands for none."""
    found: dict[tuple[int, int], list[int]] = {}
    if target == "number":
        return found
    answers, nothing = predictions(target, scores), scores.shape[1]
    for row in range(len(scores)):
        if target == "classes":
            missed, false = [int(targets[row])], [int(answers[row])]
            if missed == false:
                continue
        else:
            has = targets[row] >= 0.5
            missed, false = (np.flatnonzero(marks).tolist() for marks in (has & ~answers[row], answers[row] & ~has))
            if not missed and not false:
                continue
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


def never_answered(
    target: str, scores: np.ndarray, per_label: Sequence[Mapping[str, Any]], labels: Sequence[str]
) -> list[str]:
    """Labels that test rows have and the model gives none of them; the most frequent first."""
    if target == "number":
        return []
    answers = predictions(target, scores)
    times = np.bincount(answers, minlength=len(labels)) if target == "classes" else answers.sum(axis=0)
    rows = [row["rows"] for row in per_label]
    order = sorted(range(len(labels)), key=lambda i: -rows[i])
    return [labels[i] for i in order if rows[i] and not times[i]]
