"""Losses of classes, label sets and numbers as they are labelled: plain functions of logits, summed over rows."""

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
