"""What the student learns from, against torch's formulas by hand."""

import math

import pytest
import torch
from torch import nn
from torch.distributions import Bernoulli, kl_divergence

from stillhouse.components.distill.losses import (
    LOSSES,
    attention_loss,
    hard_classes,
    hard_labels,
    hard_number,
    hidden_loss,
    soft_classes,
    soft_labels,
    soft_number,
)

STUDENT = torch.tensor([[1.0, 0.0, -1.0], [0.0, 2.0, 0.5]])
TEACHER = torch.tensor([[2.0, 0.5, -1.0], [1.0, 1.0, 1.0]])
NAN = math.nan


@pytest.mark.parametrize("temperature", [1.0, 2.0, 7.0])
def test_the_soft_loss_is_the_divergence_of_softened_answers_times_t_squared(temperature: float) -> None:
    expected = 0.0
    for student, teacher in zip(STUDENT.tolist(), TEACHER.tolist(), strict=True):
        p = [math.exp(x / temperature) / sum(math.exp(y / temperature) for y in teacher) for x in teacher]
        q = [math.exp(x / temperature) / sum(math.exp(y / temperature) for y in student) for x in student]
        expected += temperature**2 * sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))
    assert soft_classes(STUDENT, TEACHER, temperature).item() == pytest.approx(expected, rel=1e-5)


def test_the_soft_loss_of_labels_is_a_mean_over_independent_ones() -> None:
    each = kl_divergence(Bernoulli(logits=TEACHER / 3), Bernoulli(logits=STUDENT / 3))
    assert soft_labels(STUDENT, TEACHER, 3.0).item() == pytest.approx(9 * each.mean(-1).sum().item(), rel=1e-5)


def test_the_soft_loss_of_a_number_is_the_squared_error() -> None:
    assert soft_number(torch.tensor([[1.0], [3.0]]), torch.tensor([[2.0], [1.0]]), 4.0).item() == 5


@pytest.mark.parametrize("target", LOSSES)
def test_equal_logits_cost_nothing(target: str) -> None:
    logits = STUDENT[:, :1] if target == "number" else STUDENT
    assert LOSSES[target][0](logits, logits, 2.0).item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("target", ["classes", "multi_label"])
def test_gradients_are_as_large_at_any_temperature(target: str) -> None:
    """That is what the scale by T squared is for; exact for small logits."""
    norms = []
    for temperature in (1.0, 10.0):
        student = (STUDENT * 0.01).requires_grad_()
        (gradient,) = torch.autograd.grad(LOSSES[target][0](student, TEACHER * 0.01, temperature), student)
        norms.append(gradient.norm().item())
    assert norms[0] == pytest.approx(norms[1], rel=0.02)


def test_rows_without_a_label_have_no_hard_loss() -> None:
    assert hard_classes(STUDENT, torch.tensor([0, -100])) == hard_classes(STUDENT[:1], torch.tensor([0]))
    labels = torch.tensor([[1.0, 0, 0], [NAN, NAN, NAN]])
    assert hard_labels(STUDENT, labels) == hard_labels(STUDENT[:1], labels[:1])
    assert hard_number(torch.tensor([[1.0], [5.0]]), torch.tensor([3.0, NAN])).item() == 4


@pytest.mark.parametrize(
    ("target", "shape", "missing"), [("classes", (2,), -100), ("multi_label", (2, 3), NAN), ("number", (2,), NAN)]
)
def test_no_label_at_all_is_no_loss_and_no_gradient(target: str, shape: tuple[int, ...], missing: float) -> None:
    student = (STUDENT[:, :1] if target == "number" else STUDENT).clone().requires_grad_()
    loss = LOSSES[target][1](student, torch.full(shape, missing))
    (gradient,) = torch.autograd.grad(loss, student)
    assert loss.item() == 0
    assert gradient.abs().sum() == 0


def test_hidden_states_are_compared_on_real_tokens_of_paired_layers() -> None:
    student = [torch.full((2, 2, 1), 7.0), torch.zeros(2, 2, 1)]
    teacher = [torch.full((2, 2, 1), 9.0), torch.full((2, 2, 1), 5.0), torch.tensor([[[1.0], [3.0]], [[2.0], [99.0]]])]
    mask = torch.tensor([[True, True], [True, False]])
    one = nn.Linear(1, 1, bias=False)
    loss = hidden_loss(student, teacher, nn.ModuleList([one]), [(0, 1)], mask)
    assert loss.item() == pytest.approx((1 + 9) / 2 + 4)


def test_maps_lead_from_the_students_width_to_the_teachers() -> None:
    student, teacher = [torch.ones(1, 1, 2)] * 2, [torch.full((1, 1, 3), 2.0)] * 2
    linear = nn.Linear(2, 3, bias=False)
    nn.init.ones_(linear.weight)
    loss = hidden_loss(student, teacher, nn.ModuleList([linear]), [(0, 0)], torch.ones(1, 1, dtype=torch.bool))
    assert loss.item() == 0


def test_attention_maps_are_compared_for_real_queries() -> None:
    student = [torch.zeros(1, 2, 2, 2)]
    teacher = [torch.zeros(1, 2, 2, 2), torch.tensor([[[[1.0, 0], [9, 9]], [[0, 2.0], [9, 9]]]])]
    loss = attention_loss(student, teacher, [(0, 1)], torch.tensor([[True, False]]))
    assert loss.item() == pytest.approx((1 + 4) / 2)
