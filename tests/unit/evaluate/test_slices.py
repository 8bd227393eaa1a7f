"""The main metric slice by slice."""

import numpy as np
import pytest
from measuring import measure

from stillhouse.components.evaluate.slices import measure_slices
from stillhouse.components.targets.labels import Classes

LABELS = ["ham", "spam"]


def test_each_value_is_measured_on_its_own_rows_the_largest_first() -> None:
    targets = np.array([0, 1, 0, 1, 0, 1])
    scores = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.3, 0.7], [0.8, 0.2], [0.6, 0.4]])
    columns = {"list": ["no", "no", "yes", "no", "no", "yes"]}
    target = Classes(LABELS)
    statistics = target.statistics(scores, targets)
    errors = target.errors(statistics)
    found = measure_slices(target.measures[0], statistics, columns, errors, resamples=50, confidence=0.9, seed=1)
    assert list(found) == ["list=no", "list=yes"]
    assert {name: found["list=no"][name] for name in ("rows", "value", "low", "high")} == {
        "rows": 4,
        "value": 1,
        "low": 1,
        "high": 1,
    }
    assert found["list=no"]["lower"] < 0.6  # four right answers prove little
    alone = measure("classes", scores[[2, 5]], targets[[2, 5]], LABELS)["f1_macro"]
    assert found["list=yes"]["value"] == pytest.approx(alone)
    assert found["list=yes"]["rows"] == 2
