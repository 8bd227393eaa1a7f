"""Answers in words and as columns, by value."""

import numpy as np
import pytest

from stillhouse.components.targets.label_answers import answer_rows, badness, name_of

LABELS = ["ham", "spam"]


def test_a_class_comes_with_its_probability() -> None:
    assert list(answer_rows("classes", np.array([[0.25, 0.75]]), LABELS)) == [{"label": "spam", "score": 0.75}]


def test_label_sets_are_lists_of_the_labels_from_a_half_on_and_theirs() -> None:
    rows = list(answer_rows("multi_label", np.array([[0.5, 0.75], [0.25, 0.49]]), LABELS))
    assert rows == [{"label": LABELS, "score": [0.5, 0.75]}, {"label": [], "score": []}]


def test_a_number_is_a_value() -> None:
    assert list(answer_rows("number", np.array([[7.5]]), [])) == [{"value": 7.5}]


@pytest.mark.parametrize(
    ("target", "answer", "name"),
    [
        ("classes", np.array(1), "spam"),
        ("multi_label", np.array([1.0, 1.0]), "ham, spam"),
        ("multi_label", np.array([False, False]), "none"),
        ("number", np.array(1234.56), "1235"),
    ],
)
def test_an_answer_in_words(target: str, answer: np.ndarray, name: str) -> None:
    assert name_of(target, answer, LABELS) == name


def test_a_wrong_answer_is_as_bad_as_it_is_sure_and_a_right_one_not_at_all() -> None:
    scores = np.array([[0.25, 0.75], [0.75, 0.25]])
    assert badness("classes", scores, np.array([1, 0]), np.array([0, 0])).tolist() == [0.75, 0.0]
    sets = badness("multi_label", scores, scores >= 0.5, np.array([[0.0, 1.0], [0.0, 1.0]]))
    assert sets.tolist() == [0.0, 0.75]
    assert badness("number", np.array([[3.0]]), np.array([3.0]), np.array([1.0])).tolist() == [2.0]
