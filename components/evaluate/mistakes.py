"""The examples that the student answers worst."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.reporting.page import Badge
from stillhouse.components.targets.measure import Statistics
from stillhouse.components.tasks import Task
from stillhouse.components.tasks.interface.results import Answers

if TYPE_CHECKING:
    from markupsafe import Markup


class Mistake(NamedTuple):
    """One wrong answer."""

    row: int
    """Of the test split."""
    badness: float
    """As the task counts it."""
    badges: list[Badge]
    """The truth, and what the student and the teacher answered."""
    shown: "Markup"
    """The example."""


def worst_mistakes(
    task: Task,
    examples: Examples,
    student: Answers,
    teacher: Answers,
    statistics: Statistics,
    number: int,
    among: np.ndarray | None = None,
) -> list[Mistake]:
    """The `number` worst answers of the student that are wrong at all, the worst first.

    Args:
        student, teacher: their answers to all of `examples`.
        statistics: of the student's.
        among: bool [examples], the only ones that are looked at; None for all.
    """
    badness = task.badness(statistics)
    badness = badness if among is None else np.where(among, badness, 0.0)
    order = np.argsort(-badness, kind="stable")[: min(number, int((badness > 0).sum()))]
    found = []
    for row in order.tolist():
        example, bad = examples.example(row), float(badness[row])
        badges = task.badges(example, student[row], teacher[row], bad)
        found.append(Mistake(row, bad, badges, task.show(example, student[row])))
    return found
