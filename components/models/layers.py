"""Layers of a transformers model, whatever its architecture calls them."""

import copy
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from transformers import PreTrainedModel

from stillhouse.components.models import architectures


def layer_list(model: PreTrainedModel) -> nn.ModuleList:
    """The stack of equal layers: the module list as long as the configuration says."""
    return next(m for m in model.modules() if isinstance(m, nn.ModuleList) and len(m) == model.config.num_hidden_layers)


def num_layers(model: PreTrainedModel) -> int:
    """Layers of the model; of one that has stages of them, as ResNets, its stages."""
    config = model.config
    return int(config.num_hidden_layers if hasattr(config, "num_hidden_layers") else len(config.depths))


def width(model: PreTrainedModel) -> int:
    """Values that the model has of a token, or in its last stage of a place."""
    config = model.config
    return int(config.hidden_size if hasattr(config, "hidden_size") else config.hidden_sizes[-1])


def multiplications(model: PreTrainedModel, *inputs: torch.Tensor) -> int:
    """How often a weight of a dense or convolutional layer is multiplied with a value, when the model is given
    `inputs`."""
    found: list[int] = []

    def count(module: nn.Module, _: object, output: torch.Tensor) -> None:
        weight = cast(torch.Tensor, module.weight)
        found.append(weight[0].numel() * output.numel())

    kinds = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
    hooks = [module.register_forward_hook(count) for module in model.modules() if isinstance(module, kinds)]
    try:
        with torch.inference_mode():
            model(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return sum(found)


def take_layers(model: PreTrainedModel, keep: int) -> PreTrainedModel:
    """A copy of `model` with `keep` of its layers, evenly spaced and the last one among them; all else is kept.

    The initialisation of DistilBERT (Sanh et al., 2019, arXiv:1910.01108).

    Raises:
        ValueError: it has fewer layers.
    """
    total = num_layers(model)
    if keep > total:
        raise ValueError(f"cannot take {keep} layers from a teacher of {total}")
    config = copy.deepcopy(model.config)
    config.num_hidden_layers = keep
    if getattr(config, "layer_types", None):
        config.layer_types = [config.layer_types[i] for i in kept_layers(total, keep)]
    small = type(model)(config)
    weights = model.state_dict()
    if getattr(config, "num_hidden_groups", None) == 1:  # ALBERT's layers share their weights: fewer rounds of them
        small.load_state_dict(weights)
        return small
    prefix = next(name for name, module in model.named_modules() if module is layer_list(model))
    for position, source in enumerate(kept_layers(total, keep)):
        for name in layer_list(small)[position].state_dict():
            weights[f"{prefix}.{position}.{name}"] = model.state_dict()[f"{prefix}.{source}.{name}"]
    names = set(small.state_dict())
    small.load_state_dict({name: tensor for name, tensor in weights.items() if name in names})
    return small


def kept_layers(total: int, keep: int) -> list[int]:
    """Indices of `keep` evenly spaced layers of `total`, the last one always among them."""
    return [round((i + 1) * total / keep) - 1 for i in range(keep)]


def num_positions(model: PreTrainedModel) -> int:
    """Tokens of the longest sample that the model takes."""
    found = architectures.num_positions(model.config.to_dict())
    return sys.maxsize if found is None else found


def counts_behind_padding(model: PreTrainedModel) -> bool:
    """Whether the number of the padding token in the configuration is part of how the positions were trained; batches
    may be padded with another token then."""
    return model.config.model_type in architectures.COUNT_BEHIND_PADDING


def num_tokens(model: PreTrainedModel) -> int:
    """Tokens that the model has weights for."""
    return cast(torch.Tensor, model.get_input_embeddings().weight).shape[0]


def output_layer(model: PreTrainedModel) -> nn.Linear:
    """The linear layer that makes the logits: the one that the network names, or the last outside of its backbone."""
    if hasattr(model, "output_layer"):
        return cast(nn.Linear, model.output_layer)
    head = [
        module
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear)
        and module.out_features == model.config.num_labels
        and not name.startswith(f"{model.base_model_prefix}.")
    ]
    return head[-1]


def scale_output(model: PreTrainedModel, factor: float, offset: float) -> None:
    """Change the last layer so that a logit x becomes `factor` * x + `offset`; an offset needs a bias to be kept in."""
    layer = output_layer(model)
    with torch.no_grad():
        layer.weight.mul_(factor)
        if layer.bias is not None:
            layer.bias.mul_(factor).add_(offset)


def num_parameters(model: nn.Module) -> int:
    """Parameters, shared ones once."""
    return sum(p.numel() for p in {id(p): p for p in model.parameters()}.values())


def set_dropout(model: nn.Module, probability: float) -> None:
    """Set every dropout of the model, that before the head of timm's networks too, which is no module."""
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = probability
        elif isinstance(getattr(module, "drop_rate", None), float):
            module.drop_rate = probability  # type: ignore[assignment]


@contextmanager
def running_statistics(model: nn.Module) -> Iterator[None]:
    """For the time of the block batch normalisation goes by its running statistics and leaves them: one picture has
    none of its own."""
    learning = [module for module in model.modules() if isinstance(module, _BatchNorm) and module.training]
    for module in learning:
        module.eval()
    try:
        yield
    finally:
        for module in learning:
            module.train()


def prediction_head(model: PreTrainedModel) -> nn.Module | None:
    """What a language model has on top of its backbone, when it is one module that can be called on hidden states."""
    heads = [module for name, module in model.named_children() if name != model.base_model_prefix]
    return heads[0] if len(heads) == 1 else None
