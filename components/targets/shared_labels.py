"""Where a candidate meets a champion that knows other labels: rows and labels that both know."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from stillhouse.components.targets.label_measures import THRESHOLD
from stillhouse.components.targets.labels import LabelSets, LabelTarget, Number, label_target
from stillhouse.spelling import listed

OTHER = "another label"
"""Stands for all answers outside the labels that both know."""


@dataclass(frozen=True)
class SharedLabels:
    """The labels on which two models of the same kind of target can be held against each other.

    A row counts if both know all its labels. An answer outside the shared labels is a wrong one, of either model: a
    candidate that sorts old rows under its new label loses by it.
    """

    ours: LabelTarget
    """Of the dataset, and so of the candidate."""
    theirs: LabelTarget
    """Of the champion, of the same kind."""

    @property
    def shared(self) -> list[str]:
        """Labels that both know, in the dataset's order."""
        return [label for label in self.ours.labels if label in set(self.theirs.labels)]

    @property
    def added(self) -> list[str]:
        """Labels that the champion does not know."""
        return [label for label in self.ours.labels if label not in set(self.theirs.labels)]

    @property
    def lost(self) -> list[str]:
        """Labels that only the champion knows."""
        return [label for label in self.theirs.labels if label not in set(self.ours.labels)]

    @property
    def same_labels(self) -> bool:
        """Whether both know the same labels."""
        return not self.added and not self.lost

    @property
    def why_not(self) -> str:
        """Why models cannot be compared on them, as what follows a colon; empty where they can."""
        shared = self.shared
        if len(shared) >= self.ours.min_shared:
            return ""
        common = f"only {listed(shared)} is a label of both" if shared else "no label is one of both"
        return f"it answers with {listed(self.theirs.labels)}, the data hold {listed(self.ours.labels)}; {common}"

    @property
    def target(self) -> LabelTarget:
        """What is measured here: the shared labels; of label sets also `OTHER`, which is not a class of its own."""
        with_other = isinstance(self.ours, LabelSets) and not self.same_labels
        return label_target(self.ours.kind, [*self.shared, OTHER] if with_other else self.shared)

    def known(self, targets: np.ndarray) -> np.ndarray:
        """bool [rows]: whether the champion knows all labels of a row.

        Args:
            targets: class indices [rows], multi-hot [rows, labels] or numbers [rows], of the dataset.
        """
        strange = [self.ours.labels.index(label) for label in self.added]
        if not strange:
            return np.ones(len(targets), dtype=bool)
        if isinstance(self.ours, LabelSets):
            return np.logical_not((targets[:, strange] >= THRESHOLD).any(axis=1))
        return ~np.isin(targets, strange)

    def targets(self, targets: np.ndarray) -> np.ndarray:
        """The targets of rows that are `known`, int64 [rows] or float [rows, labels], in terms of `target`."""
        if isinstance(self.ours, Number) or self.same_labels:
            return targets
        places = [self.ours.labels.index(label) for label in self.shared]
        if isinstance(self.ours, LabelSets):
            return np.pad(targets[:, places], ((0, 0), (0, 1)))
        return np.searchsorted(places, targets)

    def scores(self, scores: np.ndarray, labels: Sequence[str]) -> np.ndarray:
        """A model's scores, a column for each shared label and one for the best of all others.

        Args:
            scores: float [rows, labels] of a model that knows `labels`.

        Returns:
            float [rows, shared labels + 1]; where both know the same labels no column of others.
        """
        if isinstance(self.ours, Number):
            return scores
        columns = scores[:, [list(labels).index(label) for label in self.shared]]
        if self.same_labels:
            return columns
        others = [i for i, label in enumerate(labels) if label not in set(self.shared)]
        best = scores[:, others].max(axis=1, initial=0.0, keepdims=True)
        return np.concatenate([columns, best], axis=1)


def respelt(lost: Iterable[str], added: Iterable[str]) -> dict[str, str]:
    """Of the lost labels those that an added one only spells otherwise: in case, spaces, hyphens or underscores."""
    new = {_plain(label): label for label in added}
    return {label: new[_plain(label)] for label in lost if _plain(label) in new}


def _plain(label: str) -> str:
    return " ".join(label.casefold().replace("_", " ").replace("-", " ").split())
