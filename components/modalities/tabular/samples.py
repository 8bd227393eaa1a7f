"""Rows of a table as the loop asks for them."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from stillhouse.components.modalities.randomness import uniform
from stillhouse.components.modalities.tabular.columns import Columns
from stillhouse.components.modalities.tabular.encode import Encoded, features

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class SwapNoise:
    """Cells that take the value of another row: noise whose values are always possible ones (Jahrer, 2017, first place
    of Porto Seguro's Safe Driver Prediction). It derives from (seed, epoch, row) alone."""

    seed: int
    share: float
    """Of the cells of a row, 0 to 1."""


@dataclass
class TabularSamples:
    """Rows, with targets or without."""

    columns: Columns
    encoded: Encoded
    targets: np.ndarray | None = None
    """int64 [rows], float32 [rows, labels] or float32 [rows]."""
    noise: SwapNoise | None = None
    lengths: np.ndarray = field(init=False)
    """int64 [rows]: each row is one."""

    def __post_init__(self) -> None:
        if self.targets is not None and self.targets.dtype == np.float64:
            self.targets = self.targets.astype(np.float32)
        self.lengths = np.ones(len(self.encoded.numbers), np.int64)
        place = {column.name: place for place, column in enumerate(self.columns.numeric)}
        # The floats of one column are swapped together.
        self._column_of = np.array([place[feature.column] for feature in features(self.columns)], np.int64)

    def batch(self, rows: np.ndarray, epoch: int) -> "dict[str, torch.Tensor]":
        """numbers float32 [rows, floats], categories int64 [rows, categories], and labels where there are targets."""
        import torch

        shown = self.view(rows, epoch)
        arrays = {"numbers": shown.numbers, "categories": shown.categories}
        if self.targets is not None:
            arrays["labels"] = self.targets[rows]
        return {name: torch.from_numpy(array) for name, array in arrays.items()}

    def view(self, rows: np.ndarray, epoch: int) -> Encoded:
        """The rows (int64 [rows]) as that epoch sees them."""
        numbers, categories = self.encoded
        if self.noise is None or not self.noise.share:
            return Encoded(numbers[rows], categories[rows])
        num_numeric = len(self.columns.numeric)
        draws, other = (
            uniform(self.noise.seed, epoch, rows, num_numeric + categories.shape[1], stream) for stream in (0, 1)
        )
        source = np.where(draws < self.noise.share, (other * len(numbers)).astype(np.int64), rows[:, None])
        return Encoded(
            numbers[source[:, :num_numeric][:, self._column_of], np.arange(numbers.shape[1])],
            categories[source[:, num_numeric:], np.arange(categories.shape[1])],
        )
