"""A row without a finite answer is a wrong one, whatever is measured."""

import numpy as np
import pytest
from measuring import measure

from stillhouse.components.targets.labels import label_target
from stillhouse.components.targets.unanswered import unanswered

NAN, INF = float("nan"), float("inf")


def test_rows_with_any_score_that_is_not_finite_have_no_answer() -> None:
    scores = np.array([[0.2, 0.8], [NAN, 0.5], [INF, 0.0], [0.0, -INF]])
    assert unanswered(scores).tolist() == [False, True, True, True]


def test_finite_scores_stay_the_same_array() -> None:
    scores = np.array([[0.2, 0.8]], np.float32)
    assert label_target("classes", ["a", "b"]).with_wrong_answers(scores, np.array([1])) is scores


@pytest.mark.parametrize(
    ("target", "scores", "targets", "expected"),
    [
        ("classes", [[0.9, 0.1, 0.0], [NAN, NAN, NAN]], [0, 0], [[0.9, 0.1, 0.0], [0.0, 0.5, 0.5]]),
        ("multi_label", [[0.9, 0.1], [NAN, 0.3]], [[1, 0], [1, 0]], [[0.9, 0.1], [0.0, 1.0]]),
        ("number", [[1.0], [NAN], [INF]], [1.0, 3.0, 0.0], [[1.0], [6.0], [3.0]]),
        ("number", [[NAN]], [2.0], [[3.0]]),
    ],
)
def test_a_row_without_an_answer_gets_a_wrong_one(
    target: str, scores: list[list[float]], targets: list[float], expected: list[list[float]]
) -> None:
    found = label_target(target, ["a", "b", "c"]).with_wrong_answers(np.array(scores), np.array(targets))
    assert found.tolist() == expected


def test_a_row_of_nan_is_no_answer_of_class_0() -> None:
    """Of 20 rows of class 0 one is nan: 19 are right."""
    scores = np.tile([1.0, 0.0], (20, 1))
    scores[7] = NAN
    targets = np.zeros(20, int)
    filled = label_target("classes", ["a", "b"]).with_wrong_answers(scores, targets)
    assert measure("classes", filled, targets, ["a", "b"])["accuracy"] == 0.95


@pytest.mark.parametrize("target", ["classes", "multi_label", "number"])
def test_every_measure_of_a_model_without_any_answer_is_bad_and_a_number(target: str) -> None:
    draw = np.random.default_rng(1)
    targets = {
        "classes": draw.integers(0, 3, 50),
        "multi_label": draw.integers(0, 2, (50, 3)),
        "number": draw.random(50),
    }
    scores = np.full((50, 1 if target == "number" else 3), NAN)
    labels = [] if target == "number" else ["a", "b", "c"]
    filled = label_target(target, labels).with_wrong_answers(scores, targets[target])
    values = measure(target, filled, targets[target], labels)
    assert all(np.isfinite(value) for value in values.values())
    if target == "number":
        assert values["r2"] < -1
    else:
        assert (values["accuracy"], values["f1_macro"], values["roc_auc"]) == (0.0, 0.0, 0.0)
