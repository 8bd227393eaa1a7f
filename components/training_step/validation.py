"""What the steps that learn from labels share: validation while they train, and how large examples are."""

import logging
import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.targets.measure import Statistics, values_of
from stillhouse.components.targets.resamples import standard_error
from stillhouse.components.tasks.interface.task import View

if TYPE_CHECKING:
    from torch import nn

    from stillhouse.components.models.loaded import LoadedModel
    from stillhouse.components.tasks import Task
    from stillhouse.components.training.loop import Evaluation

logger = logging.getLogger(__name__)

RESAMPLES = 200
"""Of the validation rows, for the standard error of what was measured on them."""
MOST_COUNTED = 512
"""Units of an example that are counted, where settings follow from lengths."""


def validation_of(
    task: "Task",
    loaded: "LoadedModel",
    validation: Examples,
    max_size: int,
    network_of: "Callable[[nn.Module], nn.Module]" = lambda module: module,
) -> "Evaluation":
    """The evaluation that the loop runs: the task's measures on the validation split.

    The main one is nan when the model has no finite answer for a row: such weights are not kept.

    Args:
        max_size: units that examples are cut to.
        network_of: the model inside the module that is trained.
    """
    from stillhouse.components.training.loop import Evaluation

    samples, main = task.samples(loaded, validation, View(max_size)), task.measures[0]
    statistics: Statistics = {}

    def evaluate(module: "nn.Module") -> dict[str, float]:
        nonlocal statistics
        answers = task.answer_samples(network_of(module), samples)
        if missing := int(task.unanswered(answers).sum()):
            logger.warning("%d of %d validation rows get an answer that is not a finite number", missing, len(answers))
            return {main.name: math.nan}
        statistics = task.statistics(answers, validation)
        return values_of(statistics, task.measures, len(validation))

    def error() -> float:
        return standard_error(statistics, main, len(validation), resamples=RESAMPLES, seed=0)

    return Evaluation(evaluate, main.name, main.greater_is_better, error)


def sizes_of(task: "Task", loaded: "LoadedModel", examples: Examples) -> np.ndarray:
    """Units of each example as the model reads it, up to MOST_COUNTED: int64 [examples]."""
    longest = task.longest(loaded.model)
    return task.samples(loaded, examples, View(min(MOST_COUNTED, longest or MOST_COUNTED))).lengths
