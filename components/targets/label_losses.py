"""Losses of classes, label sets and numbers, as they are labelled and as a teacher sees them: functions of logits,
summed over rows."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

LabelLoss = Callable[["Tensor", "Tensor"], "tuple[Tensor, int]"]
"""(logits float [rows, labels], labels) -> the sum over the rows, a scalar, and how many rows those are."""


def label_loss(target: str, *, class_weights: np.ndarray | None, label_smoothing: float) -> LabelLoss:
    """The loss of `target`: cross-entropy for classes (labels int64 [rows]), binary cross-entropy as a mean over labels
    for multi_label (labels float32 [rows, labels]), squared error for number (labels float32 [rows]).

    Args:
        target: classes, multi_label or number.
        class_weights: float [labels]: what each class counts; for multi_label what its positive rows count. None: all
            the same.
        label_smoothing: share of the truth that is spread over all labels, 0 to 1; a number has none.
    """
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, mse_loss

    weights = None if class_weights is None else torch.from_numpy(class_weights.astype(np.float32))

    def classes(logits: "Tensor", labels: "Tensor") -> "tuple[Tensor, int]":
        weight = None if weights is None else weights.to(labels.device)
        value = cross_entropy(logits, labels, weight=weight, label_smoothing=label_smoothing, reduction="sum")
        return value, len(labels)

    def multi_label(logits: "Tensor", labels: "Tensor") -> "tuple[Tensor, int]":
        weight = None if weights is None else weights.to(labels.device)
        soft = labels * (1 - label_smoothing) + label_smoothing / 2
        value = binary_cross_entropy_with_logits(logits, soft, pos_weight=weight, reduction="sum")
        return value / soft.shape[1], len(soft)

    def number(logits: "Tensor", labels: "Tensor") -> "tuple[Tensor, int]":
        return mse_loss(logits.squeeze(-1), labels, reduction="sum"), len(labels)

    return {"classes": classes, "multi_label": multi_label, "number": number}[target]


def balanced_weights(target: str, targets: np.ndarray) -> np.ndarray | None:
    """Weights, float [labels], that give each class the same say: rows / (classes * rows of the class); for several
    labels the ratio of rows without to rows with the label; none for a number.

    Args:
        targets: int64 [rows] class indices, or float32 [rows, labels] multi-hot.
    """
    if target == "classes":
        counts = np.bincount(targets)
        return len(targets) / (len(counts) * np.maximum(counts, 1))
    if target == "multi_label":
        positive = targets.sum(axis=0)
        return np.maximum(len(targets) - positive, 1) / np.maximum(positive, 1)
    return None


def hard_loss(target: str, logits: "Tensor", labels: "Tensor") -> "tuple[Tensor, int]":
    """Cross-entropy (classes), binary cross-entropy as a mean over labels (multi_label) or squared error (number),
    summed over the rows that have a label, and how many those are.

    Args:
        logits: float [rows, labels].
        labels: int64 [rows], -100 where there is none; float [rows, labels] or float [rows], nan where there is none.
            For classes also float [rows, labels], shares that sum to 1, or zeros where there is none.
    """
    from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, mse_loss

    if target == "classes" and labels.is_floating_point():
        return cross_entropy(logits, labels, reduction="sum"), int(labels.any(-1).sum())
    if target == "classes":
        return cross_entropy(logits, labels, ignore_index=-100, reduction="sum"), int((labels != -100).sum())
    if target == "multi_label":
        known = ~labels.isnan().any(-1)
        crossed = binary_cross_entropy_with_logits(logits[known], labels[known], reduction="none")
        return crossed.mean(-1).sum(), int(known.sum())
    known = ~labels.isnan()
    return mse_loss(logits.squeeze(-1)[known], labels[known], reduction="sum"), int(known.sum())


def soft_loss(target: str, student: "Tensor", teacher: "Tensor", temperature: float) -> "Tensor":
    """Divergence of the student's softened answers from the teacher's, times T squared (Hinton et al., 2015, section
    2.1), summed over rows; for multi_label that of Bernoullis, a mean over labels. A number has no temperature: squared
    error.

    Args:
        student: logits float [rows, labels].
        teacher: logits float [rows, labels].
    """
    from torch.nn.functional import kl_div, log_softmax, mse_loss, softmax

    if target == "classes":
        log_probabilities = log_softmax(student / temperature, dim=-1)
        return kl_div(log_probabilities, softmax(teacher / temperature, dim=-1), reduction="sum") * temperature**2
    if target == "multi_label":
        return _bernoulli_divergence(student / temperature, teacher / temperature) * temperature**2
    return mse_loss(student, teacher, reduction="sum")


def _bernoulli_divergence(student: "Tensor", teacher: "Tensor") -> "Tensor":
    """Mean over labels, summed over rows, of logits float [rows, labels]."""
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid

    wanted = torch.sigmoid(teacher)
    crossed = binary_cross_entropy_with_logits(student, wanted, reduction="none")
    entropy = -(wanted * logsigmoid(teacher) + (1 - wanted) * logsigmoid(-teacher))
    return (crossed - entropy).mean(-1).sum()
