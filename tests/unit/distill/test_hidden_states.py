"""What the student learns of its teacher's insides, against torch's formulas by hand."""

import pytest
import torch
from torch import nn

from stillhouse.components.distill.hidden_states import attention_loss, hidden_loss


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
