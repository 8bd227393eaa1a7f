"""What the steps that learn from labels share: validation while they train, and what model.json says."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from stillhouse.components.artifacts.dataset import Split
from stillhouse.components.tasks.metrics import greater_is_better, main_metric, measure

if TYPE_CHECKING:
    from torch import nn

    from stillhouse.components.tasks import LoadedModel, Task
    from stillhouse.components.training.loop import Evaluation


def validation_of(
    task: "Task",
    loaded: "LoadedModel",
    split: Split,
    about: dict[str, Any],
    max_length: int,
    network_of: "Callable[[nn.Module], nn.Module]" = lambda module: module,
) -> "Evaluation":
    """The evaluation that the loop runs: the task's metrics on the validation split.

    Args:
        network_of: the model inside the module that is trained.
    """
    from stillhouse.components.training.loop import Evaluation

    samples = task.labelled_samples(
        loaded, split.texts, split.targets, max_length=max_length, augment=0.0, seed=0
    )

    def evaluate(module: "nn.Module") -> dict[str, float]:
        scores = task.score_samples(network_of(module), samples, about["target"])
        return measure(about["target"], scores, split.targets, about["labels"])

    main = main_metric(about["target"])
    return Evaluation(evaluate, main, greater_is_better(main))


def best_point(points: list[dict[str, float]], target: str) -> dict[str, float]:
    """Validation metrics of the evaluation whose weights were kept."""
    main = main_metric(target)
    best = (max if greater_is_better(main) else min)(points, key=lambda point: point[main])
    return {
        f"validation_{name}": value for name, value in best.items() if math.isfinite(value) and name != "step"
    }


def model_info(about: dict[str, Any], settings: dict[str, Any], max_length: int) -> dict[str, Any]:
    """What model.json says beyond the weights."""
    return {
        "task": settings["task"],
        "target": about["target"],
        "labels": about["labels"],
        "columns": about["columns"],
        "main_metric": main_metric(about["target"]),
        "max_length": max_length,
        "settings": settings,
        "dataset_digest": about["content_digest"],
    }
