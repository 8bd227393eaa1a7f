"""Layers of transformers' models, whatever their architecture calls them."""

from collections.abc import Callable

import pytest
import torch
from torch import nn
from transformers import (
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
    PreTrainedConfig,
    PreTrainedModel,
)

from stillhouse.components.models.layers import (
    kept_layers,
    layer_list,
    multiplications,
    num_layers,
    num_parameters,
    num_positions,
    output_layer,
    prediction_head,
    scale_output,
    set_dropout,
    take_layers,
    width,
)

KINDS = ("bert", "roberta", "electra", "distilbert", "gpt2")
MakeModel = Callable[..., PreTrainedModel]


@pytest.fixture
def model_of(tiny_config: Callable[..., PreTrainedConfig]) -> MakeModel:
    """Makes a classifier with random weights."""

    def make(kind: str, layers: int = 4) -> PreTrainedModel:
        torch.manual_seed(0)
        return AutoModelForSequenceClassification.from_config(tiny_config(kind, layers)).eval()

    return make


@pytest.fixture
def language_model_of(tiny_config: Callable[..., PreTrainedConfig]) -> MakeModel:
    """Makes a masked language model with random weights."""
    return lambda kind: AutoModelForMaskedLM.from_config(tiny_config(kind))


def logits(model: PreTrainedModel) -> torch.Tensor:
    with torch.inference_mode():
        return model(input_ids=torch.arange(1, 11)[None]).logits


def words(model: PreTrainedModel) -> torch.Tensor:
    """The embeddings."""
    return next(model.get_input_embeddings().parameters())


@pytest.mark.parametrize("kind", KINDS)
def test_a_smaller_model_has_the_chosen_layers_and_all_else(model_of: MakeModel, kind: str) -> None:
    model = model_of(kind)
    small = take_layers(model, 2)
    assert num_layers(small) == len(layer_list(small)) == 2
    for mine, theirs in ((0, 1), (1, 3)):
        wanted = layer_list(model)[theirs].state_dict()
        assert all(tensor.equal(wanted[name]) for name, tensor in layer_list(small)[mine].state_dict().items())
    assert output_layer(small).weight.equal(output_layer(model).weight)
    assert words(small).equal(words(model))


@pytest.mark.parametrize("kind", KINDS)
def test_all_layers_make_an_equal_model_that_shares_no_memory(model_of: MakeModel, kind: str) -> None:
    model = model_of(kind, layers=2)
    copy = take_layers(model, 2).eval()
    assert logits(copy).equal(logits(model))
    with torch.no_grad():
        output_layer(copy).weight.add_(1)
    assert not logits(copy).equal(logits(model))


def test_a_teacher_has_no_more_layers_than_it_has(model_of: MakeModel) -> None:
    with pytest.raises(ValueError, match="cannot take 5 layers from a teacher of 4"):
        take_layers(model_of("bert"), 5)


@pytest.mark.parametrize(("total", "keep", "kept"), [(12, 6, [1, 3, 5, 7, 9, 11]), (4, 1, [3]), (5, 3, [1, 2, 4])])
def test_layers_are_kept_at_even_distances(total: int, keep: int, kept: list[int]) -> None:
    assert kept_layers(total, keep) == kept


def test_kept_layers_rise_and_end_with_the_last() -> None:
    for total in range(1, 49):
        for keep in range(1, total + 1):
            kept = kept_layers(total, keep)
            assert kept == sorted(set(kept))
            assert kept[0] >= 0
            assert kept[-1] == total - 1


def test_shared_parameters_count_once(language_model_of: MakeModel) -> None:
    model = language_model_of("bert")
    names = [name for name, weight in model.named_parameters(remove_duplicate=False) if weight is words(model)]
    assert len(names) == 2
    assert num_parameters(model) == sum(p.numel() for p in set(model.parameters()))


def test_dropout_is_set_everywhere(model_of: MakeModel) -> None:
    model = model_of("bert")
    set_dropout(model, 0.35)
    assert {module.p for module in model.modules() if isinstance(module, nn.Dropout)} == {0.35}


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_takes_as_many_tokens_as_it_has_positions(model_of: MakeModel, kind: str) -> None:
    model = model_of(kind, layers=1)
    ids = torch.ones(1, num_positions(model) + 1, dtype=torch.long)
    assert model(input_ids=ids[:, 1:]).logits.isfinite().all()
    with pytest.raises((IndexError, RuntimeError)):
        model(input_ids=ids)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "gpt2"])
def test_logits_are_scaled_by_the_last_layer(model_of: MakeModel, kind: str) -> None:
    model = model_of(kind, layers=1)
    before = logits(model)
    scale_output(model, 200.0, 1000.0)
    assert torch.allclose(logits(model), before * 200 + 1000, rtol=1e-5)


def test_a_head_without_bias_can_be_scaled_and_not_moved(model_of: MakeModel) -> None:
    model = model_of("gpt2", layers=1)
    assert output_layer(model).bias is None
    before = logits(model)
    scale_output(model, 200.0, 0.0)
    assert torch.allclose(logits(model), before * 200, rtol=1e-5)


def test_a_head_of_one_module_is_found(language_model_of: MakeModel) -> None:
    model = language_model_of("bert")
    assert prediction_head(model) is model.cls


def test_a_head_in_pieces_is_none(language_model_of: MakeModel) -> None:
    assert prediction_head(language_model_of("distilbert")) is None


def test_width_and_layers_of_a_network_with_stages_are_those_of_its_stages() -> None:
    from transformers import ResNetConfig, ResNetForImageClassification

    config = ResNetConfig(embedding_size=4, hidden_sizes=[4, 6, 8], depths=[1, 2, 1], layer_type="basic")
    model = ResNetForImageClassification(config)
    assert (num_layers(model), width(model)) == (3, 8)


def test_multiplications_are_counted_place_by_place() -> None:
    model = nn.Sequential(nn.Conv2d(3, 5, 3, stride=2, padding=1), nn.Flatten(), nn.Linear(5 * 4 * 4, 7))
    found = multiplications(model, torch.zeros(1, 3, 8, 8))  # type: ignore[arg-type]
    assert found == 5 * 3 * 3 * 3 * 4 * 4 + 80 * 7
