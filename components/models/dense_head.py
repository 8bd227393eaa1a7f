"""A network on pictures under a dense layer and a classifier in the place of its own."""

from typing import Any

import torch
from torch import nn
from transformers import CONFIG_MAPPING, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import ImageClassifierOutputWithNoAttention

from stillhouse.components.models.layers import num_layers, output_layer, width


class DenseHeadConfig(PreTrainedConfig):
    """A network and the width of the layer over it."""

    model_type = "stillhouse_dense_head"

    network: dict[str, Any] | PreTrainedConfig | None = None
    """Configuration of the network below."""
    head_width: int = 1024

    def __post_init__(self, **kwargs: Any) -> None:
        if isinstance(self.network, dict):
            self.network = CONFIG_MAPPING[self.network["model_type"]].from_dict(self.network)
        super().__post_init__(**kwargs)


class DenseHeadForImageClassification(PreTrainedModel):
    """Pooled features of a network -> a dense layer, ReLU -> classes, several labels or a number."""

    config_class = DenseHeadConfig
    base_model_prefix = "network"
    main_input_name = "pixel_values"

    def __init__(self, config: DenseHeadConfig, network: PreTrainedModel | None = None) -> None:
        from stillhouse.components.models.image_networks import class_of

        super().__init__(config)
        below: Any = config.network
        self.network = class_of(below)(below) if network is None else network
        features = _without_output(self.network)
        for name in ("image_size", "patch_size"):
            if hasattr(below, name):
                setattr(config, name, getattr(below, name))
        config.num_hidden_layers, config.hidden_size = num_layers(self.network), width(self.network)
        self.dense = nn.Linear(features, config.head_width)
        self.classifier = nn.Linear(config.head_width, config.num_labels or 1)
        self.post_init()

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        if module is self.dense or module is self.classifier:
            module.reset_parameters()

    def forward(self, pixel_values: torch.Tensor, **wanted: Any) -> ImageClassifierOutputWithNoAttention:
        """Logits float32 [pictures, labels], of pixels float32 [pictures, 3, height, width]."""
        below = self.network(pixel_values=pixel_values, **wanted)
        logits = self.classifier(nn.functional.relu(self.dense(below.logits)))
        return ImageClassifierOutputWithNoAttention(logits=logits, hidden_states=below.hidden_states)


def under_dense_head(network: PreTrainedModel, head_width: int) -> DenseHeadForImageClassification:
    """`network` with its weights under a new head of random weights; with such a head of that width as it is.

    Args:
        head_width: of the dense layer.
    """
    config = network.config
    if not isinstance(network, DenseHeadForImageClassification):
        own = {name: getattr(config, name) for name in ("num_labels", "id2label", "label2id", "problem_type")}
        return DenseHeadForImageClassification(DenseHeadConfig(network=config, head_width=head_width, **own), network)
    if config.head_width != head_width:
        config.head_width = head_width
        network.dense = nn.Linear(network.dense.in_features, head_width)
        network.classifier = nn.Linear(head_width, network.classifier.out_features)
    return network


def _without_output(network: PreTrainedModel) -> int:
    """Take the output layer off, so that the network gives its pooled features; returns how many these are."""
    layer = output_layer(network)
    name = next(name for name, module in network.named_modules() if module is layer)
    parent, _, last = name.rpartition(".")
    setattr(network.get_submodule(parent), last, nn.Identity())
    return layer.in_features
