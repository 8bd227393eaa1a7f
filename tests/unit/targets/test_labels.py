"""Each kind of label target: its main measure, errors, most frequent answer, answers in words and as columns."""

from typing import Any

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


def test_each_target_has_its_answers() -> None:
    assert Classes(LABELS).predictions(np.array([[0.2, 0.8]])).tolist() == [1]
    assert LabelSets(LABELS).predictions(np.array([[0.5, 0.49]])).tolist() == [[True, False]]
    assert Number().predictions(np.array([[7.5]])).tolist() == [7.5]


def test_a_class_is_told_with_its_probability() -> None:
    assert list(Classes(LABELS).rows(np.array([[0.25, 0.75]]))) == [{"label": "spam", "score": 0.75}]


def test_label_sets_are_lists_of_the_labels_from_a_half_on_and_theirs() -> None:
    rows = list(LabelSets(LABELS).rows(np.array([[0.5, 0.75], [0.25, 0.49]])))
    assert rows == [{"label": LABELS, "score": [0.5, 0.75]}, {"label": [], "score": []}]


def test_a_number_is_a_value() -> None:
    assert list(Number().rows(np.array([[7.5]]))) == [{"value": 7.5}]


@pytest.mark.parametrize(
    ("target", "answer", "name"),
    [
        (Classes(LABELS), 1, "spam"),
        (LabelSets(LABELS), [1.0, 1.0], "ham, spam"),
        (LabelSets(LABELS), [False, False], "none"),
        (Number(), 1234.56, "1235"),
    ],
)
def test_an_answer_in_words(target: LabelTarget, answer: Any, name: str) -> None:
    assert target.name_of(np.array(answer)) == name


def test_a_wrong_answer_is_as_bad_as_it_is_sure_and_a_right_one_not_at_all() -> None:
    scores, sets = np.array([[0.25, 0.75], [0.75, 0.25]]), np.array([[0.0, 1.0], [0.0, 1.0]])
    classes, labels, number = Classes(LABELS), LabelSets(LABELS), Number()
    assert classes.badness(classes.statistics(scores, np.array([0, 0]))).tolist() == [0.75, 0.0]
    assert labels.badness(labels.statistics(scores, sets)).tolist() == [0.0, 0.75]
    assert number.badness(number.statistics(np.array([[3.0]]), np.array([1.0]))).tolist() == [2.0]


@pytest.mark.parametrize(
    ("target", "scores", "targets"),
    [
        (Classes(["ham", "spam", "eggs"]), [[0.9, 0.1, 0.0], [0.8, 0.2, 0.0]], [0, 1]),
        (LabelSets(["ham", "spam", "eggs"]), [[0.9, 0.1, 0.0], [0.6, 0.4, 0.2]], [[1, 0, 0], [1, 1, 0]]),
    ],
)
def test_labels_that_rows_have_and_no_answer_are_never_answered(
    target: Classes, scores: list[list[float]], targets: list[Any]
) -> None:
    assert target.never_answered(target.statistics(np.array(scores), np.array(targets))) == ["spam"]


def test_of_labels_that_are_never_answered_the_most_frequent_comes_first() -> None:
    target, scores = Classes(["ham", "spam", "eggs"]), np.tile([1.0, 0.0, 0.0], (5, 1))
    assert target.never_answered(target.statistics(scores, np.array([0, 1, 2, 2, 0]))) == ["eggs", "spam"]


def test_probabilities_at_another_temperature_are_those_of_divided_logits() -> None:
    logits = np.array([[2.0, 0.0, -1.0], [0.3, 0.1, 0.2]])
    soft = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    half = np.exp(logits / 2) / np.exp(logits / 2).sum(axis=1, keepdims=True)
    classes, sets = Classes(["a", "b", "c"]), LabelSets(["a", "b", "c"])
    np.testing.assert_allclose(np.asarray(classes.at_temperature(soft, 2.0)), half)
    np.testing.assert_allclose(sets.at_temperature(1 / (1 + np.exp(-logits)), 2.0), 1 / (1 + np.exp(-logits / 2)))
    assert Number().at_temperature(np.array([[3.0]]), 2.0) is None


def test_an_answer_that_is_as_sure_as_float32_tells_stays_a_number() -> None:
    sure = np.array([[1.0, 0.0]], np.float32)
    for temperature in (0.01, 1.0, 100.0):
        for target in (Classes(["a", "b"]), LabelSets(["a", "b"])):
            found = target.at_temperature(sure, temperature)
            assert found is not None and np.isfinite(found).all() and found[0, 0] > found[0, 1]
