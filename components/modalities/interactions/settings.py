"""What a recipe sets of histories and of models that read them. Imports no torch."""

from pydantic import Field

from stillhouse.components.config.settings import Settings

REASONS = {
    "too_short": "a history of fewer than two items",
    "no_user": "a row without a user",
    "no_item": "a row without an item",
    "no_time": "a row without a time, where others have one",
}
"""Why rows and users are dropped."""


class HistoryInput(Settings):
    """What of the rows makes a history, and what of it is asked for."""

    min_rating: float | None = None
    """Lower rated items, and those without a rating, are left out; None: all count."""
    hold_out: float = Field(default=0.2, gt=0, lt=1)
    """Share of a history, its newest part, that is asked for."""
    hide: float = Field(default=0.5, gt=0, lt=1)
    """Share of a history that a training hides, another part in each epoch; all of it is asked for. More than is held
    out: from the little that is left the whole is to be told."""


class RecommenderArchitecture(Settings):
    """An autoencoder on histories."""

    layers: int = Field(default=0, ge=0, le=32)
    """Residual layers between the bag of embeddings and the code; the paper has none (Liang et al., 2018,
    arXiv:1802.05814), and with some hundred users they were seen to do harm."""
    width: int = Field(default=200, ge=4, le=16384)
    """Of the items' embeddings and of the layers."""
    code: int = Field(default=100, ge=2, le=16384)
    """Width of the code in the middle."""
    variational: bool = False
    """Whether the code is drawn while it trains. Of what is pretrained, the objective says it."""
    dropout: float = Field(default=0.2, ge=0, lt=1)
