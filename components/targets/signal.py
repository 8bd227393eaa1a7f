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
        """One value for each example, float [examples, ...]."""
        import torch

        return cls(values, torch.ones(len(values), dtype=torch.int64, device=values.device))


def rows_of(counts: "torch.Tensor") -> "torch.Tensor":
    """The example of each value, int64 [sum], where values lie end to end and examples have `counts` of them."""
    import torch

    return torch.repeat_interleave(torch.arange(len(counts), device=counts.device), counts)


def places_of(row: "torch.Tensor", counts: "torch.Tensor") -> "torch.Tensor":
    """Which of its example's values each is, int64 [sum], from the example of each and the values of each example."""
    import torch

    return torch.arange(len(row), device=row.device) - (counts.cumsum(0) - counts)[row]
