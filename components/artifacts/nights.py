"""The nights of a model name: what became of each run, in one line each.

One JSON document for each name, at `nights/NAME.json` in the store. The verdicts themselves are swept one day; this
stays. What the next run may gain is told by it, and `stillhouse verdicts` draws it.
"""

import math
from collections.abc import Iterable, Sequence
from statistics import NormalDist, fmean
from typing import Any, Self

from pydantic import Field, ValidationError

from stillhouse.components.artifacts.evaluation import Evaluation, PairedDifference
from stillhouse.components.artifacts.json_artifact import JsonArtifact
from stillhouse.components.artifacts.verdict import Decision, Verdict
from stillhouse.components.artifacts.worth import Cost, ExpectedGain, News
from stillhouse.components.config.settings import explain
from stillhouse.components.storage.store import Conflict, NotFound, Store
from stillhouse.errors import UserError

NIGHTS = "nights"
"""Folder in the store."""
MAX_NIGHTS = 1000
"""Runs that are kept, the last ones."""
SKIPPED: Decision = "nothing to learn"


class Night(JsonArtifact):
    """What became of one run."""

    run: str
    time: str
    """When it was decided: UTC, ISO 8601."""
    decision: Decision
    why: str = ""
    version: str | None = None
    candidate: str | None = None
    """The model that the gates were for, as evaluation.json calls it; None, as all below, where nothing was trained."""
    metric: str | None = None
    """The main one."""
    value: float | None = None
    """Of the candidate in it, with its two-sided interval."""
    low: float | None = None
    high: float | None = None
    gain: float | None = None
    """By how much the candidate is better than the champion in it, on the same rows; None where none was compared."""
    error: float | None = None
    """Standard error of `gain`, at least one answer of the compared rows."""
    flips: float | None = None
    """Share of the rows that the champion has right and the candidate wrong."""
    gates: int | None = None
    failed: int | None = None
    rows: int | None = None
    """Test rows."""
    news: News | None = None
    cost: Cost | None = None
    """None where what it measured came from the cache."""
    expected: ExpectedGain | None = None

    @classmethod
    def of(cls, verdict: Verdict) -> Self:
        """What a verdict says."""
        said = {name: getattr(verdict, name) for name in ("run", "time", "decision", "why", "version")}
        beside = {name: value for name in ("news", "cost", "expected") if (value := getattr(verdict, name)) is not None}
        if verdict.evaluation is None:
            return cls(**said, **beside)
        evaluation, flips = verdict.evaluation, verdict.negative_flips
        found = evaluation.estimate(verdict.candidate)
        return cls(
            **said,
            candidate=verdict.candidate,
            metric=evaluation.main_metric,
            value=found.value,
            low=found.low,
            high=found.high,
            **_gained(verdict, evaluation),
            flips=flips.rate if flips else None,
            gates=len(verdict.gates),
            failed=len(verdict.failed),
            rows=evaluation.rows.test,
            **beside,
        )

    @property
    def has_measured(self) -> bool:
        """Whether it measured a gain that no run before did: what comes from the cache was measured before."""
        return self.gain is not None and self.cost is not None

    @property
    def is_skipped(self) -> bool:
        """Whether it ended before anything was trained."""
        return self.decision == SKIPPED


class Nights(JsonArtifact):
    """All runs of a model name that are known, the oldest first."""

    format: int = 1
    nights: list[Night] = Field(default_factory=list)

    def with_night(self, night: Night) -> "Nights":
        """With another one, in the place of what was known of the same run."""
        others = [each for each in self.nights if each.run != night.run]
        return Nights(format=self.format, nights=sorted([*others, night], key=lambda each: each.time)[-MAX_NIGHTS:])


def _gained(verdict: Verdict, evaluation: Evaluation) -> dict[str, Any]:
    """Gain and standard error; nothing of a run on the champion's own inputs, which repeats an earlier one."""
    beside = evaluation.candidates.get(verdict.candidate) or evaluation
    paired: PairedDifference | None = beside.differences.get("champion")
    if paired is None or verdict.decision == "unchanged":
        return {}
    z = NormalDist().inv_cdf(evaluation.confidence)
    error = max((paired.upper - paired.lower) / (2 * z), 1 / max(paired.rows, 1))
    gain = paired.difference if evaluation.greater_is_better else -paired.difference
    return {"gain": gain, "error": error} if math.isfinite(gain) and math.isfinite(error) else {}


def nights_key(model_name: str) -> str:
    """Where the nights of a model name lie in the store."""
    return f"{NIGHTS}/{model_name}.json"


def nights_of(store: Store, model_name: str) -> list[Night]:
    """The nights of a model name, the oldest first; none before the first run.

    Raises:
        UserError: what lies there is not what a step wrote.
    """
    return _read(store, model_name)[0].nights


def put_night(store: Store, model_name: str, night: Night) -> list[Night]:
    """Note a run, by conditional write: of several at once none loses what another one notes.

    Returns:
        All nights, as they are in the store now.

    Raises:
        UserError: as `nights_of`.
    """
    while True:
        before, version = _read(store, model_name)
        after = before.with_night(night)
        try:
            store.put_if(nights_key(model_name), after.to_file(), version)
        except Conflict:
            continue
        return after.nights


def saved(nights: Iterable[Night]) -> Cost | None:
    """What the skipped ones would have cost if each had cost what those that trained did in the mean; None where none
    was skipped, or no cost is known."""
    every = list(nights)
    skipped, costs = sum(night.is_skipped for night in every), [night.cost for night in every if night.cost]
    if not skipped or not costs:
        return None
    gpus = costs[-1].gpus
    alike = [cost.hours for cost in costs if cost.gpus == gpus]
    return Cost(hours=skipped * fmean(alike), gpus=gpus)


def told_saved(nights: Sequence[Night]) -> str:
    """The same as a sentence; empty where nothing was saved."""
    cost, skipped = saved(nights), sum(night.is_skipped for night in nights)
    if cost is None:
        return ""
    return f"{skipped:,} of {len(nights):,} runs were skipped, which saved about {cost.amount:.3g} {cost.unit}."


def _read(store: Store, model_name: str) -> tuple[Nights, str | None]:
    key = nights_key(model_name)
    try:
        data, version = store.read(key)
    except NotFound:
        return Nights(format=1, nights=[]), None
    try:
        return Nights.model_validate_json(data), version
    except ValidationError as error:
        where = store.uri(key)
        sentence = explain(error, Nights, where)
        raise UserError(f"{sentence} Copy the file back, or remove it: what runs gained is then learnt anew.") from None
