"""evaluation.json: how the student, and what it is held against, did on the test rows. evaluate writes it.

Fields stand in the order of the file.
"""

from typing import Any

from pydantic import Field

from stillhouse.components.artifacts.calibration import Calibration
from stillhouse.components.artifacts.compared import (
    ComparedModel,
    Estimate,
    Forgetting,
    PairedDifference,
    PairedEstimate,
    Prequential,
)
from stillhouse.components.artifacts.environment import Environment
from stillhouse.components.artifacts.json_artifact import JsonArtifact

TRIVIAL = "majority"
"""The baseline without a model, as evaluation.json calls it for every task."""
NO_BASELINES = {"student", "teacher", "champion"}


class LabelMeasures(JsonArtifact):
    """How the rows of one label were answered."""

    label: str
    precision: float
    recall: float
    f1: float
    rows: int
    """Test rows that have the label."""


class Latency(JsonArtifact):
    """Milliseconds that one row takes."""

    p50: float
    """The median."""
    p90: float
    """What nine of ten rows keep."""
    p95: float | None = None
    """What 95 of 100 keep. None, as below, in files of earlier releases."""
    p50_bounds: tuple[float, float] | None = None
    """One-sided bounds, below and above, each with the evaluation's confidence."""
    p95_bounds: tuple[float, float] | None = None


class Spread(JsonArtifact):
    """What was measured at each cold start."""

    p50: float
    p95: float
    p50_bounds: tuple[float, float]
    """As those of `Latency`: over the starts."""
    p95_bounds: tuple[float, float]


class ColdStarts(JsonArtifact):
    """A model in a process of its own, from nothing to its first answer."""

    starts: int
    seconds: Spread
    """From the start of the process on."""
    memory_bytes: Spread
    """Resident at most until then."""


class MeasuredModel(JsonArtifact):
    """One of the models that were compared."""

    metrics: dict[str, Estimate]
    """Of each measure, the main one among them."""
    per_label: list[LabelMeasures] = Field(default_factory=list)
    """Empty for numbers."""
    title: str = ""
    """Of a baseline, as people read it; empty of models whose name is a word."""
    parameters: int | None = None
    """None, as below, where the model has none: the majority answer."""
    bytes: int | None = None
    """Size of the weights."""
    rows_per_second: float | None = None
    tokens_per_second: float | None = None
    """None of a model that reads no tokens. A task that counts something else has a key of that unit."""
    unanswered_rows: int = 0
    """Test rows for which its answer is not a finite number; they count as wrong."""
    latency_ms: Latency | None = None
    """Of a model that is loaded and has answered before."""
    cold: ColdStarts | None = None
    """None where evaluate.cold_starts is 0, and of models that are not served."""


class NegativeFlips(JsonArtifact):
    """Rows that the champion has right and a candidate has wrong."""

    rows: int
    """Rows on which both were compared."""
    number: int
    """Of these, those that the champion has right and the candidate has wrong."""
    rate: float
    """`number` / `rows`."""
    upper: float
    """One-sided exact bound of the rate (Clopper-Pearson), with the evaluation's confidence."""


class Slice(JsonArtifact):
    """The main metric on the test rows with one value of a column."""

    rows: int
    value: float
    low: float
    high: float
    lower: float | None = None
    """As of an `Estimate`, with `upper`."""
    upper: float | None = None


class FoundSlice(JsonArtifact):
    """The student's main metric on a slice that was found to be answered worse than the other test rows."""

    name: str
    """What its rows have in common, in words."""
    rows: int
    value: float
    bound: float
    """What it is at best: a one-sided bound that holds for all slices that were looked at together, with the
    evaluation's confidence."""
    p_value: float
    """Of chance alone making it so much worse, corrected for how many were looked at."""


class FoundSlices(JsonArtifact):
    """Slices that were looked for on the test rows."""

    looked_at: int
    """How many were tested."""
    least_rows: int
    """Rows within and without that a slice had to have."""
    correction: str
    """Of the p-values: Holm."""
    sure: int
    """Those of all that were looked at that are worse by more than chance, with the evaluation's confidence for all of
    them together."""
    slices: list[FoundSlice]
    """The worst ones, the surest first."""


class Candidate(JsonArtifact):
    """A model that may be promoted, beside those it is held against."""

    differences: dict[str, PairedDifference]
    """To each other model, by its name."""
    latency_ratio: dict[str, float]
    """Its median latency divided by that of each other model."""
    latency_ratio_bounds: dict[str, tuple[float, float]] = Field(default_factory=dict)
    """One-sided bounds of that, below and above; empty in files of earlier releases."""
    slices: dict[str, Slice]
    """By `column=value`, the largest of each column first."""
    to_anchor: PairedEstimate | None = None
    """None where no anchor was compared."""
    negative_flips: NegativeFlips | None = None
    """None where no champion was compared, or where answers are not right or wrong, as numbers and recommendations."""
    forgetting: Forgetting | None = None
    """None where no champion was compared, or without test rows of partitions before the window."""


class AddedLabel(JsonArtifact):
    """How the student answers the rows of a label that the champion does not know."""

    rows: int
    precision: float
    recall: float
    f1: float


class ComparedChampion(ComparedModel):
    """The champion, and how far it could be compared."""

    rows: int = 0
    """Test rows on which it was compared: those that it never saw, and whose labels both know."""
    shared_labels: list[str] = Field(default_factory=list)
    lost_labels: list[str] = Field(default_factory=list)
    """Labels that only the champion knows."""
    respelt_labels: dict[str, str] = Field(default_factory=dict)
    """Of these, those that the data now write differently, with how."""
    added_labels: dict[str, AddedLabel] = Field(default_factory=dict)
    """Labels that the champion does not know."""


