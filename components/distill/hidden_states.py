"""What the student learns of its teacher's insides: losses over hidden states and attention maps."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


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
