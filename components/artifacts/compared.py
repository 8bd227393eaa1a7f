"""Parts of evaluation.json that hold one model against another, or against what came later.

Fields stand in the order of the file.
"""

from pydantic import Field

from stillhouse.components.artifacts.json_artifact import JsonArtifact


class Estimate(JsonArtifact):
    """A measure with its two-sided interval."""

    value: float
    low: float
    high: float
    lower: float | None = None
    """One-sided bound, as `upper`, of the main measure: each holds alone with the evaluation's confidence, on few rows
    and where all are answered right, too. None of the others, and in files of earlier releases."""
    upper: float | None = None


class PairedDifference(JsonArtifact):
    """A candidate minus another model in the main metric, on the same rows."""

    rows: int
    difference: float
    lower: float
    """One-sided bound, as `upper`; each holds alone with the evaluation's confidence."""
    upper: float
    p_value: float
    """Two-sided, of both models erring on equally many rows (McNemar)."""


class PairedEstimate(JsonArtifact):
    """A candidate minus the anchor in the main metric, on the same rows, with what a bound of any confidence needs."""

    rows: int
    difference: float
    standard_error: float
    """Of the difference, over the resamples of rows."""
    row_cost: float
    """What one more wrong answer costs in the metric: 1 / rows, or more where the rows that differ weigh more."""


class ComparedModel(JsonArtifact):
    """A model of an earlier run, and whether it could be compared."""

    name: str
    """As sentences call it."""
    digest: str
    compared: bool
    why_not: str = ""
    """Why it could not be compared, as what follows a colon; empty where it was."""


class Prequential(ComparedModel):
    """The champion on test rows that are newer than all it learnt from; `compared` says whether there are any."""

    learnt_until: str | float | None = None
    """The newest time that it learnt from, a date in ISO 8601 or a number; None where it is not known."""
    rows: int = 0
    estimate: Estimate | None = None
    """Of the main metric on these rows."""


class Remembered(PairedEstimate):
    """A candidate beside the champion, on test rows of earlier partitions that are kept for it."""

    value: float
    """The candidate's main metric."""
    champion: float
    """The champion's."""


class Forgetting(JsonArtifact):
    """What a candidate has forgotten of the partitions before the window."""

    together: Remembered | None = None
    """On all kept rows; None, as a period is left out, where the main metric has no value there."""
    periods: dict[str, Remembered] = Field(default_factory=dict)
    """By partition, in ISO 8601, the oldest one first."""