class ComparedAnchor(ComparedModel):
    """The anchor, and whether it could be compared."""

    spared: int = 0
    """Test rows that it never saw and that were left out: they have helped to decide too often."""


class ShelfLife(JsonArtifact):
    """How far the test rows are used up by the decisions that they were part of."""

    rows: int
    fresh: int
    """Rows that have helped to decide nothing yet."""
    fresh_since_champion: int
    """Rows that had helped to decide nothing when the champion was promoted."""
    times: int
    """How often the row that has helped most often has."""
    limit: int
    """How often a row may."""


class HalfRows(JsonArtifact):
    """By how much the strong baseline is better than one that was trained on half of the rows."""

    rows: int
    """The half."""
    of: int
    """All training rows."""
    difference: float
    lower: float
    """One-sided bound, as `upper`."""
    upper: float


class Evidence(JsonArtifact):
    """What the run knows of how to get a better model."""

    half_rows: HalfRows | None = None
    random_start: bool = False
    """Whether the teacher started from random weights."""
    still_gaining: list[str] = Field(default_factory=list)
    """Steps whose training gained until its last evaluation."""


class Rows(JsonArtifact):
    """Rows that were answered."""

    test: int
    unseen_by_champion: int | None = None
    """Of these, those that the champion never saw and whose labels both know; None where it is not compared."""


class Histogram(JsonArtifact):
    """Counts between neighbouring edges, of which there is one more; the upper edge belongs to each."""

    edges: list[int]
    counts: list[int]


class Lengths(JsonArtifact):
    """How long the training rows are for a model, and what it is not shown of them."""

    unit: str
    """What is counted: token."""
    max_length: int
    """What examples are cut to."""
    counted: int
    """Rows whose lengths these are, of all `rows`."""
    rows: int
    cut: float
    """Share of those that are longer."""
    median: float
    largest: int
    histogram: Histogram


class Evaluation(JsonArtifact):
    """evaluation.json."""

    format: int
    task: str
    main_metric: str
    greater_is_better: bool
    """Whether more of the main metric is better."""
    confidence: float
    """Of all intervals and bounds, between 0 and 1."""
    seed: int | None = None
    """Of the resamples."""
    rows: Rows
    models: dict[str, MeasuredModel]
    """By name, in the order of the report: student, teacher, the champion if it is compared, the baselines."""
    differences: dict[str, PairedDifference]
    """The student's, as the next six; see `Candidate`."""
    latency_ratio: dict[str, float]
    latency_ratio_bounds: dict[str, tuple[float, float]] = Field(default_factory=dict)
    slices: dict[str, Slice]
    to_anchor: PairedEstimate | None = None
    negative_flips: NegativeFlips | None = None
    forgetting: Forgetting | None = None
    candidates: dict[str, Candidate] = Field(default_factory=dict)
    """Models that may be promoted in the student's place."""
    never_answered: list[str] = Field(default_factory=list)
    """Labels of test rows that the student answers none of them with."""
    champion: ComparedChampion | None = None
    """None where there was none."""
    anchor: ComparedAnchor | None = None
    """None where there was none."""
    shelf_life: ShelfLife | None = None
    """None where there was no anchor."""
    prequential: Prequential | None = None
    """None without a champion, or where rows have no times."""
    notes: list[str] = Field(default_factory=list)
    """Sentences for people."""
    evidence: Evidence = Field(default_factory=Evidence)
    lengths: dict[str, Lengths] = Field(default_factory=dict)
    """Of the training rows, by model, for the kinds of problems that cut examples."""
    trained_with: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """The settings that the teacher (`pretrain`, where it was, and `finetune`) and the student (`distill`) were trained
    with."""
    environment: Environment | None = None
    """What all of them were trained with besides; None in files of earlier releases."""
    found_slices: FoundSlices | None = None
    """None where none were looked for, and in files of earlier releases."""
    calibration: Calibration | None = None
    """None of a student whose probabilities were not scaled."""

    @property
    def bases(self) -> list[str]:
        """Addresses of the models that the trainings of teacher and student started from."""
        of_steps = [settings.get("base") for settings in self.trained_with.values()]
        of_student = (self.trained_with.get("distill", {}).get("student") or {}).get("base")
        return [address for address in (*of_steps, of_student) if address]

    @property
    def baselines(self) -> list[str]:
        """Those that the student is held against, the strong one first."""
        return sorted(set(self.differences) - NO_BASELINES, key=lambda name: (name == TRIVIAL, name))

    @property
    def strong_baseline(self) -> str | None:
        """The baseline that is a model; None where the task has none."""
        return next((name for name in self.baselines if name != TRIVIAL), None)

    @property
    def over_time(self) -> dict[str, float]:
        """What curves over runs are drawn from, by its name in MLflow."""
        found: dict[str, float] = {}
        if self.prequential and self.prequential.estimate:
            found[f"champion/prequential_{self.main_metric}"] = self.prequential.estimate.value
        for name, beside in {"student": self, **self.candidates}.items():
            if beside.forgetting and (together := beside.forgetting.together):
                found[f"{name}/forgetting"] = together.champion - together.value
                if not self.greater_is_better:
                    found[f"{name}/forgetting"] *= -1
        return found

    def heading(self, model: str) -> str:
        """What people call a model, in a table."""
        return self.models[model].title or model.capitalize()

    def title(self, model: str) -> str:
        """What people call a model, within a sentence."""
        title = self.models[model].title if model in self.models else ""
        return (f"{title[0].lower()}{title[1:]}" if model == TRIVIAL else title) if title else model

    def estimate(self, model: str) -> Estimate:
        """A model's main metric."""
        return self.models[model].metrics[self.main_metric]
