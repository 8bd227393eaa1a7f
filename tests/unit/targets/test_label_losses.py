"""Losses of labels and of what a teacher says of them, by value: what torch and the formulas say of the same logits."""

import math

import numpy as np
import pytest
import torch
from torch.distributions import Bernoulli, kl_divergence
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from stillhouse.components.targets.label_losses import balanced_weights, hard_loss, label_loss, soft_loss

TARGETS = ("classes", "multi_label", "number")
STUDENT = torch.tensor([[1.0, 0.0, -1.0], [0.0, 2.0, 0.5]])
TEACHER = torch.tensor([[2.0, 0.5, -1.0], [1.0, 1.0, 1.0]])
NAN = math.nan
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


@pytest.mark.parametrize("temperature", [1.0, 2.0, 7.0])
def test_the_soft_loss_is_the_divergence_of_softened_answers_times_t_squared(temperature: float) -> None:
    expected = 0.0
    for student, teacher in zip(STUDENT.tolist(), TEACHER.tolist(), strict=True):
        p = [math.exp(x / temperature) / sum(math.exp(y / temperature) for y in teacher) for x in teacher]
        q = [math.exp(x / temperature) / sum(math.exp(y / temperature) for y in student) for x in student]
        expected += temperature**2 * sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))
    assert soft_loss("classes", STUDENT, TEACHER, temperature).item() == pytest.approx(expected, rel=1e-5)


def test_the_soft_loss_of_labels_is_a_mean_over_independent_ones() -> None:
    each = kl_divergence(Bernoulli(logits=TEACHER / 3), Bernoulli(logits=STUDENT / 3))
    found = soft_loss("multi_label", STUDENT, TEACHER, 3.0).item()
    assert found == pytest.approx(9 * each.mean(-1).sum().item(), rel=1e-5)


def test_the_soft_loss_of_a_number_is_the_squared_error() -> None:
    assert soft_loss("number", torch.tensor([[1.0], [3.0]]), torch.tensor([[2.0], [1.0]]), 4.0).item() == 5


@pytest.mark.parametrize("target", TARGETS)
def test_equal_logits_cost_nothing(target: str) -> None:
    logits = STUDENT[:, :1] if target == "number" else STUDENT
    assert soft_loss(target, logits, logits, 2.0).item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("target", ["classes", "multi_label"])
def test_gradients_are_as_large_at_any_temperature(target: str) -> None:
    """That is what the scale by T squared is for; exact for small logits."""
    norms = []
    for temperature in (1.0, 10.0):
        student = (STUDENT * 0.01).requires_grad_()
        (gradient,) = torch.autograd.grad(soft_loss(target, student, TEACHER * 0.01, temperature), student)
        norms.append(gradient.norm().item())
    assert norms[0] == pytest.approx(norms[1], rel=0.02)


def test_the_hard_loss_is_what_torch_says() -> None:
    loss, count = hard_loss("classes", LOGITS, torch.tensor([0, 2, 1]))
    expected = cross_entropy(LOGITS, torch.tensor([0, 2, 1]), reduction="sum").item()
    assert (loss.item(), count) == (pytest.approx(expected), 3)
    labels = torch.tensor([[1.0, 0, 0], [1, 1, 0], [0, 0, 0]])
    loss, count = hard_loss("multi_label", LOGITS, labels)
    each = binary_cross_entropy_with_logits(LOGITS, labels, reduction="none")
    assert (loss.item(), count) == (pytest.approx(each.mean(-1).sum().item()), 3)
    loss, count = hard_loss("number", torch.tensor([[0.5], [2.0]]), torch.tensor([1.0, -1.0]))
    assert (loss.item(), count) == (9.25, 2)


def test_rows_without_a_label_have_no_hard_loss_and_are_not_counted() -> None:
    assert hard_loss("classes", STUDENT, torch.tensor([0, -100])) == hard_loss(
        "classes", STUDENT[:1], torch.tensor([0])
    )
    labels = torch.tensor([[1.0, 0, 0], [NAN, NAN, NAN]])
    assert hard_loss("multi_label", STUDENT, labels) == hard_loss("multi_label", STUDENT[:1], labels[:1])
    loss, count = hard_loss("number", torch.tensor([[1.0], [5.0]]), torch.tensor([3.0, NAN]))
    assert (loss.item(), count) == (4, 1)


@pytest.mark.parametrize(
    ("target", "shape", "missing"), [("classes", (2,), -100), ("multi_label", (2, 3), NAN), ("number", (2,), NAN)]
)
def test_no_label_at_all_is_no_loss_and_no_gradient(target: str, shape: tuple[int, ...], missing: float) -> None:
    student = (STUDENT[:, :1] if target == "number" else STUDENT).clone().requires_grad_()
    loss, count = hard_loss(target, student, torch.full(shape, missing))
    (gradient,) = torch.autograd.grad(loss, student)
    assert (loss.item(), count) == (0, 0)
    assert gradient.abs().sum() == 0


def test_balanced_weights_give_each_class_the_same_say() -> None:
    found = balanced_weights("classes", np.array([0, 0, 0, 1, 2, 2]))
    assert found is not None and found.tolist() == pytest.approx([6 / 9, 6 / 3, 6 / 6])
    found = balanced_weights("multi_label", np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]]))
    assert found is not None and found.tolist() == pytest.approx([1 / 3, 3 / 1])
    assert balanced_weights("number", np.array([1.0, 2.0])) is None
