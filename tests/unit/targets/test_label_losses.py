"""Losses of labels, by value: what torch says of the same logits."""

import numpy as np
import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from stillhouse.components.targets.label_losses import label_loss

LOGITS = torch.tensor([[2.0, -1.0, 0.5], [0.0, 1.0, -2.0], [1.5, 1.0, 0.0]])


def test_the_loss_of_classes_weighs_and_smooths_as_torch_does() -> None:
    labels, weights = torch.tensor([0, 2, 1]), np.array([0.5, 1.0, 3.0])
    loss, count = label_loss("classes", class_weights=weights, label_smoothing=0.1)(LOGITS, labels)
    options = {"weight": torch.tensor(weights).float(), "label_smoothing": 0.1, "reduction": "sum"}
    assert (loss.item(), count) == (cross_entropy(LOGITS, labels, **options).item(), 3)


def test_the_loss_of_label_sets_is_a_mean_over_labels() -> None:
    labels, weights = torch.tensor([[1.0, 0, 0], [1, 1, 0], [0, 0, 0]]), np.array([2.0, 1.0, 1.0])
    loss, count = label_loss("multi_label", class_weights=weights, label_smoothing=0.2)(LOGITS, labels)
    soft = labels * 0.8 + 0.1
    each = binary_cross_entropy_with_logits(LOGITS, soft, pos_weight=torch.tensor(weights).float(), reduction="none")
    assert count == 3
    assert loss.item() == pytest.approx(each.mean(-1).sum().item())


def test_the_loss_of_a_number_is_its_squared_error() -> None:
    loss, count = label_loss("number", class_weights=None, label_smoothing=0.0)(
        torch.tensor([[0.5], [2.0]]), torch.tensor([1.0, -1.0])
    )
    assert (loss.item(), count) == (9.25, 2)
