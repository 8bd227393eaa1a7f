"""Batches by token budget, from length-sorted windows: a pure function of the lengths, the seed and the epoch."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import zip_longest
from typing import Any, Protocol

import numpy as np

WINDOW_BATCHES = 64
"""Batches whose samples are sorted by length together: wide enough for little padding, narrow enough to stay random."""


class Samples(Protocol):
    """What the loop trains on: tokenised samples that can be asked for in any order."""

    lengths: np.ndarray
    """int64 [samples]: tokens of each sample."""

    def batch(self, rows: np.ndarray, epoch: int) -> Mapping[str, Any]:
        """Inputs of the model for `rows`, int64 [rows]; what is random in them derives from (seed, epoch, row)."""
        ...


def plan_epoch(
    lengths: np.ndarray, *, batch_tokens: int, micro_batch_tokens: int, seed: int, epoch: int
) -> list[np.ndarray]:
    """Plan the batches of one epoch: int64 row indices of each, sorted by length.

    Rows are shuffled, and sorted by length inside windows of WINDOW_BATCHES batches. A window is cut into parts of
    equal real tokens. A batch that takes one forward pass is one part, of rows of like length. A batch that takes
    several has a part of each range of lengths, short to long: it costs no padding, and each step then sees what a
    batch drawn at random would show it. Every row comes exactly once.

    Args:
        lengths: int [samples], tokens of each sample.
        batch_tokens: real tokens of a batch, give or take a row for each forward pass.
        micro_batch_tokens: tokens of one forward pass at most.
    """
    random = np.random.default_rng([seed, epoch])
    order = random.permutation(len(lengths))
    num_ranges = -(-batch_tokens // micro_batch_tokens)
    batches: list[np.ndarray] = []
    for window in _cut(order, lengths, _count(lengths, WINDOW_BATCHES * batch_tokens)):
        by_length = window[np.argsort(lengths[window], kind="stable")]
        parts = _cut(by_length, lengths, _count(lengths[window], batch_tokens) * num_ranges)
        batches += _one_of_each(_ranges(parts, num_ranges), random)
    return [batches[i] for i in random.permutation(len(batches))]


def _ranges(parts: list[np.ndarray], num_ranges: int) -> list[list[np.ndarray]]:
    """Neighbouring parts together, as many in each range, the first ones one more where it does not come out even."""
    return [[parts[i] for i in indices] for indices in np.array_split(np.arange(len(parts)), num_ranges)]


def _one_of_each(ranges: list[list[np.ndarray]], random: np.random.Generator) -> list[np.ndarray]:
    """Batches of one part from each range, drawn at random; from a single range the parts as they are."""
    if len(ranges) == 1:
        return ranges[0]
    drawn = [[parts[i] for i in random.permutation(len(parts))] for parts in ranges]
    return [np.concatenate([part for part in batch if part is not None]) for batch in zip_longest(*drawn)]


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

    def __init__(
        self, lengths: np.ndarray, *, batch_tokens: int, micro_batch_tokens: int, seed: int, num_epochs: int
    ) -> None:
        plan = partial(plan_epoch, lengths, batch_tokens=batch_tokens, micro_batch_tokens=micro_batch_tokens, seed=seed)
        # The loop and the loader, which may be an epoch ahead, walk through the same plans.
        self._epoch = lru_cache(maxsize=2)(plan)
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
    """Cut length-sorted `rows`, int64 [rows], into runs whose padded size, rows times the longest, stays within
    `budget`; `lengths` is int64 [all rows]."""
    runs, start = [], 0
    for end in range(1, len(rows) + 1):
        if end - start > 1 and (end - start) * int(lengths[rows[end - 1]]) > budget:
            runs.append(rows[start : end - 1])
            start = end - 1
    runs.append(rows[start:])
    return runs


def _count(lengths: np.ndarray, tokens: int) -> int:
    """How many parts of about so many tokens there are; one at least."""
    return max(1, round(int(lengths.sum()) / tokens))


def _cut(rows: np.ndarray, lengths: np.ndarray, num_parts: int) -> list[np.ndarray]:
    """Cut `rows`, in their order, into parts of near-equal tokens; fewer than asked for where rows are few or long."""
    ends = np.cumsum(lengths[rows])
    cuts = np.searchsorted(ends, np.arange(1, num_parts) * (int(ends[-1]) / num_parts), side="left") + 1
    return np.split(rows, np.unique(cuts[cuts < len(rows)]))
