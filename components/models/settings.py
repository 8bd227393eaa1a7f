"""The shape of a model that starts from random weights."""

from pydantic import Field, model_validator

from stillhouse.components.config.settings import Settings


class Architecture(Settings):
    """A transformer encoder (or decoder, for next_word)."""

    layers: int = Field(default=4, ge=1, le=96)
    width: int = Field(default=192, ge=8, le=16384)
    heads: int = Field(default=4, ge=1)
    feed_forward: int | None = Field(default=None, ge=8)
    """Width of the feed-forward layers; four times the width when left out."""
    vocab_size: int = Field(default=8000, ge=300)
    """Of a tokenizer trained on the data."""
    max_length: int = Field(default=512, ge=8)
    """Positions the model has."""
    dropout: float = Field(default=0.1, ge=0, lt=1)

    @model_validator(mode="after")
    def _heads_divide_width(self) -> "Architecture":
        if self.width % self.heads:
            raise ValueError(f"width {self.width} must be a multiple of heads {self.heads}")
        return self
