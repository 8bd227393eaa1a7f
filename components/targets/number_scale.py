"""The scale on which a network learns a number."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True)
class NumberScale:
    """Where number targets lie. A network learns (value - mean) / spread, whatever the unit; then its last layer is
    changed so that it answers in real units by itself. Classes and labels stay as they are."""

    mean: float = 0.0
    spread: float = 1.0

    @classmethod
    def of(cls, target: str, targets: np.ndarray, *models: "PreTrainedModel") -> Self:
        """Mean and standard deviation of `targets`; mean 0 where the last layer of a model has no bias to hold it.

        Args:
            target: classes, multi_label or number; of the first two nothing is scaled.
            targets: float64 [rows] for number, in real units.
            models: those that are going to learn them.
        """
        from stillhouse.components.models.layers import output_layer

        if target != "number":
            return cls()
        biased = all(output_layer(model).bias is not None for model in models)
        mean = float(targets.mean()) if biased else 0.0
        return cls(mean, math.sqrt(np.square(targets - mean).mean()) or 1.0)

    def standardise(self, targets: np.ndarray) -> np.ndarray:
        """What the network learns: float64 [rows] of targets [rows]."""
        return targets if self == NumberScale() else (targets - self.mean) / self.spread

    def restore(self, scores: np.ndarray) -> np.ndarray:
        """Its answers in real units, float [rows, 1]."""
        return scores * self.spread + self.mean

    def fold_into(self, model: "PreTrainedModel") -> None:
        """Let the model answer in real units."""
        from stillhouse.components.models.layers import scale_output

        scale_output(model, self.spread, self.mean)

    def take_out_of(self, model: "PreTrainedModel") -> None:
        """The inverse of `fold_into`."""
        from stillhouse.components.models.layers import scale_output

        scale_output(model, 1 / self.spread, -self.mean / self.spread)
