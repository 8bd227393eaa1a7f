"""What the steps that learn from labels share."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, PreTrainedConfig, PreTrainedModel

from stillhouse.components.artifacts.dataset import Split
from stillhouse.components.supervised import Scale, best_point, model_info, validation_of

NAN = float("nan")
NUMBERS = np.array([800.0, 1000.0, 1200.0])


@pytest.fixture
def model(tiny_config: Callable[..., PreTrainedConfig]) -> PreTrainedModel:
    config = tiny_config("bert")
    config.num_labels = 1
    return AutoModelForSequenceClassification.from_config(config).eval()


@pytest.fixture
def without_bias(tiny_config: Callable[..., PreTrainedConfig]) -> PreTrainedModel:
    return AutoModelForSequenceClassification.from_config(tiny_config("gpt2"))


def test_numbers_are_learnt_with_mean_0_and_spread_1(model: PreTrainedModel) -> None:
    scale = Scale.of("number", NUMBERS, model)
    learnt = scale.standardise(NUMBERS)
    assert (learnt.mean(), learnt.std()) == pytest.approx((0, 1))
    assert scale.restore(learnt) == pytest.approx(NUMBERS)


def test_without_a_bias_to_hold_a_mean_numbers_are_only_made_smaller(
    model: PreTrainedModel, without_bias: PreTrainedModel
) -> None:
    scale = Scale.of("number", NUMBERS, model, without_bias)
    assert scale.mean == 0
    assert np.square(scale.standardise(NUMBERS)).mean() == pytest.approx(1)


def test_equal_numbers_are_no_division_by_zero(model: PreTrainedModel) -> None:
    assert Scale.of("number", np.array([7.0, 7.0]), model).standardise(np.array([7.0, 8.0])).tolist() == [0, 1]


@pytest.mark.parametrize("target", ["classes", "multi_label"])
def test_classes_and_labels_stay_as_they_are(model: PreTrainedModel, target: str) -> None:
    targets = np.array([0, 1, 1])
    assert Scale.of(target, targets, model).standardise(targets) is targets


def test_a_folded_model_answers_in_real_units_and_can_be_unfolded(model: PreTrainedModel) -> None:
    scale, ids = Scale(1000.0, 200.0), torch.arange(5, 12)[None]
    with torch.inference_mode():
        learnt = model(input_ids=ids).logits.numpy()
        scale.fold_into(model)
        assert model(input_ids=ids).logits.numpy() == pytest.approx(scale.restore(learnt), rel=1e-5)
        scale.take_out_of(model)
        assert model(input_ids=ids).logits.numpy() == pytest.approx(learnt, abs=1e-5)


def test_the_best_evaluation_is_reported_without_where_it_was() -> None:
    points = [
        {"step": 1, "epochs": 0.5, "f1_macro": 0.5, "ece": 0.1},
        {"step": 2, "epochs": 1.0, "f1_macro": 0.8, "ece": float("nan")},
        {"step": 3, "epochs": 1.5, "f1_macro": 0.7, "ece": 0.3},
    ]
    assert best_point(points, "classes") == {"validation_f1_macro": 0.8}


def test_model_json_holds_all_that_answers_and_reports_need() -> None:
    about = {"target": "number", "labels": [], "columns": {"text": ["a"]}, "content_digest": "d"}
    about |= {"cleaning": {"mask_pii": True}}
    assert model_info(about, {"task": "t", "loop": {}}, 32) == {
        "task": "t",
        "target": "number",
        "labels": [],
        "columns": {"text": ["a"]},
        "csv": {},
        "cleaning": {"mask_pii": True},
        "main_metric": "r2",
        "max_length": 32,
        "settings": {"task": "t", "loop": {}},
        "dataset_digest": "d",
    }


def test_the_kept_evaluation_is_the_best_of_those_that_are_finite() -> None:
    points = [{"step": step, "epochs": step, "f1_macro": f1} for step, f1 in ((1, NAN), (2, 0.5), (3, 0.7), (4, NAN))]
    assert best_point(points, "classes") == {"validation_f1_macro": 0.7}
    assert best_point(points[:2], "classes") == {"validation_f1_macro": 0.5}


@pytest.mark.parametrize(("target", "main"), [("classes", "f1_macro"), ("multi_label", "f1_micro"), ("number", "r2")])
def test_one_row_without_a_finite_answer_makes_the_evaluation_not_a_number(target: str, main: str) -> None:
    answers = np.array([[0.2, 0.8], [0.7, 0.3], [NAN, NAN]]) if target != "number" else np.array([[1.0], [2.0], [NAN]])
    targets = {"classes": np.array([1, 0, 0]), "multi_label": np.eye(2)[[1, 0, 0]], "number": np.array([1.0, 2.0, 3.0])}
    split = Split(["a", "b", "c"], targets[target], np.arange(3), {})
    task: Any = SimpleNamespace(labelled_samples=lambda *_, **__: None, score_samples=lambda *_: answers)
    labels = [] if target == "number" else ["a", "b"]
    network: Any = None
    found = validation_of(task, network, split, {"target": target, "labels": labels}, 16, Scale()).measure(network)
    assert list(found) == [main]
    assert np.isnan(found[main])
