"""Which parameters learn, how fast, and with what decay."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import AdamW
from transformers import AutoModelForSequenceClassification, PreTrainedConfig

from stillhouse.components.training.optimizer import (
    depth,
    freeze_below,
    make_optimizer,
    set_learning_rates,
    train_mode,
)
from stillhouse.components.training.settings import OptimizerSettings

MakeModel = Callable[[str], nn.Module]


@pytest.fixture
def model_of(tiny_config: Callable[..., PreTrainedConfig]) -> MakeModel:
    """Makes a classifier of two layers."""
    return lambda kind: AutoModelForSequenceClassification.from_config(tiny_config(kind))


@pytest.mark.parametrize("kind", ["bert", "roberta", "electra", "distilbert", "gpt2"])
def test_embeddings_are_at_the_bottom_and_the_head_is_on_top(model_of: MakeModel, kind: str) -> None:
    depths = {name: depth(name, 2) for name, _ in model_of(kind).named_parameters()}
    words = next(name for name in depths if "word_embeddings" in name or ".wte." in name)
    head = [name for name in depths if name.startswith(("classifier", "score", "pre_classifier"))]
    assert depths[words] == 0
    assert head
    assert {depths[name] for name in head} == {3}
    assert set(depths.values()) == {0, 1, 2, 3}


def test_stages_of_a_convolutional_network_are_its_layers() -> None:
    assert depth("resnet.encoder.stages.1.layers.0.layer.0.convolution.weight", 4) == 2
    assert depth("resnet.embedder.embedder.convolution.weight", 4) == 0
    assert depth("encoder.stages.2.0.weight", 3) == 3
    assert depth("classifier.1.weight", 4) == 5


def groups_of(model: nn.Module, **settings: Any) -> dict[str, dict[str, Any]]:
    """The group of each parameter, by its name."""
    optimizer = make_optimizer(model, OptimizerSettings(**settings), 2)
    set_learning_rates(optimizer, OptimizerSettings(warmup=0.0), step=0, num_steps=10)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return {names[id(p)]: group for group in optimizer.param_groups for p in group["params"]}


def test_every_layer_below_the_top_learns_at_a_multiple_of_the_one_above(model_of: MakeModel) -> None:
    model = model_of("bert")
    rates = {name: group["lr"] for name, group in groups_of(model, learning_rate=0.1, layer_decay=0.5).items()}
    query = "bert.encoder.layer.{}.attention.self.query.weight"
    assert rates["classifier.weight"] == pytest.approx(0.1)
    assert rates[query.format(1)] == pytest.approx(0.1)
    assert rates[query.format(0)] == pytest.approx(0.05)
    assert rates["bert.embeddings.word_embeddings.weight"] == pytest.approx(0.025)


def test_biases_and_normalisation_do_not_decay(model_of: MakeModel) -> None:
    model = model_of("bert")
    decays = {name: group["weight_decay"] for name, group in groups_of(model, weight_decay=0.3).items()}
    assert decays.keys() == dict(model.named_parameters()).keys()
    assert {name for name, decay in decays.items() if decay == 0} == {
        name for name in decays if name.endswith("bias") or "LayerNorm" in name
    }


def rates(num_steps: int, **settings: Any) -> list[float]:
    parsed = OptimizerSettings(learning_rate=1.0, **settings)
    optimizer = make_optimizer(nn.Linear(2, 2), parsed, 2)
    return [set_learning_rates(optimizer, parsed, step=step, num_steps=num_steps) for step in range(num_steps)]


def test_the_learning_rate_rises_in_a_line_and_falls_as_a_cosine() -> None:
    found = rates(20, warmup=0.2)
    assert found[:4] == pytest.approx([0.25, 0.5, 0.75, 1.0])
    assert found[4:] == pytest.approx([0.5 * (1 + math.cos(math.pi * step / 16)) for step in range(16)])


def test_a_constant_learning_rate_stays_after_its_rise() -> None:
    assert rates(10, warmup=0.2, schedule="constant") == pytest.approx([0.5] + [1.0] * 9)


def test_frozen_parameters_have_no_gradient(model_of: MakeModel) -> None:
    model = model_of("bert")
    num_learning = freeze_below(model, 2, 2)
    model(input_ids=torch.ones(1, 4, dtype=torch.long)).logits.sum().backward()
    learning = {name for name, parameter in model.named_parameters() if parameter.grad is not None}
    assert learning == {name for name, _ in model.named_parameters() if depth(name, 2) >= 2}
    assert num_learning == sum(p.numel() for name, p in model.named_parameters() if name in learning)


def test_sgd_steps_by_the_gradient_and_goes_on_with_a_share_of_the_step_before() -> None:
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, 1.0)
    settings = OptimizerSettings(name="sgd", learning_rate=0.1, momentum=0.5, weight_decay=0.0, warmup=0.0)
    optimizer = make_optimizer(model, settings, 2)
    seen = []
    for _ in range(3):  # the gradient is 1 each time: steps of 0.1 x (1, 1.5, 1.75)
        set_learning_rates(optimizer, settings.model_copy(update={"schedule": "constant"}), step=0, num_steps=3)
        optimizer.zero_grad()
        model(torch.ones(1, 1)).sum().backward()
        optimizer.step()
        seen.append(model.weight.item())
    assert seen == pytest.approx([0.9, 0.75, 0.575])


@pytest.mark.parametrize("frozen", [True, False])
def test_running_statistics_of_what_is_frozen_stay(frozen: bool) -> None:
    from transformers import ResNetConfig, ResNetForImageClassification

    shape = ResNetConfig(embedding_size=4, hidden_sizes=[4, 8], depths=[1, 1], layer_type="basic")
    model = ResNetForImageClassification(shape)
    freeze_below(model, 2 if frozen else 0, 2)  # all but the second stage and the head
    before = {name: tensor.clone() for name, tensor in model.named_buffers()}
    train_mode(model)
    model(torch.randn(4, 3, 16, 16))
    moved = {name for name, tensor in model.named_buffers() if not tensor.equal(before[name])}
    assert moved == {name for name in before if not frozen or ".stages.1." in name}
    assert model.training


def test_momentum_is_the_first_beta_of_adamw() -> None:
    model = nn.Linear(1, 1)
    betas = [make_optimizer(model, given, 2).param_groups[0]["betas"] for given in (
        OptimizerSettings(), OptimizerSettings(momentum=0.5)
    )]  # fmt: skip
    assert betas == [AdamW(model.parameters()).param_groups[0]["betas"], (0.5, 0.999)]
