"""The shape of a model that starts from random weights."""

from typing import Any, Literal

from pydantic import Field, model_validator

from stillhouse.components.config.settings import Settings

KEPT = {"transformer": 24, "lstm": 36}
"""Values of the width that a layer keeps of each token, as a test counts them on BERT and on our LSTM. (Korthikanti et
al., 2022, arXiv:2205.05198, count 17 where all of a transformer is fused; attention maps are kept by neither.)"""
LSTM = {"layers": 2, "width": 64}
"""Where a recipe asks for an LSTM and gives no shape: words need less than parts of words, and each step waits for the
one before. That of the recipe text_lstm."""


class Architecture(Settings):
    """A transformer encoder (or decoder, for next_word), or an LSTM that reads words in both directions."""

    network: Literal["transformer", "lstm"] = "transformer"
    layers: int = Field(default=4, ge=1, le=96)
    width: int = Field(default=192, ge=8, le=16384)
    """Values of a token; of an LSTM in each direction."""
    heads: int = Field(default=4, ge=1)
    """Of a transformer's attention."""
    feed_forward: int | None = Field(default=None, ge=8)
    """Width of a transformer's feed-forward layers; four times the width when left out."""
    vocab_size: int = Field(default=8000, ge=300)
    """Of a tokenizer trained on the data; of an LSTM the most frequent words."""
    max_length: int = Field(default=512, ge=8)
    """Positions that a transformer has."""
    dropout: float = Field(default=0.1, ge=0, lt=1)

    @property
    def parameters(self) -> int:
        """Of such a backbone: embeddings, layers and, of a transformer, BERT's pooler; heads are small beside them."""
        if self.network == "lstm":
            gates = 4 * (2 * self.width * self.width + 2 * self.width)
            return self.vocab_size * self.width + self.layers * 2 * gates
        wide = self.feed_forward or 4 * self.width
        embeddings = (self.vocab_size + self.max_length + 2) * self.width + 2 * self.width
        attention = 4 * (self.width * self.width + self.width)
        forward = 2 * self.width * wide + wide + self.width
        norms = 2 * 2 * self.width
        return embeddings + self.layers * (attention + forward + norms) + self.width * self.width + self.width

    @property
    def kept_values(self) -> int:
        """Values that all layers keep of each token for the backward pass."""
        return KEPT[self.network] * self.width * self.layers

    @model_validator(mode="before")
    @classmethod
    def _shape_of_the_network(cls, given: Any) -> Any:
        return {**LSTM, **given} if isinstance(given, dict) and given.get("network") == "lstm" else given

    @model_validator(mode="after")
    def _heads_divide_width(self) -> "Architecture":
        if self.network == "transformer" and self.width % self.heads:
            raise ValueError(f"width {self.width} must be a multiple of heads {self.heads}")
        return self
