"""Batches by token budget, from length-sorted windows: a pure function of the lengths, the seed and the epoch."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np

WINDOW_BATCHES = 64
"""Batches whose samples are sorted by length together: wide enough for little padding, narrow enough to stay random."""


class Samples(Protocol):
    """What the loop trains on: tokenised samples that can be asked for in any order."""

    lengths: np.ndarray
    """int64 [samples]: tokens of each sample."""

    def batch(self, rows: np.ndarray, epoch: int) -> Mapping[str, Any]:
        """Inputs of the model for `rows` (int64 indices); what is random in them derives from (seed, epoch, row)."""
        ...


def plan_epoch(lengths: np.ndarray, *, batch_tokens: int, seed: int, epoch: int) -> list[np.ndarray]:
    """Plan the batches of one epoch: int64 row indices of each, sorted by length.

    Rows are shuffled, sorted by length inside windows of WINDOW_BATCHES batches, cut wherever `batch_tokens`
    real tokens are reached, and the batches are shuffled again. Every row comes exactly once.

    Args:
        lengths: int [samples], tokens of each sample.
        batch_tokens: real tokens of a batch, give or take one row.
    """
    random = np.random.default_rng([seed, epoch])
    order = random.permutation(len(lengths))
    window_ends = _cut(lengths[order], WINDOW_BATCHES * batch_tokens)
    batches: list[np.ndarray] = []
    for window in np.split(order, window_ends):
        by_length = window[np.argsort(lengths[window], kind="stable")]
        batches += np.split(by_length, _cut(lengths[by_length], batch_tokens))
    return [batches[i] for i in random.permutation(len(batches))]


@dataclass(frozen=True)
class Step:
    """One step of the optimizer."""

    epoch: int
    index: int
    """Which of its epoch's batches."""
    rows: np.ndarray
    """int64 row indices of the batch, sorted by length."""


class Plan:
    """The steps of a whole training. Kept are the sizes of its epochs; the batches of one are made when it comes.

    Args: as for `plan_epoch`.
    """

    def __init__(self, lengths: np.ndarray, *, batch_tokens: int, seed: int, num_epochs: int) -> None:
        self._epoch = partial(plan_epoch, lengths, batch_tokens=batch_tokens, seed=seed)
        self.sizes = [len(self._epoch(epoch=epoch)) for epoch in range(num_epochs)]
        """Steps of each epoch: they differ a little, for batches are cut from rows in another order."""
        self.num_steps = sum(self.sizes)

    def steps(self, done: int = 0) -> Iterator[Step]:
        """The steps that are left when so many are done; the batches of past epochs are not made again."""
        for epoch, size in enumerate(self.sizes):
            if done < size:
                for index, rows in enumerate(self._epoch(epoch=epoch)[done:], done):
                    yield Step(epoch, index, rows)
            done = max(0, done - size)


def split_by_padded_tokens(rows: np.ndarray, lengths: np.ndarray, budget: int) -> list[np.ndarray]:
    """Cut length-sorted `rows` into runs whose padded size, rows times the longest, stays within `budget`."""
    runs, start = [], 0
    for end in range(1, len(rows) + 1):
        if end - start > 1 and (end - start) * int(lengths[rows[end - 1]]) > budget:
            runs.append(rows[start : end - 1])
            start = end - 1
    runs.append(rows[start:])
    return runs


def _cut(lengths: np.ndarray, budget: int) -> np.ndarray:
    """Positions at which the running sum of `lengths` passes a multiple of `budget`, so that parts are near-equal."""
    total = int(lengths.sum())
    parts = max(1, round(total / budget))
    ends = np.searchsorted(np.cumsum(lengths), np.arange(1, parts) * (total / parts), side="left") + 1
    return np.unique(ends[ends < len(lengths)])
