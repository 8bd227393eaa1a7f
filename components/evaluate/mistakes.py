"""The rows on which the student is surest and wrong."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

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
    badness = _badness(target, student, answers, targets)
    order = np.argsort(-badness, kind="stable")[: min(number, int((badness > 0).sum()))]
    return [
        Mistake(
            row=int(row),
            true=_name(target, targets[row], labels),
            answered=_name(target, answers[row], labels),
            teacher=_name(target, teacher_answers[row], labels),
            badness=float(badness[row]),
            excerpt=excerpt(texts[row]),
        )
        for row in order
    ]


def _badness(target: str, scores: np.ndarray, answers: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Zero for a right row."""
    if target == "number":
        return np.abs(answers - targets)
    if target == "classes":
        return np.where(answers != targets, scores.max(axis=1), 0.0)
    return np.where(answers != (targets >= 0.5), np.maximum(scores, 1 - scores), 0.0).max(axis=1)


def _name(target: str, answer: np.ndarray, labels: Sequence[str]) -> str:
    if target == "number":
        return f"{float(answer):.4g}"
    if target == "classes":
        return labels[int(answer)]
    return ", ".join(label for label, has in zip(labels, answer, strict=True) if has >= 0.5) or "none"


def excerpt(text: str) -> str:
    """The beginning of a text, in one line."""
    flat = " ".join(text[: EXCERPT_CHARACTERS * 4].split())
    return flat if len(flat) <= EXCERPT_CHARACTERS else flat[:EXCERPT_CHARACTERS].rstrip() + " …"
