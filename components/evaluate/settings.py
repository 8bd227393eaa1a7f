"""Settings of evaluate."""

from typing import Literal

from pydantic import Field

from stillhouse.components.config.settings import Settings


class EvaluateSettings(Settings):
    """What to compare, on how many resamples, how to time it."""

    task: str
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    """Of the intervals (two-sided) and of the paired differences (one-sided bounds)."""
    resamples: int = Field(default=2000, ge=100, le=100_000)
    """Bootstrap resamples."""
    latency_rows: int = Field(default=64, ge=8)
    """Rows that are timed one by one."""
    latency_rounds: int = Field(default=2, ge=1)
    """Interleaved rounds over those rows, model by model."""
    cold_starts: int = Field(default=0, ge=0, le=100)
    """Processes in which the student, the champion and the baseline that may be promoted are each started to give one
    answer, for cold latency and memory; one takes some seconds."""
    slices: list[str] = Field(default_factory=list)
    """Columns of the source whose values are reported apart (kept by prepare)."""
    num_slices: int = Field(default=10, ge=0)
    """Slices listed of those that are found to be answered worst, by words, sizes, values, activity, whatever the kind
    of problem has, and by the columns of `slices`; 0 for no search."""
    num_mistakes: int = Field(default=20, ge=0)
    """Worst mistakes shown."""
    serve_on: Literal["cpu", "cuda"] = "cpu"
    """Hardware whose latency counts."""
    seed: int = Field(default=1, ge=0, lt=2**31)
