"""The head of a frozen backbone: a linear model on its features, from which fine-tuning goes on.

A head that begins with random weights sends its first, large gradients through the whole backbone and spoils features
that were good (Kumar et al., 2022, Fine-Tuning can Distort Pretrained Features, arXiv:2202.10054).
"""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel

    from stillhouse.components.tasks import Task
    from stillhouse.components.training.batches import Samples

SCALE = 10.0
"""Length of a row's features beside a regularisation of 1."""
ABSENT = -10.0
"""Logit of a class that no training row has."""
BATCH_ROWS = 32


def fit_head(task: "Task", model: "PreTrainedModel", samples: "Samples", targets: np.ndarray) -> None:
    """Put logistic regression on the backbone's features, fitted on the training rows, into the output layer.

    Args:
        samples: the training rows.
        targets: int64 [rows], the class of each.
    """
    import torch
    from sklearn.linear_model import LogisticRegression

    from stillhouse.components.models.layers import output_layer

    present = np.unique(targets)
    layer = output_layer(model)
    if len(present) < 2 or layer.bias is None:  # decoders have none, and are asked at every token
        return
    features = _features(task, model, layer, samples)
    mean, spread = features.mean(axis=0), features.std(axis=0) + 1e-3
    factor = SCALE / np.sqrt(features.shape[1]) / spread
    fitted = LogisticRegression(max_iter=500).fit((features - mean) * factor, targets)
    weights, bias = fitted.coef_ * factor, fitted.intercept_
    if len(present) == 2:  # one plane between two classes: half of it on each side
        weights, bias = np.concatenate([-weights, weights]) / 2, np.concatenate([-bias, bias]) / 2
    rows = torch.from_numpy(present)
    with torch.no_grad():
        layer.weight.zero_()
        layer.weight[rows] = torch.from_numpy(weights).to(layer.weight)
        layer.bias.fill_(ABSENT)
        layer.bias[rows] = torch.from_numpy(bias - weights @ mean).to(layer.bias)


def _features(task: "Task", model: "PreTrainedModel", layer: "nn.Linear", samples: "Samples") -> np.ndarray:
    """What the output layer is given for each row: float32 [rows, width]."""
    import torch

    from stillhouse.components.training.precision import pick_device

    device = pick_device()
    network: nn.Module = model
    network.to(device).eval()
    seen: list[torch.Tensor] = []
    hook = layer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].float().cpu()))
    order, features = np.argsort(samples.lengths, kind="stable"), []
    try:
        with torch.inference_mode():
            for rows in np.array_split(order, -(-len(order) // BATCH_ROWS)):
                batch = {name: tensor.to(device) for name, tensor in samples.batch(rows, 0).items()}
                task.forward(model, batch)
                features.append(seen.pop().numpy())
    finally:
        hook.remove()
    together = np.concatenate(features)
    result = np.empty_like(together)
    result[order] = together
    return result
