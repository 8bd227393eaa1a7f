"""How good classes, label sets and numbers are, under any weights of the rows.

A measure is a function of weighted sums, so that a resample is measured exactly as its rows written out would be.
"""

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np

from stillhouse.components.targets.measure import Measure, Statistics, Weights
from stillhouse.components.targets.resamples import add_up, blocks
from stillhouse.components.targets.roc_auc import RocAuc

ECE_BINS = 15
THRESHOLD = 0.5
"""From this probability on a label of a label set is given."""


class Decisions(dict[str, np.ndarray]):
    """Statistics of classes and label sets: true and answered, bool [rows, labels]; right, bool [rows]; decisions,
    int64 [rows]; gaps, float64 [rows, bins]; scores, float [rows, labels]. What is the same under all weights is worked
    out once."""

    @classmethod
    def of(cls, target: str, scores: np.ndarray, targets: np.ndarray, num_labels: int) -> "Decisions":
        """The statistics of a model's scores, float [rows, labels], for `targets`, int64 [rows] class indices or
        float32 [rows, labels] multi-hot."""
        true, answered, confidence, right = decisions(target, scores, targets, num_labels)
        rows, each = confidence.shape
        return cls(
            true=true,
            answered=answered,
            right=np.asarray(right.all(axis=1)),
            decisions=np.full(rows, each),
            gaps=_gaps(confidence, right),
            scores=scores,
        )

    def counts(self, weights: Weights) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Hits, found and wanted of each label, float64 [resamples, labels] each.

        Six measures ask for those of the same weights, one after the other: the last ones are kept.
        """
        weighed, found = self._counted
        if weighed is not weights:
            parts = [[add_up(block, *marks).T for marks in self._marks] for block in blocks(weights)]
            found = [np.concatenate(part) for part in zip(*parts, strict=True)]
            self._counted = weights, found
        hits, answers, wanted = found
        return hits, answers, wanted

    _counted: tuple[Weights | None, list[np.ndarray]] = None, []

    @cached_property
    def _marks(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """The rows of each label that are hits, found and wanted, as `add_up` takes them."""
        return [_rows_of(mark) for mark in (self["true"] & self["answered"], self["answered"], self["true"])]

    @cached_property
    def gaps(self) -> np.ndarray:
        """float64 [bins, rows]."""
        return np.ascontiguousarray(self["gaps"].T)

    @cached_property
    def roc_auc(self) -> RocAuc:
        """The rows in the order of each label's score."""
        return RocAuc(np.asarray(self["scores"], np.float64), self["true"])


