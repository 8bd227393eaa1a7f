"""A dense layer over any network on pictures: kept in the saved model, replaced where another width is asked for."""

from pathlib import Path

import pytest
import torch
from transformers import PreTrainedModel, ResNetConfig, ViTConfig

from stillhouse.components.models.conv_autoencoder import ConvAutoencoderConfig
from stillhouse.components.models.dense_head import under_dense_head
from stillhouse.components.models.image_networks import classifier_of, from_folder
from stillhouse.components.models.layers import num_layers, output_layer
from stillhouse.components.models.timm_network import timm_config
from stillhouse.components.training.optimizer import freeze_below

VIT = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}
NETWORKS = {
    "resnet": (lambda: ResNetConfig(embedding_size=4, hidden_sizes=[4, 8], depths=[1, 1], layer_type="basic"), 8),
    "vit": (lambda: ViTConfig(**VIT, image_size=32, patch_size=8), 8),
    "convolutional": (lambda: ConvAutoencoderConfig(hidden_size=4, num_hidden_layers=2), 8 * 4),
    "timm": (lambda: timm_config("test_resnet", dropout=0.0), 96),
}
PIXELS = torch.rand(2, 3, 32, 32)


def network_of(kind: str) -> PreTrainedModel:
    """Random weights with three labels."""
    torch.manual_seed(0)
    config = NETWORKS[kind][0]()
    config.num_labels = 3
    return classifier_of(config).eval()


@pytest.mark.parametrize("kind", NETWORKS)
def test_features_go_through_a_dense_layer_and_all_of_it_is_saved(kind: str, tmp_path: Path) -> None:
    network = network_of(kind)
    seen: list[torch.Tensor] = []
    output_layer(network).register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    network(PIXELS)
    model = under_dense_head(network, 16).eval()
    expected = model.classifier(torch.relu(model.dense(seen[0])))
    assert (model.dense.in_features, model.classifier.out_features) == (NETWORKS[kind][1], 3)
    assert model(PIXELS).logits.equal(expected)
    assert output_layer(model) is model.classifier
    model.save_pretrained(tmp_path)
    again = from_folder(str(tmp_path)).eval()
    assert again(PIXELS).logits.equal(expected)
    freeze_below(again, num_layers(again) + 1, num_layers(again))
    learning = {name.rpartition(".")[0] for name, parameter in again.named_parameters() if parameter.requires_grad}
    assert learning - {"network.vit.layernorm"} == {"dense", "classifier"}


def test_other_labels_get_a_new_last_layer_and_another_width_a_new_head(tmp_path: Path) -> None:
    model = under_dense_head(network_of("resnet"), 16)
    model.save_pretrained(tmp_path)
    other = from_folder(str(tmp_path), num_labels=5, ignore_mismatched_sizes=True)
    assert other.get_parameter("dense.weight").equal(model.dense.weight)
    assert other.get_parameter("classifier.weight").shape == (5, 16)
    assert under_dense_head(other, 16) is other
    wider = under_dense_head(other, 24)
    assert (wider.dense.weight.shape, wider.classifier.weight.shape) == ((24, 8), (5, 24))
    stem = "network.resnet.embedder.embedder.convolution.weight"
    assert wider.get_parameter(stem).equal(model.get_parameter(stem))
