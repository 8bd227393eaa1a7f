"""Validation while a model learns from labels."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from stillhouse.components.artifacts.dataset import Split
from stillhouse.components.targets.number_scale import NumberScale
from stillhouse.components.training_step.validation import validation_of

NAN = float("nan")


@pytest.mark.parametrize(("target", "main"), [("classes", "f1_macro"), ("multi_label", "f1_micro"), ("number", "r2")])
def test_one_row_without_a_finite_answer_makes_the_evaluation_not_a_number(target: str, main: str) -> None:
    answers = np.array([[0.2, 0.8], [0.7, 0.3], [NAN, NAN]]) if target != "number" else np.array([[1.0], [2.0], [NAN]])
    targets = {"classes": np.array([1, 0, 0]), "multi_label": np.eye(2)[[1, 0, 0]], "number": np.array([1.0, 2.0, 3.0])}
    split = Split(["a", "b", "c"], targets[target], np.arange(3), {})
    task: Any = SimpleNamespace(labelled_samples=lambda *_, **__: None, score_samples=lambda *_: answers)
    labels = [] if target == "number" else ["a", "b"]
    network: Any = None
    spec = {"target": target, "labels": labels}
    found = validation_of(task, network, split, spec, 16, NumberScale()).measure(network)
    assert list(found) == [main]
    assert np.isnan(found[main])
