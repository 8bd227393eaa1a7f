"""Settings of pretrain."""

from typing import Literal

from pydantic import Field

from stillhouse.components.models.settings import Architecture
from stillhouse.components.settings import Settings
from stillhouse.components.training.settings import LoopSettings, OptimizerSettings


class PretrainSettings(Settings):
    """Self-supervised learning on unlabelled data."""

    task: str
    objective: Literal["none", "masked_lm", "next_word"] = "masked_lm"
    """none skips the step."""
    base: str = ""
    """Model to go on from: a folder, s3://, hf:// or models:/. Empty: random weights, a tokenizer learnt from data."""
    architecture: Architecture = Architecture()
    mask_probability: float = Field(default=0.2, gt=0, lt=1)
    """Share of tokens that masked_lm predicts; BERT's was 0.15, and Wettig et al. argue for more (2023,
    doi:10.18653/v1/2023.eacl-main.217)."""
    loop: LoopSettings = LoopSettings()
    optimizer: OptimizerSettings = OptimizerSettings(learning_rate=1e-3)
