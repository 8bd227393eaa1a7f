"""Parts of statistics: as weights of zero for all others, whatever the kind of target."""

from typing import Any

import numpy as np
import pytest

from stillhouse.components.targets.labels import Classes, label_target
from stillhouse.components.targets.measure import Measure, part_of, values_of
from stillhouse.components.targets.ranking import Ranking
from stillhouse.components.targets.token_measures import ENTITY_MEASURES, tag_statistics

EXAMPLES = 30


def statistics_of(kind: str) -> tuple[dict[str, np.ndarray], tuple[Measure, ...]]:
    generator = np.random.default_rng(4)
    if kind == "tokens":
        true, answered = ([generator.integers(0, 5, 6) for _ in range(EXAMPLES)] for _ in range(2))
        return tag_statistics(answered, true, 5, True), ENTITY_MEASURES
    if kind == "ranking":  # one item each: as many flat answers as there are users
        users = Ranking([str(i) for i in range(9)])
        answers, held_out = ([generator.permutation(9)[:1] for _ in range(EXAMPLES)] for _ in range(2))
        return users.statistics(answers, held_out), users.measures
    target: Any = label_target(kind, ["a", "b", "c"])
    scores = generator.random((EXAMPLES, 3 if kind != "number" else 1))
    targets = {
        "classes": generator.integers(0, 3, EXAMPLES),
        "multi_label": generator.integers(0, 2, (EXAMPLES, 3)),
        "number": generator.random(EXAMPLES),
    }
    return target.statistics(scores, targets[kind]), target.measures


@pytest.mark.parametrize("kind", ["classes", "multi_label", "number", "tokens", "ranking"])
def test_a_part_is_measured_as_all_with_weights_of_zero_for_the_others(kind: str) -> None:
    statistics, measures = statistics_of(kind)
    chosen = np.arange(EXAMPLES) % 3 > 0
    weights = np.random.default_rng(5).integers(0, 4, (6, EXAMPLES)) * chosen
    part = part_of(statistics, chosen)
    for measure in measures:
        expected = measure.value(statistics, weights)
        np.testing.assert_allclose(measure.value(part, weights[:, chosen]), expected, rtol=1e-12, err_msg=measure.name)


def test_what_is_undefined_is_left_out_of_the_values() -> None:
    target = Classes(["a", "b"])
    scores, targets = np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([0, 1])
    both = target.statistics(scores, targets)
    assert values_of(both, target.measures, 2)["roc_auc"] == 1.0
    assert "roc_auc" not in values_of(part_of(both, np.array([True, False])), target.measures, 1)
