"""How far a training is, and how it went."""

import math
from dataclasses import dataclass, field
from typing import NamedTuple


@dataclass
class History:
    """All that a resumed training needs besides tensors."""

    step: int = 0
    units: int = 0
    """Of the examples seen: tokens, images, rows."""
    padded_units: int = 0
    seconds: float = 0.0
    data_seconds: float = 0.0
    loss_sum: float = 0.0
    loss_weight: float = 0.0
    best: float | None = None
    """The main value of the weights that are kept."""
    best_step: int = 0
    """Where they are from."""
    best_seen: float | None = None
    slack: float = 0.0
    """How far below the best value seen that of weights may be for them to be kept."""
    stale: int = 0
    stopped: bool = False
    micro_batch_units: int = 0
    """What became of the setting after memory ran out; 0 while it holds."""
    points: list[dict[str, float]] = field(default_factory=list)
    losses: list[list[float]] = field(default_factory=list)
    """Pairs of a step and the mean loss since the pair before."""

    @property
    def loss(self) -> float:
        """Mean since the last point of the curve."""
        return self.loss_sum / max(self.loss_weight, 1)

    def best_point(self) -> dict[str, float]:
        """Finite metrics of the evaluation whose weights were kept, as `validation_NAME`; there has to be one."""
        best = next(point for point in self.points if point["step"] == self.best_step)
        metrics = {name: value for name, value in best.items() if name not in {"step", "epochs"}}
        return {f"validation_{name}": value for name, value in metrics.items() if math.isfinite(value)}

    def summary(self, unit: str) -> dict[str, float]:
        """Figures of the whole training: real units and their rate, share of real units, share of time that waits for
        data.

        Args:
            unit: what one is called: token.
        """
        return {
            f"{unit}s": self.units,
            f"{unit}s_per_second": self.units / max(self.seconds, 1e-9),
            "fill_ratio": self.units / max(self.padded_units, 1),
            "data_wait_share": self.data_seconds / max(self.seconds, 1e-9),
            "steps": self.step,
            "best_step": self.best_step,
        }


class TooLarge(NamedTuple):
    """A micro-batch for which memory did not suffice."""

    rows: int
    longest: int
    """Units of its longest row."""


@dataclass
class Sums:
    """Of one step, over its micro-batches."""

    loss: float = 0.0
    weight: int = 0
    padded_units: int = 0
    waited: float = 0.0
    """Seconds that the step waited for data."""
    too_large: TooLarge | None = None
    """Where the step ended early."""

    @classmethod
    def over(cls, parts: list["Sums"]) -> "Sums":
        """Of all processes together; they wait for data at the same time."""
        return cls(
            sum(part.loss for part in parts),
            sum(part.weight for part in parts),
            sum(part.padded_units for part in parts),
            sum(part.waited for part in parts) / len(parts),
        )
