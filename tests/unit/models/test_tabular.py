"""Networks on rows of a table."""

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import PreTrainedModel

from stillhouse.components.models.layers import layer_list, num_layers, num_positions, output_layer, take_layers
from stillhouse.components.models.tabular import Numbers, TabularConfig, TabularForDenoising, TabularForPrediction
from stillhouse.components.models.tabular_settings import TabularArchitecture
from stillhouse.components.training.optimizer import depth, freeze_below

NETWORKS = ("mlp", "ft_transformer")
NUMBERS = torch.tensor([[0.5, -1.0], [2.0, 0.0], [-3.0, 0.25]])
LABELS: dict[str, Any] = {"num_labels": 3}
CATEGORIES = torch.tensor([[1, 0], [3, 2], [0, 1]])


def _config(network: str, layers: int = 3) -> TabularConfig:
    return TabularConfig(
        network=network,
        num_numbers=2,
        cardinalities=[4, 3],
        edges=[[-1.5, 0.0, 0.25, 2.0], []],
        hidden_size=8,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=12,
        category_size=4,
        **LABELS,
    )


def _model(network: str, layers: int = 3) -> TabularForPrediction:
    torch.manual_seed(0)
    return TabularForPrediction(_config(network, layers)).eval()


def _logits(model: PreTrainedModel, rows: slice = slice(None)) -> torch.Tensor:
    with torch.inference_mode():
        return model(NUMBERS[rows], CATEGORIES[rows]).logits


def test_a_number_is_its_share_of_each_bin_that_it_has_passed() -> None:
    """As rtdl_num_embeddings 0.0.12 has it, but cut to the outer edges."""
    encoded = Numbers(_config("mlp"))(torch.tensor([[-1.5, 7.0], [-0.75, 0.0], [0.1, -7.0], [1.5, 0.5], [9.0, 1e9]]))
    assert encoded[:, 0].tolist() == [
        [0.0, 0.0, 0.0],
        [0.5, 0.0, 0.0],
        [1.0, pytest.approx(0.4), 0.0],
        [1.0, 1.0, pytest.approx(0.7142857)],
        [1.0, 1.0, 1.0],
    ]
    assert encoded[:, 1].tolist() == [[7.0, 0, 0], [0.0, 0, 0], [-7.0, 0, 0], [0.5, 0, 0], [1e9, 0, 0]]


def test_the_transformer_is_that_of_its_authors() -> None:
    """Logits of rtdl_revisiting_models 0.0.2 with the same weights."""
    config = TabularConfig(
        network="ft_transformer",
        num_numbers=2,
        cardinalities=[4],
        edges=[[], []],
        hidden_size=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=12,
        **LABELS,
    )
    model = TabularForPrediction(config).eval()
    names = [*dict(model.named_parameters()), *(f"tabular.layers.0.attention_norm.{kind}" for kind in "wb")]
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            place = sorted(names).index(name)
            wave = 0.5 * torch.sin(torch.arange(parameter.numel(), dtype=torch.float64) * 0.7 + place)
            parameter.copy_(wave.reshape(parameter.shape))
        numbers, categories = torch.tensor([[0.5, -1.0], [2.0, 0.0]]), torch.tensor([[1], [3]])
        logits = model(numbers, categories).logits
        with_states = model(numbers, categories, output_hidden_states=True).logits
    wanted = torch.tensor([[-0.26492187, 0.36614573, 0.82595378], [-0.17035578, 0.35939944, 0.72092330]])
    torch.testing.assert_close(logits, wanted, atol=1e-6, rtol=0)
    torch.testing.assert_close(with_states, wanted, atol=1e-6, rtol=0)


@pytest.mark.parametrize("network", NETWORKS)
def test_what_is_saved_answers_the_same_bit_for_bit(network: str, tmp_path: Path) -> None:
    model = _model(network)
    model.save_pretrained(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "model.safetensors"]
    loaded = TabularForPrediction.from_pretrained(str(tmp_path), use_safetensors=True, local_files_only=True).eval()
    assert torch.equal(_logits(loaded), _logits(model))


