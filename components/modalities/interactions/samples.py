"""Histories as the loop asks for them: a part is shown to the model, another part is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from stillhouse.components.modalities.interactions.items import Encoded, ItemIndex, whole
from stillhouse.components.modalities.randomness import uniform

if TYPE_CHECKING:
    import torch

HIDE = 0.5
"""Share of a history that is asked for, where no setting says otherwise (Liang et al., 2018, arXiv:1802.05814)."""
OBJECTIVES = ("variational", "denoising")


class Parts(NamedTuple):
    """What some histories are cut into, each end to end; a history's items keep their order."""

    items: np.ndarray
    """int64 [shown]."""
    items_row: np.ndarray
    """int64 [shown], places among the rows, ascending."""
    held_out: np.ndarray
    """int64 [asked for]."""
    held_out_row: np.ndarray
    """int64 [asked for], likewise."""


@dataclass
class HistorySamples:
    """Histories, cut anew in each epoch where there is a seed, else before the items that the dataset asks for."""

    encoded: Encoded
    """Histories, what is held out of them included: it comes last."""
    asked: np.ndarray
    """int64 [users]: how many of each user's last items are held out."""
    seed: int | None = None
    """Of training; None as evaluation sees them."""
    hide: float = HIDE
    """Share, 0 to 1, where there is a seed: of n items at least one is asked for and one is shown; a single one is
    shown."""
    whole: bool = False
    """Ask for all items, the shown ones too: the denoising objective."""
    lengths: np.ndarray = field(init=False)
    """int64 [users]: each user is one."""

    def __post_init__(self) -> None:
        self.lengths = np.ones(len(self.asked), np.int64)

    @classmethod
    def of(
        cls, index: ItemIndex, items: Sequence[Sequence[str]], held_out: Sequence[Sequence[str] | None], **options: Any
    ) -> "HistorySamples":
        """Of names: what each user took before, and what is held out (None where nothing is)."""
        asked = index.encode(after or () for after in held_out)
        return cls(index.encode(whole(items, held_out)), np.diff(asked.offsets), **options)

    def batch(self, rows: np.ndarray, epoch: int) -> "dict[str, torch.Tensor]":
        """users int64 [rows], which they are, and the fields of `Parts`."""
        import torch

        parts = self.parts(rows, epoch)
        arrays = {"users": np.asarray(rows, np.int64), **parts._asdict()}
        return {name: torch.from_numpy(array) for name, array in arrays.items()}

    def parts(self, rows: np.ndarray, epoch: int = 0) -> Parts:
        """The histories of the rows (int64 [rows]) as that epoch sees them."""
        rows = np.asarray(rows)
        starts = self.encoded.offsets[rows]
        counts = self.encoded.offsets[rows + 1] - starts
        there = np.arange(int(counts.max(initial=0))) < counts[:, None]
        hidden = self._hidden(rows, epoch, there, counts)
        shown_row, shown_at = np.nonzero(there & ~hidden)
        asked_row, asked_at = np.nonzero(there if self.whole else hidden)
        items = self.encoded.items
        return Parts(
            items[starts[shown_row] + shown_at].astype(np.int64),
            shown_row.astype(np.int64),
            items[starts[asked_row] + asked_at].astype(np.int64),
            asked_row.astype(np.int64),
        )

    def _hidden(self, rows: np.ndarray, epoch: int, there: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """bool [rows, longest]: which items are asked for.

        Args:
            there: bool [rows, longest], which are items at all.
            counts: int64 [rows], items of each.
        """
        if self.seed is None:
            return there & (np.arange(there.shape[1]) >= (counts - self.asked[rows])[:, None])
        draws = np.where(there, uniform(self.seed, epoch, rows, there.shape[1]), np.inf)
        order = np.argsort(draws, axis=1, kind="stable")
        rank = np.empty_like(order)
        np.put_along_axis(rank, order, np.arange(there.shape[1])[None, :], axis=1)
        wanted = np.clip(np.floor(counts * self.hide).astype(np.int64), 1, np.maximum(counts - 1, 0))
        return there & (rank < wanted[:, None])
