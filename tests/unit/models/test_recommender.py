"""The autoencoder on histories."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from stillhouse.components.models.layers import layer_list, num_layers, num_tokens, set_dropout, take_layers
from stillhouse.components.models.recommender import RecommenderConfig, RecommenderModel


def _model(variational: bool = False, layers: int = 1) -> RecommenderModel:
    torch.manual_seed(0)
    config = RecommenderConfig(
        num_items=7, hidden_size=6, latent_size=3, num_hidden_layers=layers, variational=variational
    )
    return RecommenderModel(config).eval()


def _dense(model: RecommenderModel, layer: int) -> nn.Linear:
    found = layer_list(model)[layer].get_submodule("dense")
    assert isinstance(found, nn.Linear)
    return found


ITEMS, ROWS = torch.tensor([0, 3, 6, 2]), torch.tensor([0, 0, 0, 2])


@torch.no_grad()
def test_the_network_is_the_papers_on_a_bag_of_length_one() -> None:
    model = _model()
    bags = torch.zeros(3, 7)
    bags[ROWS, ITEMS] = 1.0
    bags = torch.nn.functional.normalize(bags)
    hidden = torch.tanh(bags @ model.encoder.embeddings.weight + model.encoder.embeddings_bias)
    hidden = hidden + torch.tanh(_dense(model, 0)(hidden))
    expected = model.output(torch.tanh(model.decoder(model.code(hidden))))
    torch.testing.assert_close(model(ITEMS, ROWS, 3).logits, expected)


@torch.no_grad()
def test_a_user_is_answered_alike_whoever_else_is_in_the_batch() -> None:
    model = _model()
    together = model(ITEMS, ROWS, 3).logits
    torch.testing.assert_close(together[2:], model(ITEMS[3:], torch.tensor([0]), 1).logits)
    torch.testing.assert_close(together[1:2], model(ITEMS[:0], ROWS[:0], 1).logits)
    assert torch.isfinite(together).all()


@torch.no_grad()
def test_the_divergence_is_torchs_own() -> None:
    model = _model(variational=True)
    codes: list[Any] = []
    model.code.register_forward_hook(lambda *args: codes.append(args[2]))
    divergence = model(ITEMS, ROWS, 3).divergence
    mean, log_variance = codes[0].chunk(2, -1)
    normal = torch.distributions.Normal
    expected = torch.distributions.kl_divergence(normal(mean, (log_variance / 2).exp()), normal(0.0, 1.0)).sum(-1)
    torch.testing.assert_close(divergence, expected)


@torch.no_grad()
def test_only_the_variational_one_draws_and_only_while_it_trains() -> None:
    model = _model(variational=True)
    set_dropout(model, 0.0)
    assert torch.equal(model(ITEMS, ROWS, 3).logits, model(ITEMS, ROWS, 3).logits)
    model.train()
    assert not torch.equal(model(ITEMS, ROWS, 3).logits, model(ITEMS, ROWS, 3).logits)
    assert _model()(ITEMS, ROWS, 3).divergence is None


@pytest.mark.parametrize("variational", [False, True])
def test_it_is_saved_and_loaded_bit_for_bit(tmp_path: Path, variational: bool) -> None:
    model = _model(variational)
    model.save_pretrained(tmp_path)
    loaded = RecommenderModel.from_pretrained(tmp_path).eval()
    assert torch.equal(model(ITEMS, ROWS, 3).logits, loaded(ITEMS, ROWS, 3).logits)


@torch.no_grad()
def test_the_papers_own_has_no_layer() -> None:
    model = _model(layers=0)
    assert num_layers(model) == 0
    hidden = torch.tanh(model.encoder.embeddings(ITEMS[3:], ROWS[:1]) + model.encoder.embeddings_bias)
    expected = model.output(torch.tanh(model.decoder(model.code(hidden))))
    torch.testing.assert_close(model(ITEMS[3:], ROWS[:1], 1).logits, expected)


def test_its_layers_can_be_counted_and_taken() -> None:
    model = _model(layers=3)
    small = take_layers(model, 1)
    assert isinstance(small, RecommenderModel)
    assert (num_layers(model), num_layers(small), num_tokens(model)) == (3, 1, 7)
    assert torch.equal(_dense(small, 0).weight, _dense(model, 2).weight)
    assert torch.equal(small.output.weight, model.output.weight)
