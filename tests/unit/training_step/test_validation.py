"""Validation while a model learns from labels."""

from typing import Any

import numpy as np
import pytest

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.tasks.text_classification import TextClassification
from stillhouse.components.training_step.validation import validation_of

NAN = float("nan")


@pytest.mark.parametrize(("target", "main"), [("classes", "f1_macro"), ("multi_label", "f1_micro"), ("number", "r2")])
def test_one_row_without_a_finite_answer_makes_the_evaluation_not_a_number(target: str, main: str) -> None:
    answers = np.array([[0.2, 0.8], [0.7, 0.3], [NAN, NAN]]) if target != "number" else np.array([[1.0], [2.0], [NAN]])
    targets = {"classes": [1, 0, 0], "multi_label": np.eye(2)[[1, 0, 0]].tolist(), "number": [1.0, 2.0, 3.0]}
    split = Examples.of(text=["a", "b", "c"], label=targets[target])
    labels = [] if target == "number" else ["a", "b"]
    about: dict[str, Any] = {"target": target, "labels": labels, "columns": {}, "content_digest": ""}
    task: Any = TextClassification(Spec(format=1, task="text_classification", **about))
    task.samples = lambda *_: None
    task.answer_samples = lambda *_: answers
    network: Any = None
    found = validation_of(task, network, split, 16).measure(network)
    assert list(found) == [main]
    assert np.isnan(found[main])


def test_the_standard_error_is_that_of_the_validation_rows() -> None:
    rows = 400
    right = np.arange(rows) % 5 != 0
    targets = np.arange(rows) % 2
    split = Examples.of(text=["a"] * rows, label=targets.tolist())
    about: dict[str, Any] = {"target": "classes", "labels": ["a", "b"], "columns": {}, "content_digest": ""}
    task: Any = TextClassification(Spec(format=1, task="text_classification", **about))
    task.samples = lambda *_: None
    task.answer_samples = lambda *_: np.eye(2)[np.where(right, targets, 1 - targets)]
    network: Any = None
    evaluation = validation_of(task, network, split, 16)
    assert evaluation.measure(network)["f1_macro"] == pytest.approx(0.8, abs=0.001)
    assert evaluation.standard_error() == pytest.approx(np.sqrt(0.8 * 0.2 / rows), rel=0.15)
