"""ROC curves."""

import numpy as np
import pytest
from sklearn.metrics import auc, roc_auc_score

from stillhouse.components.targets.label_curves import MAX_POINTS, roc_curve
from stillhouse.components.targets.labels import Classes, LabelSets


def test_a_thinned_roc_curve_keeps_its_ends_and_its_area() -> None:
    generator = np.random.default_rng(2)
    targets = generator.integers(0, 2, 3000)
    spam = np.clip(0.3 * targets + generator.random(3000) * 0.7, 0, 1)
    curve = roc_curve(Classes(["ham", "spam"]).statistics(np.stack([1 - spam, spam], axis=1), targets), positive=1)
    assert len(curve.false_positive) <= MAX_POINTS
    assert (curve.false_positive[0], curve.true_positive[0]) == (0, 0)
    assert (curve.false_positive[-1], curve.true_positive[-1]) == (1, 1)
    area = auc(curve.false_positive, curve.true_positive)
    assert area == pytest.approx(roc_auc_score(targets, spam), abs=0.005)


def test_thresholds_are_numbers_that_json_has() -> None:
    found = Classes(["ham", "spam"]).statistics(np.array([[0.2, 0.8], [0.7, 0.3]]), np.array([1, 0]))
    curve = roc_curve(found, positive=1)
    assert np.isfinite(curve.thresholds).all()


@pytest.mark.parametrize("kind", [Classes, LabelSets])
def test_many_labels_make_one_micro_average(kind: type[Classes]) -> None:
    generator, target = np.random.default_rng(3), kind(["ham", "spam", "eggs"])
    scores = generator.random((40, 3))
    truth = np.arange(40)[:, None] % 3 == np.arange(3)
    targets = truth.astype(float) if kind is LabelSets else truth.argmax(axis=1)
    assert target.positive is None
    curve = roc_curve(target.statistics(scores, targets), positive=None)
    area = auc(curve.false_positive, curve.true_positive)
    assert area == pytest.approx(roc_auc_score(truth.ravel(), scores.ravel()), abs=0.01)


def test_of_two_classes_the_second_is_looked_for_and_of_two_labels_of_a_set_neither() -> None:
    assert (Classes(["ham", "spam"]).positive, LabelSets(["ham", "spam"]).positive) == (1, None)
