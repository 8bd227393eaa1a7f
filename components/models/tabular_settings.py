"""The shape of a network on rows of a table."""

from typing import Literal

from pydantic import Field, model_validator

from stillhouse.components.config.settings import Settings


class TabularArchitecture(Settings):
    """A residual network of dense layers, or a transformer over columns (Gorishniy et al., 2021, arXiv:2106.11959)."""

    network: Literal["ft_transformer", "mlp"] = "mlp"
    """A step of a transformer was seen to take five times as long, and its answers to be no better."""
    layers: int = Field(default=2, ge=1, le=96)
    width: int = Field(default=64, ge=8, le=16384)
    heads: int = Field(default=8, ge=1)
    """Of attention; an mlp has none."""
    feed_forward: int | None = Field(default=None, ge=8)
    """Width inside a layer; twice the width when left out."""
    bins: int = Field(default=8, ge=1, le=64)
    """Parts of equally many training rows that the range of a number is cut into, each of which has its own slope; 1:
    one slope for all of it."""
    category_width: int = Field(default=16, ge=1)
    """Of a category in an mlp; a transformer has its own width for it."""
    dropout: float = Field(default=0.1, ge=0, lt=1)

    @model_validator(mode="after")
    def _heads_divide_width(self) -> "TabularArchitecture":
        if self.network == "ft_transformer" and self.width % self.heads:
            raise ValueError(f"width {self.width} must be a multiple of heads {self.heads}")
        return self
