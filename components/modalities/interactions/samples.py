"""Histories as the loop asks for them: a part is shown to the model, another part is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from stillhouse.components.modalities.interactions.items import Encoded, user_key
from stillhouse.components.modalities.randomness import uniform

if TYPE_CHECKING:
    import torch

HOLD_OUT = 0.2
"""Share of a history that is asked for, where no setting says otherwise (Liang et al., 2018, arXiv:1802.05814)."""
OBJECTIVES = ("denoising", "variational")
CORRUPTION = 0.5
"""Share of a history that pretraining hides, where no setting says otherwise (the same)."""


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
    """Histories, cut anew in each epoch where there is a seed, else by the user's name alone."""

    encoded: Encoded
    users: Sequence[str]
    """Names [users]."""
    seed: int | None = None
    """Of training; None as evaluation sees them."""
    hold_out: float = HOLD_OUT
    """Share, 0 to 1: of n items at least one is asked for and one is shown; a single one is shown."""
    whole: bool = False
    """Ask for all items, the shown ones too: the denoising objective."""
    lengths: np.ndarray = field(init=False)
    """int64 [users]: each user is one."""

    def __post_init__(self) -> None:
        self.lengths = np.ones(len(self.users), np.int64)
        self._keys = np.array([user_key(user) for user in self.users], np.uint64)

    def batch(self, rows: np.ndarray, epoch: int) -> "dict[str, torch.Tensor]":
        """users int64 [rows], which they are, and the fields of `Parts`."""
        import torch

        parts = self.parts(rows, epoch)
        arrays = {"users": np.asarray(rows, np.int64), **parts._asdict()}
        return {name: torch.from_numpy(array) for name, array in arrays.items()}

    def parts(self, rows: np.ndarray, epoch: int = 0) -> Parts:
        """The histories of the rows (int64 [rows]) as that epoch sees them."""
        starts = self.encoded.offsets[rows]
        counts = self.encoded.offsets[np.asarray(rows) + 1] - starts
        longest = int(counts.max(initial=0))
        if self.seed is None:
            draws = uniform(0, 0, self._keys[rows], longest)
        else:
            draws = uniform(self.seed, epoch, np.asarray(rows), longest)
        there = np.arange(longest) < counts[:, None]
        order = np.argsort(np.where(there, draws, np.inf), axis=1, kind="stable")
        rank = np.empty_like(order)
        np.put_along_axis(rank, order, np.arange(longest)[None, :], axis=1)
        wanted = np.clip(np.floor(counts * self.hold_out).astype(np.int64), 1, np.maximum(counts - 1, 0))
        hidden = there & (rank < wanted[:, None])
        shown_row, shown_at = np.nonzero(there & ~hidden)
        asked_row, asked_at = np.nonzero(there if self.whole else hidden)
        items = self.encoded.items
        return Parts(
            items[starts[shown_row] + shown_at].astype(np.int64),
            shown_row.astype(np.int64),
            items[starts[asked_row] + asked_at].astype(np.int64),
            asked_row.astype(np.int64),
        )

    def all_parts(self) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Of each user what is shown and what is asked for: the truths of measures, the ground of baselines."""
        shown, asked = [], []
        for row in range(len(self.users)):  # one at a time: together they would be as wide as the longest
            parts = self.parts(np.array([row]))
            shown.append(parts.items)
            asked.append(parts.held_out)
        return shown, asked


def pretraining_samples(
    encoded: Encoded, users: Sequence[str], *, seed: int, corruption: float = CORRUPTION
) -> HistorySamples:
    """Samples of both objectives: the whole history from a part of it; each epoch hides another one."""
    return HistorySamples(encoded, users, seed, corruption, whole=True)


def pretraining_loss(outputs: Any, batch: "dict[str, torch.Tensor]", beta: float = 0.2) -> "tuple[torch.Tensor, int]":
    """Minus the log-likelihood of the histories, and of a variational model `beta` times its divergence, in nats.

    Args:
        outputs: logits float [users, items], and divergence float [users] or None.
        batch: that of `pretraining_samples`.
        beta: weight of the divergence (Liang et al., 2018, section 2.2.2; 0.2 is the best of MovieLens there).

    Returns:
        The sum over users, and how many those are.
    """
    log_probabilities = outputs.logits.float().log_softmax(-1)
    total = -log_probabilities[batch["held_out_row"], batch["held_out"]].sum()
    if outputs.divergence is not None:
        total = total + beta * outputs.divergence.sum()
    return total, len(batch["users"])
