"""What the steps that learn from labels share: validation while they train, and what model.json says."""

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from stillhouse.components.artifacts.dataset import Split
from stillhouse.components.targets.label_metrics import greater_is_better, main_metric, measure
from stillhouse.components.targets.unanswered import unanswered

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel

    from stillhouse.components.models.loaded import LoadedModel
    from stillhouse.components.tasks import Task
    from stillhouse.components.training.loop import Evaluation

logger = logging.getLogger(__name__)

MOST_COUNTED = 512
"""Tokens of a text that are counted, where settings follow from lengths."""


@dataclass(frozen=True)
class Scale:
    """Where number targets lie. A network learns (value - mean) / spread, whatever the unit; then its last layer is
    changed so that it answers in real units by itself. Classes and labels stay as they are."""

    mean: float = 0.0
    spread: float = 1.0

    @classmethod
    def of(cls, target: str, targets: np.ndarray, *models: "PreTrainedModel") -> Self:
        """Mean and standard deviation of `targets`; mean 0 where the last layer of a model has no bias to hold it."""
        from stillhouse.components.models.layers import output_layer

        if target != "number":
            return cls()
        biased = all(output_layer(model).bias is not None for model in models)
        mean = float(targets.mean()) if biased else 0.0
        return cls(mean, math.sqrt(np.square(targets - mean).mean()) or 1.0)

    def standardise(self, targets: np.ndarray) -> np.ndarray:
        """What the network learns."""
        return targets if self == Scale() else (targets - self.mean) / self.spread

    def restore(self, scores: np.ndarray) -> np.ndarray:
        """Its answers in real units."""
        return scores * self.spread + self.mean

    def fold_into(self, model: "PreTrainedModel") -> None:
        """Let the model answer in real units."""
        from stillhouse.components.models.layers import scale_output

        scale_output(model, self.spread, self.mean)

    def take_out_of(self, model: "PreTrainedModel") -> None:
        """The inverse of `fold_into`."""
        from stillhouse.components.models.layers import scale_output

        scale_output(model, 1 / self.spread, -self.mean / self.spread)


def validation_of(
    task: "Task",
    loaded: "LoadedModel",
    split: Split,
    about: dict[str, Any],
    max_length: int,
    scale: Scale,
    network_of: "Callable[[nn.Module], nn.Module]" = lambda module: module,
) -> "Evaluation":
    """The evaluation that the loop runs: the task's metrics on the validation split.

    The main one is nan when the model has no finite answer for a row: such weights are not kept.

    Args:
        scale: of the targets that the model learns.
        network_of: the model inside the module that is trained.
    """
    from stillhouse.components.training.loop import Evaluation

    samples = task.labelled_samples(loaded, split.texts, split.targets, max_length=max_length, augment=0.0, seed=0)

    def evaluate(module: "nn.Module") -> dict[str, float]:
        scores = task.score_samples(network_of(module), samples, about["target"])
        if missing := int(unanswered(scores).sum()):
            logger.warning("%d of %d validation rows get an answer that is not a finite number", missing, len(scores))
            return {main: math.nan}
        return measure(about["target"], scale.restore(scores), split.targets, about["labels"])

    main = main_metric(about["target"])
    return Evaluation(evaluate, main, greater_is_better(main))


def token_counts(task: "Task", loaded: "LoadedModel", texts: Sequence[str]) -> np.ndarray:
    """Tokens of each text as the model reads it, up to MOST_COUNTED: int64 [texts]."""
    from stillhouse.components.models.layers import num_positions

    most = min(MOST_COUNTED, num_positions(loaded.model))
    none = np.zeros(len(texts), np.int64)
    return task.labelled_samples(loaded, texts, none, max_length=most, augment=0.0, seed=0).lengths


def best_point(points: list[dict[str, float]], target: str) -> dict[str, float]:
    """Validation metrics of the evaluation whose weights were kept."""
    main = main_metric(target)
    finite = [point for point in points if math.isfinite(point[main])]
    best = (max if greater_is_better(main) else min)(finite, key=lambda point: point[main])
    place = {"step", "epochs"}
    return {f"validation_{name}": value for name, value in best.items() if math.isfinite(value) and name not in place}


def model_info(about: dict[str, Any], settings: dict[str, Any], max_length: int | None) -> dict[str, Any]:
    """What model.json says beyond the weights; `max_length` is None for a model that reads whole texts."""
    return {
        "task": settings["task"],
        "target": about["target"],
        "labels": about["labels"],
        "columns": about["columns"],
        "csv": about.get("csv", {}),
        "cleaning": about.get("cleaning", {}),
        "main_metric": main_metric(about["target"]),
        **({} if max_length is None else {"max_length": max_length}),
        "settings": settings,
        "dataset_digest": about["content_digest"],
    }
