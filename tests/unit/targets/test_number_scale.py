"""Numbers are learnt on a scale of their own and answered in their unit."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, PreTrainedConfig, PreTrainedModel

from stillhouse.components.targets.number_scale import NumberScale

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
    scale = NumberScale.of("number", NUMBERS, model)
    learnt = scale.standardise(NUMBERS)
    assert (learnt.mean(), learnt.std()) == pytest.approx((0, 1))
    assert scale.restore(learnt) == pytest.approx(NUMBERS)


def test_without_a_bias_to_hold_a_mean_numbers_are_only_made_smaller(
    model: PreTrainedModel, without_bias: PreTrainedModel
) -> None:
    scale = NumberScale.of("number", NUMBERS, model, without_bias)
    assert scale.mean == 0
    assert np.square(scale.standardise(NUMBERS)).mean() == pytest.approx(1)


def test_equal_numbers_are_no_division_by_zero(model: PreTrainedModel) -> None:
    assert NumberScale.of("number", np.array([7.0, 7.0]), model).standardise(np.array([7.0, 8.0])).tolist() == [0, 1]


@pytest.mark.parametrize("target", ["classes", "multi_label"])
def test_classes_and_labels_stay_as_they_are(model: PreTrainedModel, target: str) -> None:
    targets = np.array([0, 1, 1])
    assert NumberScale.of(target, targets, model).standardise(targets) is targets


def test_a_folded_model_answers_in_real_units_and_can_be_unfolded(model: PreTrainedModel) -> None:
    scale, ids = NumberScale(1000.0, 200.0), torch.arange(5, 12)[None]
    with torch.inference_mode():
        learnt = model(input_ids=ids).logits.numpy()
        scale.fold_into(model)
        assert model(input_ids=ids).logits.numpy() == pytest.approx(scale.restore(learnt), rel=1e-5)
        scale.take_out_of(model)
        assert model(input_ids=ids).logits.numpy() == pytest.approx(learnt, abs=1e-5)
