"""What the steps that learn from labels share: validation while they train, and how long texts are."""

import logging
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from stillhouse.components.artifacts.dataset import Split
from stillhouse.components.targets.label_metrics import greater_is_better, main_metric, measure
from stillhouse.components.targets.number_scale import NumberScale
from stillhouse.components.targets.unanswered import unanswered

if TYPE_CHECKING:
    from torch import nn

    from stillhouse.components.models.loaded import LoadedModel
    from stillhouse.components.tasks import Task
    from stillhouse.components.training.loop import Evaluation

logger = logging.getLogger(__name__)

MOST_COUNTED = 512
"""Tokens of a text that are counted, where settings follow from lengths."""


def validation_of(
    task: "Task",
    loaded: "LoadedModel",
    split: Split,
    spec: dict[str, Any],
    max_length: int,
    scale: NumberScale,
    network_of: "Callable[[nn.Module], nn.Module]" = lambda module: module,
) -> "Evaluation":
    """The evaluation that the loop runs: the task's metrics on the validation split.

    The main one is nan when the model has no finite answer for a row: such weights are not kept.

    Args:
        split: the validation rows, their targets in real units.
        spec: the dataset's dataset.json.
        max_length: tokens that texts are cut to.
        scale: of the targets that the model learns.
        network_of: the model inside the module that is trained.
    """
    from stillhouse.components.training.loop import Evaluation

    samples = task.labelled_samples(loaded, split.texts, split.targets, max_length=max_length, augment=0.0, seed=0)

    def evaluate(module: "nn.Module") -> dict[str, float]:
        scores = task.score_samples(network_of(module), samples, spec["target"])
        if missing := int(unanswered(scores).sum()):
            logger.warning("%d of %d validation rows get an answer that is not a finite number", missing, len(scores))
            return {main: math.nan}
        return measure(spec["target"], scale.restore(scores), split.targets, spec["labels"])

    main = main_metric(spec["target"])
    return Evaluation(evaluate, main, greater_is_better(main))


def token_counts(task: "Task", loaded: "LoadedModel", texts: Sequence[str]) -> np.ndarray:
    """Tokens of each text as the model reads it, up to MOST_COUNTED: int64 [texts]."""
    from stillhouse.components.models.layers import num_positions

    most = min(MOST_COUNTED, num_positions(loaded.model))
    none = np.zeros(len(texts), np.int64)
    return task.labelled_samples(loaded, texts, none, max_length=most, augment=0.0, seed=0).lengths
