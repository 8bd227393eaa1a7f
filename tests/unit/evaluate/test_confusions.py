"""Which labels a model takes for which."""

import numpy as np
import pytest

from stillhouse.components.evaluate.confusions import (
    MAX_MATRIX_LABELS,
    NOTHING,
    OTHERS,
    confused_pairs,
    never_answered,
    shown_matrix,
)
from stillhouse.components.evaluate.wording import label_notes

LABELS = ["ham", "spam", "eggs"]


def scores(*answers: tuple[int, float]) -> np.ndarray:
    """Probabilities of which the answered one is as given, and the others share the rest."""
    rows = np.array([[(1 - p) / 2] * 3 for _, p in answers])
    for row, (answer, p) in zip(rows, answers, strict=True):
        row[answer] = p
    return rows


def test_pairs_are_counted_with_their_share_and_the_surest_examples_first() -> None:
    targets = np.array([0, 0, 0, 0, 1, 2])
    found = confused_pairs(
        "classes", scores((1, 0.5), (1, 0.9), (1, 0.7), (0, 0.8), (0, 0.6), (2, 0.9)), targets, LABELS, list("abcdef")
    )
    first, second = found
    assert (first.true, first.answered, first.rows, first.of, first.back) == ("ham", "spam", 3, 4, 1)
    assert first.examples == ["b", "c"]
    assert (second.true, second.answered, second.rows, second.of, second.back) == ("spam", "ham", 1, 1, 3)


def test_of_several_labels_each_missed_one_is_paired_with_each_in_its_place_or_with_nothing() -> None:
    targets = np.array([[1, 0, 0], [1, 0, 0], [0, 0, 0], [0, 1, 0]])
    answers = np.array([[0.1, 0.9, 0.2], [0.3, 0.1, 0.0], [0.0, 0.1, 0.8], [0.1, 0.9, 0.1]])
    found = confused_pairs("multi_label", answers, targets, LABELS, list("abcd"))
    assert {(pair.true, pair.answered): (pair.rows, pair.examples) for pair in found} == {
        ("ham", "spam"): (1, ["a"]),
        ("ham", NOTHING): (1, ["b"]),
        (NOTHING, "eggs"): (1, ["c"]),
    }


def test_numbers_are_not_confused() -> None:
    assert confused_pairs("number", np.ones((2, 1)), np.array([1.0, 9.0]), [], ["a", "b"]) == []


def test_few_labels_keep_their_order() -> None:
    names, counts = shown_matrix(np.arange(9).reshape(3, 3), LABELS)
    assert names == LABELS
    assert counts.tolist() == np.arange(9).reshape(3, 3).tolist()


def test_of_many_labels_those_that_are_confused_stand_side_by_side() -> None:
    matrix = np.diag([20] * 20)
    matrix[0, 19] = matrix[19, 0] = matrix[3, 12] = 9
    labels = [f"label {i}" for i in range(20)]
    names, counts = shown_matrix(matrix, labels)
    assert sorted(names) == sorted(labels)
    for one, other in (("label 0", "label 19"), ("label 3", "label 12")):
        assert abs(names.index(one) - names.index(other)) == 1
    assert counts[names.index("label 3"), names.index("label 12")] == 9


def test_labels_beyond_what_a_reader_takes_in_are_added_up() -> None:
    matrix = np.diag([5] * 80)
    matrix[70, 71] = 4
    matrix[60, 1] = 1
    names, counts = shown_matrix(matrix, [f"label {i}" for i in range(80)])
    assert (len(names), names[-1], counts.sum()) == (MAX_MATRIX_LABELS, OTHERS, matrix.sum())
    assert counts[names.index("label 70"), names.index("label 71")] == 4


@pytest.mark.parametrize(
    ("target", "answers"),
    [("classes", scores((0, 0.9), (0, 0.8))), ("multi_label", np.array([[0.9, 0.1, 0.0], [0.6, 0.4, 0.2]]))],
)
def test_labels_that_test_rows_have_and_no_answer_are_named_in_a_sentence(target: str, answers: np.ndarray) -> None:
    per_label = [{"label": label, "rows": rows} for label, rows in zip(LABELS, (4, 3, 0), strict=True)]
    never = never_answered(target, answers, per_label, LABELS)
    assert never == ["spam"]
    evaluation = {"never_answered": never, "models": {"student": {"per_label": per_label}}}
    assert label_notes(evaluation) == ["1 of 3 labels the student never answers with: 'spam' (3 test rows)."]
