"""The worst mistakes come first and read well."""

from typing import Any

import numpy as np
import pytest

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.evaluate.mistakes import Mistake, worst_mistakes
from stillhouse.components.tasks import task_of


def mistakes(
    target: str, student: list[list[float]], labels: list[Any], number: int = 5, teacher: Any = None
) -> list[Mistake]:
    """Those of answers to as many short texts."""
    names = [] if target == "number" else ["ham", "spam"]
    task = task_of(Spec(format=1, task="text_classification", target=target, labels=names, content_digest=""))
    examples = Examples.of(text=list("abcd")[: len(student)], label=labels)
    answers = np.array(student)
    found = task.statistics(answers, examples)
    return worst_mistakes(task, examples, answers, np.array(teacher or student), found, number)


def told(mistake: Mistake) -> list[str]:
    return [badge.text for badge in mistake.badges]


def test_the_surest_wrong_answer_comes_first_and_right_ones_never() -> None:
    student, teacher = [[0.9, 0.1], [0.4, 0.6], [0.01, 0.99]], [[0.9, 0.1], [0.9, 0.1], [0.2, 0.8]]
    found = mistakes("classes", student, [0, 0, 0], teacher=teacher)
    assert [(each.row, each.badness, each.shown) for each in found] == [(2, 0.99, "c"), (1, 0.6, "b")]
    assert told(found[0]) == ["true: ham", "student: spam, 0.990", "teacher: spam"]
    assert told(found[1]) == ["true: ham", "student: spam, 0.600", "teacher: ham"]


def test_no_more_are_given_than_asked_for() -> None:
    assert len(mistakes("classes", [[0.5, 0.5]] * 4, [1, 1, 1, 1], number=2)) == 2


def test_label_sets_are_named_whole() -> None:
    (mistake,) = mistakes("multi_label", [[0.9, 0.2]], [[0.0, 0.0]])
    assert told(mistake) == ["true: none", "student: ham, 0.900", "teacher: ham"]


def test_numbers_are_ranked_by_how_far_off_they_are() -> None:
    found = mistakes("number", [[1.0], [5.0], [2.5]], [1.0, 1.0, 2.0])
    assert [told(each)[:2] for each in found] == [["true: 1", "student: 5"], ["true: 2", "student: 2.5"]]
    assert [each.badness for each in found] == pytest.approx([4.0, 0.5])
