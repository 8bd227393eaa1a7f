"""The baselines learn what they should, for every kind of target."""

import numpy as np
import pytest

from stillhouse.components.evaluate.baselines import tfidf_linear
from stillhouse.components.targets.majority import majority

TEXTS = ["cheap pills now", "meeting at noon", "pills for you", "notes of the meeting"] * 5


def test_the_majority_answer_is_the_share_of_each_class() -> None:
    scores = majority("classes", np.array([0, 0, 0, 1]), 3, 2)
    assert scores.tolist() == [[0.75, 0.25, 0], [0.75, 0.25, 0]]


def test_the_majority_answer_for_label_sets_is_the_share_of_each_label() -> None:
    assert majority("multi_label", np.array([[1, 0], [1, 1]]), 2, 1).tolist() == [[1, 0.5]]


def test_the_majority_answer_for_numbers_is_the_mean() -> None:
    assert majority("number", np.array([1.0, 2.0, 6.0]), 0, 2).tolist() == [[3], [3]]


def test_tfidf_learns_classes_and_counts_its_parameters() -> None:
    linear = tfidf_linear("classes", TEXTS, np.array([1, 0, 1, 0] * 5), 2, seed=1)
    scores = linear.score(["some pills", "a meeting"])
    assert scores.argmax(axis=1).tolist() == [1, 0]
    assert scores.sum(axis=1) == pytest.approx([1, 1])
    assert linear.parameters == len(set(" ".join(TEXTS).split())) + 1


def test_a_class_without_training_rows_has_probability_zero() -> None:
    linear = tfidf_linear("classes", TEXTS, np.array([2, 0, 2, 0] * 5), 3, seed=1)
    scores = linear.score(["some pills", "a meeting"])
    assert scores.argmax(axis=1).tolist() == [2, 0]
    assert scores[:, 1].tolist() == [0, 0]


def test_tfidf_learns_label_sets() -> None:
    targets = np.array([[1.0, 1.0], [0.0, 1.0], [1.0, 1.0], [0.0, 0.0]] * 5)
    scores = tfidf_linear("multi_label", TEXTS, targets, 2, seed=1).score(["cheap pills now"])
    assert scores.shape == (1, 2)
    assert (scores > 0.5).tolist() == [[True, True]]


def test_tfidf_learns_numbers() -> None:
    linear = tfidf_linear("number", TEXTS, np.array([9.0, 1.0, 9.0, 1.0] * 5), 0, seed=1)
    pills, meeting = linear.score(["cheap pills", "meeting notes"])[:, 0]
    assert pills > 6
    assert meeting < 4
