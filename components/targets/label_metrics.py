"""Measures of classes, label sets and numbers, over one sample or thousands of resamples at once.

A resample is a row of weights: how often it drew each test row. Every measure is a function of weighted sums,
so that the bootstrap measures exactly what `measure` does.
"""

from collections.abc import Sequence

import numpy as np

from stillhouse.components.targets.resamples import add_up, blocks
from stillhouse.components.targets.roc_auc import RocAuc

ECE_BINS = 15
_LESS_IS_BETTER = {"ece", "mae"}


def main_metric(target: str) -> str:
    """Name of the measure that models of this kind of target are compared by."""
    return {"classes": "f1_macro", "multi_label": "f1_micro", "number": "r2"}[target]


def greater_is_better(metric: str) -> bool:
    """Whether a larger value of the measure is the better one."""
    return metric not in _LESS_IS_BETTER


def predictions(target: str, scores: np.ndarray) -> np.ndarray:
    """A model's answers: class indices [rows], multi-hot bool [rows, labels] (from 0.5) or numbers [rows]."""
    if target == "classes":
        return scores.argmax(axis=1)
    return scores >= 0.5 if target == "multi_label" else scores[:, 0]


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
    values = Measures(target, scores, targets, labels).under(np.ones((1, len(targets))))
    return {name: float(value[0]) for name, value in values.items() if np.isfinite(value[0])}


class Measures:
    """The measures of one model on one set of rows, under any number of resamples."""

    def __init__(self, target: str, scores: np.ndarray, targets: np.ndarray, labels: Sequence[str]) -> None:
        """Work out, for the arguments of `measure`, what is the same under every resample."""
        scores = np.asarray(scores, dtype=np.float64)
        self._is_number = target == "number"
        if self._is_number:
            self._answers, self._targets = scores[:, 0], np.asarray(targets, dtype=np.float64)
            return
        true, answered, confidence, right = _decisions(target, scores, targets, len(labels))
        self._marks = [_rows_of(mark) for mark in (true & answered, answered, true)]
        self._all_right = right.all(axis=1)
        self._gaps = _gaps(confidence, right)
        self._decisions = confidence.shape[1]
        self._roc_auc = RocAuc(scores, true)

    def under(self, weights: np.ndarray, only: str | None = None) -> dict[str, np.ndarray]:
        """The measures, or `only` one of them, under each row of `weights`; each value is a float array [resamples].

        roc_auc is nan in a resample where no label has rows of both kinds.

        Args:
            weights: whole numbers [resamples, rows].
        """
        parts = [self._under(block, only) for block in blocks(weights)]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _under(self, block: np.ndarray, only: str | None) -> dict[str, np.ndarray]:
        if self._is_number:
            found = _numbers(self._answers, self._targets, block.T)
        else:
            total = block.sum(axis=0)
            found = {
                "accuracy": self._all_right @ block / total,
                **_means(*(add_up(block, *mark).T for mark in self._marks)),
                "ece": np.abs(self._gaps @ block).sum(axis=0) / (total * self._decisions),
            }
            if only in (None, "roc_auc"):
                found["roc_auc"] = self._roc_auc.under(block)
        return found if only is None else {only: found[only]}


def per_label(
    target: str, scores: np.ndarray, targets: np.ndarray, labels: Sequence[str]
) -> list[dict[str, str | float | int]]:
    """Precision, recall and F1 of each label and the number of rows that have it; empty for number."""
    if target == "number":
        return []
    true, answered, _, _ = _decisions(target, scores, targets, len(labels))
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


def reliability(
    target: str, scores: np.ndarray, targets: np.ndarray, labels: Sequence[str]
) -> list[tuple[float, float, int]]:
    """Mean confidence, share of right answers and number of answers of each bin that holds any."""
    _, _, confidence, right = _decisions(target, np.asarray(scores, dtype=np.float64), targets, len(labels))
    bins = _bins(confidence)
    return [
        (float(confidence[here].mean()), float(right[here].mean()), int(here.sum()))
        for here in (bins == index for index in range(ECE_BINS))
        if here.any()
    ]


def _decisions(
    target: str, scores: np.ndarray, targets: np.ndarray, num_labels: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """True and answered labels [rows, labels]; confidence and rightness of each decision [rows, decisions].

    A row of classes is one decision, a row of label sets is one per label.
    """
    answer = predictions(target, scores)
    if target == "multi_label":
        true = np.asarray(targets) >= 0.5
        return true, answer, np.maximum(scores, 1 - scores), answer == true
    indices = np.arange(num_labels)
    targets = np.asarray(targets)
    true, answered = targets[:, None] == indices, answer[:, None] == indices
    return true, answered, scores.max(axis=1, keepdims=True), (answer == targets)[:, None]


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


def _means(hits: np.ndarray, found: np.ndarray, wanted: np.ndarray) -> dict[str, np.ndarray]:
    present = (found + wanted) > 0
    num_present = np.maximum(present.sum(axis=-1), 1)
    micro = _ratios(hits.sum(axis=-1), found.sum(axis=-1), wanted.sum(axis=-1))
    macro = [ratio.sum(axis=-1) / num_present for ratio in _ratios(hits, found, wanted)]
    names = ("precision", "recall", "f1")
    return {f"{name}_macro": value for name, value in zip(names, macro, strict=True)} | {
        f"{name}_micro": value for name, value in zip(names, micro, strict=True)
    }


def _bins(confidence: np.ndarray) -> np.ndarray:
    return np.clip(np.ceil(confidence * ECE_BINS).astype(int) - 1, 0, ECE_BINS - 1)


def _gaps(confidence: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Rightness less confidence, added up over each row's decisions in each bin, float [bins, rows].

    The expected calibration error is made of it (Guo et al., 2017, arXiv:1706.04599).
    """
    bins, gaps = _bins(confidence), right - confidence
    return np.stack([np.where(bins == index, gaps, 0.0).sum(axis=1) for index in range(ECE_BINS)])


def _numbers(answers: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    total = weights.sum(axis=1)
    centred = targets - targets.mean()  # keeps the sum of squares exact when the numbers are large
    spread = weights @ centred**2 - (weights @ centred) ** 2 / total
    left = weights @ (targets - answers) ** 2
    share = np.divide(left, spread, out=np.ones_like(left), where=spread > 0)
    return {"mae": weights @ np.abs(targets - answers) / total, "r2": 1 - share}
