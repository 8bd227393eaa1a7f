"""Each kind of label target: its main measure, its errors, its most frequent answer."""

import numpy as np
import pytest

from stillhouse.components.targets.labels import Classes, LabelSets, LabelTarget, Number, label_target

LABELS = ["ham", "spam"]
CASES = [
    ("classes", np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([0, 0]), [0.0, 1.0]),
    ("multi_label", np.array([[0.9, 0.1], [0.6, 0.8]]), np.array([[1.0, 0.0], [0.0, 1.0]]), [0.0, 1.0]),
    ("number", np.array([[1.0], [-2.0]]), np.array([1.0, 0.5]), [0.0, 2.5]),
]


@pytest.mark.parametrize(("kind", "scores", "targets", "errors"), CASES)
def test_errors_are_zero_where_the_answer_is_right(
    kind: str, scores: np.ndarray, targets: np.ndarray, errors: list[float]
) -> None:
    target = label_target(kind, LABELS)
    assert target.kind == kind
    assert target.errors(target.statistics(scores, targets)).tolist() == errors


def test_the_main_measure_comes_first() -> None:
    assert [kind.measures[0].name for kind in (Classes, LabelSets, Number)] == ["f1_macro", "f1_micro", "r2"]


def test_an_answer_in_a_column_beyond_the_labels_is_wrong_and_of_no_label() -> None:
    target = Classes(LABELS)
    found = target.statistics(np.array([[0.1, 0.2, 0.7], [0.6, 0.2, 0.2]]), np.array([0, 0]))
    assert target.errors(found).tolist() == [1.0, 0.0]
    assert [row["recall"] for row in target.per_label(found)] == [0.5, 0.0]


@pytest.mark.parametrize(
    ("target", "train", "answer"),
    [
        (Classes(LABELS), np.array([0, 1, 1, 1]), [0.25, 0.75]),
        (LabelSets(LABELS), np.array([[1.0, 0.0], [1.0, 1.0]]), [1.0, 0.5]),
        (Number(), np.array([1.0, 4.0]), [2.5]),
    ],
)
def test_the_most_frequent_answer_is_the_same_for_every_row(
    target: LabelTarget, train: np.ndarray, answer: list[float]
) -> None:
    assert target.most_frequent(train, 2).tolist() == [answer, answer]


def test_counts_of_other_weights_are_not_taken_for_the_last_ones() -> None:
    target = Classes(LABELS)
    found = target.statistics(np.array([[0.9, 0.1], [0.9, 0.1]]), np.array([0, 1]))
    weights = [np.array([row]) for row in ([2, 0], [0, 3], [2, 0])]
    assert [found.counts(each)[0].tolist() for each in weights] == [[[2.0, 0.0]], [[0.0, 0.0]], [[2.0, 0.0]]]
