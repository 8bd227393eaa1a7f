"""Tokenised texts as the loop asks for them: padded batches."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


@dataclass
class TextSamples:
    """Tokenised texts, with targets or without, as the loop asks for them."""

    tokens: np.ndarray
    """int32 [tokens], all texts end to end."""
    offsets: np.ndarray
    """int64 [texts + 1]."""
    pad_id: int
    targets: np.ndarray | None = None
    """int64 [texts], float32 [texts, labels] or float32 [texts]."""
    change: Callable[[np.ndarray, np.ndarray, int], dict[str, np.ndarray]] | None = None
    """Makes an epoch's view: (padded ids [rows, length], row indices, epoch) -> fields that replace or join others."""
    lengths: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.lengths = np.diff(self.offsets)

    def padded(self, rows: np.ndarray) -> np.ndarray:
        """Token ids of `rows`, int64 [rows, longest], padded on the right."""
        lengths = self.lengths[rows]
        inside = np.arange(int(lengths.max()))[None, :] < lengths[:, None]
        ids = np.full(inside.shape, self.pad_id, dtype=np.int64)
        ids[inside] = np.concatenate([self.tokens[self.offsets[row] : self.offsets[row + 1]] for row in rows])
        return ids

    def batch(self, rows: np.ndarray, epoch: int) -> "dict[str, torch.Tensor]":
        """input_ids and attention_mask, int64 and bool [rows, longest], and labels where there are targets."""
        import torch

        ids = self.padded(rows)
        mask = np.arange(ids.shape[1])[None, :] < self.lengths[rows][:, None]
        arrays: dict[str, np.ndarray] = {"input_ids": ids, "attention_mask": mask}
        if self.targets is not None:
            arrays["labels"] = self.targets[rows]
        if self.change is not None:
            arrays |= self.change(ids, rows, epoch)
        return {name: torch.from_numpy(array) for name, array in arrays.items()}
