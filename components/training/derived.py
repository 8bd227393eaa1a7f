"""Settings of a training that follow from its data: from rows, lengths, weights and the time that there is.

The cost of a training is counted, not timed: the same data on the same kind of machine gives the same settings, and a
run that was killed finds its checkpoints again. What the rules were chosen on is told in docs/results.md.
"""

import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial, reduce
from operator import getitem
from typing import Any, TypeVar

import numpy as np

from stillhouse.components.config.settings import Settings
from stillhouse.components.training.cpu_limit import allowed_processors
from stillhouse.components.training.settings import DerivableSettings, Derive
from stillhouse.errors import UserError

SettingsT = TypeVar("SettingsT", bound=Settings)
DerivableT = TypeVar("DerivableT", bound=DerivableSettings)
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
    batch_rows: int = BATCH_ROWS
    """Samples of a batch of the optimizer."""
    further: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the step that depend neither on the data nor on where the weights begin, by dotted key."""


@dataclass(frozen=True)
class Overhead:
    """Seconds on one core that a training takes beside the multiplications with weights, which say little of small
    networks. Nothing for text, whose CPU_FLOPS have it in them."""

    step: float = 0.0
    """Of each step of the optimizer."""
    example: float = 0.0
    """Of each example in each epoch: it is decoded, changed and put into a batch."""


@dataclass(frozen=True)
class Defaults:
    """What a kind of problem trains networks of random weights with, by step, where the recipe leaves it to the run."""

    pretrain: Rules | None = None
    """None: the step's own defaults count."""
    finetune: Rules = Rules(steps=3000, epochs=(5, 40), learning_rate=1e-3)
    distill: Rules = Rules(steps=3000, epochs=(6, 40), learning_rate=1e-3)
    """Of a student that has an architecture of its own."""
    overhead: Overhead = Overhead()


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
    overhead: Overhead = Overhead()

    def seconds(self, length: int, epochs: int, batch_rows: int = BATCH_ROWS) -> float:
        """Estimate of a training with texts cut to `length` tokens; a pass back costs twice the one forth."""
        tokens = int(np.minimum(self.lengths, length).sum())
        steps = -(-len(self.lengths) // batch_rows)
        operations = self.weights * tokens * (6.0 * epochs + 2.0 * self.forward_passes)
        if on_gpu():
            return operations / (GPU_FLOPS * num_ranks()) + epochs * steps * 0.02
        beside = epochs * (steps * self.overhead.step + len(self.lengths) * self.overhead.example)
        return operations / (CPU_FLOPS * num_cores()) + epochs * steps * self.trained * SECONDS_PER_WEIGHT + beside


def derived(load: Load, rules: Rules, seconds: float, longest: int | None) -> dict[str, Any]:
    """Values for the settings of a loop and its optimizer, by dotted key.

    Texts are cut to the length that all but a few have, and further where else there would be no time for the fewest
    epochs. As many epochs are made as are enough, or as there is time for.

    Args:
        seconds: that the training may take.
        longest: example that the model takes, in units; None: examples are never cut.
    """
    fewest, most = rules.epochs
    steps = max(1, len(load.lengths) // rules.batch_rows)
    wanted = int(np.clip(-(-rules.steps // steps), fewest, most))
    length = int(load.lengths.max()) if longest is None else _length(load, rules, seconds, longest)
    cost = partial(load.seconds, length, batch_rows=rules.batch_rows)
    affordable = [epochs for epochs in range(1, wanted + 1) if cost(epochs) <= seconds]
    epochs = max(affordable, default=1)
    mean = float(np.minimum(load.lengths, length).mean())
    return {
        **({} if longest is None else {"loop.max_length": length}),
        "loop.batch_tokens": max(16, round(rules.batch_rows * mean)),
        "loop.epochs": epochs,
        "loop.evaluations_per_epoch": 2 if epochs < fewest else 1,
        "loop.keep": "latest",
        "optimizer.learning_rate": rules.learning_rate,
        "optimizer.layer_decay": rules.layer_decay,
        **rules.further,
    }


def _length(load: Load, rules: Rules, seconds: float, longest: int) -> int:
    """What examples are cut to so that there is time for the fewest epochs."""
    fewest = rules.epochs[0]
    fitting = (
        each for each in _lengths(load.lengths, longest) if load.seconds(each, fewest, rules.batch_rows) <= seconds
    )
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
            _at(document, sections)[name] = value
    return settings.__class__.model_validate(document)


def follow(
    settings: DerivableT, load: Load, rules: Rules, longest: int | None, chosen: Mapping[str, Any] | None = None
) -> DerivableT:
    """`settings` with what they leave to the data.

    Args:
        longest: see `derived`.
        chosen: further values, by dotted key; `rules.further` win over them.

    Raises:
        UserError: the budget is in GPU-hours, and a training of these settings is reckoned to take more.
    """
    assert settings.derive is not None
    settled = settle(settings, {**(chosen or {}), **derived(load, rules, settings.derive.seconds, longest)})
    if settings.derive.gpu_hours is not None:
        _refuse_overrun(settled, settings.derive, load, rules, longest)
    return settled


def _refuse_overrun(settings: Any, derive: Derive, load: Load, rules: Rules, longest: int | None) -> None:
    """GPU-hours are money: unlike a time they are not passed, also where the recipe asks for more itself."""
    length = int(load.lengths.max()) if longest is None else settings.loop.max_length
    epochs, rows = settings.loop.epochs, len(load.lengths)
    seconds = load.seconds(length, epochs, rules.batch_rows)
    if seconds <= derive.seconds:
        return
    assert derive.gpu_hours is not None
    needed = math.ceil(10 * derive.gpu_hours * seconds / derive.seconds) / 10
    raise UserError(
        f"budget: {derive.gpu_hours:g} gpu-hours leave this step {derive.seconds / 60:.3g} min, and {epochs} "
        f"epoch{'s' * (epochs > 1)} of {rows:,} examples are reckoned to take {seconds / 60:.3g} min; give "
        f"'{needed:g} gpu-hours', fewer rows or epochs, or a smaller model."
    )


def settle(settings: DerivableT, values: dict[str, Any]) -> DerivableT:
    """`settings` with what of `values` is left to the data; their `derive` names no more than that."""
    assert settings.derive is not None
    keys = [key for key in settings.derive.keys if key in values]
    derive = settings.derive.model_copy(update={"keys": keys})
    return apply(settings, values, keys).model_copy(update={"derive": derive})


def told(settings: DerivableSettings, unit: str) -> dict[str, str]:
    """The note of a run on what `settle` set; none where that is nothing.

    Args:
        unit: what batches are counted in.
    """
    document = settings.model_dump(mode="json", exclude_none=True)
    keys = settings.derive.keys if settings.derive else []
    found = [f"{key} {_plain(_at(document, key.split('.')))}" for key in keys]
    return {"derived": f"From the data and the budget follow, batches in {unit}s: {', '.join(found)}."} if found else {}


def _at(document: dict[str, Any], path: Sequence[str]) -> Any:
    """What stands under these keys, one within the other."""
    return reduce(getitem, path, document)


def _plain(value: Any) -> str:
    """A value as a recipe may have it."""
    return value if isinstance(value, str) else json.dumps(value)


def on_gpu() -> bool:
    """Whether the training is going to use a GPU."""
    import torch  # the tasks say their rules where there is none

    return torch.cuda.is_available()


def num_ranks() -> int:
    """Processes that train together, each on a GPU of its own."""
    from stillhouse.components.training.ranks import Ranks  # imports torch

    return Ranks.current().size


def num_cores() -> int:
    """Processors that this container may use."""
    return min(allowed_processors() or 10**6, os.cpu_count() or 1)