def decisions(
    target: str, scores: np.ndarray, targets: np.ndarray, num_labels: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """True and answered labels, bool [rows, labels]; confidence and rightness of each decision [rows, decisions].

    A row of classes is one decision, a row of label sets is one per label.
    """
    scores, targets = np.asarray(scores, np.float64), np.asarray(targets)
    if target == "multi_label":
        true, answered = targets >= THRESHOLD, scores >= THRESHOLD
        return true, answered, np.maximum(scores, 1 - scores), answered == true
    indices, answer = np.arange(num_labels), scores.argmax(axis=1)
    true, answered = targets[:, None] == indices, answer[:, None] == indices
    return true, answered, scores.max(axis=1, keepdims=True), (answer == targets)[:, None]


def bins_of(confidence: np.ndarray) -> np.ndarray:
    """The bin of the calibration error that each confidence, float [rows], falls in, int64 [rows]."""
    return np.clip(np.ceil(confidence * ECE_BINS).astype(int) - 1, 0, ECE_BINS - 1)


def number_statistics(scores: np.ndarray, targets: np.ndarray) -> dict[str, np.ndarray]:
    """Of scores [rows, 1] and targets [rows]: answers and targets, float64 [rows]."""
    return {"answers": np.asarray(scores, np.float64)[:, 0], "targets": np.asarray(targets, np.float64)}


def per_label(statistics: Statistics, labels: Sequence[str]) -> list[dict[str, str | float | int]]:
    """Precision, recall and F1 of each label and the number of rows that have it."""
    true, answered = statistics["true"], statistics["answered"]
    hits, found, wanted = (mark.sum(axis=0) for mark in (true & answered, answered, true))
    precision, recall, f1 = _ratios(hits, found, wanted)
    return [
        {
            "label": label,
            "precision": float(precision[i]),
            "recall": float(recall[i]),
            "f1": float(f1[i]),
            "rows": int(wanted[i]),
        }
        for i, label in enumerate(labels)
    ]


def _gaps(confidence: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Rightness less confidence, added up over each row's decisions in each bin, float64 [rows, bins].

    The expected calibration error is made of it (Guo et al., 2017, arXiv:1706.04599).
    """
    bins, gaps = bins_of(confidence), right - confidence
    return np.stack([np.where(bins == index, gaps, 0.0).sum(axis=1) for index in range(ECE_BINS)]).T


def _rows_of(mark: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rows that `mark` [rows, labels] has for each label, as `add_up` takes them."""
    labels, rows = np.nonzero(mark.T)
    bounds = np.searchsorted(labels, np.arange(mark.shape[1] + 1))
    return rows.astype(np.int32), bounds.astype(np.int32)


def _ratios(hits: np.ndarray, found: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Precision, recall and F1; 0 where nothing was found or wanted."""
    return tuple(  # type: ignore[return-value]
        np.divide(part, whole, out=np.zeros_like(part, dtype=np.float64), where=whole > 0)
        for part, whole in ((hits, found), (hits, wanted), (2 * hits, found + wanted))
    )


Value = Callable[[Statistics, Weights], np.ndarray]


def _of_blocks(value: Callable[[Statistics, np.ndarray], np.ndarray]) -> Value:
    """A measure from its `value` under a block, int32 [rows, some resamples]."""
    return lambda statistics, weights: np.concatenate([value(statistics, block) for block in blocks(weights)])


def _micro(which: int) -> Value:
    """Precision (0), recall (1) or F1 (2) of all labels together."""
    return lambda statistics, weights: _ratios(*(part.sum(axis=1) for part in _counts(statistics, weights)))[which]


def _macro(which: int) -> Value:
    """The mean of the labels that occur among targets or answers."""

    def value(statistics: Statistics, weights: Weights) -> np.ndarray:
        hits, found, wanted = _counts(statistics, weights)
        present = np.maximum(((found + wanted) > 0).sum(axis=1), 1)
        return _ratios(hits, found, wanted)[which].sum(axis=1) / present

    return value


def _counts(statistics: Statistics, weights: Weights) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    assert isinstance(statistics, Decisions)
    return statistics.counts(weights)


def _accuracy(statistics: Statistics, block: np.ndarray) -> np.ndarray:
    return statistics["right"] @ block / block.sum(axis=0)


def _ece(statistics: Statistics, block: np.ndarray) -> np.ndarray:
    assert isinstance(statistics, Decisions)
    return np.abs(statistics.gaps @ block).sum(axis=0) / (statistics["decisions"] @ block)


def _roc_auc(statistics: Statistics, block: np.ndarray) -> np.ndarray:
    """nan where no label has rows of both kinds."""
    assert isinstance(statistics, Decisions)
    return statistics.roc_auc.under(block)


def _mae(statistics: Statistics, block: np.ndarray) -> np.ndarray:
    weights = block.T
    return weights @ np.abs(statistics["targets"] - statistics["answers"]) / weights.sum(axis=1)


def _r2(statistics: Statistics, block: np.ndarray) -> np.ndarray:
    weights, answers, targets = block.T, statistics["answers"], statistics["targets"]
    centred = targets - targets.mean()  # keeps the sum of squares exact when the numbers are large
    spread = weights @ centred**2 - (weights @ centred) ** 2 / weights.sum(axis=1)
    left = weights @ (targets - answers) ** 2
    return 1 - np.divide(left, spread, out=np.ones_like(left), where=spread > 0)


F1_MACRO = Measure("f1_macro", "macro-F1", _macro(2))
F1_MICRO = Measure("f1_micro", "micro-F1", _micro(2))
_OTHERS = (
    Measure("accuracy", "accuracy", _of_blocks(_accuracy)),
    Measure("precision_macro", "macro-precision", _macro(0)),
    Measure("recall_macro", "macro-recall", _macro(1)),
    Measure("precision_micro", "micro-precision", _micro(0)),
    Measure("recall_micro", "micro-recall", _micro(1)),
    Measure("ece", "ECE", _of_blocks(_ece), greater_is_better=False),
    Measure("roc_auc", "ROC AUC", _of_blocks(_roc_auc)),
)
CLASS_MEASURES = (F1_MACRO, F1_MICRO, *_OTHERS)
SET_MEASURES = (F1_MICRO, F1_MACRO, *_OTHERS)
NUMBER_MEASURES = (
    Measure("r2", "R²", _of_blocks(_r2)),
    Measure("mae", "mean absolute error", _of_blocks(_mae), greater_is_better=False, tolerance="share"),
)
