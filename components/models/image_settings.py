"""The shape of a network on pictures."""

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from stillhouse.components.config.settings import Settings

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class ImageArchitecture(Settings):
    """A convolutional network, or a vision transformer (Dosovitskiy et al., 2021, arXiv:2010.11929)."""

    network: Literal["convolutional", "transformer"] = "convolutional"
    layers: int = Field(default=3, ge=1, le=96)
    """Of a convolutional network stages, each of which halves height and width and doubles the channels."""
    width: int = Field(default=32, ge=1, le=16384)
    """Channels of a convolutional network's first stage, values of a transformer's tokens."""
    heads: int = Field(default=4, ge=1)
    """Of a transformer's attention."""
    patch: int = Field(default=4, ge=1)
    """Pixels either way that are one token of a transformer."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Of a transformer."""

    @model_validator(mode="after")
    def _heads_divide_width(self) -> "ImageArchitecture":
        if self.network == "transformer" and self.width % self.heads:
            raise ValueError(f"width {self.width} must be a multiple of heads {self.heads}")
        if self.network == "convolutional" and self.layers > 12:
            raise ValueError("a convolutional network has 12 stages at most")
        return self


def has_equal_layers(model: "PreTrainedModel") -> bool:
    """Whether some of a network's layers can be left out, as of a transformer."""
    return hasattr(model.config, "num_attention_heads") and hasattr(model.config, "num_hidden_layers")


def narrower(teacher: "PreTrainedModel") -> dict[str, Any]:
    """The shape of a student of a convolutional teacher: half as wide; of another kind than ours our default."""
    config = teacher.config
    if not config.model_type.startswith("stillhouse_"):
        return {}
    return {"layers": config.num_hidden_layers, "width": max(1, config.hidden_size // 2)}
