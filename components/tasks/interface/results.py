"""What evaluate and a task tell each other: answers of all models, and where two of them can be compared."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.targets.measure import Statistics

Answers = Any
"""One for each example, in their order: an array whose first axis they are, or a list."""


@dataclass(frozen=True)
class Ground:
    """Where models of a dataset and a champion are held against each other."""

    known: np.ndarray
    """bool [examples]: those whose truth the champion could have answered, too."""
    ours: Callable[[Answers, Examples], Statistics]
    """What is measured of a model of the dataset on some of these examples."""
    theirs: Callable[[Answers, Examples], Statistics]
    """The same of the champion's."""
    per_label: Callable[[Statistics], list[dict[str, Any]]]
    """How the champion answers the examples of each label."""
    shared: Sequence[str] = ()
    added: Sequence[str] = ()
    """Labels that the champion does not know."""
    lost: Sequence[str] = ()
    """Labels that only the champion knows."""
    why_not: str = ""
    """Why they cannot be compared, as what follows a colon; empty where they can."""


@dataclass(frozen=True)
class Results:
    """What evaluate found, from which a task draws its sections of the report."""

    examples: Examples
    """Of the test split."""
    statistics: Mapping[str, Statistics]
    """Of the answers of each model to all of them: student, teacher, baselines."""
    evaluation: dict[str, Any]
    """As written to evaluation.json."""
    name: Callable[[str], str]
    """Of a model, for a picture."""
    folders: Mapping[str, Path] = field(default_factory=dict)
    """Of the models that were trained: student, teacher."""


class Classification(NamedTuple):
    """What the pipelines interface draws."""

    labels: Sequence[str]
    confusion: np.ndarray | None
    """int64 [labels, labels]: rows are true, columns answered."""
    roc: Any | None
    """The student's ROC curve: lists false_positive, true_positive, thresholds."""


def some(answers: Answers, rows: np.ndarray) -> Answers:
    """The answers of some examples.

    Args:
        rows: bool [examples].
    """
    return answers[rows] if isinstance(answers, np.ndarray) else [answers[row] for row in np.flatnonzero(rows)]
