"""Networks of timm: timm's own first weights, their depths, names that lead nowhere else."""

from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from torch import nn
from transformers import TimmWrapperConfig

from stillhouse.components.models.image_networks import classifier_of, from_folder
from stillhouse.components.models.layers import num_layers, output_layer, set_dropout, width
from stillhouse.components.models.timm_network import TimmForImageClassification, timm_config
from stillhouse.components.training.optimizer import depths, freeze_below
from stillhouse.errors import UserError

SMALL = "test_resnet"
"""A network that timm has for tests: 0.5 million weights."""


def network_of(name: str) -> TimmForImageClassification:
    """Random weights with three labels."""
    config = timm_config(name, dropout=0.0)
    config.num_labels = 3
    torch.manual_seed(0)
    made = classifier_of(config)
    assert isinstance(made, TimmForImageClassification)
    return made


def test_weights_begin_as_timm_draws_them_and_answers_are_timms(tmp_path: Path) -> None:
    network = network_of(SMALL)
    own = timm.create_model(SMALL, pretrained=False, num_classes=3)
    own.load_state_dict(network.timm_model.state_dict())
    pixels = torch.randn(2, 3, 32, 32)
    assert network.eval()(pixels).logits.equal(own.eval()(pixels))
    spread = {name: tensor.std().item() for name, tensor in network.timm_model.named_parameters() if tensor.dim() == 4}
    fresh = timm.create_model(SMALL, pretrained=False)
    assert spread == pytest.approx({name: fresh.get_parameter(name).std().item() for name in spread}, rel=0.25)
    network.save_pretrained(tmp_path)
    assert from_folder(str(tmp_path)).eval()(pixels).logits.equal(network(pixels).logits)
    assert (num_layers(network), width(network)) == (4, own.num_features)


def test_the_head_is_on_top_and_the_stem_below() -> None:
    network = network_of(SMALL)
    found = depths(nn.ModuleDict({"student": network}), num_layers(network))
    assert found["student.timm_model.conv1.0.weight"] == 0
    assert found["student.timm_model.layer1.0.conv1.weight"] == 1
    assert found["student.timm_model.layer4.0.conv1.weight"] == 4
    assert {name for name, level in found.items() if level == 5} == {
        "student.timm_model.fc.weight",
        "student.timm_model.fc.bias",
    }
    learning = freeze_below(network, 5, 4)
    assert learning == sum(parameter.numel() for parameter in output_layer(network).parameters())


@pytest.mark.parametrize("name", ["vgg11", "inception_v3", "mobilenetv3_small_050", "vit_tiny_patch16_224"])
def test_well_known_families_end_in_a_head_that_is_told_from_their_stages(name: str) -> None:
    config = timm_config(name, dropout=0.1)
    config.num_labels = 7
    with torch.device("meta"):
        network = TimmForImageClassification(config)
    assert output_layer(network).out_features == 7
    found = network.parameter_depths()
    assert set(found.values()) == set(range(num_layers(network) + 2))
    set_dropout(network, 0.3)
    assert getattr(network.timm_model, "drop_rate", 0.3) == 0.3


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("vgg_11", r"timm has no network 'vgg_11'; did you mean 'vgg11'\?"),
        ("hf-hub:owner/model", "timm has no network 'hf-hub:owner/model'"),
        ("local-dir:/models/mine", "timm has no network 'local-dir"),
        ("dla34", "timm's dla34 does not end in one dense layer"),
    ],
)
def test_a_name_that_is_not_a_networks_is_refused(name: str, why: str) -> None:
    with pytest.raises(UserError, match=why):
        timm_config(name, dropout=0.0)


@pytest.mark.parametrize(
    "config",
    [
        {"architecture": "hf-hub:owner/model"},
        {"architecture": SMALL, "model_args": {"checkpoint_path": "/tmp/weights.pth"}},
        {"architecture": SMALL, "model_args": {"pretrained_cfg": {"url": "http://elsewhere"}}},
    ],
)
def test_a_folder_leads_to_no_other_place(config: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="is not a network that timm has"):
        TimmForImageClassification(TimmWrapperConfig(**config))


def test_a_size_that_a_network_does_not_take_is_found_out() -> None:
    network = network_of(SMALL)
    network.train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    assert network.takes(32, 32)
    assert network.usual_size == (160, 160)
    assert network.training
    assert all(tensor.equal(before[name]) for name, tensor in network.state_dict().items())
    assert not network_of("vit_tiny_patch16_224").takes(32, 32)
