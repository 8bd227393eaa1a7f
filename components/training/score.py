"""Ask a model for its answers to all samples."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from stillhouse.components.training.batches import Samples, split_by_padded_tokens

if TYPE_CHECKING:
    import torch
    from torch import nn


def score_samples(
    model: "nn.Module",
    samples: Samples,
    answer: "Callable[[nn.Module, Mapping[str, torch.Tensor]], torch.Tensor]",
    *,
    batch_tokens: int = 8192,
    progress: Callable[[int], None] | None = None,
) -> np.ndarray:
    """Answers for `samples` in their order, float32 [samples, columns]; [0, 1] for no samples.

    Batches are made shortest first, so that padding is small, and as the view of epoch 0.

    Args:
        answer: the model and a batch on its device -> answers float32 [rows, columns].
        batch_tokens: padded size of a batch at most; a longer sample is alone.
        progress: is told the rows of each batch.
    """
    import torch

    order = np.argsort(samples.lengths, kind="stable")
    if not len(order):
        return np.zeros((0, 1), np.float32)
    device = next(model.parameters()).device
    chunks = []
    with torch.inference_mode():
        for rows in split_by_padded_tokens(order, samples.lengths, batch_tokens):
            batch = {name: tensor.to(device) for name, tensor in samples.batch(rows, 0).items()}
            chunks.append(answer(model, batch).cpu().numpy())
            if progress is not None:
                progress(len(rows))
    scores = np.zeros((len(order), chunks[0].shape[1]), np.float32)
    scores[order] = np.concatenate(chunks)
    return scores
