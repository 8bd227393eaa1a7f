"""Settings of finetune."""

from typing import Literal

from pydantic import Field

from stillhouse.components.artifacts.chosen_base import AUTO
from stillhouse.components.models.settings import Architecture
from stillhouse.components.training.settings import DerivableSettings, LoopSettings, OptimizerSettings


class FinetuneSettings(DerivableSettings):
    """A new head on a backbone, and what of the backbone learns."""

    task: str
    base: str = AUTO
    """Backbone when nothing was pretrained: a folder, package://, s3://, hf:// or models:/; `auto` is what prepare
    chose, empty random weights."""
    architecture: Architecture = Architecture()
    head: Literal["random", "linear_probe"] = "random"
    """Where the new head begins; linear_probe fits it to the backbone as it is, which pays with few rows. For classes
    and encoders; otherwise it begins at random."""
    freeze: Literal["nothing", "backbone"] | int = "nothing"
    """A number freezes the embeddings and that many of the lowest layers."""
    unfreeze_every: int = Field(default=0, ge=0)
    """Epochs after which one more frozen layer, from the top, starts to learn; 0 never."""
    class_weights: Literal["none", "balanced"] = "none"
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    dropout: float | None = Field(default=None, ge=0, lt=1)
    """Dropout while fine-tuning; the backbone's own when left out."""
    loop: LoopSettings = LoopSettings()
    optimizer: OptimizerSettings = OptimizerSettings()
