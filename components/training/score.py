"""Ask a model for its answers to all samples, or for its mean loss over them."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from stillhouse.components.training.batches import Samples, split_by_padded_tokens
from stillhouse.components.training.settings import LoopSettings

if TYPE_CHECKING:
    import torch
    from torch import nn

    from stillhouse.components.training.loop import Loss


def score_samples(
    model: "nn.Module",
    samples: Samples,
    answer: "Callable[[nn.Module, Mapping[str, torch.Tensor]], torch.Tensor | Sequence[Any]]",
    *,
    batch_units: int,
    progress: Callable[[int], None] | None = None,
) -> np.ndarray | list[Any]:
    """Answers for `samples` in their order: an array of what `answer` gives as tensors, float32 [0, 1] for no samples;
    a list of what it gives as lists.

    Batches are made shortest first, so that padding is small, and as the view of epoch 0.

    Args:
        answer: the model and a batch on its device -> answers, one for each sample: a tensor [samples, ...] or a list.
        batch_units: padded size of a batch at most, in the samples' unit; a longer sample is alone.
        progress: is told the samples of each batch.
    """
    import torch

    order = np.argsort(samples.lengths, kind="stable")
    if not len(order):
        return np.zeros((0, 1), np.float32)
    device = next(model.parameters()).device
    chunks: list[Any] = []
    with torch.inference_mode():
        for rows in split_by_padded_tokens(order, samples.lengths, batch_units):
            batch = {name: tensor.to(device) for name, tensor in samples.batch(rows, 0).items()}
            found = answer(model, batch)
            chunks.append(found.cpu().numpy() if isinstance(found, torch.Tensor) else found)
            if progress is not None:
                progress(len(rows))
    if not isinstance(chunks[0], np.ndarray):
        back = np.argsort(order, kind="stable")
        together = [each for chunk in chunks for each in chunk]
        return [together[place] for place in back]
    scores = np.zeros((len(order), *chunks[0].shape[1:]), chunks[0].dtype)
    scores[order] = np.concatenate(chunks)
    return scores


def mean_loss(model: "nn.Module", samples: Samples, loss: "Loss", settings: LoopSettings) -> float:
    """Mean of `loss` over `samples` in the view of epoch 0, without learning; nan where there is nothing to predict."""
    import torch

    device = next(model.parameters()).device
    total, weight = 0.0, 0
    rows = np.argsort(samples.lengths, kind="stable")
    with torch.inference_mode():
        for part in split_by_padded_tokens(rows, samples.lengths, settings.micro_batch_tokens):
            value, count = loss(model, {name: t.to(device) for name, t in samples.batch(part, 0).items()})
            total += value.item()
            weight += count
    return total / weight if weight else math.nan
