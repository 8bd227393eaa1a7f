"""The ground on which the candidate meets the champion: rows and labels that both know, whatever else each knows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

OTHER = "another label"
"""Stands for all answers outside the labels that both know."""


@dataclass(frozen=True)
class Ground:
    """Test rows and labels on which two models of the same kind of target can be held against each other.

    A row counts if both know all its labels. An answer outside the shared labels is a wrong one, of either model: a
    candidate that sorts old rows under its new label loses by it.
    """

    target: str
    ours: list[str]
    """Labels of the dataset, and so of the candidate; empty for number."""
    theirs: list[str]
    """Labels of the champion."""
    rows: np.ndarray
    """bool [test rows]: the champion never saw it, and both know its labels."""

    @classmethod
    def of(cls, target: str, ours: list[str], theirs: list[str], targets: np.ndarray, unseen: np.ndarray) -> "Ground":
        """The ground on test rows with these targets, of which the champion never saw those in `unseen`."""
        strange = [i for i, label in enumerate(ours) if label not in set(theirs)]
        known = np.ones(len(unseen), dtype=bool)
        if target == "classes":
            known = ~np.isin(targets, strange)
        elif target == "multi_label":
            known = ~(targets[:, strange] >= 0.5).any(axis=1)
        return cls(target, ours, theirs, unseen & known)

    @property
    def shared(self) -> list[str]:
        """Labels that both know, in the dataset's order."""
        return [label for label in self.ours if label in set(self.theirs)]

    @property
    def added(self) -> list[str]:
        """Labels that the champion does not know."""
        return [label for label in self.ours if label not in set(self.theirs)]

    @property
    def lost(self) -> list[str]:
        """Labels that only the champion knows."""
        return [label for label in self.theirs if label not in set(self.ours)]

    @property
    def same_labels(self) -> bool:
        """Whether both know the same labels."""
        return not self.added and not self.lost

    @property
    def labels(self) -> list[str]:
        """Names of the labels that are measured here: of label sets also `OTHER`, which is not a class of its own."""
        return self.shared if self.same_labels or self.target != "multi_label" else [*self.shared, OTHER]

    def targets(self, targets: np.ndarray) -> np.ndarray:
        """The targets of the rows, in terms of `labels`."""
        here = targets[self.rows]
        if self.target == "number" or self.same_labels:
            return here
        places = [self.ours.index(label) for label in self.shared]
        if self.target == "classes":
            return np.searchsorted(places, here)
        return np.pad(here[:, places], ((0, 0), (0, 1)))

    def scores(self, scores: np.ndarray, labels: Sequence[str]) -> np.ndarray:
        """A model's scores of the rows, a column for each shared label and one for the best of all others.

        Args:
            scores: float [test rows, labels] of a model that knows `labels`.

        Returns:
            float [rows here, shared labels + 1]; where both know the same labels no column of others.
        """
        here = scores[self.rows]
        if self.target == "number":
            return here
        columns = here[:, [list(labels).index(label) for label in self.shared]]
        if self.same_labels:
            return columns
        others = [i for i, label in enumerate(labels) if label not in set(self.shared)]
        best = here[:, others].max(axis=1, initial=0.0, keepdims=True)
        return np.concatenate([columns, best], axis=1)


def listed(labels: Iterable[str], most: int = 8) -> str:
    """Labels for a sentence; of many the first ones."""
    names = list(labels)
    rest = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(f"'{name}'" for name in names[:most]) + rest


def respelt(lost: Iterable[str], added: Iterable[str]) -> dict[str, str]:
    """Of the lost labels those that an added one only spells otherwise: in case, spaces, hyphens or underscores."""
    new = {_plain(label): label for label in added}
    return {label: new[_plain(label)] for label in lost if _plain(label) in new}


def _plain(label: str) -> str:
    return " ".join(label.casefold().replace("_", " ").replace("-", " ").split())
