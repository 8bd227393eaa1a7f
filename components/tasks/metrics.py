"""Measures of classes, label sets and numbers, over one sample or thousands of resamples at once.

A resample is a row of weights: how often it drew each test row. Every measure but ROC AUC is a function
of weighted sums, so that 2,000 resamples are one matrix product, and the bootstrap measures exactly what
`measure` does.
"""

from collections.abc import Sequence

import numpy as np

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
    values = measure_resamples(target, scores, targets, labels, np.ones((1, len(targets))))
    return {name: float(value[0]) for name, value in values.items() if np.isfinite(value[0])}


def measure_resamples(
    target: str, scores: np.ndarray, targets: np.ndarray, labels: Sequence[str], weights: np.ndarray
) -> dict[str, np.ndarray]:
    """The measures under each row of `weights` [resamples, rows]; each value is a float array [resamples].

    roc_auc is nan in a resample where no label has rows of both kinds.
    """
    scores = np.asarray(scores, dtype=np.float64)
    if target == "number":
        return _numbers(scores[:, 0], np.asarray(targets, dtype=np.float64), weights)
    true, answered, confidence, right = _decisions(target, scores, targets, len(labels))
    counts = _counts(true, answered, weights)
    num_decisions = weights.sum(axis=1) * confidence.shape[1]
    return {
        "accuracy": weights @ right.all(axis=1) / weights.sum(axis=1),
        **_means(*counts),
        "roc_auc": _roc_auc(scores, true, weights),
        "ece": _calibration_gap(confidence, right, weights) / num_decisions,
    }


def per_label(
    target: str, scores: np.ndarray, targets: np.ndarray, labels: Sequence[str]
) -> list[dict[str, str | float | int]]:
    """Precision, recall and F1 of each label and the number of rows that have it; empty for number."""
    if target == "number":
        return []
    true, answered, _, _ = _decisions(target, scores, targets, len(labels))
    hits, found, wanted = (count[0] for count in _counts(true, answered, np.ones((1, len(targets)))))
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


def _counts(true: np.ndarray, answered: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """True positives, answers and true rows of each label under each resample, [resamples, labels]."""
    return weights @ (true & answered), weights @ answered, weights @ true


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


def _calibration_gap(confidence: np.ndarray, right: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Expected calibration error (Guo et al., 2017, arXiv:1706.04599) times the number of decisions."""
    bins, gaps = _bins(confidence), right - confidence
    sums = [np.where(bins == index, gaps, 0.0).sum(axis=1) for index in range(ECE_BINS)]
    return np.abs(weights @ np.stack(sums, axis=1)).sum(axis=1)


def _roc_auc(scores: np.ndarray, true: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean area under the ROC curve, one label against the rest, over labels that have rows of both kinds."""
    # Of two classes whose scores add up to one, both have the same area.
    columns = [1] if true.shape[1] == 2 and np.allclose(scores.sum(axis=1), 1.0, atol=1e-4) else range(true.shape[1])
    areas = np.stack([_area(scores[:, i], true[:, i], weights) for i in columns])
    defined = np.isfinite(areas)
    total = np.where(defined, areas, 0.0).sum(axis=0)
    return np.divide(total, defined.sum(axis=0), out=np.full(len(weights), np.nan), where=defined.any(axis=0))


def _area(scores: np.ndarray, positive: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mann-Whitney: the share of (positive, negative) pairs of rows that the score orders; a tie is half."""
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.diff(scores[order], prepend=-np.inf))
    drawn, is_positive = weights[:, order], positive[order]
    positives = np.add.reduceat(drawn * is_positive, starts, axis=1)
    negatives = np.add.reduceat(drawn * ~is_positive, starts, axis=1)
    below = np.cumsum(negatives, axis=1) - negatives / 2
    pairs = positives.sum(axis=1) * negatives.sum(axis=1)
    ordered = (positives * below).sum(axis=1)
    return np.divide(ordered, pairs, out=np.full(len(weights), np.nan), where=pairs > 0)


def _numbers(answers: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    total = weights.sum(axis=1)
    centred = targets - targets.mean()  # keeps the sum of squares exact when the numbers are large
    spread = weights @ centred**2 - (weights @ centred) ** 2 / total
    left = weights @ (targets - answers) ** 2
    share = np.divide(left, spread, out=np.ones_like(left), where=spread > 0)
    return {"mae": weights @ np.abs(targets - answers) / total, "r2": 1 - share}
