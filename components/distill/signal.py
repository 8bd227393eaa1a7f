"""What a teacher told of each view of each example, kept in memory and given out with the batches."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
import torch

from stillhouse.components.targets.signal import places_of, rows_of
from stillhouse.components.tasks.interface.task import SIGNAL
from stillhouse.components.training.batches import Samples


class Kept(NamedTuple):
    """One part of the signal, of all examples in their order."""

    values: torch.Tensor
    """[sum, ...], those of each example after those of the one before."""
    ends: torch.Tensor
    """int64 [examples + 1]: where each example's values end; the first is 0."""

    @classmethod
    def of(cls, values: torch.Tensor, counts: torch.Tensor, order: np.ndarray) -> Self:
        """Of values that come in another order.

        Args:
            values: [sum, ...].
            counts: int64 [examples], how many of them each example has.
            order: int64 [examples], which example each is.
        """
        place = torch.from_numpy(np.argsort(order, kind="stable"))
        begins = (counts.cumsum(0) - counts)[place]
        ends = torch.cat([counts.new_zeros(1), counts[place].cumsum(0)])
        return cls(values[_spans(begins, counts[place])[0]], ends)

    def only(self, chosen: torch.Tensor) -> "Kept":
        """The same of the chosen examples, bool [examples]; the others have no values."""
        counts = self.ends.diff()
        ends = torch.cat([self.ends[:1], (counts * chosen).cumsum(0)])
        return Kept(self.values[chosen[rows_of(counts)]], ends)

    def of_rows(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The values of some examples end to end, [sum, ...], and which of `rows` each belongs to, int64 [sum]."""
        index, row = _spans(self.ends[rows], self.ends[rows + 1] - self.ends[rows])
        return self.values[index], row


def _spans(begins: torch.Tensor, counts: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Indices of the spans that begin so and are so long, end to end, and the span of each: int64 [sum]."""
    row = rows_of(counts)
    return begins[row] + places_of(row, counts), row


class ViewedSamples:
    """Samples whose random view repeats every `num_views` epochs, so that answers can be reused.

    Teacher and student see the same view.
    """

    def __init__(self, samples: Samples, num_views: int) -> None:
        self.samples, self.num_views, self.lengths = samples, num_views, samples.lengths

    def batch(self, rows: np.ndarray, epoch: int) -> Mapping[str, Any]:
        """Inputs of `rows`, int64 [rows], in the view of `epoch`."""
        return self.samples.batch(rows, epoch % self.num_views)


class AnsweredSamples(ViewedSamples):
    """Viewed samples that carry what the teacher told.

    Args:
        signals: of each view, each part by name.
    """

    def __init__(self, samples: Samples, signals: Sequence[Mapping[str, Kept]]) -> None:
        super().__init__(samples, len(signals))
        self.signals = signals

    def batch(self, rows: np.ndarray, epoch: int) -> Mapping[str, Any]:
        """Inputs in the view of `epoch`, with `teacher_<name>` [sum, ...] and `teacher_<name>_row` int64 [sum] of each
        part of the signal."""
        batch = dict(super().batch(rows, epoch))
        chosen = torch.from_numpy(rows)
        for name, kept in self.signals[epoch % self.num_views].items():
            batch[SIGNAL + name], batch[f"{SIGNAL}{name}_row"] = kept.of_rows(chosen)
        return batch


def signal_in(batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The teacher's signal in a batch, under its own names; empty where it carries none."""
    return {name.removeprefix(SIGNAL): value for name, value in batch.items() if name.startswith(SIGNAL)}
