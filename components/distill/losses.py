"""What the student learns from: plain functions over logits, hidden states and attention maps."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import (
    binary_cross_entropy_with_logits,
    cross_entropy,
    kl_div,
    log_softmax,
    logsigmoid,
    mse_loss,
    softmax,
)

SoftLoss = Callable[[Tensor, Tensor, float], Tensor]
HardLoss = Callable[[Tensor, Tensor], Tensor]


def soft_classes(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """KL divergence of the softened distributions times T squared, summed over rows (Hinton et al., 2015, section 2.1).

    Args:
        student: logits float [rows, classes].
        teacher: logits float [rows, classes].
    """
    log_probabilities = log_softmax(student / temperature, dim=-1)
    return kl_div(log_probabilities, softmax(teacher / temperature, dim=-1), reduction="sum") * temperature**2


def soft_labels(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """The same for independent labels: KL of softened Bernoullis, mean over labels, summed over rows."""
    wanted = torch.sigmoid(teacher / temperature)
    crossed = binary_cross_entropy_with_logits(student / temperature, wanted, reduction="none")
    entropy = -(wanted * logsigmoid(teacher / temperature) + (1 - wanted) * logsigmoid(-teacher / temperature))
    return (crossed - entropy).mean(-1).sum() * temperature**2


def soft_number(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """Squared error to the teacher's value; a number has no temperature."""
    return mse_loss(student, teacher, reduction="sum")


def hard_classes(student: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy, summed over the rows that have a label (targets int64 [rows], -100 where there is none)."""
    return cross_entropy(student, targets, ignore_index=-100, reduction="sum")


def hard_labels(student: Tensor, targets: Tensor) -> Tensor:
    """Binary cross-entropy, mean over labels, summed over labelled rows (targets float [rows, labels], else nan)."""
    known = ~targets.isnan().any(-1)
    return binary_cross_entropy_with_logits(student[known], targets[known], reduction="none").mean(-1).sum()


def hard_number(student: Tensor, targets: Tensor) -> Tensor:
    """Squared error, summed over labelled rows (targets float [rows], nan elsewhere)."""
    known = ~targets.isnan()
    return mse_loss(student.squeeze(-1)[known], targets[known], reduction="sum")


LOSSES: dict[str, tuple[SoftLoss, HardLoss]] = {
    "classes": (soft_classes, hard_classes),
    "multi_label": (soft_labels, hard_labels),
    "number": (soft_number, hard_number),
}
"""Soft and hard loss of each kind of target."""


def hidden_loss(
    student: Sequence[Tensor],
    teacher: Sequence[Tensor],
    projections: nn.ModuleList,
    layer_pairs: Sequence[tuple[int, int]],
    mask: Tensor,
) -> Tensor:
    """Mean squared error between projected hidden states of paired layers, mean over real tokens, summed over rows
    (Jiao et al., 2020, TinyBERT, arXiv:1909.10351, equation 8).

    Args:
        student, teacher: embeddings and then each layer's states, float [rows, tokens, width].
        mask: bool [rows, tokens], real tokens.
    """
    total = torch.zeros((), device=mask.device)
    tokens = mask.sum(-1).clamp(min=1)
    for projection, (layer, teacher_layer) in zip(projections, layer_pairs, strict=True):
        errors = (projection(student[layer + 1]) - teacher[teacher_layer + 1]).square().mean(-1) * mask
        total = total + (errors.sum(-1) / tokens).sum()
    return total / len(layer_pairs)


def attention_loss(
    student: Sequence[Tensor], teacher: Sequence[Tensor], layer_pairs: Sequence[tuple[int, int]], mask: Tensor
) -> Tensor:
    """Mean squared error between attention maps of paired layers, mean over heads and real query tokens, summed over
    rows (TinyBERT, equation 7).

    Args:
        student, teacher: each layer's map, float [rows, heads, tokens, tokens].
    """
    total = torch.zeros((), device=mask.device)
    tokens = mask.sum(-1).clamp(min=1)
    for layer, teacher_layer in layer_pairs:
        errors = (student[layer] - teacher[teacher_layer]).square().sum(-1).mean(1) * mask
        total = total + (errors.sum(-1) / tokens).sum()
    return total / len(layer_pairs)
