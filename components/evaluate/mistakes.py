"""The rows on which the student is surest and wrong."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stillhouse.components.targets.label_answers import badness, name_of
from stillhouse.components.targets.label_metrics import predictions

EXCERPT_CHARACTERS = 280


@dataclass(frozen=True)
class Mistake:
    """One wrong answer."""

    row: int
    true: str
    answered: str
    teacher: str
    """What the teacher answered."""
    badness: float
    """Confidence in the wrong answer; for number how far off it is."""
    excerpt: str


def worst_mistakes(
    target: str,
    student: np.ndarray,
    teacher: np.ndarray,
    targets: np.ndarray,
    texts: Sequence[str],
    labels: Sequence[str],
    number: int,
) -> list[Mistake]:
    """The `number` worst wrong rows, the worst first."""
    answers, teacher_answers = predictions(target, student), predictions(target, teacher)
    how_bad = badness(target, student, answers, targets)
    order = np.argsort(-how_bad, kind="stable")[: min(number, int((how_bad > 0).sum()))]
    return [
        Mistake(
            row=int(row),
            true=name_of(target, targets[row], labels),
            answered=name_of(target, answers[row], labels),
            teacher=name_of(target, teacher_answers[row], labels),
            badness=float(how_bad[row]),
            excerpt=excerpt(texts[row]),
        )
        for row in order
    ]


def excerpt(text: str) -> str:
    """The beginning of a text, in one line."""
    flat = " ".join(text[: EXCERPT_CHARACTERS * 4].split())
    return flat if len(flat) <= EXCERPT_CHARACTERS else flat[:EXCERPT_CHARACTERS].rstrip() + " …"
