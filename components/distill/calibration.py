"""Temperature scaling: a student that is as sure as it is right (Guo et al., 2017, arXiv:1706.04599).

One number, fitted on the validation rows, divides all logits. It is done here, where these rows are at hand and the
model is not written yet, and in the weights of the last layer: what is tested is what is served, by whatever loads it.
"""

import math
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np

from stillhouse.components.artifacts.calibration import TemperatureScaling
from stillhouse.components.tasks.interface.task import View

if TYPE_CHECKING:
    import torch

    from stillhouse.components.artifacts.examples import Examples
    from stillhouse.components.models.loaded import LoadedModel
    from stillhouse.components.tasks import Task
    from stillhouse.components.tasks.interface.task import Loss

    Told = Sequence[tuple["torch.Tensor", "torch.Tensor"]]
    """Of each batch logits, float32, and labels, as the task's loss takes them."""

SEARCHED = 100.0
"""Temperatures are looked for between 1 / 100 and 100."""
STEPS = 40
"""Of the search, each of which leaves 62 % of the range: to 1 part in 20 million."""


def calibrate(task: "Task", student: "LoadedModel", validation: "Examples", max_size: int) -> TemperatureScaling | None:
    """Scale the student's logits in its weights, so that its log-loss on the validation rows is least.

    Args:
        student: trained; its last layer is changed.
        max_size: units that examples are cut to.

    Returns:
        What was done; None where answers come without probabilities, or where some are not finite numbers.
    """
    from stillhouse.components.models.layers import scale_output

    if not task.has_probabilities:
        return None
    told = _told(task, student, validation, max_size)
    before, number = mean_loss(task.loss, told, 1.0)
    if not math.isfinite(before):
        return None
    # One row beside those that there are, of any label alike: else a model that has them all right would be made as
    # sure as can be (as Platt, 1999, "Probabilistic outputs for support vector machines", smooths its targets).
    smoothed = task.training_loss(validation, class_weights="none", label_smoothing=1 / (number + 1))
    temperature = fitted_temperature(smoothed, told)
    scale_output(student.model, 1 / temperature, 0.0)
    after, _ = mean_loss(task.loss, told, temperature)
    return TemperatureScaling(
        method="temperature", temperature=temperature, rows=len(validation), loss_before=before, loss_after=after
    )


def fitted_temperature(loss: "Loss", told: "Told") -> float:
    """The temperature of the least mean loss: log-loss is convex in its inverse, so a golden section search (Kiefer,
    1953, doi:10.1090/S0002-9939-1953-0055639-3) finds it."""
    return math.exp(
        _least(lambda log: mean_loss(loss, told, math.exp(log))[0], -math.log(SEARCHED), math.log(SEARCHED))
    )


def mean_loss(loss: "Loss", told: "Told", temperature: float) -> tuple[float, int]:
    """The mean loss of logits divided by `temperature`, and of how many answers it is the mean."""
    found = [loss(SimpleNamespace(logits=logits / temperature), {"labels": labels}) for logits, labels in told]
    number = sum(count for _, count in found)
    return sum(value.item() for value, _ in found) / max(number, 1), number


def _told(task: "Task", student: "LoadedModel", validation: "Examples", max_size: int) -> "Told":
    import torch

    from stillhouse.components.training.batches import split_by_padded_tokens

    samples, told = task.samples(student, validation, View(max_size)), []
    order, model = np.argsort(samples.lengths, kind="stable"), student.model.eval()
    device = next(model.parameters()).device
    with torch.inference_mode():
        for rows in split_by_padded_tokens(order, samples.lengths, task.unit.micro_batch):
            batch = {name: tensor.to(device) for name, tensor in samples.batch(rows, 0).items()}
            told.append((task.forward(model, batch).logits.float().cpu(), batch["labels"].cpu()))
    return told


def _least(value: Callable[[float], float], low: float, high: float) -> float:
    """Where a function with one valley is least."""
    ratio = (math.sqrt(5) - 1) / 2
    left, right = high - ratio * (high - low), low + ratio * (high - low)
    at_left, at_right = value(left), value(right)
    for _ in range(STEPS):
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - ratio * (high - low)
            at_left = value(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + ratio * (high - low)
            at_right = value(right)
    return (low + high) / 2
