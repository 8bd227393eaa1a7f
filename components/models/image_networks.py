"""Networks on pictures by their configuration: our own, and those that transformers classifies pictures with."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoModelForImageClassification,
    PreTrainedConfig,
    PreTrainedModel,
    ViTConfig,
    ViTForImageClassification,
    ViTMAEConfig,
    ViTMAEForPreTraining,
)

from stillhouse.components.models.architectures import TIMM
from stillhouse.components.models.conv_adversarial import ConvAdversarial
from stillhouse.components.models.conv_autoencoder import (
    ConvAutoencoder,
    ConvAutoencoderConfig,
    ConvForImageClassification,
)
from stillhouse.components.models.dense_head import DenseHeadConfig, DenseHeadForImageClassification
from stillhouse.components.models.layers import multiplications
from stillhouse.components.models.quiet import quiet
from stillhouse.components.models.weights import load
from stillhouse.errors import UserError

SAFE_WEIGHTS: dict[str, Any] = {
    "local_files_only": True,
    "trust_remote_code": False,
    "use_safetensors": True,
    "dtype": "float32",
}
"""safetensors only, no remote code; float32 master weights whatever the checkpoint holds."""
AutoConfig.register(ConvAutoencoderConfig.model_type, ConvAutoencoderConfig, exist_ok=True)
AutoConfig.register(DenseHeadConfig.model_type, DenseHeadConfig, exist_ok=True)
AutoModelForImageClassification.register(ConvAutoencoderConfig, ConvForImageClassification, exist_ok=True)
AutoModelForImageClassification.register(DenseHeadConfig, DenseHeadForImageClassification, exist_ok=True)


class Masked(ViTForImageClassification):
    """A ViT under a head, whose configuration and weights are a masked autoencoder's."""

    config_class = ViTMAEConfig


USUAL_SIZE = 224
"""Pixels either way, of networks that do not say it."""
OBJECTIVES: dict[str, type[PreTrainedModel]] = {
    "autoencoder": ConvAutoencoder,
    "masked_autoencoder": ViTMAEForPreTraining,
    "adversarial": ConvAdversarial,
}
"""The network that learns each objective."""


def class_of(config: PreTrainedConfig) -> type[PreTrainedModel]:
    """The classifier for a configuration; that of timm's networks, under a dense head too, is made known here.

    Raises:
        KeyError: there is none.
    """
    below: Any = config.network if isinstance(config, DenseHeadConfig) else config
    if below.model_type == TIMM:
        from stillhouse.components.models import timm_network as timm_network
    kind = type(config)
    return Masked if kind is ViTMAEConfig else AutoModelForImageClassification._model_mapping[kind]  # type: ignore[index]


def classifier_of(config: PreTrainedConfig) -> PreTrainedModel:
    """Random weights of such a network, under a head."""
    quiet()
    return AutoModelForImageClassification.from_config(config)


def autoencoder_of(config: PreTrainedConfig, objective: str) -> PreTrainedModel:
    """Random weights of the network that learns an objective."""
    quiet()
    return OBJECTIVES[objective](config)


def from_folder(folder: str, **options: Any) -> PreTrainedModel:
    """The network in a folder under a head; the encoder of an autoencoder under a new one.

    Args:
        options: of the configuration, num_labels among them.

    Raises:
        UserError: it cannot be loaded, or is not one that classifies pictures.
    """
    model = _load(AutoModelForImageClassification, folder, **options)
    if not isinstance(model, Masked):
        return model
    known = ViTConfig().to_dict().keys() - {"model_type"}
    config = ViTConfig.from_dict({name: value for name, value in model.config.to_dict().items() if name in known})
    network = ViTForImageClassification(config)
    network.load_state_dict(model.state_dict())
    return network


def autoencoder_in(folder: str, objective: str) -> PreTrainedModel:
    """The network in a folder, to go on with an objective.

    Raises:
        UserError: it cannot be loaded, or learns something else.
    """
    wanted, kind = OBJECTIVES[objective], kind_in(folder)
    if kind != wanted.config_class.model_type:  # type: ignore[union-attr]
        raise UserError(
            f"pretrain.objective is '{objective}', and the base '{folder}' is a {kind}; it needs one of "
            f"{wanted.config_class.model_type}: set the objective to none, or take such a base."  # type: ignore[union-attr]
        )
    return _load(wanted, folder)


def multiplications_per_picture(model: PreTrainedModel) -> int:
    """How often a weight is multiplied with a value for one picture of the size that the model is made for."""
    size = getattr(model.config, "image_size", None) or USUAL_SIZE
    height, width = (size, size) if isinstance(size, int) else size
    was_training = model.training
    model.eval()  # running means stay as they are
    found = multiplications(model, torch.zeros(1, 3, height, width, device=model.device))
    model.train(was_training)
    return found


def kind_in(folder: str) -> str:
    """The model_type in a folder's config.json; empty where there is none."""
    try:
        return str(json.loads(Path(folder, "config.json").read_bytes()).get("model_type", ""))
    except (OSError, ValueError, AttributeError):
        return ""


def _load(auto: Any, folder: str, **options: Any) -> PreTrainedModel:
    try:
        return load(auto, folder, **SAFE_WEIGHTS, **options)
    except KeyError:
        raise UserError(
            f"model '{folder}' is a {kind_in(folder)}, which classifies no pictures; take a ResNet, a ViT or another "
            "that transformers has an image classifier of."
        ) from None
    except (OSError, ValueError, SafetensorError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"model '{folder}' cannot be loaded ({reason.rstrip('.')}); "
            "save it again with save_pretrained, or name another."
        ) from None
