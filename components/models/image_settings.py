"""The shape of a network on pictures."""

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from stillhouse.components.config.settings import Settings

if TYPE_CHECKING:
    from transformers import PreTrainedModel


RESNETS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
"""Blocks of each stage, by the number of layers (He et al., 2015, arXiv:1512.03385, table 1)."""
FIRST_BOTTLENECK = 50
"""Layers from which a block has three convolutions and four times the channels."""


class ImageArchitecture(Settings):
    """A convolutional network, a vision transformer (Dosovitskiy et al., 2021, arXiv:2010.11929), a ResNet, or one of
    timm by its name."""

    network: Literal["convolutional", "transformer", "resnet", "timm"] = "convolutional"
    name: str = ""
    """Of a network of timm: vgg11, inception_v3, mobilenetv3_small_050 and a thousand more."""
    layers: int = Field(default=3, ge=1, le=152)
    """Of a convolutional network stages, each of which halves height and width and doubles the channels; of a ResNet
    18, 34, 50, 101 or 152."""
    width: int = Field(default=32, ge=1, le=16384)
    """Channels of a convolutional network's first stage, values of a transformer's tokens."""
    heads: int = Field(default=4, ge=1)
    """Of a transformer's attention."""
    patch: int = Field(default=4, ge=1)
    """Pixels either way that are one token of a transformer."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Of a transformer, and before the head of a network of timm."""
    head_width: int | None = Field(default=None, ge=1, le=65536)
    """Width of a dense layer between the pooled features and the answer, of a base too; none when left out."""

    @model_validator(mode="after")
    def _heads_divide_width(self) -> "ImageArchitecture":
        if self.network == "transformer" and self.width % self.heads:
            raise ValueError(f"width {self.width} must be a multiple of heads {self.heads}")
        if self.network == "convolutional" and self.layers > 12:
            raise ValueError("a convolutional network has 12 stages at most")
        return self

    @model_validator(mode="after")
    def _known_network(self) -> "ImageArchitecture":
        if self.network == "resnet" and self.layers not in RESNETS:
            raise ValueError(f"a resnet has {', '.join(map(str, RESNETS))} layers; set layers to one of these")
        if (self.network == "timm") != bool(self.name):
            raise ValueError("name is that of a network of timm: write {network: timm, name: vgg11} or the like")
        return self


def has_equal_layers(model: "PreTrainedModel") -> bool:
    """Whether some of a network's layers can be left out, as of a transformer."""
    return hasattr(model.config, "num_attention_heads") and hasattr(model.config, "num_hidden_layers")


def narrower(teacher: "PreTrainedModel") -> dict[str, Any]:
    """The shape of a student of a convolutional teacher: half as wide; of another kind than ours our default."""
    config = getattr(teacher.config, "network", teacher.config)  # under a dense head
    if not config.model_type.startswith("stillhouse_"):
        return {}
    return {"layers": config.num_hidden_layers, "width": max(1, config.hidden_size // 2)}
