"""Which labels a model takes for which."""

import numpy as np
from sklearn.metrics import confusion_matrix

from stillhouse.components.targets.label_confusions import (
    MAX_MATRIX_LABELS,
    NOTHING,
    OTHERS,
    confused_pairs,
    confusion,
    shown_matrix,
)
from stillhouse.components.targets.labels import Classes, LabelSets

LABELS = ["ham", "spam", "eggs"]


def scores(*answers: tuple[int, float]) -> np.ndarray:
    """Probabilities of which the answered one is as given, and the others share the rest."""
    rows = np.array([[(1 - p) / 2] * 3 for _, p in answers])
    for row, (answer, p) in zip(rows, answers, strict=True):
        row[answer] = p
    return rows


def test_pairs_are_counted_with_their_share_and_the_surest_examples_first() -> None:
    targets = np.array([0, 0, 0, 0, 1, 2])
    answers = scores((1, 0.5), (1, 0.9), (1, 0.7), (0, 0.8), (0, 0.6), (2, 0.9))
    first, second = confused_pairs(LABELS, Classes(LABELS).statistics(answers, targets))
    assert (first.true, first.answered, first.rows, first.of, first.back) == ("ham", "spam", 3, 4, 1)
    assert first.examples == [1, 2]
    assert (second.true, second.answered, second.rows, second.of, second.back) == ("spam", "ham", 1, 1, 3)


def test_of_several_labels_each_missed_one_is_paired_with_each_in_its_place_or_with_nothing() -> None:
    targets = np.array([[1, 0, 0], [1, 0, 0], [0, 0, 0], [0, 1, 0]])
    answers = np.array([[0.1, 0.9, 0.2], [0.3, 0.1, 0.0], [0.0, 0.1, 0.8], [0.1, 0.9, 0.1]])
    found = confused_pairs(LABELS, LabelSets(LABELS).statistics(answers, targets))
    assert {(pair.true, pair.answered): (pair.rows, pair.examples) for pair in found} == {
        ("ham", "spam"): (1, [0]),
        ("ham", NOTHING): (1, [1]),
        (NOTHING, "eggs"): (1, [2]),
    }


def test_the_confusion_matrix_is_scikit_learns() -> None:
    generator = np.random.default_rng(1)
    answers, targets = generator.random((50, 3)), generator.integers(0, 3, 50)
    theirs = confusion_matrix(targets, answers.argmax(axis=1))
    assert confusion(Classes(LABELS).statistics(answers, targets)).tolist() == theirs.tolist()


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
