"""Confusion matrices and ROC curves."""

import numpy as np
import pytest
from sklearn.metrics import auc, confusion_matrix, roc_auc_score

from stillhouse.components.evaluate.curves import MAX_POINTS, confusion, roc_curve


def test_the_confusion_matrix_is_scikit_learns() -> None:
    generator = np.random.default_rng(1)
    scores, targets = generator.random((50, 3)), generator.integers(0, 3, 50)
    theirs = confusion_matrix(targets, scores.argmax(axis=1))
    assert confusion(scores, targets, ["a", "b", "c"]).tolist() == theirs.tolist()


def test_a_thinned_roc_curve_keeps_its_ends_and_its_area() -> None:
    generator = np.random.default_rng(2)
    targets = generator.integers(0, 2, 3000)
    spam = np.clip(0.3 * targets + generator.random(3000) * 0.7, 0, 1)
    curve = roc_curve("classes", np.stack([1 - spam, spam], axis=1), targets)
    assert len(curve.false_positive) <= MAX_POINTS
    assert (curve.false_positive[0], curve.true_positive[0]) == (0, 0)
    assert (curve.false_positive[-1], curve.true_positive[-1]) == (1, 1)
    area = auc(curve.false_positive, curve.true_positive)
    assert area == pytest.approx(roc_auc_score(targets, spam), abs=0.005)


def test_thresholds_are_numbers_that_json_has() -> None:
    curve = roc_curve("classes", np.array([[0.2, 0.8], [0.7, 0.3]]), np.array([1, 0]))
    assert np.isfinite(curve.thresholds).all()


@pytest.mark.parametrize("target", ["classes", "multi_label"])
def test_many_labels_make_one_micro_average(target: str) -> None:
    generator = np.random.default_rng(3)
    scores = generator.random((40, 3))
    truth = np.arange(40)[:, None] % 3 == np.arange(3)
    targets = truth.argmax(axis=1) if target == "classes" else truth.astype(float)
    curve = roc_curve(target, scores, targets)
    area = auc(curve.false_positive, curve.true_positive)
    assert area == pytest.approx(roc_auc_score(truth.ravel(), scores.ravel()), abs=0.01)
