"""The worst mistakes come first and read well."""

import numpy as np

from stillhouse.components.evaluate.mistakes import EXCERPT_CHARACTERS, worst_mistakes

LABELS = ["ham", "spam"]


def test_the_surest_wrong_answer_comes_first_and_right_ones_never() -> None:
    student = np.array([[0.9, 0.1], [0.4, 0.6], [0.01, 0.99]])
    teacher = np.array([[0.9, 0.1], [0.9, 0.1], [0.2, 0.8]])
    found = worst_mistakes("classes", student, teacher, np.zeros(3, dtype=int), ["a", "b", "c"], LABELS, 5)
    assert [(m.row, m.true, m.answered, m.teacher, m.badness) for m in found] == [
        (2, "ham", "spam", "spam", 0.99),
        (1, "ham", "spam", "ham", 0.6),
    ]


def test_no_more_are_given_than_asked_for() -> None:
    scores, targets = np.full((4, 2), 0.5), np.ones(4, dtype=int)
    assert len(worst_mistakes("classes", scores, scores, targets, list("abcd"), LABELS, 2)) == 2


def test_an_excerpt_is_one_line_and_ends_where_the_text_is_cut() -> None:
    scores, targets = np.array([[0.9, 0.1]]), np.array([1])
    (mistake,) = worst_mistakes("classes", scores, scores, targets, ["a \n\n b " * 200], LABELS, 1)
    assert mistake.excerpt.startswith("a b a b")
    assert len(mistake.excerpt) <= EXCERPT_CHARACTERS + 2
    assert mistake.excerpt.endswith(" …")


def test_label_sets_are_named_whole() -> None:
    scores = np.array([[0.9, 0.2]])
    (mistake,) = worst_mistakes("multi_label", scores, scores, np.array([[0.0, 0.0]]), ["x"], LABELS, 1)
    assert (mistake.true, mistake.answered, mistake.badness) == ("none", "ham", 0.9)


def test_numbers_are_ranked_by_how_far_off_they_are() -> None:
    scores, targets = np.array([[1.0], [5.0], [2.5]]), np.array([1.0, 1.0, 2.0])
    found = worst_mistakes("number", scores, scores, targets, list("abc"), [], 5)
    assert [(m.answered, m.badness) for m in found] == [("5", 4.0), ("2.5", 0.5)]
