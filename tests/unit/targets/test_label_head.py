"""A head for labels: its options, when an older one is of no use, and what its logits say."""

from typing import Any

import pytest
import torch

from stillhouse.components.targets.label_head import answers_otherwise, head_options, probabilities

CLASSES: dict[str, Any] = {"target": "classes", "labels": ["x", "y"]}
NUMBER: dict[str, Any] = {"target": "number", "labels": []}


def test_a_head_knows_the_names_of_its_labels_and_a_number_is_one_value() -> None:
    assert head_options(**CLASSES) == {
        "num_labels": 2,
        "id2label": {0: "x", 1: "y"},
        "label2id": {"x": 0, "y": 1},
        "problem_type": "single_label_classification",
    }
    assert head_options(**NUMBER) == {
        "num_labels": 1,
        "id2label": {0: "value"},
        "label2id": {"value": 0},
        "problem_type": "regression",
    }


@pytest.mark.parametrize(
    ("known", "info", "otherwise"),
    [
        (CLASSES, CLASSES, False),
        ({**CLASSES, "labels": ["y", "x"]}, CLASSES, True),
        ({**CLASSES, "target": "multi_label"}, CLASSES, True),
        ({"objective": "masked_lm"}, CLASSES, False),
        ({}, NUMBER, False),
        (NUMBER, NUMBER, True),
    ],
    ids=["the same", "other order", "another target", "no head", "not ours", "a number, in real units"],
)
def test_a_head_is_of_no_use_for_other_labels(known: dict[str, Any], info: dict[str, Any], otherwise: bool) -> None:
    assert answers_otherwise(known, **info) == otherwise


def test_logits_become_probabilities_of_classes_of_each_label_or_values() -> None:
    logits = torch.tensor([[0.0, 0.0], [3.0, float("inf")]])
    assert probabilities("classes", logits).tolist()[0] == [0.5, 0.5]
    assert probabilities("multi_label", logits).tolist()[0] == [0.5, 0.5]
    assert probabilities("number", torch.tensor([[3.0]])).tolist() == [[3.0]]
    assert probabilities("classes", logits)[1].isnan().all()
