"""The targets that are labels or a number: what is measured of a model's scores for them, and guessed without one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from stillhouse.components.targets.label_measures import (
    CLASS_MEASURES,
    NUMBER_MEASURES,
    SET_MEASURES,
    Decisions,
    number_statistics,
    per_label,
)
from stillhouse.components.targets.majority import majority
from stillhouse.components.targets.measure import Measure, Statistics


@dataclass(frozen=True)
class Classes:
    """One of several labels: scores are probabilities, float [rows, labels], targets class indices [rows]."""

    labels: Sequence[str]
    kind: ClassVar[str] = "classes"
    measures: ClassVar[tuple[Measure, ...]] = CLASS_MEASURES
    """The main one first. roc_auc is nan where no label has rows of both kinds."""

    def statistics(self, scores: np.ndarray, targets: np.ndarray) -> Decisions:
        """What the measures need. Scores may have columns beyond those of the labels: an answer there is wrong."""
        return Decisions.of(self.kind, scores, targets, len(self.labels))

    def errors(self, statistics: Statistics) -> np.ndarray:
        """float64 [rows]: 1 where a row is wrong, else 0."""
        return 1.0 - statistics["right"]

    def per_label(self, statistics: Statistics) -> list[dict[str, str | float | int]]:
        """Precision, recall and F1 of each label and the number of rows that have it."""
        return per_label(statistics, self.labels)

    def most_frequent(self, train_targets: np.ndarray, rows: int) -> np.ndarray:
        """The trivial baseline's scores, float64 [rows, labels]: the shares among the training rows."""
        return majority(self.kind, train_targets, len(self.labels), rows)


class LabelSets(Classes):
    """Any number of labels: scores are probabilities, float [rows, labels], targets multi-hot [rows, labels]."""

    kind = "multi_label"
    measures = SET_MEASURES


@dataclass(frozen=True)
class Number:
    """A number: scores are values, float [rows, 1], targets numbers [rows]."""

    kind: ClassVar[str] = "number"
    labels: ClassVar[Sequence[str]] = ()
    measures: ClassVar[tuple[Measure, ...]] = NUMBER_MEASURES
    """The main one first."""

    def statistics(self, scores: np.ndarray, targets: np.ndarray) -> dict[str, np.ndarray]:
        """What the measures need."""
        return number_statistics(scores, targets)

    def errors(self, statistics: Statistics) -> np.ndarray:
        """float64 [rows]: how far off each answer is."""
        return np.abs(statistics["answers"] - statistics["targets"])

    def per_label(self, statistics: Statistics) -> list[dict[str, str | float | int]]:
        """None: a number has no labels."""
        return []

    def most_frequent(self, train_targets: np.ndarray, rows: int) -> np.ndarray:
        """The trivial baseline's scores, float64 [rows, 1]: the mean of the training rows."""
        return majority(self.kind, train_targets, 1, rows)


LabelTarget = Classes | Number


def label_target(kind: str, labels: Sequence[str]) -> LabelTarget:
    """The target that dataset.json and model.json call `classes`, `multi_label` or `number`."""
    return Number() if kind == "number" else {"classes": Classes, "multi_label": LabelSets}[kind](labels)
