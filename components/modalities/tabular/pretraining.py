"""Learning from rows without labels: a denoising autoencoder (Vincent et al., 2008, doi:10.1145/1390156.1390294)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from stillhouse.components.modalities.tabular.columns import Columns
from stillhouse.components.modalities.tabular.encode import Encoded, features
from stillhouse.components.modalities.tabular.samples import SwapNoise, TabularSamples

if TYPE_CHECKING:
    import torch
    from torch import nn

OBJECTIVES = ("denoising",)
SHARE = 0.15
"""Of the cells that are swapped, where no setting says otherwise."""


@dataclass
class DenoisingSamples(TabularSamples):
    """Rows with some of their cells swapped, and as they were."""

    def batch(self, rows: np.ndarray, epoch: int) -> "dict[str, torch.Tensor]":
        """What the network is given (numbers, categories) and what it is to give back: true_numbers float32 [rows,
        floats], is_there bool [rows, floats] (false where a value is missing: nothing is known of it) and
        true_categories int64 [rows, categories]."""
        import torch

        found = super().batch(rows, epoch)
        numbers, categories = self.encoded.numbers[rows], self.encoded.categories[rows]
        arrays = {
            "true_numbers": numbers,
            "is_there": is_there(self.columns, numbers),
            "true_categories": categories,
        }
        return found | {name: torch.from_numpy(array) for name, array in arrays.items()}


def pretraining_samples(columns: Columns, encoded: Encoded, *, seed: int, share: float = SHARE) -> DenoisingSamples:
    """Samples of the objective; each epoch swaps other cells."""
    return DenoisingSamples(columns, encoded, noise=SwapNoise(seed, share))


def is_there(columns: Columns, numbers: np.ndarray) -> np.ndarray:
    """bool [rows, floats]: whether a float comes from a value and does not stand in for one that is missing."""
    names = features(columns)
    found = np.ones(numbers.shape, bool)
    lacking = {name.column: numbers[:, place] > 0.5 for place, name in enumerate(names) if name.part == "missing"}
    for place, name in enumerate(names):
        if name.part != "missing" and name.column in lacking:
            found[:, place] = ~lacking[name.column]
    return found


def pretraining_loss(model: "nn.Module", batch: "Mapping[str, torch.Tensor]") -> "tuple[torch.Tensor, int]":
    """Squared errors of the floats and cross-entropies of the categories: the mean over a row's cells, summed over
    rows, a scalar; and how many rows."""
    from torch.nn.functional import cross_entropy

    outputs: Any = model(batch["numbers"], batch["categories"])
    numbers, *categories = outputs
    rows, cells = batch["numbers"].shape[0], numbers.shape[1] + len(categories)
    total = ((numbers - batch["true_numbers"]).square() * batch["is_there"]).sum()
    for place, logits in enumerate(categories):
        total = total + cross_entropy(logits, batch["true_categories"][:, place], reduction="sum")
    return total / cells, rows
