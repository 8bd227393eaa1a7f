"""What a run had to learn from, what it cost, and what it was expected to gain."""

import math

from stillhouse.components.artifacts.json_artifact import JsonArtifact

LONGEST = 30
"""Runs that are skipped in a row at most."""


class News(JsonArtifact):
    """What the data of a run hold that its champion has not seen; None where nothing can be compared."""

    new_rows: int | None = None
    """Training rows that the champion neither learnt from nor was chosen on."""
    known_rows: int | None = None
    """Rows that it did."""
    drift: float | None = None
    """The largest of the data card's distances to its data, from 0 to 1."""

    @property
    def doublings(self) -> float | None:
        """By how many doublings the rows are more than those that the champion knows; None where that is not known."""
        if self.new_rows is None or not self.known_rows:
            return None
        return math.log2(1 + self.new_rows / self.known_rows)


class Cost(JsonArtifact):
    """What the steps that train and measure took in a run; those from the cache took nothing."""

    hours: float
    """Wall time, together."""
    gpus: int = 0
    """That each of them asked for, on all its nodes; 0 on a machine that nobody asked for any."""

    @property
    def unit(self) -> str:
        """What `amount` counts, in the plural."""
        return "GPU-hours" if self.gpus else "hours"

    @property
    def amount(self) -> float:
        """GPU-hours, or where no GPUs were asked for hours."""
        return self.hours * (self.gpus or 1)


class ExpectedGain(JsonArtifact):
    """By how much a run's candidate is expected to be better than the champion in the main metric."""

    gain: float
    low: float
    """One-sided bound, as `high`; each holds alone with `confidence`."""
    high: float
    confidence: float
    nights: int
    """Runs before it whose gain was measured, from which this is known."""
    skipped: int
    """Runs before it that ended as nothing to learn: what they would have gained is not known."""
    waiting: int = 0
    """Of these, those since the last run that trained."""

    @property
    def sentence(self) -> str:
        """For people."""
        skipped = f"; {self.skipped:,} more were skipped, and say nothing of theirs" if self.skipped else ""
        return (
            f"Expected gain over the champion: {self.gain:.4f} ({self.low:.4f} to {self.high:.4f}), "
            f"by the gains of {self.nights:,} runs before{skipped}."
        )

    def figures(self) -> dict[str, float]:
        """For MLflow, by name."""
        return {"expected_gain": self.gain, "expected_gain/low": self.low, "expected_gain/high": self.high}

    def too_little(self, least: float) -> str:
        """What was found of what at least was asked for; empty where it may be enough, or nothing was asked for.

        After LONGEST runs in a row that were skipped one is not: what no drift shows would never be found else.
        """
        if not least or self.high >= least or self.waiting >= LONGEST:
            return ""
        return f"expected gain {self.gain:.4f}, at most {self.high:.4f}, of at least {least:g}"