@pytest.mark.parametrize("network", NETWORKS)
def test_the_loop_finds_its_way_around(network: str) -> None:
    model = _model(network)
    assert output_layer(model) is model.classifier
    assert (num_layers(model), len(layer_list(model))) == (3, 3)
    assert num_positions(model) > 10**9
    depths = {name: depth(name, 3) for name, _ in model.named_parameters()}
    assert {level for name, level in depths.items() if ".embeddings." in name} == {0}
    assert {level for name, level in depths.items() if ".layers.1." in name} == {2}
    assert {depths["classifier.weight"], depths["tabular.norm.bias"]} == {4}
    assert freeze_below(model, 4, 3) == 3 * 8 + 3 + 2 * 8


@pytest.mark.parametrize("network", NETWORKS)
def test_some_layers_can_be_taken_all_else_is_kept(network: str) -> None:
    model = _model(network)
    small = take_layers(model, 2)
    taken, weights = small.state_dict(), model.state_dict()
    assert torch.equal(taken["tabular.layers.1.second.weight"], weights["tabular.layers.2.second.weight"])
    assert torch.equal(taken["tabular.layers.0.second.weight"], weights["tabular.layers.1.second.weight"])
    assert torch.equal(taken["tabular.embeddings.numbers.begin"], weights["tabular.embeddings.numbers.begin"])
    assert torch.equal(taken["classifier.weight"], weights["classifier.weight"])
    assert torch.equal(_logits(take_layers(model, 3).eval()), _logits(model))


@pytest.mark.parametrize("network", NETWORKS)
def test_a_category_that_is_not_known_says_nothing_until_it_has_learnt(network: str) -> None:
    embeddings = _model(network).tabular.embeddings.categories
    vectors = embeddings(torch.tensor([[0, 0], [1, 2]]))
    assert vectors[0].abs().max() == 0
    assert vectors[1].abs().min() > 0
    assert torch.equal(vectors[1, 1], embeddings.weight[4 + 2])  # the second category begins behind the first one's 4


@pytest.mark.parametrize(("network", "tokens"), [("mlp", 1), ("ft_transformer", 5)])
def test_hidden_states_are_given_where_they_are_asked_for(network: str, tokens: int) -> None:
    model = _model(network)
    with torch.inference_mode():
        states = model(NUMBERS, CATEGORIES, output_hidden_states=True).hidden_states
    assert [state.shape for state in states] == [(3, tokens, 8)] * 4
    assert model(NUMBERS, CATEGORIES).hidden_states is None


@pytest.mark.parametrize("network", NETWORKS)
def test_a_row_is_answered_alike_in_any_batch(network: str) -> None:
    model = _model(network)
    torch.testing.assert_close(_logits(model)[1:2], _logits(model, slice(1, 2)), atol=1e-6, rtol=0)


@pytest.mark.parametrize("network", NETWORKS)
def test_the_first_weights_follow_from_the_seed(network: str) -> None:
    assert torch.equal(_logits(_model(network)), _logits(_model(network)))


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize(("num_numbers", "cardinalities"), [(2, []), (0, [4, 3])])
def test_a_table_may_have_no_number_or_no_category(network: str, num_numbers: int, cardinalities: list[int]) -> None:
    config = _config(network)
    config.num_numbers, config.cardinalities, config.edges = num_numbers, cardinalities, [[]] * num_numbers
    inputs = NUMBERS[:, :num_numbers], CATEGORIES[:, : len(cardinalities)]
    assert TabularForPrediction(config)(*inputs).logits.shape == (3, 3)
    assert [part.shape[1] for part in TabularForDenoising(config)(*inputs)] == [num_numbers, *cardinalities]


def test_heads_must_divide_the_width_of_a_transformer_only() -> None:
    assert TabularArchitecture(network="mlp", width=30).width == 30
    with pytest.raises(ValueError, match="width 30 must be a multiple of heads 8"):
        TabularArchitecture(network="ft_transformer", width=30)
