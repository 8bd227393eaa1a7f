"""What a teacher tells a student of each example: ragged, so that logits, boxes and frames are kept alike."""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import torch


class Ragged(NamedTuple):
    """Values of all examples end to end."""

    values: "torch.Tensor"
    """float [sum, ...]."""
    counts: "torch.Tensor"
    """int64 [examples]: how many of the values each example has."""

    @classmethod
    def of(cls, values: "torch.Tensor") -> "Ragged":
        """One value, [examples, ...], for each example."""
        import torch

        return cls(values, torch.ones(len(values), dtype=torch.int64, device=values.device))
