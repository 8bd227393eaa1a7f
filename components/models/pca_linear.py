"""Principal components with a linear model, the strong baseline on pictures, as a model of its own: safetensors.

It answers without scikit-learn and torch, and imports nothing of Stillhouse: MLflow keeps the file beside a registered
model.
"""

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from stillhouse.components.models.array_files import WEIGHTS, answers_of, load_arrays

LOAD = "pca_linear"
"""What model.json says under `load`."""
BATCH_ROWS = 512
"""Rows after which progress is told."""


class PcaLinear:
    """Values less their means, on principal components (Pearson, 1901), and a linear layer on those: softmax for
    classes, a sigmoid for each label of a set, the value itself for a number."""

    LOAD: ClassVar[str] = LOAD

    def __init__(
        self, target: str, mean: np.ndarray, components: np.ndarray, weights: np.ndarray, bias: np.ndarray
    ) -> None:
        """Take what was fitted.

        Args:
            target: classes, multi_label or number.
            mean: [values].
            components: [components, values].
            weights: [labels, components]; one row for a number.
            bias: [labels]; minus infinity for a class or label that is never answered.
        """
        self.target = target
        self._arrays = {
            name: np.ascontiguousarray(array, dtype=np.float32)
            for name, array in (("mean", mean), ("components", components), ("weights", weights), ("bias", bias))
        }

    @property
    def parameters(self) -> int:
        """Of means, components and the linear layer."""
        return sum(array.size for array in self._arrays.values())

    def save(self, folder: Path) -> None:
        """Write it into `folder`."""
        from safetensors.numpy import save_file

        save_file(self._arrays, folder / WEIGHTS)

    @classmethod
    def load(cls, folder: Path, target: str) -> Self:
        """What `save` wrote.

        Raises:
            ValueError: the file cannot be read, or is not of this kind.
        """
        mean, components, weights, bias = load_arrays(folder, ("mean", "components", "weights", "bias"))
        fits = mean.ndim == bias.ndim == 1 and components.ndim == weights.ndim == 2
        if not fits or components.shape[1:] != mean.shape or weights.shape != (len(bias), len(components)):
            raise ValueError(f"{WEIGHTS} holds arrays whose shapes do not fit each other")
        return cls(target, mean, components, weights, bias)

    def score(self, rows: np.ndarray, progress: Callable[[int], None] | None = None) -> np.ndarray:
        """Answers for `rows`, [rows, values]: probabilities float64 [rows, labels], or values [rows, 1] for a number.

        Args:
            progress: is told the rows of each batch.
        """
        mean, components, weights, bias = (array.astype(np.float64) for array in self._arrays.values())
        logits = np.zeros((len(rows), len(bias)))
        for start in range(0, len(rows), BATCH_ROWS):
            batch = rows[start : start + BATCH_ROWS]
            logits[start : start + BATCH_ROWS] = (batch - mean) @ components.T @ weights.T + bias
            if progress is not None:
                progress(len(batch))
        return answers_of(self.target, logits)
