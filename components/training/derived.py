"""Settings of a training that follow from its data: from rows, lengths, weights and the time that there is.

The cost of a training is counted, not timed: the same data on the same kind of machine gives the same settings, and a
run that was killed finds its checkpoints again. What the rules were chosen on is told in docs/results.md.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch

from stillhouse.components.config.settings import Settings
from stillhouse.components.training.cpu_limit import allowed_processors

SettingsT = TypeVar("SettingsT", bound=Settings)
CPU_FLOPS = 3.5e10
"""Floating point operations a second that one core was seen to do in the training of a small encoder, in float32."""
GPU_FLOPS = 2e13
"""The same of one GPU, in bfloat16; a careful figure for an old one."""
SECONDS_PER_WEIGHT = 3e-9
"""What a step costs for each weight that learns, on a CPU: its gradient is clipped and AdamW moves it."""
LENGTHS = (512, 384, 256, 192, 128, 96, 64, 48, 32)
"""Tokens that texts may be cut to, longest first."""
LONGEST_ON_CPU = 256
CUT_SHARE = 0.05
"""Share of the texts that may be longer than what they are cut to."""
SHORTEST = 64
"""Texts are not cut below this in order to save time."""
BATCH_ROWS = 16


@dataclass(frozen=True)
class Rules:
    """What a kind of training wants."""

    steps: int
    """Steps of the optimizer that are enough, where there is time for them."""
    epochs: tuple[int, int]
    """Epochs, at least and at most. There may be fewer where time is short."""
    learning_rate: float
    layer_decay: float = 1.0


@dataclass(frozen=True)
class Load:
    """What is trained on what."""

    lengths: np.ndarray
    """int64 [samples]: units of each example, uncut."""
    weights: int
    """Of all layers, which each token goes through; embeddings are looked up and not counted."""
    trained: int
    """Weights that learn."""
    forward_passes: float = 0.0
    """Passes over all samples before the training begins, as parts of one through these layers."""

    def seconds(self, length: int, epochs: int) -> float:
        """Estimate of a training with texts cut to `length` tokens; a pass back costs twice the one forth."""
        tokens = int(np.minimum(self.lengths, length).sum())
        steps = -(-len(self.lengths) // BATCH_ROWS)
        operations = self.weights * tokens * (6.0 * epochs + 2.0 * self.forward_passes)
        if on_gpu():
            return operations / GPU_FLOPS + epochs * steps * 0.02
        return operations / (CPU_FLOPS * num_cores()) + epochs * steps * self.trained * SECONDS_PER_WEIGHT


def derived(load: Load, rules: Rules, seconds: float, longest: int | None) -> dict[str, Any]:
    """Values for the settings of a loop and its optimizer, by dotted key.

    Texts are cut to the length that all but a few have, and further where else there would be no time for the fewest
    epochs. As many epochs are made as are enough, or as there is time for.

    Args:
        seconds: that the training may take.
        longest: example that the model takes, in units; None: examples are never cut.
    """
    fewest, most = rules.epochs
    steps = max(1, len(load.lengths) // BATCH_ROWS)
    wanted = int(np.clip(-(-rules.steps // steps), fewest, most))
    length = int(load.lengths.max()) if longest is None else _length(load, fewest, seconds, longest)
    affordable = [epochs for epochs in range(1, wanted + 1) if load.seconds(length, epochs) <= seconds]
    epochs = max(affordable, default=1)
    mean = float(np.minimum(load.lengths, length).mean())
    return {
        **({} if longest is None else {"loop.max_length": length}),
        "loop.batch_tokens": max(16, round(BATCH_ROWS * mean)),
        "loop.epochs": epochs,
        "loop.evaluations_per_epoch": 2 if epochs < fewest else 1,
        "optimizer.learning_rate": rules.learning_rate,
        "optimizer.layer_decay": rules.layer_decay,
    }


def _length(load: Load, epochs: int, seconds: float, longest: int) -> int:
    """What examples are cut to so that there is time for so many epochs."""
    fitting = (each for each in _lengths(load.lengths, longest) if load.seconds(each, epochs) <= seconds)
    return next(fitting, min(SHORTEST, longest))


def _lengths(lengths: np.ndarray, longest: int) -> Iterator[int]:
    """Lengths to cut to, the best first: the shortest one that cuts few texts, then shorter ones."""
    limit = min(longest, LENGTHS[0] if on_gpu() else LONGEST_ON_CPU)
    enough = float(np.quantile(lengths, 1 - CUT_SHARE))
    fitting = [each for each in LENGTHS if each <= limit] or [limit]
    first = min((each for each in fitting if each >= enough), default=fitting[0])
    yield from (each for each in fitting if each == first or SHORTEST <= each < first)


def apply(settings: SettingsT, values: dict[str, Any], keys: list[str]) -> SettingsT:
    """`settings` with those of `values` that `keys` name, checked as a recipe's would be."""
    document = settings.model_dump()
    for key, value in values.items():
        if key in keys:
            *sections, name = key.split(".")
            inner = document
            for section in sections:
                inner = inner[section]
            inner[name] = value
    return settings.__class__.model_validate(document)


def on_gpu() -> bool:
    """Whether the training is going to use a GPU."""
    return torch.cuda.is_available()


def num_cores() -> int:
    """Processors that this container may use."""
    return min(allowed_processors() or 10**6, os.cpu_count() or 1)
