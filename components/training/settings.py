"""Settings that every step that trains shares."""

from argparse import SUPPRESS
from typing import Annotated, Literal

from pydantic import Field

from stillhouse.components.config.settings import Settings


class Derive(Settings):
    """Which settings of a step follow from the data, and in what time it is to be done."""

    seconds: float
    keys: list[str]
    """As a recipe writes them below the step: loop.epochs."""
    gpu_hours: float | None = None
    """What the whole run may spend, where the budget is GPU-hours: then `seconds` are not passed."""


class DerivableSettings(Settings):
    """Settings of a step, some of which may follow from the data."""

    derive: Annotated[Derive | None, SUPPRESS] = None
    """Filled in by inspect for a run with a budget; no option of the command line."""


class OptimizerSettings(Settings):
    """The optimizer and its schedule."""

    name: Literal["adamw", "sgd"] = "adamw"
    """sgd is stochastic gradient descent with momentum; it needs a learning rate of its own."""
    momentum: float = Field(default=0.9, ge=0, lt=1)
    """Share of a step that the next one goes on with; of adamw its first beta, for which adversarial pretraining takes
    0.5 (Radford et al., 2016, arXiv:1511.06434)."""
    learning_rate: float = Field(default=5e-4, gt=0, le=1)
    """Peak learning rate: of the head and the top layer."""
    weight_decay: float = Field(default=0.01, ge=0, le=1)
    """Not applied to biases and normalisation."""
    warmup: float = Field(default=0.06, ge=0, lt=1)
    """Share of the steps over which the learning rate rises."""
    schedule: Literal["cosine", "constant"] = "cosine"
    """What it does then: falls to zero, or stays."""
    layer_decay: float = Field(default=1.0, gt=0, le=1)
    """Each layer below the top learns at this multiple of the one above."""
    max_grad_norm: float = Field(default=1.0, gt=0)


class LoopSettings(Settings):
    """The training loop."""

    epochs: int = Field(default=3, ge=1, le=1000)
    batch_tokens: int = Field(default=4096, ge=16)
    """Units of a global batch, tokens of text: what one step of the optimizer sees."""
    micro_batch_tokens: int = Field(default=8192, ge=16)
    """Units of one forward pass at most, padding included; a batch beyond it is accumulated. Halved when memory runs
    out."""
    max_length: int = Field(default=256, ge=8)
    """Units of one sample at most, as far as a kind of problem cuts its samples: of texts what is longer is cut."""
    num_workers: int = Field(default=0, ge=0, le=64)
    """Processes that make batches ahead of the training; the number changes no result. Each needs shared memory."""
    evaluations_per_epoch: int = Field(default=1, ge=1, le=100)
    patience: int = Field(default=0, ge=0)
    """Evaluations without a better main metric before it stops; 0 never stops early. The best weights are restored
    either way."""
    keep: Literal["best", "latest"] = "best"
    """Which evaluation's weights: of the best, or of the latest that is at worst one standard error below the best
    (Breiman et al., 1984, Classification and Regression Trees, section 3.4.3), so that few validation rows do not
    choose by chance."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """auto: bfloat16 on a GPU that has it, else float32."""
    compile: bool = False
    """torch.compile the model: pays on a GPU and long runs."""
    checkpoint_seconds: float = Field(default=60.0, gt=0)
    """Longest time between two checkpoints."""
    keep_checkpoints: int = Field(default=2, ge=1)
    seed: int = Field(default=1, ge=0, lt=2**31)
