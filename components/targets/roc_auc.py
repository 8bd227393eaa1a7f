"""Area under the ROC curve of many labels, under thousands of resamples at once.

The area of a label is the share of the pairs of a row that has it and a row that has not in which the score orders the
two; a tie counts half (Mann and Whitney, 1947, doi:10.1214/aoms/1177730491). In the order of the score the rows make
runs of one kind, and neither the order nor the runs hang on the resample: each only adds up other weights over them.
"""

import numpy as np

from stillhouse.components.targets.resamples import add_up


class RocAuc:
    """Mean area of one model's scores over the labels, each against the rest."""

    def __init__(self, scores: np.ndarray, true: np.ndarray) -> None:
        """Sort the rows, once for all resamples.

        Args:
            scores: float [rows, labels].
            true: bool [rows, labels].
        """
        # Of two classes, of which each row has one, both have the same area where their scores add up to one.
        same = true.shape[1] == 2 and (true.sum(axis=1) == 1).all() and np.allclose(scores.sum(axis=1), 1.0, atol=1e-4)
        self._labels = [_Runs(scores[:, i], true[:, i]) for i in ([1] if same else range(true.shape[1]))]

    def under(self, block: np.ndarray) -> np.ndarray:
        """The mean over the labels that have rows of both kinds, [resamples]; nan where none has.

        Args:
            block: int32 [rows, resamples], how often each resample drew each row.
        """
        rows = block.sum(axis=0)
        areas = np.stack([runs.area(block, rows) for runs in self._labels])
        defined = np.isfinite(areas)
        total = np.where(defined, areas, 0.0).sum(axis=0)
        return np.divide(total, defined.sum(axis=0), out=np.full(len(total), np.nan), where=defined.any(axis=0))


class _Runs:
    """The rows in the order of one label's score, cut into runs that all have the label or all lack it."""

    def __init__(self, scores: np.ndarray, true: np.ndarray) -> None:
        order = np.lexsort((true, scores))  # of equal scores those that lack the label come first
        ranked, true = scores[order], true[order]
        new_score = np.diff(ranked, prepend=-np.inf) > 0
        tie = np.cumsum(new_score) - 1
        have = np.bincount(tie, true)
        mixed = ((have > 0) & (have < np.bincount(tie)))[tie]  # rows whose equals are of both kinds: runs of their own
        starts = np.flatnonzero(np.diff(true, prepend=not true[0]) | (new_score & (mixed | np.roll(mixed, 1))))
        sizes = np.diff(starts, append=len(true))
        # The longest run is what all others leave of the resample: of a good model's rows that is most of them.
        self._longest = int(sizes.argmax())
        start, size = starts[self._longest], sizes[self._longest]
        self._rows = np.delete(order, slice(start, start + size)).astype(np.int32)
        sizes[self._longest] = 0
        self._bounds = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
        self._have = np.flatnonzero(true[starts])
        self._lack = ~true[starts][:, None]
        self._equal = np.where(mixed[starts], 0.5, 0.0)[self._have, None]

    def area(self, block: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Float [resamples]; nan where a resample has rows of one kind only. `rows` are those that each drew."""
        drawn = add_up(block, self._rows, self._bounds)
        drawn[self._longest] = rows - drawn.sum(axis=0)
        lacking = np.cumsum(drawn * self._lack, axis=0)
        having = drawn[self._have]
        # Of the rows with an equal score, which are the run before, half count as below.
        below = lacking[self._have] - self._equal * drawn[self._have - 1]
        pairs = having.sum(axis=0) * lacking[-1]
        return np.divide((having * below).sum(axis=0), pairs, out=np.full(len(pairs), np.nan), where=pairs > 0)
